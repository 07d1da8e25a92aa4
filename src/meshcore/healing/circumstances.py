"""Where a command ran: its project, its virtual environment, the kind of system."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from meshcore.healing.failing_command import Failing, Place, failing
from meshcore.knowledge.command import program_name
from meshcore.knowledge.ecosystems import ecosystem_of
from meshcore.model import Circumstances
from meshcore.process.find_program import CannotStartError, find_program

PROJECT_MARKS = (
    ".git",
    ".hg",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "requirements.txt",
    "Pipfile",
    "manage.py",
    "package.json",
    "Makefile",
    "Cargo.toml",
    "go.mod",
    "Gemfile",
    "composer.json",
    "pom.xml",
    "build.gradle",
    "CMakeLists.txt",
)

# Python programs whose work is done by commands in environments of their own choice.
_START_OTHERS = frozenset(
    {"nox", "tox", "invoke", "inv", "fab", "pre-commit", "hatch", "pipenv", "poetry", "pdm", "uv", "rye", "pipx", "pip"}
    | {"doit", "honcho", "circusd", "supervisord", "snakemake", "dvc", "ansible", "ansible-playbook", "scons", "meson"}
    | {"cibuildwheel", "build", "conda", "mamba", "jupyter", "tmuxp", "cookiecutter", "copier", "asv"}
)
_SHARED_FOLDERS = frozenset({"/", "/tmp", "/var/tmp", "/home", "/root"})  # noqa: S108  a mark there is nobody's project
_SHEBANG_BYTES = 1024
_FAMILIES = {
    "debian": "debian",
    "ubuntu": "debian",
    "rhel": "redhat",
    "fedora": "redhat",
    "centos": "redhat",
    "amzn": "redhat",
    "arch": "arch",
    "alpine": "alpine",
    "suse": "suse",
    "opensuse": "suse",
    "nixos": "nixos",
    "gentoo": "gentoo",
}
_OWN_ENVIRONMENTS = (".venv", "venv", "env", ".env")  # in a project's folder, by custom


def project_root(cwd: str) -> str:
    """Return the nearest folder at or above `cwd` that is a project; empty where there is none."""
    home = os.environ.get("HOME", "")
    for folder in _upwards(cwd):
        if str(folder) in _SHARED_FOLDERS or str(folder) == home:
            return ""
        if any((folder / mark).exists() for mark in PROJECT_MARKS):
            return str(folder)
    return ""


@dataclass(frozen=True, slots=True)
class Environment:
    """The virtual environment in which a command failed: its `python`, "" where that is none or not known.

    `candidates` are the pythons of those that it may have been, where that is not known.
    """

    python: str = ""
    candidates: tuple[str, ...] = ()


def environment_of(failed: Failing, output: str = "") -> Environment:
    """Return the environment of what failed: as the command shows it, or as a traceback among `output` does."""
    seen = [_shown(place) for place in failed.places]
    if len(set(seen)) == 1 and seen[0] is not None and not failed.unread:
        return Environment(seen[0])
    possible = [python for place in failed.places for python in _possible(place)]
    candidates = tuple(dict.fromkeys([*(python for python in seen if python), *possible]))
    traced = [python for python in candidates if f'File "{Path(python).parents[1]}/lib/python' in output]
    return Environment(traced[0]) if len(traced) == 1 else Environment("", candidates)


def environment_python(argv: Sequence[str], env: Mapping[str, str], cwd: str) -> str:
    """Return the python of the virtual environment that the command runs in; empty where that is none, or not sure."""
    return environment_of(failing(argv, cwd, env)).python


def _shown(place: Place) -> str | None:
    """Return the python of a command's virtual environment, "" for none; None where the command does not show it."""
    argv, env, cwd = place.argv, place.environment, place.cwd
    if not argv:
        return None
    if place.runner:
        own = _venv_python(Path(project_root(cwd) or cwd) / ".venv" / "bin" / "python")
        active = env.get("VIRTUAL_ENV", "")
        if place.runner == "poetry" and active and own != f"{active}/bin/python":
            return None  # poetry stays in an environment that is active
        return own or None
    try:
        program = Path(find_program(argv[0], env, cwd))
    except CannotStartError:
        # What is missing is looked for where the shell looks: in the active environment, if that is all there is.
        possible, active_one = set(_possible(place)), _active_python(env, cwd)
        return active_one if possible <= {active_one} else None
    name = program_name(program.name)
    if name in _START_OTHERS or (name == "python" and argv[1:2] == ("-m",) and set(argv[2:3]) & _START_OTHERS):
        return None
    if name == "python":
        return _venv_python(program)
    interpreter = _interpreter(program, env, cwd)
    return None if interpreter is None else _venv_python(interpreter)


