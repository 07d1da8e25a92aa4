"""Which Python statements do nothing but import, define and hold literals, as their syntax tree shows.

A closed list: what is not on it may do anything. Nothing is imported or run.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

_MODULES_WITH_EFFECT = frozenset({"antigravity", "this"})
_CALLS = frozenset(
    {"bool", "bytes", "dict", "float", "frozenset", "int", "len", "list", "object", "range", "set", "str", "tuple"}
    | {"logging.getLogger", "os.environ.get", "os.environ.setdefault", "os.getcwd", "os.getenv", "os.path.abspath"}
    | {"os.path.dirname", "os.path.expanduser", "os.path.isdir", "os.path.isfile", "os.path.join", "os.path.realpath"}
    | {"pathlib.Path", "re.compile", "sys.path.append", "sys.path.insert", "typing.NewType", "typing.TypeVar"}
    | {"warnings.filterwarnings", "warnings.simplefilter", "collections.namedtuple", "collections.OrderedDict"}
    | {"collections.defaultdict", "contextlib.suppress", "typing.cast", "collections.deque", "enum.auto"}
    | {"abs", "all", "any", "hasattr", "round", "sum"}
    | {"os.cpu_count", "os.fspath", "os.getpid", "os.path.basename", "os.path.exists", "os.path.splitext"}
    | {"pathlib.Path.cwd", "pathlib.Path.home", "platform.machine", "platform.python_version", "platform.system"}
    | {"shutil.which", "sys.getdefaultencoding", "sys.setrecursionlimit", "textwrap.dedent", "time.monotonic"}
    | {"time.perf_counter", "time.time", "datetime.date.today", "datetime.datetime.now", "datetime.timedelta"}
    | {"decimal.Decimal", "fractions.Fraction", "threading.Event", "threading.Lock", "types.SimpleNamespace"}
)
"""Calls without an effect outside of the process, by full name."""

_RAISED = frozenset(
    {"sys.exit", "exit", "quit", "AssertionError", "Exception", "ImportError", "KeyError", "ModuleNotFoundError"}
    | {"NotImplementedError", "OSError", "RuntimeError", "SystemExit", "TypeError", "ValueError"}
)
"""Calls that end a program or raise: what comes after one was not reached by it."""

_METHODS = frozenset({"absolute", "joinpath", "resolve"})  # of what `pathlib.Path(…)` gives
_DECORATORS = frozenset(
    {"classmethod", "property", "staticmethod", "abc.abstractmethod", "contextlib.contextmanager", "enum.unique"}
    | {"contextlib.asynccontextmanager", "dataclasses.dataclass", "functools.cache", "functools.cached_property"}
    | {"functools.lru_cache", "functools.total_ordering", "functools.wraps", "typing.final", "typing.overload"}
    | {"typing.runtime_checkable", "functools.singledispatch"}
)
_HOOKS = frozenset({"__init_subclass__", "__set_name__", "__prepare__", "__mro_entries__", "__class_getitem__"})
SEARCH_PATH = frozenset({"sys.path.append", "sys.path.insert"})

Resolves = Callable[[ast.Import | ast.ImportFrom], bool]
"""Says whether what an import statement loads of the project is harmless as well."""


@dataclass(slots=True)
class Names:
    """What names of one module stand for, as far as its imports say: `path` → `os.path`."""

    full: dict[str, str] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()  # top-level names that the project itself defines
    changes_search_path: bool = False
    anything: bool = False  # after `import *` any name may stand for anything

    def learn(self, statement: ast.Import | ast.ImportFrom) -> None:
        """Take in what an import binds."""
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                top = alias.name.partition(".")[0]
                self.full[alias.asname or top] = alias.name if alias.asname else top
        elif not statement.level:
            for alias in statement.names:
                self.full[alias.asname or alias.name] = f"{statement.module}.{alias.name}"
        else:
            for alias in statement.names:
                self.forget(alias.asname or alias.name)
        self.anything |= isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"

    def forget(self, name: str) -> None:
        """Take in that a name is bound to something else."""
        self.full[name] = ""

    def of(self, node: ast.expr) -> str:
        """Return the full name of `a.b.c`, "" where it stands for something else."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        top = self.full.get(node.id, node.id)
        if self.anything or not top or top.partition(".")[0] in self.ours:
            return ""
        return ".".join([top, *reversed(parts)])


def harmless(statements: Iterable[ast.stmt], names: Names, resolves: Resolves) -> bool:
    """Tell whether statements, executed in order, do nothing but import, define and hold literals."""
    return all(_statement(one, names, resolves) for one in statements)


