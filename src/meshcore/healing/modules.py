"""Is a Python module missing where it was asked for? Looked up in files: nothing is imported, no text is believed."""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from meshcore.healing.harmless_code import imported
from meshcore.healing.places import Place
from meshcore.healing.traceback_text import is_ours
from meshcore.knowledge.program import program_name

_FILE_BYTES = 400_000
_FILES = 8  # of a project that are read for one output
_IMPORTING = re.compile(
    r'^(?:E[ \t]+|[ \t]*)(?:File "(?P<traced>[^"\n]{1,1024}\.py)", line (?P<at>\d{1,7}), in <module>'
    r"|(?P<told>[^\s:\"]{1,1024}\.py):(?P<line>\d{1,7}): in <module>)$",
    re.MULTILINE,
)


def is_installed(python: str, name: str, folders: Iterable[Path] = ()) -> bool:
    """Tell whether a virtual environment, by its python, or one of some folders holds a module or a package."""
    sites = [*Path(python).parents[1].glob("lib/python3*/site-packages")]
    parts = name.split(".")
    return any(
        Path(folder, *parts).is_dir()
        or Path(folder, *parts).with_suffix(".py").is_file()
        or (len(parts) == 1 and any(folder.glob(f"{name}.*.so")))
        for folder in (*sites, *folders)
    )


def missing_program_module(place: Place, python: str) -> str:
    """Return the module that `python -m MODULE` was told to run and that is nowhere, "" where it may be somewhere."""
    argv = place.argv
    if program_name(argv[0]) != "python" or argv[1:2] != ("-m",) or len(argv) < 3 or not python:
        return ""
    top, searched = argv[2].partition(".")[0], _searched(place)
    if any(Path(folder, f"{name}customize.py").exists() for folder in searched for name in ("site", "user")):
        return ""  # Python runs that before
    if not top.isidentifier() or top in sys.stdlib_module_names or is_installed(python, top, searched):
        return ""
    return top


def seen_missing(name: str, output: str, place: Place, python: str, failed_at: float) -> bool:
    """Tell whether a module is missing for sure: a file of the project that an output names imports it, as it stands.

    Whoever printed that: the file is there, has that statement as its own in that line, and the environment lacks the
    module. What is imported inside of anything else may have been caught, and is not taken.
    """
    top = name.partition(".")[0]
    if not python or not top.isidentifier() or top in sys.stdlib_module_names:
        return False
    if is_installed(python, top, _searched(place)):
        return False
    named = list(dict.fromkeys(_named(output)))[-_FILES:]
    return any(_imports(Path(place.cwd, path), line, top, failed_at) for path, line in named)


def _searched(place: Place) -> list[Path]:
    paths = filter(None, place.environment.get("PYTHONPATH", "").split(":"))
    return [Path(place.cwd), Path(place.cwd, "src"), *(Path(place.cwd, one) for one in paths)]


def _named(output: str) -> Iterator[tuple[str, int]]:
    for found in _IMPORTING.finditer(output):
        yield found["traced"] or found["told"], int(found["at"] or found["line"])


def _imports(path: Path, line: int, top: str, failed_at: float) -> bool:
    if not is_ours(path):
        return False
    try:
        status = path.stat()
        if status.st_size > _FILE_BYTES or status.st_mtime > failed_at:
            return False
        with tokenize.open(path) as file:
            body = ast.parse(file.read()).body
    except (OSError, ValueError, SyntaxError, RecursionError):
        return False
    return any(
        isinstance(one, ast.Import | ast.ImportFrom) and one.lineno == line and top in imported(one) for one in body
    )
