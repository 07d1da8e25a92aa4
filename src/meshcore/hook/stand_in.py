"""A module in the place of one of the standard library; see `hook.stdlib_shims`."""

from __future__ import annotations

# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="attr-defined"
import sys
from _frozen_importlib import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
else:
    ModuleType = type(sys)  # `types` would be a module to load


class StandIn(ModuleType):
    """A module that gives way to the one of its name as soon as it is asked for more than it has.

    Each import statement asks a module for `__path__`, and its `__spec__` whether it is ready: not to find them takes
    longer than all else that it does. A `__getattr__` of the class would take as long at each name that is found.
    """

    __path__ = []  # noqa: RUF012

    def __init__(self, name, held=None):
        """Stand in for the module of a name; `held` returns what it has where that is more than it is given."""
        super().__init__(name)
        spec = ModuleSpec(name, None)
        spec._initializing = False
        vars(self).update(__spec__=spec, __getattr__=lambda wanted: self.give_way(wanted), _held=held)

    def give_way(self, wanted):
        """Return what is held back, or else the real module has, by a name. Raises AttributeError."""
        name, own = self.__name__, vars(self)
        if wanted.startswith("__"):
            raise AttributeError(wanted)
        if own["_held"] is not None:
            held, own["_held"] = own["_held"](), None
            own.update({name: value for name, value in held.items() if name not in own})
            if wanted in own:
                return own[wanted]
        if sys.modules.get(name) is self:
            del sys.modules[name]
        from importlib import import_module

        return getattr(import_module(name), wanted)
