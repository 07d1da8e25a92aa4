"""Which file or folder does a Python statement open before all else, as its syntax tree shows? Nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from meshcore.healing.harmless_code import Names, harmless_expression

_OPENERS: Mapping[str, str] = {
    "open": "file",
    "io.open": "file",
    "os.mkdir": "path",
    "os.listdir": "path",
    "os.scandir": "path",
    "bz2.open": "filename",
    "codecs.open": "filename",
    "gzip.open": "filename",
    "logging.FileHandler": "filename",
    "logging.basicConfig": "filename",
    "logging.handlers.RotatingFileHandler": "filename",
    "logging.handlers.TimedRotatingFileHandler": "filename",
    "logging.handlers.WatchedFileHandler": "filename",
    "lzma.open": "filename",
    "os.path.getmtime": "filename",
    "os.path.getsize": "filename",
    "sqlite3.connect": "database",
}
"""Calls that fail at once where their file or the folder above it is missing, with the name of the argument."""

_METHODS = frozenset({"mkdir", "open", "read_bytes", "read_text", "touch", "write_bytes", "write_text"})  # of a path


def opened_first(statement: ast.stmt, tree: ast.Module, names: Names, file: Path) -> str:
    """Return the path that a statement of a file opens before it does anything else, "" where that is not known."""
    heads = [one for one in ast.iter_child_nodes(statement) if not isinstance(one, ast.stmt)]
    calls = [one for head in heads for one in ast.walk(head) if isinstance(one, ast.Call)]
    values = _Values(tree, names, file)
    found = [(call, path) for call in calls if (path := _target(call, names, values))]
    if len(found) != 1:
        return ""
    opener, path = found[0]
    around = [call for call in calls if call is not opener and _holds(call, opener)]
    later = {id(node) for call in around if _holds(call.func, opener) for one in _given(call) for node in ast.walk(one)}
    before = [
        one
        for call in around
        if not _holds(call.func, opener)
        for one in (call.func, *_given(call))
        if not _holds(one, opener)
    ]
    others = [call for call in calls if call not in (opener, *around) and id(call) not in later]
    inside = {id(node) for node in ast.walk(opener)}
    harmless = [*before, *(call for call in others if id(call) not in inside), *_given(opener)]
    return path if all(harmless_expression(one, names) for one in harmless) else ""


def _target(call: ast.Call, names: Names, values: _Values) -> str:
    """Return the path that a call opens, "" where it opens none."""
    if (keyword := _OPENERS.get(names.of(call.func))) is not None:
        first = call.args[0] if call.args and names.of(call.func) != "logging.basicConfig" else None
        named = next((one.value for one in call.keywords if one.arg == keyword), first)
        return values.path(named) if named is not None else ""
    if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
        return values.path(call.func.value)
    return ""


def _holds(node: ast.AST, other: ast.AST) -> bool:
    return any(one is other for one in ast.walk(node))


def _given(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (one.value for one in call.keywords)


class _Values:
    """Paths that are written in a file: texts, what they are joined to, and names that are bound to one once."""

    def __init__(self, tree: ast.Module, names: Names, file: Path) -> None:
        self.names, self.file = names, str(file)
        self.bound: dict[str, list[ast.expr | None]] = {}
        for one in ast.walk(tree):
            for name, value in _bindings(one):
                self.bound.setdefault(name, []).append(value)

    def path(self, node: ast.expr, depth: int = 0) -> str:
        """Return the path that an expression stands for, "" where it is not written down."""
        if depth > 20:
            return ""
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Name(id="__file__"):
                return self.file
            case ast.Name(id=name):
                bound = [] if self.names.anything else self.bound.get(name, [])
                return self.path(bound[0], depth + 1) if len(bound) == 1 and bound[0] is not None else ""
            case ast.BinOp(op=ast.Div()):
                return self._joined([node.left, node.right], depth)
            case ast.Attribute(attr="parent"):
                return _above(self.path(node.value, depth + 1))
            case ast.Call(keywords=[]):
                return self._called(node, depth)
        return ""

    def _called(self, node: ast.Call, depth: int) -> str:
        name = self.names.of(node.func)
        if name in ("pathlib.Path", "os.path.join", "str", "os.fspath"):
            return self._joined(node.args, depth)
        if name in ("os.path.abspath", "os.path.dirname", "os.path.realpath") and len(node.args) == 1:
            inner = self.path(node.args[0], depth + 1)
            return _above(inner) if name == "os.path.dirname" else inner
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("absolute", "resolve") and not node.args:
            return self.path(node.func.value, depth + 1)
        return ""

    def _joined(self, parts: list[ast.expr], depth: int) -> str:
        read = [self.path(one, depth + 1) for one in parts]
        return str(Path(*read)) if read and all(read) else ""


def _above(path: str) -> str:
    return str(Path(path).parent) if path else ""


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield each name that a node binds, and what to, None where that is not one written value."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=value):
            yield name, value
        case ast.Assign() | ast.AugAssign() | ast.For() | ast.AsyncFor() | ast.NamedExpr() | ast.comprehension():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((one.id, None) for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))
        case ast.withitem(optional_vars=ast.expr() as target):
            yield from ((one.id, None) for one in ast.walk(target) if isinstance(one, ast.Name))
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, None
        case ast.arg(arg=name) | ast.ExceptHandler(name=str() as name):
            yield name, None
        case ast.alias():
            yield (node.asname or node.name.partition(".")[0]), None
        case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
            yield name, None
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from ((name, None) for name in names)
