"""Did a Python program fail first thing, before any statement with an effect? Then a second run repeats nothing.

A traceback says where the failing statement stands; what was executed before it is read from the syntax trees of the
project's own files. The traceback itself is believed only where it must be true: nothing but harmless statements leads
to the one that failed, and what that asks for is missing indeed. Nothing is imported or run.
"""

from __future__ import annotations

import ast
import os
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from meshcore.healing.circumstances import project_root
from meshcore.healing.harmless_code import Names, Resolves, harmless, harmless_expression, imported
from meshcore.healing.installed import lacks
from meshcore.healing.modules import is_installed
from meshcore.healing.opening import opened_first
from meshcore.healing.places import Place
from meshcore.healing.traceback_text import Frame, NotFirstThingError, is_ours, program_at, read_cause, read_traceback
from meshcore.knowledge.program import program_name

_FILE_BYTES = 400_000
_MODULES = 200  # of the project that are read for one traceback
_FOLDERS = 500  # of the project in which a module is looked for once the search path was changed
_SEARCHED_DEPTH = 3
_NOT_SEARCHED = frozenset({".git", ".hg", ".tox", ".nox", ".venv", "venv", "env", "node_modules", "__pycache__"})
_SHEBANG = re.compile(rb"#![ \t]?(?:[^\s]{1,200}/|/usr/bin/env )python[\d.]{0,6}(?:[ \t]+-[BEIOsSuqb]+)?[ \t]*\r?\n")
_MODULE = re.compile(r"ModuleNotFoundError: No module named '(?P<name>[\w.]{1,200})'")
_NAME = re.compile(
    r"ImportError: cannot import name '(?P<name>\w{1,200})'"
    r" from '(?P<module>[\w.]{1,200})' \((?P<path>/[^\n]{1,1024}\.py)\)"
)
_FILE = re.compile(r"FileNotFoundError: \[Errno 2\] [^\n:]{1,80}: '(?P<name>[^'\n]{1,1024})'")
_DATABASE = re.compile(r"sqlite3\.OperationalError: unable to open database file$")
_PASSES_ON = frozenset({"sys.exit", "SystemExit", "exit", "asyncio.run"})


def why_not_first_thing(place: Place, output: str, python: str, failed_at: float) -> str:
    """Return why a second run may repeat an effect, "" where the program failed first thing.

    `python` is that of the virtual environment, "" for none; `failed_at` is seconds since the epoch: a file that was
    changed later is not what ran.
    """
    try:
        _Reading(place, python, failed_at).check(output)
    except NotFirstThingError as error:
        return str(error)
    except (OSError, ValueError, SyntaxError, RecursionError):
        return "its files cannot be read"
    return ""


