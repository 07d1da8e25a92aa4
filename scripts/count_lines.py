"""Count the lines of code below a folder, room by room: `python scripts/count_lines.py [--json] [FOLDER]`.

A line counts where a token of Python stands on it; blank lines, comments and docstrings do not.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import tokenize
from collections import Counter
from pathlib import Path

SRC = Path(__file__).parent.parent / "src"
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(source: str) -> int:
    """Return how many lines of a module hold code. Raises SyntaxError for what is none."""
    used: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            used.update(range(token.start[0], token.end[0] + 1))
    return len(used - _docstring_lines(ast.parse(source)))


def _docstring_lines(tree: ast.Module) -> set[int]:
    """Return the lines of every text that stands by itself as a statement: docstrings, also those of fields."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def count(folder: Path) -> dict[str, int]:
    """Return the lines of code of each room below a folder, sorted; a module at a package's root counts for it."""
    rooms: Counter[str] = Counter()
    for path in folder.rglob("*.py"):
        rooms[str(path.parent.relative_to(folder))] += code_lines(path.read_text("utf-8"))
    return dict(sorted(rooms.items()))


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path, default=SRC)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rooms = count(options.folder)
    total = sum(rooms.values())
    if options.json:
        print(json.dumps({"rooms": rooms, "total": total}))
        return
    for room, lines in (rooms | {"total": total}).items():
        print(f"{lines:7,}  {room}")


if __name__ == "__main__":
    main()
