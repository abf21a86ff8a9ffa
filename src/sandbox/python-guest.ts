/**
 * The runner for Python that runs inside the isolation: CPython 3.9 or later, its standard library and nothing else.
 * Commands come on descriptor 3 and frames go out on 4, a line of JSON each (see guest-wire.ts); the host trusts none of them.
 *
 * Fixed for each step: `random` (and NumPy's, once imported), `time.time` and what `datetime` says of now; hash order too, by
 * the environment. Not fixed: `time.monotonic`, `os.urandom`, `uuid`, threads, processes and what they print.
 */
export const PYTHON_GUEST: string = String.raw`import ast, base64, builtins, datetime as _dt, json, math, os, random, re, sys, threading, time

READ, WRITE = 3, 4
STEP_FILE = re.compile(r'^step-\d+\.py$')
PREVIEW, MESSAGE, MAX_DEPTH, SAFE_INT = 8000, 8000, 256, 2**53 - 1
from importlib.machinery import PathFinder

for _fd in (READ, WRITE):
    os.set_inheritable(_fd, False)


def _forked():
    # A child of the model's code has no channel of its own: it would speak in its parent's name.
    for fd in (READ, WRITE):
        try:
            os.close(fd)
        except OSError:
            pass


os.register_at_fork(after_in_child=_forked)


# --- The tagged encoding (src/util/codec.ts).

class BadValue(TypeError):
    pass


def _tag(kind, value):
    return {'$type': kind, 'value': value}


def _b64(data):
    return base64.b64encode(bytes(data)).decode()


_VIEWS = {'Int8Array': 'b', 'Uint8Array': 'B', 'Uint8ClampedArray': 'B', 'Int16Array': 'h', 'Uint16Array': 'H', 'Int32Array': 'i', 'Uint32Array': 'I',
          'Float32Array': 'f', 'Float64Array': 'd', 'BigInt64Array': 'q', 'BigUint64Array': 'Q'}
_CODES = {'b': 'Int8Array', 'B': 'Uint8Array', 'h': 'Int16Array', 'H': 'Uint16Array', 'i': 'Int32Array', 'I': 'Uint32Array', 'f': 'Float32Array', 'd': 'Float64Array',
          'q': 'BigInt64Array', 'Q': 'BigUint64Array'}


def _iso(value):
    if value.tzinfo is not None:
        value = value.astimezone(_dt.timezone.utc)
    return '%04d-%02d-%02dT%02d:%02d:%02d.%03dZ' % (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond // 1000)


def _plain(value, depth, path):
    """What json.dumps writes as the tagged text of a value."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -SAFE_INT <= value <= SAFE_INT else _tag('bigint', str(value))
    if kind is float:
        if value != value:
            return _tag('number', 'NaN')
        if value in (math.inf, -math.inf):
            return _tag('number', 'Infinity' if value > 0 else '-Infinity')
        return _tag('number', '-0') if value == 0 and math.copysign(1, value) < 0 else value
    if depth > MAX_DEPTH:
        raise BadValue('the value is nested more than %d levels deep, or contains itself' % MAX_DEPTH)
    if isinstance(value, dict):
        if all(type(key) is str for key in value):
            out = {key: _plain(item, depth + 1, path + '.' + key) for key, item in value.items()}
            return _tag('Object', out) if '$type' in out else out
        return _tag('Map', [[_plain(key, depth + 1, path + '.key'), _plain(item, depth + 1, path + '.entry')] for key, item in value.items()])
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1, path + '[%d]' % at) for at, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return _tag('Set', [_plain(item, depth + 1, path + '.member') for item in value])
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _tag('Uint8Array', _b64(value))
    if isinstance(value, _REAL):
        if value != value:  # pandas.NaT
            return _tag('Date', None)
        return _tag('Date', _iso(value))
    if isinstance(value, (_dt.date, _dt.time)):
        return value.isoformat()
    if isinstance(value, BaseException):
        return _tag('Error', {'name': kind.__name__, 'message': str(value)})
    if isinstance(value, int):
        return _plain(int(value), depth, path)
    if isinstance(value, float):
        return _plain(float(value), depth, path)
    if isinstance(value, str):
        return str(value)
    code = getattr(value, 'typecode', None)
    if kind.__module__ == 'array' and code in _CODES:
        return _tag(_CODES[code], _b64(value.tobytes()))
    if kind.__module__ == 'decimal' or kind.__module__ == 'fractions':
        return _plain(float(value), depth, path)
    if kind.__module__.partition('.')[0] in ('numpy', 'pandas'):
        for name, args in (('to_dict', ('records',)), ('tolist', ()), ('item', ())):
            convert = getattr(value, name, None)
            if convert is not None and not (name == 'to_dict' and kind.__name__ != 'DataFrame'):
                return _plain(convert(*args), depth + 1, path)
        if kind.__name__ in ('NAType', 'NaTType'):
            return None
    fields = getattr(value, '__dataclass_fields__', None)
    if fields is not None and not isinstance(value, type):
        return {name: _plain(getattr(value, name), depth + 1, path + '.' + name) for name in fields}
    raise BadValue('%s is a %s: only data can leave the sandbox' % (path, kind.__name__))


def encode(value):
    plain = _plain(value, 1, 'value')
    text = json.dumps(plain, ensure_ascii=False, separators=(',', ':'), check_circular=False)
    try:
        text.encode()
        return text
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(plain, separators=(',', ':'), check_circular=False)


def _key(value):
    return tuple(map(_key, value)) if isinstance(value, list) else frozenset(map(_key, value)) if isinstance(value, set) else value


def _rich(value, depth=1):
    if isinstance(value, list):
        return [_rich(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if '$type' not in value:
        return {key: _rich(item, depth + 1) for key, item in value.items()}
    kind, inner = value['$type'], value.get('value')
    if kind == 'undefined':
        return None
    if kind == 'number':
        return {'NaN': math.nan, 'Infinity': math.inf, '-Infinity': -math.inf, '-0': -0.0}[inner]
    if kind == 'bigint':
        return int(inner)
    if kind == 'Date':
        if inner is None:
            return None
        try:
            return _REAL.strptime(inner, '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=_dt.timezone.utc)
        except ValueError:
            return inner
    if kind == 'Error':
        return _error_class(inner['name'])(inner['message'])
    if kind == 'Object':
        return {key: _rich(item, depth + 1) for key, item in inner.items()}
    if kind == 'Map':
        return {_key(_rich(key, depth + 1)): _rich(item, depth + 1) for key, item in inner}
    if kind == 'Set':
        return {_key(_rich(item, depth + 1)) for item in inner}
    data = base64.b64decode(inner)
    if kind in ('Uint8Array', 'Uint8ClampedArray', 'ArrayBuffer'):
        return data
    import array
    return array.array(_VIEWS[kind], data)


def decode(text):
    return _rich(json.loads(text))


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
                chunk = os.read(READ, 262144)
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
            self.buffer_text += text
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

    def execute(self, number, code, clock, seed):
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
        self.channel.send(['frames', [], state, True])

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
            preview = cut(result if isinstance(result, str) else repr(result), PREVIEW)
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
            runner.execute(command['step'], command['code'], command['clock'], command['seed'])


main()
`