@dataclass(slots=True)
class _Reading:
    place: Place
    python: str
    failed_at: float
    trees: dict[Path, ast.Module] = field(default_factory=dict)
    known: dict[Path, bool] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    anywhere: bool = False
    asks: set[str] = field(default_factory=set)  # top-level modules that the failing statement imports
    asks_from: ast.ImportFrom | None = None  # the failing statement, where it asks a module for names
    opened: str = ""  # the path that the failing statement opens, as it is written there
    raised_again: set[int] = field(default_factory=set)  # each `try` that catches an import's error to raise another

    def check(self, output: str) -> None:
        frames, error = read_traceback(output, self.place.cwd)
        script = self._script()
        root = project_root(self.place.cwd) or self.place.cwd
        first = script.parent if self.place.argv[1:2] != ("-m",) else Path(self.place.cwd)
        paths = [first, *self._added(), Path(root), Path(root, "src")]
        self.folders = [Path(self.place.cwd, one) for one in paths]
        if any(Path(one, f"{name}customize.py").exists() for one in self.folders for name in ("site", "user")):
            raise NotFirstThingError("Python runs a file of the project at its start")
        ours = [frame for frame in frames if is_ours(frame.path)]
        if not ours or ours[0].name != "<module>":
            raise NotFirstThingError("its traceback does not begin in its own file")
        if ours[0].path.resolve() != script.resolve() and not self._is_package_of(script, ours[0].path):
            raise NotFirstThingError("its traceback is not of the program that was called")
        traced = {one.path.resolve() for one in ours}
        if self.place.argv[1:2] == ("-m",) and not self._harmless_package(script, traced):
            raise NotFirstThingError("its package had done more than import and define")
        self._frames(ours, traced)
        if self.raised_again:
            raising = ours[-1]
            frames, error = read_cause(output, self.place.cwd)
            if (frames[0].path, frames[0].name) != (raising.path, raising.name):
                raise NotFirstThingError("another error was caught before")
            ours = [frame for frame in frames if is_ours(frame.path)]
            self._frames(ours, traced | {one.path.resolve() for one in ours})
        self._fact(error, frames[frames.index(ours[-1]) + 1 :])

    def _frames(self, ours: Sequence[Frame], traced: set[Path]) -> None:
        for at, frame in enumerate(ours):
            self._frame(frame, ours[at + 1 : at + 2], traced)

    def _script(self) -> Path:
        """Return the file that the command runs."""
        argv, cwd = self.place.argv, Path(self.place.cwd)
        if program_name(argv[0]) != "python":
            path = Path(cwd, argv[0])
            if "/" not in argv[0] or not _SHEBANG.match(path.read_bytes()[:300]):
                raise NotFirstThingError("it is no Python program")
            return path
        at = program_at(argv)
        if any(word.startswith("-") and "P" in word for word in argv[1:at]):
            raise NotFirstThingError("it is no file of Python")  # another search path than the one that is read
        if argv[at : at + 1] == ("-m",) and at == 1 and len(argv) > 2:
            for folder in (cwd, *self._added()):
                base = Path(folder, *argv[2].split("."))
                for path in (base / "__main__.py", base.with_name(base.name + ".py")):
                    if path.is_file():
                        return path
            raise NotFirstThingError("its module is none of the project's")
        if argv[at : at + 1] == ("-c",) and argv[at + 1 :]:
            return self._of_text("<string>", argv[at + 1])
        if argv[at : at + 1] in ((), ("-",)) and self.place.given:
            return self._of_text("<stdin>", self.place.given)
        if at >= len(argv) or argv[at].startswith("-"):
            raise NotFirstThingError("it is no file of Python")
        return Path(cwd, argv[at])

    def _of_text(self, name: str, text: str) -> Path:
        """Return what a traceback calls the code that the command itself holds."""
        path = Path(self.place.cwd, name)
        self.trees[path.resolve()] = ast.parse(text)
        return path

    def _added(self) -> list[Path]:
        """Return the folders in which Python looks for modules besides its own and the command's."""
        return [Path(self.place.cwd, one) for one in self.place.environment.get("PYTHONPATH", "").split(":") if one]

    def _harmless_package(self, script: Path, traced: set[Path]) -> bool:
        """Tell whether the packages that `python -m` imports before the module that it runs are harmless."""
        importing = ast.parse(f"import {self.place.argv[2]}").body
        names = self._names()
        return harmless(importing, names, lambda node: self._imports_harmless(node, script, names, traced))

    def _is_package_of(self, script: Path, path: Path) -> bool:
        return script.name == "__main__.py" and path.resolve() == (script.parent / "__init__.py").resolve()

    def _tree(self, path: Path) -> ast.Module:
        path = path.resolve()
        if path not in self.trees:
            status = path.stat()
            if status.st_mtime > self.failed_at:
                raise NotFirstThingError(f"{path.name} was changed since")
            if status.st_size > _FILE_BYTES or len(self.trees) >= _MODULES:
                raise NotFirstThingError("there is too much to read")
            with tokenize.open(path) as file:
                self.trees[path] = ast.parse(file.read())
        return self.trees[path]

    # --- one frame ----------------------------------------------------------------------------------------------------

    def _frame(self, frame: Frame, following: Sequence[Frame], traced: set[Path]) -> None:
        """Check what a frame had executed, and that its failing statement did nothing but fail."""
        tree, names = self._tree(frame.path), self._names()

        def resolves(node: ast.Import | ast.ImportFrom) -> bool:
            return self._imports_harmless(node, frame.path, names, traced)

        body: Sequence[ast.stmt] = tree.body
        if frame.name != "<module>":
            function = _function(tree, frame)
            harmless(tree.body, names, lambda node: True)  # what its names stand for; the file's own frame was checked
            for one in ast.walk(function.args):
                if isinstance(one, ast.arg):
                    names.forget(one.arg)
            body = function.body
        while True:
            at = next(
                (i for i, one in enumerate(body) if _first_line(one) <= frame.line <= (one.end_lineno or 0)), None
            )
            if at is None:
                raise NotFirstThingError(f"line {frame.line} of {frame.path.name} is no statement of it")
            if not harmless(body[:at], names, resolves):
                raise NotFirstThingError(f"{frame.path.name} had done more than import and define")
            statement = body[at]
            inner = _into(statement, frame, names, self.raised_again)
            if inner is None:
                break
            body = inner
        self._failing(statement, frame, following, names, resolves)

    def _failing(
        self, statement: ast.stmt, frame: Frame, following: Sequence[Frame], names: Names, resolves: Resolves
    ) -> None:
        """Check that the failing statement is an import, a call that the next frame is in, or opens a missing file."""
        if isinstance(statement, ast.Import | ast.ImportFrom):
            if not resolves(statement):
                raise NotFirstThingError("another module had done more than import and define")
            self.asks = set(imported(statement))
            self.asks_from = statement if isinstance(statement, ast.ImportFrom) and not following else None
            return
        if following and following[0].name != "<module>":
            for call in _calls(statement):
                name = names.of(call.func)
                plain = isinstance(call.func, ast.Name) and self._leads_to(call.func.id, frame, following[0])
                values = [*call.args, *(one.value for one in call.keywords)]
                if plain and all(harmless_expression(one, names) for one in values):
                    continue
                if name not in _PASSES_ON:
                    raise NotFirstThingError("it had called something else before")
            return
        if not following:
            tree = self._tree(frame.path)
            self.opened = opened_first(statement, tree, names, frame.path)
            if self.opened or all(names.of(call.func) in _ERRORS for call in _calls(statement)):
                return
        raise NotFirstThingError("what failed may have had an effect before")

    def _leads_to(self, name: str, frame: Frame, following: Frame) -> bool:
        """Tell whether a name stands for the function of the next frame: of the same file, or imported from there."""
        if name != following.name or frame.path.resolve() == following.path.resolve():
            return name == following.name
        imports = [one for one in ast.walk(self._tree(frame.path)) if isinstance(one, ast.ImportFrom)]
        sources = [one for one in imports if any((alias.asname or alias.name) == name for alias in one.names)]
        files = {path.resolve() for one in sources for path in self._modules(one, frame.path)}
        return len(sources) == 1 and following.path.resolve() in files

    def _fact(self, error: str, installed: Sequence[Frame]) -> None:
        """Check that what the error says is missing is missing."""
        if found := _MODULE.match(error):
            top = found["name"].partition(".")[0]
            asks = self.asks & {top} if not installed else _asks_for(top, installed, self.asks)
            if (
                not self.python
                or not asks
                or top in sys.stdlib_module_names
                or is_installed(self.python, found["name"], self.folders)
            ):
                raise NotFirstThingError(f"it is not certain that {top} is missing")
        elif (found := _FILE.match(error)) or _DATABASE.match(error):
            path = Path(self.place.cwd, self.opened)
            named = found is None or os.path.normpath(Path(self.place.cwd, found["name"])) == os.path.normpath(path)
            if not self.opened or not named or os.path.lexists(path if found else path.parent):
                raise NotFirstThingError("it is not certain that its file is missing")
        elif found := _NAME.match(error):
            asked = self.asks_from
            names = {alias.name for alias in asked.names} if asked and asked.module == found["module"] else set()
            if found["name"] not in names or not lacks(Path(found["path"]), found["module"], found["name"]):
                raise NotFirstThingError(f"it is not certain that {found['module']} has no {found['name']}")
        else:
            raise NotFirstThingError("it is no missing module, name or file")

    # --- modules of the project ---------------------------------------------------------------------------------------

    def _names(self) -> Names:
        """Return the names of a module before its first statement; what the project defines is not what it seems."""
        return Names(ours=frozenset(path.stem for one in self.folders if one.is_dir() for path in one.iterdir()))

    def _imports_harmless(
        self, node: ast.Import | ast.ImportFrom, importer: Path, names: Names, traced: set[Path]
    ) -> bool:
        """Tell whether the project's modules that an import loads are harmless; those in `traced` are checked apart."""
        self.anywhere |= names.changes_search_path
        for path in self._modules(node, importer):
            resolved = path.resolve()
            if resolved in traced:
                continue
            if path.suffix != ".py":
                return False
            if resolved not in self.known:
                self.known[resolved] = True  # in a circle it is being read already
                own = self._names()
                self.known[resolved] = harmless(
                    self._tree(path).body,
                    own,
                    lambda one, path=path, own=own: self._imports_harmless(one, path, own, traced),  # type: ignore[misc]
                )
            if not self.known[resolved]:
                return False
        return True

    def _modules(self, node: ast.Import | ast.ImportFrom, importer: Path) -> Iterator[Path]:
        """Yield the files of the project that an import may load: packages on the way, modules, submodules."""
        if isinstance(node, ast.Import):
            targets = [(alias.name.split("."), list[str]()) for alias in node.names]
        else:
            targets = [((node.module or "").split(".") if node.module else [], [alias.name for alias in node.names])]
        for parts, members in targets:
            if isinstance(node, ast.ImportFrom) and node.level:
                folders = [importer.parents[node.level - 1]]
            else:
                folders = [*self.folders, *(self._all_folders() if self.anywhere else ())]
            for folder in dict.fromkeys(folders):
                yield from _files(folder, parts, members)

    def _all_folders(self) -> list[Path]:
        root = Path(project_root(self.place.cwd) or self.place.cwd)
        found = [root]
        for folder in found:
            if len(folder.relative_to(root).parts) < _SEARCHED_DEPTH:
                found += [one for one in folder.iterdir() if one.is_dir() and one.name not in _NOT_SEARCHED]
            if len(found) > _FOLDERS:
                raise NotFirstThingError("there is too much to read")
        return found


