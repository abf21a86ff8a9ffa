import { PYTHON_VALUES } from './python-values.ts'

/**
 * The runner for Python that runs inside the isolation: CPython 3.9 or later, its standard library and nothing else.
 * Commands come on descriptor 3 and frames go out on 4, a line of JSON each (see guest-wire.ts); the host trusts none of them.
 *
 * Fixed for each step: `random` (and NumPy's, once imported), `time.time` and what `datetime` says of now; hash order too, by
 * the environment. Not fixed: `time.monotonic`, `os.urandom`, `uuid`, threads, processes and what they print.
 */
export const PYTHON_GUEST: string =
  PYTHON_VALUES +
  String.raw`

# --- Errors, and the two ways a step is stopped from within. Nothing that catches Exception sees a stop.

class ToolError(Exception):
    """A call of a tool failed."""


class Denied(TypeError):
    pass


class NotAllowed(ImportError):
    pass


class Stop(BaseException):
    pass


def _error_class(name):
    return type(name if isinstance(name, str) and name.isidentifier() else 'ToolError', (ToolError,), {'__module__': 'builtins'})


def cut(text, at):
    return text if len(text) <= at else '%s … %d characters left out … %s' % (text[:at // 2], len(text) - at, text[-(at // 2):])


IMAGE = re.compile(r"\{'type': 'image', 'mediaType': '(image/[a-z0-9.+-]{1,40})', 'data': '([A-Za-z0-9+/]+={0,2})'\}")


def mark_images(text):
    # An image is shown by a mark that the host knows it by (agent/images.ts): its type and some of its characters.
    if "{'type': 'image'" not in text:
        return text
    return IMAGE.sub(lambda found: '[image: %s, %s]' % (found[1], ''.join(found[2][i * len(found[2]) // 32] for i in range(32))), text)


# --- The channel.

class Channel:
    def __init__(self):
        self.lock = threading.RLock()
        self.rest = b''

    def send(self, line):
        data = (json.dumps(line, ensure_ascii=False, separators=(',', ':')) + '\n').encode('utf-8', 'replace')
        with self.lock:
            view = memoryview(data)
            while view:
                view = view[os.write(WRITE, view):]

    def receive(self):
        while True:
            at = self.rest.find(b'\n')
            if at >= 0:
                line, self.rest = self.rest[:at], self.rest[at + 1:]
                return json.loads(line)
            parts = [self.rest]
            while True:
                chunk = os.read(READ, 65536)  # larger buffers are mapped anew each time, which is slow in gVisor
                if not chunk:
                    os._exit(0)  # the host has gone
                parts.append(chunk)
                if b'\n' in chunk:
                    break
            self.rest = b''.join(parts)


class Out:
    """What 'print' and the standard streams of Python write to: one frame a print."""
    encoding, errors, newlines, closed, mode, name = 'utf-8', 'replace', None, False, 'w', '<stdout>'

    def __init__(self, step):
        self.step, self.buffer_text = step, ''

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError('write() argument must be str, not ' + type(text).__name__)
        with self.step.lock:
            self.buffer_text += mark_images(text)
            if self.buffer_text.endswith('\n'):
                self.emit()
            elif len(self.buffer_text) > self.step.left():
                self.emit()
        return len(text)

    def emit(self):
        text, self.buffer_text = self.buffer_text, ''
        self.step.print(text[:-1] if text.endswith('\n') else text)

    def end(self):
        if self.buffer_text:
            self.emit()

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def isatty(self):
        return False

    def writable(self):
        return True

    def readable(self):
        return False

    def fileno(self):
        return 1


class Step:
    """Counts and stops of the step that runs."""

    def __init__(self, channel):
        self.channel, self.lock = channel, channel.lock
        self.setup = None
        self.calls = self.printed = 0
        self.state, self.running = None, False

    def begin(self):
        self.calls = self.printed = 0
        self.state, self.running = None, True

    def left(self):
        return max(0, self.setup['outputBytes'] - self.printed) if self.setup else 0

    def stop(self, state):
        if self.state is None:
            self.state = state
        raise Stop()

    def print(self, text):
        if not self.running:
            return  # of a thread that goes on between steps: nobody asked for it
        if self.state is not None:
            raise Stop()
        size, left = len(text.encode('utf-8', 'replace')), self.left()
        if size + 1 <= left:
            self.printed += size + 1
            self.channel.send(['frames', [['print', text]], None, False])
            return
        part = text.encode('utf-8', 'replace')[:left].decode('utf-8', 'ignore')
        if part:
            self.printed = self.setup['outputBytes']
            self.channel.send(['frames', [['print', part]], None, False])
        self.stop(['stop', 'output-limit'])

    def call(self, tool, args, kwargs):
        with self.lock:
            if not self.running:
                raise RuntimeError('a tool was called outside a step')
            if self.state is not None:
                raise Stop()
            text = encode(named(tool, args, kwargs))
            if len(text) > self.setup['answerBytes'] or len(text.encode()) > self.setup['answerBytes']:
                raise ValueError('the arguments of %s are larger than %d bytes: send less, or send it in parts' % (tool['name'], self.setup['answerBytes']))
            if self.calls >= self.setup['maxCalls']:
                self.stop(['stop', 'call-limit'])
            self.calls += 1
            number = self.calls
            self.channel.send(['frames', [['call', number, tool['name'], text]], None, True])
            reply = self.channel.receive()
        if reply.get('type') != 'reply' or reply.get('call') != number:
            os._exit(70)
        if reply['ok']:
            return decode(reply['text'])
        failure = json.loads(reply['text'])
        raise _error_class(failure['name'])(failure['message'])

    def final_answer(self, value=None):
        if self.state is not None:
            raise Stop()
        text = encode(value)
        if len(text.encode()) > self.setup['answerBytes']:
            raise ValueError('the final answer is larger than %d bytes: answer with less' % self.setup['answerBytes'])
        self.stop(['final', text])


def snake(name):
    return re.sub(r'(?<=[a-z0-9])([A-Z])', r'_\1', name).replace('-', '_').lower()


def named(tool, args, kwargs):
    """Exactly one plain dict is the named form; anything else goes by position, and what does not fit is refused."""
    parameters = tool['parameters']
    out = {}
    if len(args) == 1 and not kwargs and isinstance(args[0], dict) and all(type(key) is str for key in args[0]):
        return args[0]
    if len(args) > len(parameters):
        raise TypeError('too many arguments: %d for %d. Call it as %s' % (len(args), len(parameters), tool['signature']))
    for name, value in zip(parameters, args):
        out[name] = value
    own = {snake(name): name for name in parameters}
    for name, value in kwargs.items():
        name = name if name in parameters else own.get(name, name)
        if name in out:
            raise TypeError("got two values for '%s'. Call it as %s" % (name, tool['signature']))
        out[name] = value
    return out


# --- Clock and chance: what the language lets us fix. 'time.monotonic' and 'time.perf_counter' go on, and so do the clocks of processes.

_REAL, _DATE = _dt.datetime, _dt.date
_clock = [0.0]
_fixed_modules = {}


class _Facade(type):
    def __instancecheck__(cls, value):
        return isinstance(value, cls._real)

    def __subclasscheck__(cls, other):
        return other is cls or issubclass(other, cls._real)


def _facade(real, methods):
    def new(cls, *args, **kwargs):
        return real(*args, **kwargs) if cls in made else real.__new__(cls, *args, **kwargs)
    made = []
    cls = _Facade(real.__name__, (real,), dict(methods, __new__=new, _real=real, __module__='datetime', __doc__=real.__doc__))
    made.append(cls)
    return cls


def fix_world():
    def now(cls, tz=None):
        return _REAL.fromtimestamp(_clock[0], tz) if tz is not None else _REAL.fromtimestamp(_clock[0], _dt.timezone.utc).replace(tzinfo=None)
    utcnow = classmethod(lambda cls: now(cls))
    # What the model's code imports as datetime; packages with C code need the real one, and so it stays for all others.
    fixed = type(_dt)('datetime', _dt.__doc__)
    fixed.__dict__.update({name: value for name, value in vars(_dt).items() if name != '__name__'})
    fixed.datetime = _facade(_REAL, {'now': classmethod(now), 'utcnow': utcnow, 'today': utcnow})
    fixed.date = _facade(_DATE, {'today': classmethod(lambda cls: now(cls).date())})
    _fixed_modules['datetime'] = fixed
    time.time = lambda: _clock[0]
    time.time_ns = lambda: int(round(_clock[0] * 1000)) * 1000000
    for name in ('gmtime', 'localtime', 'ctime'):
        real = getattr(time, name)
        setattr(time, name, lambda secs=None, real=real: real(_clock[0] if secs is None else secs))


def begin_world(clock, seed):
    _clock[0] = clock / 1000
    random.seed(seed)
    numpy = sys.modules.get('numpy')
    if numpy is not None:
        numpy.random.seed(int(seed) % 2**32)


# --- Packages: third-party modules are there for the model's code only where they were allowed, and what those need themselves.

class Packages:
    def __init__(self, allowed):
        self.allowed = {name.replace('-', '_') for name in allowed}
        self.needed = False

    def is_third_party(self, top):
        spec = PathFinder.find_spec(top)
        places = [] if spec is None else [spec.origin or '', *(spec.submodule_search_locations or ())]
        return any('-packages' in place for place in places)

    def check(self, top):
        if top in sys.modules or top in self.allowed or not self.is_third_party(top):
            return
        if not self.needed:
            self.needed = True
            for name in sorted(self.allowed):  # What these import themselves may be imported too.
                __import__(name)
            if top in sys.modules:
                return
        raise NotAllowed("the package '%s' may not be imported here: allowed are the standard library%s" % (top, ''.join(', ' + name for name in sorted(self.allowed))), name=top)

    def guard(self, real):
        def __import__(name, globals=None, locals=None, fromlist=(), level=0):
            if level == 0:
                if name in _fixed_modules:
                    return _fixed_modules[name]
                self.check(name.partition('.')[0])
            return real(name, globals, locals, fromlist, level)
        return __import__

    def find_spec(self, name, path=None, target=None):
        """For importlib, called by code that is not itself of a package."""
        if path is None:
            frame = sys._getframe(1)
            while frame is not None and '-packages' not in frame.f_code.co_filename:
                if STEP_FILE.match(frame.f_code.co_filename):
                    self.check(name)
                    break
                frame = frame.f_back
        return None


# --- Names that stay.

def stored_names(tree):
    """Every name that code at the top level binds, with its line."""
    todo = list(tree.body)
    while todo:
        node = todo.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node.lineno
            for inner in ast.walk(node):
                if isinstance(inner, ast.Global):
                    for name in inner.names:
                        yield name, inner.lineno
            continue
        if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id, node.lineno
        if isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, node.lineno
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield (alias.asname or alias.name).partition('.')[0], node.lineno
        todo.extend(ast.iter_child_nodes(node))


class Runner:
    def __init__(self):
        self.channel = Channel()
        self.step = Step(self.channel)
        self.out, self.err = Out(self.step), Out(self.step)
        self.globals = {'__name__': '__main__', '__doc__': None}
        self.fixed, self.what = {}, {}

    def start(self, setup):
        self.step.setup = setup
        for tool in setup['tools']:
            call = _tool(self.step, tool)
            for name in (tool['name'], snake(tool['name'])):
                self.fixed[name], self.what[name] = call, 'a tool'
        self.fixed['final_answer'], self.what['final_answer'] = self.step.final_answer, 'the function that ends the run'
        # What the model's code has as builtins is a copy: nothing that it changes there reaches this program's own code.
        self.builtins = dict(vars(builtins))
        self.globals['__builtins__'] = self.builtins
        self.globals.update(decode(setup['context']))
        packages = Packages(setup.get('packages') or ())
        sys.meta_path.insert(0, packages)
        self.builtins['__import__'] = packages.guard(builtins.__import__)

    def execute(self, number, code, clock, seed, mark):
        self.step.begin()
        begin_world(clock, seed)
        sys.stdout, sys.stderr = self.out, self.err
        file = 'step-%d.py' % number
        try:
            state = self.run(code, file)
        except Stop:
            state = None
        except BaseException as thrown:
            state = self.describe(thrown, file)
        try:
            for out in (self.out, self.err):
                out.end()
        except Stop:
            pass
        with self.step.lock:
            self.step.running = False
            if self.step.state is not None:
                state = self.step.state
            self.out.buffer_text = self.err.buffer_text = ''
        self.end_streams(mark)
        self.channel.send(['frames', [], state, True])

    def end_streams(self, mark):
        """What other programs wrote takes another way than the frames: the host waits for the mark that follows it."""
        for stream in (sys.__stdout__, sys.__stderr__):
            try:
                stream.flush()
            except BaseException:
                pass
        for fd in mark['streams']:
            try:
                os.write(fd, ('\0' + mark['token'] + '\0').encode())
            except OSError:
                pass  # closed by the code: the host does not wait for ever

    def run(self, code, file):
        tree = ast.parse(code, file)
        for name, line in stored_names(tree):
            if name in self.fixed:
                return ['error', 'denied', 'TypeError', "Cannot overwrite '%s': it is %s. Choose another name" % (name, self.what[name]), line]
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        main = compile(tree, file, 'exec')
        value = compile(ast.Expression(last.value), file, 'eval') if last is not None else None
        import linecache
        linecache.cache[file] = (len(code), None, code.splitlines(True), file)
        for name in self.fixed:
            self.globals.pop(name, None)
        self.builtins.update(self.fixed)
        self.globals['__builtins__'] = self.builtins
        exec(main, self.globals)
        if value is None:
            return ['value', None, '']
        result = eval(value, self.globals)
        if result is None:
            return ['value', None, '']
        try:
            text = encode(result)
            if len(text.encode()) > self.step.setup['answerBytes']:
                text = None
        except Exception:
            text = None
        try:
            preview = cut(result if isinstance(result, str) else mark_images(repr(result)), PREVIEW)
        except Exception:
            preview = '<a value that cannot be shown>'
        return ['value', text, preview]

    def describe(self, thrown, file):
        kind, name, line = 'error', type(thrown).__name__, None
        try:
            message = str(thrown)
        except BaseException:
            message = 'an error that cannot be read'
        if isinstance(thrown, SyntaxError) and thrown.filename == file and thrown.__traceback__ is not None and _is_ours(thrown):
            return ['error', 'syntax', name, thrown.msg or 'the code does not parse', thrown.lineno]
        if isinstance(thrown, MemoryError):
            kind, message = 'memory', message or 'out of memory'
        elif isinstance(thrown, (Denied, NotAllowed)):
            kind, name = 'denied', 'ImportError' if isinstance(thrown, NotAllowed) else 'TypeError'
        at = thrown.__traceback__
        while at is not None:
            if at.tb_frame.f_code.co_filename == file:
                line = at.tb_lineno
            at = at.tb_next
        return ['error', kind, name[:200], cut(message, MESSAGE), line]


def _tool(step, tool):
    def call(*args, **kwargs):
        return step.call(tool, args, kwargs)
    call.__name__ = call.__qualname__ = snake(tool['name'])
    call.__doc__ = tool['signature']
    return call


def _is_ours(error):
    """Whether it was thrown by the parser of a step, and not by code of the model that compiles text."""
    at = error.__traceback__
    while at is not None:
        if STEP_FILE.match(at.tb_frame.f_code.co_filename):
            return False
        at = at.tb_next
    return True


def main():
    fix_world()
    runner = Runner()
    runner.channel.send(['ready'])
    runner.start(runner.channel.receive()['setup'])
    while True:
        command = runner.channel.receive()
        if command['type'] == 'execute':
            runner.execute(command['step'], command['code'], command['clock'], command['seed'], command.pop('mark'))


main()
`