def _possible(place: Place) -> Iterator[str]:
    """Yield the pythons of the environments at hand: the active one, and those in the project's own folders."""
    if python := _active_python(place.environment, place.cwd):
        yield python
    for folder in dict.fromkeys((place.cwd, project_root(place.cwd) or place.cwd)):
        for name in _OWN_ENVIRONMENTS:
            if python := _venv_python(Path(folder, name, "bin", "python")):
                yield python


def circumstances(argv: Sequence[str], cwd: str, python: str) -> Circumstances:
    """Return where the command failed; `python` is what `environment_python` said."""
    program = program_name(argv[0]) if argv else ""
    ecosystem = ecosystem_of(program) or ("python" if python else "")
    scope = ("venv" if python else "system") if ecosystem == "python" else ""
    return Circumstances(os_family(), program, ecosystem, scope, "yes" if project_root(cwd) else "no")


@lru_cache(maxsize=1)
def os_family() -> str:
    """Return the family of the operating system, for example `debian`; empty where it is not known."""
    if sys.platform == "darwin":
        return "darwin"
    try:
        return family_of(Path("/etc/os-release").read_text("utf-8", "replace"))
    except OSError:
        return ""


def family_of(os_release: str) -> str:
    """Return the family that an os-release file names by ID, or else by ID_LIKE."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    for field in ("ID", "ID_LIKE"):
        for word in fields.get(field, "").strip("\"' ").lower().split():
            if family := _FAMILIES.get(word.split("-")[0]):
                return family
    return ""


def _upwards(cwd: str) -> Iterator[Path]:
    folder = Path(cwd).absolute()
    yield folder
    yield from folder.parents


def _venv_python(python: Path) -> str:
    # not resolved: in a virtual environment it is a link to the system's, and the link is what matters
    path = Path(os.path.normpath(python.absolute()))
    inside = (path.parent.parent / "pyvenv.cfg").is_file() and os.access(path, os.X_OK)
    return str(path) if inside else ""


def _active_python(env: Mapping[str, str], cwd: str) -> str:
    """Return the virtual environment's python that the word `python` means here."""
    for word in ("python", "python3"):
        try:
            return _venv_python(Path(find_program(word, env, cwd)))
        except CannotStartError:
            continue
    return ""


def _interpreter(script: Path, env: Mapping[str, str], cwd: str) -> Path | None:
    """Return the python that a script names in its first lines; None for another kind of program."""
    try:
        with script.open("rb") as file:
            lines = file.read(_SHEBANG_BYTES).decode(errors="replace").split("\n")
    except OSError:
        return None
    if not lines[0].startswith("#!"):
        return None
    words = lines[0][2:].split()
    if words[:1] == ["/bin/sh"] and len(lines) > 1 and lines[1].startswith("'''exec' "):
        words = lines[1].split()[1:]  # how installers write a path too long for `#!`
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if word != "-S"]
    if not words or program_name(words[0].strip('"')) != "python":
        return None
    try:
        return Path(find_program(words[0].strip('"'), env, cwd))
    except CannotStartError:
        return None
