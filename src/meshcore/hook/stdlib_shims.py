"""Stand in for modules of the standard library that take a hook longer to load and use than all of its work.

They buy two thirds of the processor time of a failure that is answered: 3.3 times a bare interpreter instead of 11.1,
on a machine with other work. Most of that is `dataclasses`, which compiles the methods of each class. (Medians of 16
calls in turn, with the other trick in place: `python -m benchmarks.hook --tricks --rounds 16 --skills 1000`.) They do
what the light modules use of `dataclasses` (frozen, slots, defaults, replace; of a class nothing is made before its
first value), `datetime`, `operator` and `sqlite3` (all that C has), `hashlib`, `functools`, `contextlib` and
`collections` (a few functions), `json` (what C reads and writes), `re` (patterns that were kept; its flags need
`enum`), `typing` (nothing of it matters at run time) and what pathlib loads for what no hook does; asked for anything
else, a stand-in gives way to the real module. A test holds each class of the light modules against what the real
`dataclass` makes of it, and another that no call of an agent needs a real one. `hook.start` installs them, in a process
that lives for some milliseconds, and so does the start of `meshtui run`, until the command has failed or takes a while:
then `uninstall` gives their places back, but for that of `dataclasses`, whose methods of 150 classes are two fifths of
what importing the loop takes.
"""

from __future__ import annotations

# mypy: allow-untyped-defs, allow-untyped-calls
import sys

from meshcore.hook.class_shims import Form, dataclasses_module, typing_module
from meshcore.hook.stand_in import StandIn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Kept = Callable[[str | bytes, int], object]

_loaded_before: set[str] = set()


def install(*, patterns: bool = True, kept: Kept | None = None, watch: Callable[[], None] | None = None) -> None:
    """Put the stand-ins where an import finds them; modules that are loaded already stay.

    `patterns`: those too that only a process which ends at once can do with, `re` among them. Its patterns come from
    `kept(pattern, flags)`; where that has none, the real module is loaded, and `watch` is called.
    """
    _loaded_before.update(sys.modules)
    makers = [dataclasses_module, _datetime, _hashlib, typing_module, _urllib_parse]
    if patterns:
        makers += [
            _collections,
            _contextlib,
            _functools,
            _json_module,
            _operator,
            lambda: _re(kept, watch),
            _sqlite3,
        ]  # which loads `functools`
    for maker in makers:
        made = maker()
        sys.modules.setdefault(made.__name__, made)
    for name in _FOR_PATHLIB if patterns else ():
        sys.modules.setdefault(name, StandIn(name))


_FOR_PATHLIB = ("fnmatch", "ntpath", "warnings")
"""What pathlib loads and does not use until it is asked for something that no hook asks for."""


def uninstall(*, but: str = "") -> None:
    """Let later imports find the real modules; ours that were made with a stand-in are imported anew by whoever asks.

    Who holds a function of such a module may go on calling it. The stand-in named by `but` stays.
    """
    loaded = dict(sys.modules)  # at once: another thread may be importing
    light = [name for name, module in loaded.items() if isinstance(module, StandIn) and name != but]
    ours = {name for name in loaded if name.startswith("meshcore.")} - _loaded_before if light else set()
    for name in (*light, *ours):
        del sys.modules[name]


def _datetime() -> StandIn:
    """Return the module as C has it: the real one defines all of it in Python first."""
    import _datetime as c_module  # type: ignore[import-not-found, unused-ignore]

    return _as_in_c("datetime", c_module)


class _Flag(int):
    @property
    def value(self) -> int:
        return int(self)


def _enum() -> StandIn:
    """Return what `re` needs to give its flags their names, as numbers."""

    def simple_enum(kind, **_):
        def made(cls):
            flags = type(cls.__name__, (_Flag,), {"__module__": cls.__module__, "__doc__": cls.__doc__})
            members = {name: flags(value) for name, value in vars(cls).items() if isinstance(value, int)}
            flags.__members__ = members  # type: ignore[attr-defined]
            for name, value in members.items():
                setattr(flags, name, value)
            return flags

        return made

    def global_enum(cls, **_):
        vars(sys.modules[cls.__module__]).update(cls.__members__)
        return cls

    made = StandIn("enum")
    vars(made).update(IntFlag=_Flag, KEEP=None, _simple_enum=simple_enum, global_enum=global_enum)
    return made


