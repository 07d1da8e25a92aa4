"""Keep in one file what a hook's process would load and compile at each call: bytecode of modules, code of patterns.

It buys two fifths of the processor time of a failure that is answered: without it that takes 5.7 times a bare
interpreter, with it 3.3, on a machine with other work. (Medians of 16 calls in turn: `python -m benchmarks.hook
--tricks --rounds 16 --skills 1000`.) The file holds what hooks have loaded and compiled so far, for this Python: where
one source of ours changed all of it is void, as soon as that one is asked for. It lies where Python keeps its own
bytecode, and is as trusted as that. Where it cannot be written, hooks are slower and nothing else.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="attr-defined"
import _frozen_importlib
import _sre  # type: ignore[import-not-found]
import marshal
import os
import sys
from _frozen_importlib_external import ExtensionFileLoader
from time import time

TYPE_CHECKING = False  # nothing that takes time is imported here
if TYPE_CHECKING:
    from typing import Any

MAX_SAVES = 20  # after that what is new is not worth a write
LEFT_OVER_SECONDS = 60  # after which whoever began to write is gone
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
_TAG = f"{sys.version} {sys.prefix} {_PACKAGE}"


def _path():
    return f"{_PACKAGE}/__pycache__/hookstart.{sys.implementation.cache_tag}.cache"


def _stamp(origin):
    found = os.stat(origin)  # noqa: PTH116
    return found.st_mtime_ns, found.st_size


def _bare(source):
    """Return the syntax tree of a source without the annotations of functions, of which nothing of ours asks."""
    import ast

    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return tree


class Cache:
    """Modules and patterns by name. Install it before anything else is imported, save it when all is done."""

    def __init__(self):
        # A module is its source, that one's stamp (None: not ours), whether it is a package, and where its bytecode
        # begins in the file and how long that is, nothing of a library; a pattern is the latter two. Nothing is read,
        # and no source looked at, before it is asked for: each page of memory costs more than its bytes, and so does a
        # look at a file.
        self.modules, self.patterns, self.saves, self.file, self.code, self.size = {}, {}, 0, -1, 0, 0
        self.new_patterns = {}
        self.before = set(sys.modules)
        try:
            self.file = os.open(_path(), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            code = 8 + int.from_bytes(os.pread(self.file, 8, 0), "little")
            index = os.pread(self.file, code - 8, 8)
            tag, modules, patterns, saves = marshal.loads(index)  # noqa: S302
            if tag == _TAG:
                self.modules, self.patterns, self.saves = modules, patterns, saves
                self.code, self.size = code, os.fstat(self.file).st_size - code
        except (OSError, ValueError, EOFError, TypeError):
            pass

    def install(self):
        """Put the kept modules before those on the disk.

        What an import statement calls for a module that is not loaded is asked to make it, without a search for who
        could: that takes as long as most of them. An interpreter that calls something else does without what is kept.
        """
        self.find_and_load = _frozen_importlib._find_and_load
        _frozen_importlib._find_and_load = self.make

    def pattern(self, pattern, flags):
        """Return a kept pattern, None where there is none."""
        kept = self.patterns.get((pattern, flags))
        return None if kept is None else _sre.compile(pattern, *self.load(*kept))

    def watch(self):
        """Keep the patterns that the real `re`, which was loaded just now, is to compile."""
        from re import _compiler

        self.compile_pattern, _compiler.compile = _compiler.compile, self.compile
        _compiler._sre = self._Recorder(self, _compiler._sre)

    # --- patterns -----------------------------------------------------------------------------------------------------

    class _Recorder:
        """The C module of patterns, which also writes down what it is given."""

        def __init__(self, cache, real):
            self.cache, self.real = cache, real

        def __getattr__(self, name):
            return getattr(self.real, name)

        def compile(self, pattern, flags, code, groups, groupindex, indexgroup):
            self.cache.last = (int(flags), [int(part) for part in code], groups, dict(groupindex), indexgroup)
            return self.real.compile(pattern, flags, code, groups, groupindex, indexgroup)

    def compile(self, pattern, flags=0):
        """Compile a pattern, or make it from what was kept."""
        key = (pattern, int(flags))
        if (kept := self.pattern(*key)) is not None:
            return kept
        made = self.compile_pattern(pattern, flags)
        if isinstance(pattern, str | bytes):
            self.new_patterns[key] = marshal.dumps(self.last)
        return made

    def load(self, start, size):
        """Return what the file holds at a place."""
        return marshal.loads(os.pread(self.file, size, self.code + start))  # noqa: S302

    # --- modules ------------------------------------------------------------------------------------------------------

    def _kept(self, name):
        """Return what is kept of a module, None where nothing is; a source that changed makes all of it void."""
        kept = self.modules.get(name)
        if kept is not None and kept[1] is not None:
            try:
                fits = _stamp(kept[0]) == kept[1]
            except OSError:
                fits = False
            if not fits:
                self.modules, self.patterns, self.saves, self.size = {}, {}, 0, 0
                return None
        return kept

    def make(self, name, import_):
        """Return a module that is not loaded yet, of what is kept where it is."""
        if name in sys.modules or (kept := self._kept(name)) is None:
            return self.find_and_load(name, import_)
        origin, _, is_package, *place = kept
        if not place:  # a library: where it lies is found again by reading folders
            loader = ExtensionFileLoader(name, origin)
            return _frozen_importlib._load(_frozen_importlib.ModuleSpec(name, loader, origin=origin))
        parent, _, own = name.rpartition(".")
        if parent and parent not in sys.modules:
            __import__(parent)
            if name in sys.modules:  # the package needs it itself
                return sys.modules[name]
        module = type(sys)(name)
        space = module.__dict__
        space["__file__"], space["__package__"] = origin, name if is_package else parent
        # Each import statement asks it whether the module is ready, and to find none takes longer than to make one.
        space["__spec__"] = spec = _frozen_importlib.ModuleSpec(name, None, origin=origin, is_package=is_package)
        spec._initializing = False
        if is_package:
            space["__path__"] = [os.path.dirname(origin)]  # noqa: PTH120
        sys.modules[name] = module
        try:
            exec(self.load(*place), space)  # noqa: S102
        except BaseException:
            del sys.modules[name]
            raise
        if parent:
            setattr(sys.modules[parent], own, module)
        return module

    # --- the file -----------------------------------------------------------------------------------------------------

    def save(self):
        """Write the file anew where this process loaded or compiled what it did not hold, and no other does so now."""
        loaded = []
        for name, module in list(sys.modules.items()):
            spec: Any = getattr(module, "__spec__", None)
            origin = getattr(spec, "origin", None)
            if spec is None or name in self.modules or name in self.before or not origin:
                continue
            if isinstance(spec.loader, ExtensionFileLoader) or (
                origin.endswith(".py") and hasattr(spec.loader, "get_source")
            ):
                loaded.append((name, spec))
        if self.saves >= MAX_SAVES or not (loaded or self.new_patterns):
            return
        temporary = f"{_path()}.new"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            if time() - os.stat(temporary, follow_symlinks=False).st_mtime > LEFT_OVER_SECONDS:  # noqa: PTH116
                os.unlink(temporary)  # noqa: PTH108
            return
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._written(loaded))
            os.replace(temporary, _path())  # noqa: PTH105
        except BaseException:
            os.unlink(temporary)  # noqa: PTH108
            raise

    def _written(self, loaded):
        """Return what the file is to hold, with modules that were loaded from elsewhere."""
        new, added = {}, bytearray()

        def put(data):
            added.extend(data)
            return self.size + len(added) - len(data), len(data)

        for name, spec in loaded:
            if isinstance(spec.loader, ExtensionFileLoader):
                new[name] = (spec.origin, _stamp(spec.origin), False)
                continue
            stamp = _stamp(spec.origin) if spec.origin.startswith(_PACKAGE + os.sep) else None
            code = compile(_bare(spec.loader.get_source(name)), spec.origin, "exec", dont_inherit=True, optimize=2)
            new[name] = (spec.origin, stamp, spec.submodule_search_locations is not None, *put(marshal.dumps(code)))
        patterns = self.patterns | {key: put(data) for key, data in self.new_patterns.items()}
        index = marshal.dumps((_TAG, self.modules | new, patterns, self.saves + 1))
        kept = os.pread(self.file, self.size, self.code) if self.size else b""
        return len(index).to_bytes(8, "little") + index + kept + added