_ERRORS = ("ImportError", "ModuleNotFoundError", "RuntimeError", "SystemExit", "ValueError", "Exception")


def _asks_for(top: str, installed: Sequence[Frame], asked: set[str]) -> bool:
    """Tell whether installed packages, of which the first was asked for, must have failed for the want of a module."""
    first, last = installed[0], installed[-1]
    if any(frame.name != "<module>" for frame in installed) or not asked & set(first.path.parts) | (
        {first.path.stem} & asked
    ):
        return False
    with tokenize.open(last.path) as file:
        body: Sequence[ast.stmt] = ast.parse(file.read()).body
    # What stands in a `try` may have been caught.
    found = [one for one in body if isinstance(one, ast.Import | ast.ImportFrom) and one.lineno == last.line]
    return any(top in imported(one) for one in found)


def _files(folder: Path, parts: Sequence[str], members: Sequence[str]) -> Iterator[Path]:
    here = folder
    for part in parts:
        yield from _module(here, part)
        here = here / part
    if here.is_dir():
        yield from (path for path in [here / "__init__.py"] if path.is_file())
        for member in members:
            yield from _module(here, member)


def _module(folder: Path, name: str) -> Iterator[Path]:
    package = folder / name / "__init__.py"
    if package.is_file():
        yield package
    source = folder / f"{name}.py"
    if source.is_file():
        yield source
    yield from folder.glob(f"{name}.*.so") if folder.is_dir() and name.isidentifier() else ()


