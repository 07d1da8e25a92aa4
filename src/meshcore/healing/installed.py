"""What an installed module lacks, read from its syntax tree: nothing is imported."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator
from pathlib import Path

from meshcore.healing.traceback_text import is_ours


def lacks(path: Path, module: str, name: str) -> bool:
    """Tell whether an installed module, or one of the standard library, binds a name nowhere and has no such submodule.

    Raises OSError, ValueError or SyntaxError for what cannot be read.
    """
    package = path.name == "__init__.py"
    parts = (path.parent if package else path.with_suffix("")).parts
    if is_ours(path) or parts[-len(module.split(".")) :] != tuple(module.split(".")):
        return False
    if package and (next(path.parent.glob(f"{name}.*"), None) or (path.parent / name).exists()):
        return False
    with tokenize.open(path) as file:
        tree = ast.parse(file.read())
    return not any(_binds(one, name) for one in _own(tree))


def _own(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what a module executes itself when it is imported: nothing of its functions and classes."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name in (name, "__getattr__")
    if isinstance(node, ast.alias):
        return node.name == "*" or (node.asname or node.name.partition(".")[0]) == name
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
