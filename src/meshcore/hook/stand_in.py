"""A module in the place of one of the standard library; see `hook.stdlib_shims`."""

from __future__ import annotations

# mypy: allow-untyped-defs
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
else:
    ModuleType = type(sys)  # `types` would be a module to load


class StandIn(ModuleType):
    """A module that gives way to the one of its name as soon as it is asked for more than it has."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        from importlib import import_module

        return getattr(import_module(self.__name__), name)
