/**
 * The first half of the runner for Python: its imports, the channel's descriptors, and a twin of the tagged encoding (util/codec.ts).
 * Python's own types go as follows: int beyond 2^53 as bigint, tuple as array, dict with other keys than text as Map, bytes as
 * Uint8Array, datetime as Date, dataclasses and what NumPy and pandas have as plain data.
 */
export const PYTHON_VALUES: string = String.raw`import ast, base64, builtins, datetime as _dt, json, math, os, random, re, sys, threading, time

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
`
