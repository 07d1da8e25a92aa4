"""Stand in for modules of the standard library that take a hook longer to load and use than all of its work.

They buy 58 % of the processor time of every call: a failure is answered in 27 ms instead of 67 (2.9 times a bare
interpreter instead of 7.4, and the goal is 3), a success that is not news is over in 16 ms instead of 37. Most of that
is `dataclasses`, which compiles the methods of each class. (Medians of 60 calls in turn, with the other trick in
place: `python -m benchmarks.hook --tricks --rounds 60`.) They do what the light modules use of `dataclasses` (frozen,
slots, defaults, replace), `datetime` (all that C has), `enum` (the flags of patterns), `hashlib` (two functions),
`typing` (nothing of it matters at run time) and `urllib.parse` (which pathlib loads for its URIs); asked for anything
else, a stand-in gives way to the real module. A test holds each class of the light modules against what the real
`dataclass` makes of it. `hook.start` installs them, in a process that lives for some milliseconds, and so does the
start of `meshtui run`, until the command has failed or takes a while: then `uninstall` gives their places back.
"""

from __future__ import annotations

# mypy: allow-untyped-defs, allow-untyped-calls
import sys
from types import ModuleType


class _StandIn(ModuleType):
    """A module that gives way to the one of its name as soon as it is asked for more than it has."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        from importlib import import_module

        return getattr(import_module(self.__name__), name)


_loaded_before: set[str] = set()


def install(*, patterns: bool = True) -> None:
    """Put the stand-ins where an import finds them; modules that are loaded already stay.

    `patterns` loads `re` as well, which wants a stand-in of its own.
    """
    _loaded_before.update(sys.modules)
    for module in (_dataclasses, _datetime, _hashlib, _typing, _urllib_parse):
        made = module()
        sys.modules.setdefault(made.__name__, made)
    if patterns and "enum" not in sys.modules:
        # For `re` alone: whoever else wants enumerations gets real ones.
        sys.modules["enum"] = _enum()
        import re  # noqa: F401

        del sys.modules["enum"]


def uninstall() -> None:
    """Let later imports find the real modules; ours that were made with a stand-in are imported anew by whoever asks.

    Who holds a function of such a module may go on calling it.
    """
    loaded = dict(sys.modules)  # at once: another thread may be importing
    light = [name for name, module in loaded.items() if isinstance(module, _StandIn)]
    ours = {name for name in loaded if name.startswith("meshcore.")} - _loaded_before if light else set()
    for name in (*light, *ours):
        del sys.modules[name]


def _datetime() -> ModuleType:
    """Return the module as C has it: the real one defines all of it in Python first."""
    import _datetime as c_module  # type: ignore[import-not-found, unused-ignore]

    made = _StandIn("datetime")
    vars(made).update({name: value for name, value in vars(c_module).items() if not name.startswith("_")})
    return made


class _Flag(int):
    @property
    def value(self) -> int:
        return int(self)


def _enum() -> ModuleType:
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

    made = _StandIn("enum")
    vars(made).update(IntFlag=_Flag, KEEP=None, _simple_enum=simple_enum, global_enum=global_enum)
    return made


def _hashlib() -> ModuleType:
    """Return the two functions that light modules use, without the library of OpenSSL, which alone takes 3 ms."""
    from _blake2 import blake2b

    try:
        from _sha2 import sha256  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from _sha256 import sha256  # type: ignore[import-not-found, unused-ignore]
    made = _StandIn("hashlib")
    vars(made).update(blake2b=blake2b, sha256=sha256)
    return made


def _urllib_parse() -> ModuleType:
    """Return what pathlib holds from then on, also once the real module has its place back."""

    def quote_from_bytes(*values, **named):
        return made.__getattr__("quote_from_bytes")(*values, **named)

    made = _StandIn("urllib.parse")
    vars(made).update(quote_from_bytes=quote_from_bytes)
    return made


# --- typing -----------------------------------------------------------------------------------------------------------


class _Form:
    __slots__ = ()

    def __class_getitem__(cls, item: object) -> type[_Form]:
        return cls


class _NamedTupleMeta(type):
    def __new__(cls, name, bases, space):
        if not bases:
            return super().__new__(cls, name, bases, space)
        from collections import namedtuple

        names = list(space.get("__annotations__", {}))
        made = namedtuple(name, names, defaults=[space[n] for n in names if n in space])  # type: ignore[misc]
        made.__doc__ = space.get("__doc__")
        return made


def _typing() -> ModuleType:
    made = _StandIn("typing")
    vars(made).update(dict.fromkeys(("Any", "Generic", "Literal", "Protocol"), _Form))
    vars(made).update(
        TYPE_CHECKING=False,
        TypeVar=lambda *_, **__: _Form,
        cast=lambda _, value: value,
        overload=lambda function: function,
        NamedTuple=_NamedTupleMeta("NamedTuple", (), {}),
    )
    return made


# --- dataclasses ------------------------------------------------------------------------------------------------------

_MISSING = object()


class _Field:
    __slots__ = ("compare", "default", "default_factory", "name")
    name: str

    def __init__(self, *, default=_MISSING, default_factory=_MISSING, compare=True):
        self.default, self.default_factory, self.compare = default, default_factory, compare


class FrozenInstanceError(AttributeError):
    """A field of a frozen value was to be changed."""


def _dataclass(cls=None, /, *, frozen=False, slots=False):
    if cls is None:
        return lambda found: _made(found, frozen, slots)
    return _made(cls, frozen, slots)


def _made(cls, frozen, slots):
    """Return the class that `dataclass` would make, its methods from closures: nothing is compiled."""
    fields = {}
    for base in cls.__mro__[:0:-1]:
        fields.update(vars(base).get("__dataclass_fields__", {}))
    space = dict(vars(cls))
    for name in space.get("__annotations__", {}):
        value = space.pop(name, _MISSING)
        fields[name] = field = value if isinstance(value, _Field) else _Field(default=value)
        field.name = name
        if not slots and field.default is not _MISSING:
            space[name] = field.default
    space = {**space, **_methods(fields, frozen), **{n: space[n] for n in ("__repr__",) if n in space}}
    if not slots:
        for name in ("__dict__", "__weakref__"):
            space.pop(name, None)
        for name in set(vars(cls)) - set(space) - {"__dict__", "__weakref__"}:
            delattr(cls, name)
        for name, value in space.items():
            setattr(cls, name, value)
        return cls
    for name in ("__dict__", "__weakref__"):
        space.pop(name, None)
    inherited = {name for base in cls.__mro__[1:-1] for name in vars(base).get("__slots__", ())}
    space["__slots__"] = tuple(name for name in fields if name not in inherited)
    made = type(cls)(cls.__name__, cls.__bases__, space)
    made.__qualname__ = cls.__qualname__
    return made


def _methods(fields, frozen):
    names, all_fields = tuple(fields), tuple(fields.values())
    compared = tuple(field.name for field in all_fields if field.compare)
    put = object.__setattr__

    def initialise(self, *values, **named):
        if len(values) > len(names):
            raise TypeError(f"{type(self).__name__} takes {len(names)} values, {len(values)} were given")
        for name, value in zip(names, values, strict=False):
            put(self, name, value)
        for field in all_fields[len(values) :]:
            if field.name in named:
                put(self, field.name, named.pop(field.name))
            elif field.default is not _MISSING:
                put(self, field.name, field.default)
            elif field.default_factory is not _MISSING:
                put(self, field.name, field.default_factory())
            else:
                raise TypeError(f"{type(self).__name__} lacks {field.name!r}")
        if named:
            raise TypeError(f"{type(self).__name__} has no field {next(iter(named))!r}, or it was given twice")

    def key(value):
        return tuple([getattr(value, name) for name in compared])

    def equals(self, other):
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def shown(self):
        return f"{type(self).__qualname__}({', '.join([f'{name}={getattr(self, name)!r}' for name in names])})"

    def refuse(self, name, value=None):
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    methods = {"__init__": initialise, "__eq__": equals, "__repr__": shown, "__hash__": None}
    if frozen:
        methods |= {"__hash__": lambda self: hash(key(self)), "__setattr__": refuse, "__delattr__": refuse}
    return {**methods, "__dataclass_fields__": fields, "__match_args__": names}


def _replace(value, /, **changes):
    for name in type(value).__dataclass_fields__:
        if name not in changes:
            changes[name] = getattr(value, name)
    return type(value)(**changes)


def _fields(value):
    return tuple(value.__dataclass_fields__.values())


def _dataclasses() -> ModuleType:
    made = _StandIn("dataclasses")
    vars(made).update(dataclass=_dataclass, field=_Field, fields=_fields, replace=_replace)
    vars(made).update(FrozenInstanceError=FrozenInstanceError)
    return made
