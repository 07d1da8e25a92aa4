"""What an operator writes into policy.toml so that a project's own command may run again unattended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from meshcore.errors import UsageError
from meshcore.home import read_plain_file
from meshcore.knowledge.program import program_name

MAX_RECIPE: Final = 1 << 20  # bytes of a file that says what a project's command does

_RECIPES: Final[Mapping[str, tuple[str, ...]]] = {
    "make": ("GNUmakefile", "makefile", "Makefile"),
    "just": ("justfile", "Justfile", ".justfile"),
    "task": ("Taskfile.yml", "taskfile.yml", "Taskfile.yaml", "taskfile.yaml"),
    "npm": ("package.json",),
    "pnpm": ("package.json",),
    "yarn": ("package.json",),
    "tox": ("tox.ini", "pyproject.toml", "setup.cfg"),
    "nox": ("noxfile.py",),
    "invoke": ("tasks.py",),
    "rake": ("Rakefile", "rakefile", "Rakefile.rb"),
    "mvn": ("pom.xml",),
    "gradle": ("build.gradle", "build.gradle.kts"),
    "gradlew": ("build.gradle", "build.gradle.kts"),
    "docker": ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"),
}
"""For each program the files in which a folder says what it does, in the order in which it looks for them."""


def recipe_of(argv: Sequence[str], cwd: str) -> str:
    """Return the file of a folder that says what a command does, its own script or its program's file; "" for none."""
    if "/" in argv[0] and program_name(argv[0]) not in _RECIPES and Path(cwd, argv[0]).is_file():
        return argv[0]
    for name in _RECIPES.get(program_name(argv[0]), ()):
        if Path(cwd, name).is_file():
            return name
    scripts = (word for word in argv[1:] if not word.startswith("-"))
    return next((word for word in scripts if Path(cwd, word).is_file()), "")


def block(argv: Sequence[str], cwd: str, file: str) -> str:
    """Return the `[[rerun.project]]` that lets a command run again in a folder while a file of it stays what it is.

    Raises UsageError for a file that is none of the folder, and words that cannot be written down.
    """
    if not all(word.isprintable() for word in (*argv, cwd, file)):
        raise UsageError("the command, its folder or its file has a character that cannot be printed")
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise UsageError(f"{file}: name a file of this folder by its path from here")
    try:
        digest = hashlib.sha256(read_plain_file(Path(cwd, file), MAX_RECIPE)).hexdigest()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read here: {error.strerror}") from error
    words = ", ".join(map(_quoted, argv))
    lines = (f"folder = {_quoted(cwd)}", f"command = [{words}]", f"file = {_quoted(file)}", f'sha256 = "{digest}"')
    return "\n".join(("[[rerun.project]]", *lines))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