def _hashlib() -> StandIn:
    """Return the two functions that light modules use, without the library of OpenSSL, which alone takes 3 ms."""
    from _blake2 import blake2b

    def sha256(*data, **options):
        try:
            from _sha2 import sha256 as in_c  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            from _sha256 import sha256 as in_c  # type: ignore[import-not-found, unused-ignore]
        return in_c(*data, **options)  # a library to load, which most calls have no use for

    made = StandIn("hashlib")
    vars(made).update(blake2b=blake2b, sha256=sha256)
    return made


def _urllib_parse() -> StandIn:
    """Return what pathlib holds from then on, also once the real module has its place back."""

    def quote_from_bytes(*values, **named):
        return made.give_way("quote_from_bytes")(*values, **named)

    made = StandIn("urllib.parse")
    vars(made).update(quote_from_bytes=quote_from_bytes)
    return made


def _sqlite3() -> StandIn:
    """Return the module as C has it: the real one adds adapters of dates, which are texts in the store."""
    import _sqlite3 as c_module

    return _as_in_c("sqlite3", c_module)


def _operator() -> StandIn:
    """Return the module as C has it: the real one defines all of it in Python first."""

    def held():
        import _operator as c_module

        return vars(c_module)

    return StandIn("operator", held)


def _as_in_c(name: str, c_module: Any) -> StandIn:
    made = StandIn(name)
    vars(made).update({**vars(c_module), **vars(made)})
    return made


# --- json -------------------------------------------------------------------------------------------------------------