def _into(statement: ast.stmt, frame: Frame, names: Names, raised_again: set[int]) -> Sequence[ast.stmt] | None:
    """Return the block of a compound statement in which the failing line stands; None for a simple one."""
    if isinstance(statement, ast.If):
        if not harmless_expression(statement.test, names):
            raise NotFirstThingError(f"{frame.path.name} had done more than import and define")
        return statement.orelse if _within(statement.orelse, frame.line) else statement.body
    if isinstance(statement, ast.Try):
        for handler in statement.handlers:
            if _within(handler.body, frame.line):
                raised = next(one for one in handler.body if _within([one], frame.line))
                if not isinstance(raised, ast.Raise) or not all(_only_imports(one) for one in statement.body):
                    raise NotFirstThingError(f"{frame.path.name} had caught another error before")
                raised_again.add(id(statement))
                return handler.body
        caught = bool(statement.handlers) and id(statement) not in raised_again
        if caught or statement.finalbody or not _within(statement.body, frame.line):
            raise NotFirstThingError(f"{frame.path.name} may have caught it, and gone on")
        return statement.body
    if isinstance(statement, ast.With) and not _within(statement.body, frame.line):
        return None
    if isinstance(statement, ast.With | ast.For | ast.While | ast.ClassDef | ast.Match | ast.AsyncFor | ast.AsyncWith):
        raise NotFirstThingError(f"{frame.path.name} had done more than import and define")
    return None


def _function(tree: ast.Module, frame: Frame) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """Return the function of a frame, where its name can stand for nothing else in its file."""
    bound = [one for one in ast.walk(tree) if isinstance(one, ast.Name) and one.id == frame.name]
    named = [one for one in ast.walk(tree) if getattr(one, "name", "") == frame.name]
    found = named[0] if len(named) == 1 and all(isinstance(one.ctx, ast.Load) for one in bound) else None
    if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef) and found in tree.body and not found.decorator_list:
        return found
    raise NotFirstThingError(f"{frame.name} of {frame.path.name} is no plain function")


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(one.lineno for one in decorators)])


def _within(block: Sequence[ast.stmt], line: int) -> bool:
    return any(_first_line(one) <= line <= (one.end_lineno or 0) for one in block)


def _only_imports(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _calls(statement: ast.stmt) -> list[ast.Call]:
    """Return the calls of a statement itself, without those of its blocks."""
    heads = [one for one in ast.iter_child_nodes(statement) if not isinstance(one, ast.stmt)]
    return [one for head in heads for one in ast.walk(head) if isinstance(one, ast.Call)]