def _statement(node: ast.stmt, names: Names, resolves: Resolves) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom():
            names.learn(node)
            return not _MODULES_WITH_EFFECT & set(imported(node)) and resolves(node)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            names.forget(node.name)
            arguments = [*node.args.defaults, *(one for one in node.args.kw_defaults if one)]
            notes = [one.annotation for one in ast.walk(node.args) if isinstance(one, ast.arg) and one.annotation]
            notes += [node.returns] if node.returns else []
            return node.name not in _HOOKS and _all([*arguments, *notes], names) and _decorated(node, names)
        case ast.ClassDef():
            names.forget(node.name)
            plain = all(isinstance(one, ast.Name | ast.Attribute | ast.Subscript) for one in node.bases)
            return plain and not node.keywords and _decorated(node, names) and harmless(node.body, names, resolves)
        case ast.Assign():
            return harmless_expression(node.value, names) and all(_bound(one, names) for one in node.targets)
        case ast.AnnAssign():
            value = node.value is None or harmless_expression(node.value, names)
            return value and harmless_expression(node.annotation, names) and _bound(node.target, names)
        case ast.AugAssign():
            return isinstance(node.target, ast.Name) and harmless_expression(node.value, names)
        case ast.Expr():
            return harmless_expression(node.value, names)
        case ast.If():
            return harmless_expression(node.test, names) and harmless([*node.body, *node.orelse], names, resolves)
        case ast.Try():
            handlers = [inner for one in node.handlers for inner in one.body]
            return harmless([*node.body, *handlers, *node.orelse, *node.finalbody], names, resolves)
        case ast.With():
            items = all(harmless_expression(one.context_expr, names) for one in node.items)
            suppressing = all(
                isinstance(one.context_expr, ast.Call) and names.of(one.context_expr.func) == "contextlib.suppress"
                for one in node.items
            )
            return items and suppressing and harmless(node.body, names, resolves)
        case ast.Pass() | ast.Global() | ast.Nonlocal():
            return True
        case ast.Raise():
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            values = (
                [*node.exc.args, *(one.value for one in node.exc.keywords)] if isinstance(node.exc, ast.Call) else []
            )
            values += [node.cause] if node.cause else []
            return (raised is None or names.of(raised) in _RAISED) and _all(values, names)
        case ast.Delete():
            return all(isinstance(one, ast.Name) for one in node.targets)
    return False


def _all(nodes: Iterable[ast.expr], names: Names) -> bool:
    return all(harmless_expression(one, names) for one in nodes)


def harmless_expression(node: ast.expr, names: Names) -> bool:
    """Tell whether evaluating an expression only reads names and makes values."""
    match node:
        case ast.Constant() | ast.Name() | ast.Lambda():
            return True
        case ast.Attribute():
            return harmless_expression(node.value, names)
        case ast.Call():
            return _call(node, names)
        case ast.Await() | ast.Yield() | ast.YieldFrom() | ast.NamedExpr():
            return False
        case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
            return all(
                harmless_expression(one, names) if isinstance(one, ast.expr) else _all([one.iter, *one.ifs], names)
                for one in ast.iter_child_nodes(node)
                if isinstance(one, ast.expr | ast.comprehension)
            )
    children = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
    return isinstance(node, _OPERATORS) and _all(children, names)


_OPERATORS = (
    *(ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Dict, ast.List, ast.Set, ast.Tuple),
    *(ast.JoinedStr, ast.FormattedValue, ast.Subscript, ast.Slice, ast.Starred),
)


def _call(node: ast.Call, names: Names) -> bool:
    if not _all([*node.args, *(one.value for one in node.keywords)], names):
        return False
    name = names.of(node.func)
    if name in SEARCH_PATH:
        names.changes_search_path = True
    if name in _CALLS or name in _RAISED:
        return True
    if name == "logging.basicConfig":
        return not node.args and not {"filename", "handlers", "stream"} & {one.arg for one in node.keywords}
    # `Path(…).resolve()`, `Path(…).parent.parent / "x"`: methods of a value that the list above makes.
    inner = node.func
    if isinstance(inner, ast.Attribute) and inner.attr in _METHODS:
        value = inner.value
        while isinstance(value, ast.Attribute | ast.Subscript):
            value = value.value
        return isinstance(value, ast.Call) and _call(value, names) and names.of(value.func) in ("pathlib.Path", "")
    return False


def _bound(target: ast.expr, names: Names) -> bool:
    """Take in what an assignment binds; False where it changes something that is there."""
    match target:
        case ast.Name():
            names.forget(target.id)
            return True
        case ast.Tuple() | ast.List():
            return all(_bound(one, names) for one in target.elts)
        case ast.Starred():
            return _bound(target.value, names)
        case ast.Subscript():
            return names.of(target.value) == "os.environ" and harmless_expression(target.slice, names)
    return False


def _decorated(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, names: Names) -> bool:
    for one in node.decorator_list:
        called = one.func if isinstance(one, ast.Call) else one
        values = [*one.args, *(pair.value for pair in one.keywords)] if isinstance(one, ast.Call) else []
        of_property = isinstance(called, ast.Attribute) and called.attr in ("setter", "deleter", "getter")
        if not (of_property or names.of(called) in _DECORATORS) or not _all(values, names):
            return False
    return True


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield the top-level modules that an import names."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif node.module and not node.level:
        yield node.module.partition(".")[0]