class _Context:
    """What the scanner in C asks for, as the real module gives it where nothing is asked of it."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int
    parse_constant = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.__getitem__


def _json_module() -> StandIn:
    """Return what reads and writes JSON in C; what that refuses, or is asked otherwise, the real module does."""
    from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner

    made = StandIn("json")
    scan = make_scanner(_Context)  # type: ignore[arg-type]

    def loads(text, **options):
        if not options and isinstance(text, str):
            try:
                trimmed = text.strip(" \t\n\r")
                value, end = scan(trimmed, 0)
                if end == len(trimmed):
                    return value
            except (StopIteration, SystemError, ValueError):
                pass  # of broken JSON the scanner itself raises nothing as long as the real module is not loaded
        return made.give_way("loads")(text, **options)

    def dumps(value, *, ensure_ascii=True, separators=None, sort_keys=False, allow_nan=True, **options):
        if options:
            options |= {"ensure_ascii": ensure_ascii, "separators": separators, "sort_keys": sort_keys}
            return made.give_way("dumps")(value, allow_nan=allow_nan, **options)

        def refuse(other):
            raise TypeError(f"Object of type {type(other).__name__} is not JSON serializable")

        item, key = separators or (", ", ": ")
        text = encode_basestring_ascii if ensure_ascii else encode_basestring
        encode = make_encoder({}, refuse, text, None, key, item, sort_keys, False, allow_nan)
        return "".join(encode(value, 0))

    vars(made).update(loads=loads, dumps=dumps)
    return made


# --- patterns ---------------------------------------------------------------------------------------------------------

_FLAGS = {"IGNORECASE": 2, "LOCALE": 4, "MULTILINE": 8, "DOTALL": 16, "UNICODE": 32, "VERBOSE": 64, "ASCII": 256}
_LETTERS = {
    "IGNORECASE": "I",
    "LOCALE": "L",
    "MULTILINE": "M",
    "DOTALL": "S",
    "UNICODE": "U",
    "VERBOSE": "X",
    "ASCII": "A",
}


def _re(kept: Kept | None, watch: Callable[[], None] | None) -> StandIn:
    """Return what makes patterns of what was kept of them; whatever else is asked for comes from the real module."""

    def compile_pattern(pattern, flags=0):
        found = kept(pattern, int(flags)) if kept is not None and isinstance(pattern, str | bytes) else None
        return real("compile")(pattern, flags) if found is None else found

    def real(name):
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get("re") is made:
            del sys.modules["re"]
            enumerations = sys.modules.pop("enum", None)
            sys.modules["enum"] = _enum()  # for `re` alone: whoever else wants enumerations gets real ones
            import re

            del sys.modules["enum"]
            if enumerations is not None:
                sys.modules["enum"] = enumerations
            if watch is not None:
                watch()
        import re

        return getattr(re, name)

    def find(name):
        return lambda pattern, string, flags=0: getattr(compile_pattern(pattern, flags), name)(string)

    def part(name):
        return lambda pattern, *values, flags=0, **named: getattr(compile_pattern(pattern, flags), name)(
            *values, **named
        )

    made = StandIn("re")
    vars(made).update(_FLAGS, compile=compile_pattern, __getattr__=real)
    vars(made).update({name: find(name) for name in ("search", "match", "fullmatch", "findall")})
    vars(made).update({name: part(name) for name in ("sub", "split")})
    vars(made).update({_LETTERS[name]: value for name, value in _FLAGS.items()})
    return made


# --- functools, contextlib, collections -------------------------------------------------------------------------------


def _functools() -> StandIn:
    from _functools import _lru_cache_wrapper, partial, reduce  # type: ignore[import-not-found, unused-ignore]

    def lru_cache(maxsize=128, typed=False):
        def wrapped(function, size):
            made = _lru_cache_wrapper(function, size, typed, lambda *figures: figures)
            made.__wrapped__ = function
            return made

        if callable(maxsize):
            return wrapped(maxsize, 128)
        return lambda function: wrapped(function, maxsize)

    made = StandIn("functools")
    vars(made).update(lru_cache=lru_cache, cache=lru_cache(None), partial=partial, reduce=reduce)
    return made


class _Suppress:
    def __init__(self, *kinds):
        self.kinds = kinds

    def __enter__(self):
        return None

    def __exit__(self, kind, error, trace):
        return kind is not None and issubclass(kind, self.kinds)


class _Closing:
    def __init__(self, thing):
        self.thing = thing

    def __enter__(self):
        return self.thing

    def __exit__(self, *error):
        self.thing.close()


class _Managed:
    """What a generator function with one `yield` manages; an error in the block is raised where it yields."""

    def __init__(self, generator):
        self.generator = generator

    def __enter__(self):
        return next(self.generator)

    def __exit__(self, kind, error, trace):
        if kind is None:
            for _ in self.generator:
                raise RuntimeError("generator didn't stop")
            return False
        try:
            self.generator.throw(error)
        except StopIteration as stopped:
            return stopped is not error
        except BaseException as raised:
            if raised is error or (isinstance(raised, RuntimeError) and raised.__cause__ is error):
                return False
            raise
        raise RuntimeError("generator didn't stop after throw()")


def _contextlib() -> StandIn:
    def contextmanager(function):
        def managed(*values, **named):
            return _Managed(function(*values, **named))

        managed.__name__, managed.__doc__ = function.__name__, function.__doc__
        return managed

    made = StandIn("contextlib")
    vars(made).update(suppress=_Suppress, closing=_Closing, contextmanager=contextmanager, AbstractContextManager=Form)
    return made


def _collections() -> StandIn:
    import _collections_abc

    def held():
        from _collections import OrderedDict, defaultdict, deque  # type: ignore[import-not-found, unused-ignore]

        return {"OrderedDict": OrderedDict, "defaultdict": defaultdict, "deque": deque}

    made = StandIn("collections", held)
    vars(made).update(abc=_collections_abc)
    sys.modules.setdefault("collections.abc", _collections_abc)

    def real(name):
        found = made.give_way(name)
        vars(sys.modules["collections"])["abc"] = _collections_abc  # which is loaded, so that nothing else binds it
        return found

    vars(made).update(__getattr__=real)
    return made
