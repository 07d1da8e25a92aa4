"""Stand in for `dataclasses` and `typing` in a hook's process: classes whose methods are closures; nothing is compiled.

See `hook.stdlib_shims`, which puts them in place.
"""

from __future__ import annotations

# mypy: allow-untyped-defs, allow-untyped-calls
import sys
from _thread import RLock

from meshcore.hook.stand_in import StandIn

# --- typing -----------------------------------------------------------------------------------------------------------


class Form:
    __slots__ = ()

    def __class_getitem__(cls, item: object) -> type[Form]:
        return cls


class _NamedTupleMeta(type):
    def __new__(cls, name, bases, space):
        if not bases:
            return super().__new__(cls, name, bases, space)
        from _collections import _tuplegetter  # type: ignore[import-not-found, unused-ignore]

        names = tuple(space.get("__annotations__", ()))
        own = {key: value for key, value in space.items() if key not in names and not key.startswith("__")}
        made = {"__slots__": (), "__doc__": space.get("__doc__"), "__module__": space["__module__"]}
        made["__annotations__"] = space.get("__annotations__", {})
        made |= {key: _tuplegetter(at, key) for at, key in enumerate(names)}
        made |= _tuple_methods(names, {key: space[key] for key in names if key in space})
        return type.__new__(type, name, (tuple,), made | own)


def _tuple_methods(names, defaults):
    """Return the methods of a named tuple, from closures: the real one compiles its constructor."""
    count = len(names)
    last = tuple(defaults.values())  # of the names at the end, as of every tuple with defaults

    def make(cls, *values, **named):
        if not named and 0 < count - len(values) <= len(last):
            values += last[len(values) - count :]
        elif named or len(values) != count:
            given = dict(zip(names, values, strict=False))
            if len(values) > count or named.keys() & given.keys() or named.keys() - set(names):
                raise TypeError(f"{cls.__name__} does not take what it was given")
            given = {**defaults, **given, **named}
            if len(given) < count:
                raise TypeError(f"{cls.__name__} lacks a value")
            values = tuple([given[name] for name in names])
        return tuple.__new__(cls, values)

    def replaced(self, /, **changes):
        return make(type(self), **{**dict(zip(names, self, strict=True)), **changes})

    def shown(self):
        pairs = ", ".join([f"{name}={value!r}" for name, value in zip(names, self, strict=True)])
        return f"{type(self).__name__}({pairs})"

    methods = {"__new__": make, "_replace": replaced, "__repr__": shown, "_fields": names, "__match_args__": names}
    methods["_asdict"] = lambda self: dict(zip(names, self, strict=True))
    methods["_make"] = classmethod(lambda cls, values: make(cls, *values))
    methods["_field_defaults"] = defaults
    return methods


def typing_module() -> StandIn:
    made = StandIn("typing")
    vars(made).update(dict.fromkeys(("Any", "Final", "Generic", "Literal", "Protocol"), Form))
    vars(made).update(
        TYPE_CHECKING=False,
        TypeVar=lambda *_, **__: Form,
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

    def as_real(self, real):
        """Return the field as the real module makes it."""
        given = {"default": self.default, "default_factory": self.default_factory, "compare": self.compare}
        return real.field(**{name: value for name, value in given.items() if value is not _MISSING})


class FrozenInstanceError(AttributeError):
    """A field of a frozen value was to be changed."""


_PLAIN = {"frozen", "slots"}
_given: set[type] = set()
"""The kind of field that the real module makes, once it has made one."""


def _field(**options):
    if options.keys() <= {"default", "default_factory", "compare"}:
        return _Field(**options)
    made = _with_real(lambda real: real.field(**options))
    _given.add(type(made))
    return made


def _dataclass(cls=None, /, **options):
    if cls is None:
        return lambda found: _dataclass(found, **options)
    own = vars(cls)
    names = tuple(own.get("__annotations__", ()))
    plain = options.keys() <= _PLAIN and not hasattr(cls, "__post_init__")
    if plain and not (_given and any(type(own.get(name)) in _given for name in names)):
        _waiting[cls] = options.get("frozen", False), options.get("slots", False)
        cls.__init__ = _begin
        if options.get("slots"):
            cls.__slots__ = names
        return cls
    _complete(cls)  # what it inherits
    named = [(name, own.get(name)) for name in names]

    def make(real):
        for name, value in named:
            if isinstance(value, _Field):
                setattr(cls, name, value.as_real(real))
        return real.dataclass(cls, **options)

    return _with_real(make)


_waiting: dict[type, tuple[bool, bool]] = {}
"""Classes of which nothing was made yet, frozen or not, with slots or not: a call makes of half of them nothing."""
_completing = RLock()  # `meshtui run` has threads


def _begin(self, *values, **named):
    """Initialise the first value of a class, which is completed by that."""
    _complete(type(self))
    self.__init__(*values, **named)


def _complete(cls):
    with _completing:
        for one in cls.__mro__[::-1]:
            if one in _waiting:
                _made(one, *_waiting[one])
                del _waiting[one]


def _with_real(make):
    """Return what the real module makes, in its own place meanwhile: a class that wants more than ours can."""
    ours = sys.modules.pop("dataclasses", None)
    try:
        import dataclasses

        return make(dataclasses)
    finally:
        if ours is not None:
            sys.modules["dataclasses"] = ours


def _made(cls, frozen, slots):
    """Give a class what `dataclass` would, its methods from closures: nothing is compiled.

    The class stays the one that it is: another one with real slots costs as much again as everything else of it.
    """
    fields, own = {}, vars(cls)
    for base in cls.__mro__[:0:-1]:
        fields.update(vars(base).get("__dataclass_fields__", {}))
    for name in own.get("__annotations__", ()):
        value = own.get(name, _MISSING)
        fields[name] = field = value if isinstance(value, _Field) else _Field(default=value)
        field.name = name
        if field.default is not value:
            if field.default is _MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, field.default)
    keep = ("__repr__",) if "__repr__" in own else ()
    for name, value in _methods(fields, frozen, slots).items():
        if name not in keep:
            setattr(cls, name, value)


def _methods(fields, frozen, slots):
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

    def put_known(self, name, value):
        if name not in fields:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        put(self, name, value)

    methods: dict[str, object] = {"__init__": initialise, "__eq__": equals, "__repr__": shown, "__hash__": None}
    if frozen:
        methods |= {"__hash__": lambda self: hash(key(self)), "__setattr__": refuse, "__delattr__": refuse}
    elif slots:
        methods["__setattr__"] = put_known
    return {**methods, "__dataclass_fields__": fields, "__match_args__": names}


def _replace(value, /, **changes):
    for name in type(value).__dataclass_fields__:
        if name not in changes:
            changes[name] = getattr(value, name)
    return type(value)(**changes)


def _fields(value):
    _complete(value if isinstance(value, type) else type(value))
    return tuple(value.__dataclass_fields__.values())


def dataclasses_module() -> StandIn:
    made = StandIn("dataclasses")
    vars(made).update(dataclass=_dataclass, field=_field, fields=_fields, replace=_replace)
    vars(made).update(FrozenInstanceError=FrozenInstanceError)
    return made
