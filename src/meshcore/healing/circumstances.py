"""Where a command ran: its project, its virtual environment, the kind of system."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from meshcore.healing.failing_command import ACTIVE, ANOTHER, SHELLS, failing
from meshcore.healing.places import Failing, Place
from meshcore.healing.project_environment import environments_below, project_environment
from meshcore.healing.traceback_text import begins_in, is_called
from meshcore.healing.trailers import without_trailers
from meshcore.home import read_plain_file
from meshcore.knowledge.ecosystems import ecosystem_of
from meshcore.knowledge.program import program_name
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
_PROGRAM_BYTES = 1 << 20
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
_MISSING = re.compile(r"(?m)^(?:E +)?ModuleNotFoundError: No module named '(\w{1,200})'\s*$")
_BECOMES_ANOTHER = re.compile(r"\bos\.exec[lv]|\bactivate_this\b|^\s*from os import .*\bexec[lv]")
_OWN_ENVIRONMENTS = (".venv", "venv", "env", ".env")  # in a project's folder, by custom


def project_root(cwd: str) -> str:
    """Return the nearest folder at or above `cwd` that is a project; empty where there is none."""
    return next(_projects_from(cwd), "")


@dataclass(frozen=True, slots=True)
class Environment:
    """The virtual environment in which a command failed: its `python`, "" where that is none or not known.

    `candidates` are the pythons of those that it may have been, where that is not known.
    """

    python: str = ""
    candidates: tuple[str, ...] = ()


def environment_of(failed: Failing, output: str = "") -> Environment:
    """Return the environment of what failed: as the command shows it, or as a traceback among `output` does."""
    seen = [None if _may_be_redefined(place, failed) else _shown(place) for place in failed.places]
    if len(set(seen)) == 1 and seen[0] is not None and not failed.unread and not _is_of_another(failed, output):
        return Environment(seen[0])
    possible = [python for place in failed.places for python in _possible(place)]
    candidates = tuple(python for python in dict.fromkeys([*seen, *possible]) if python and _may_lack(python, output))
    traced = [python for python in candidates if f'File "{Path(python).parents[1]}/lib/python' in output]
    if len(traced) == 1:
        return Environment(traced[0])
    named = [python for python in candidates if failed.unread and _is_named(python, failed.places)]
    if len(named) == 1:
        return Environment("", tuple(named))
    if len(candidates) == 1 and failed.unread:
        candidates += (_system_python(failed.places[0]),)  # of what is not read this may be all the same
    return Environment("", candidates)


def failed_inside(argv: Sequence[str], cwd: str, env: Mapping[str, str], output: str) -> Failing:
    """Return what failed inside a command; where its text names several, the one in whose file a traceback begins."""
    failed = failing(argv, cwd, env)
    begun = begins_in(without_trailers(output, failed), cwd) if len(failed.places) > 1 and not failed.unread else None
    told = [place for place in failed.places if begun and is_called(begun, place.argv, place.cwd)]
    return Failing((told[0],), bare=False, mixed=True) if len(told) == 1 else failed


def _may_be_redefined(place: Place, failed: Failing) -> bool:
    """Tell whether a shell reads more than its text, which may change what a bare name means in it."""
    reads_more = any(name.startswith(("BASH_ENV", "BASH_FUNC_", "ZDOTDIR")) for name in place.environment)
    in_shell = any(one.argv and program_name(one.argv[0]) in SHELLS for one in failed.around)
    return reads_more and in_shell and "/" not in "".join(place.argv[:1])


def _is_of_another(failed: Failing, output: str) -> bool:
    """Tell whether the traceback that ends an output begins in a program which none of the commands called."""
    places = [place for place in failed.places if place.argv]
    begun = begins_in(without_trailers(output, failed), places[0].cwd) if places else None
    if begun is None or not begun.is_file() or any(program_name(one.argv[0]) == "xargs" for one in failed.around):
        return False  # xargs adds words that are not known
    called = any(is_called(begun, place.argv, place.cwd) for place in places)
    return not called or any(_BECOMES_ANOTHER.search(line) for line in _lines_of(begun))


def _may_lack(python: str, output: str) -> bool:
    """Tell whether an environment may be the one that failed: it does not hold what an error says is missing."""
    found = _MISSING.search(output)
    sites = Path(python).parents[1].glob("lib/python3*/site-packages") if found else ()
    return not any((site / found[1]).is_dir() or (site / f"{found[1]}.py").is_file() for site in sites if found)


def environment_python(argv: Sequence[str], env: Mapping[str, str], cwd: str) -> str:
    """Return the python of the virtual environment that the command runs in; empty where that is none, or not sure."""
    return environment_of(failing(argv, cwd, env)).python


def _is_named(python: str, places: Sequence[Place]) -> bool:
    """Tell whether a text that is not read names a program of an environment; its activation may mean another one."""
    folder = Path(python).parents[1]
    for place in places:
        names = (str(folder), os.path.relpath(folder, place.cwd))
        if any(re.search(rf"(?<![\w./-]){re.escape(name)}/bin/(?!activate)", " ".join(place.argv)) for name in names):
            return True
    return False


def _system_python(place: Place) -> str:
    try:
        return find_program("python3", {"PATH": "/usr/bin:/bin"}, place.cwd)
    except CannotStartError:
        return "/usr/bin/python3"


def _shown(place: Place) -> str | None:
    """Return the python of a command's virtual environment, "" for none; None where the command does not show it."""
    argv, env, cwd = place.argv, place.environment, place.cwd
    if not argv:
        return None
    if place.runner == ANOTHER:
        return None
    if place.runner.startswith(ACTIVE):
        return _venv_python(Path(place.runner.removeprefix(ACTIVE), "bin", "python")) or None
    if place.runner:
        own = project_environment(place.runner, cwd, env, argv)
        return (_venv_python(own / "bin" / "python") or None) if own else None
    try:
        program = Path(find_program(argv[0], env, cwd))
    except CannotStartError:
        called = Path(cwd, argv[0])
        if "/" in argv[0] and called.parent.name == "bin" and (python := _venv_python(called.parent / "python")):
            return python
        # What is missing is looked for where the shell looks: in the active environment, if that is all there is.
        active_one = _active_python(env, cwd)
        return active_one if set(_beside(place)) <= {active_one} else None
    name = program_name(program.name)
    if name in _START_OTHERS or (name == "python" and argv[1:2] == ("-m",) and set(argv[2:3]) & _START_OTHERS):
        return None
    if name == "python":
        return _venv_python(program)
    interpreter = _interpreter(program, env, cwd)
    return None if interpreter is None else _venv_python(interpreter)


def _possible(place: Place) -> Iterator[str]:
    """Yield the pythons of the environments at hand: the active one, and those in the project's own folders."""
    if place.runner == ANOTHER:
        return
    if python := _active_python(place.environment, place.cwd):
        yield python
    yield from _beside(place)


def _beside(place: Place) -> Iterator[str]:
    """Yield the pythons of the environments that a project of the command's folder has."""
    if chosen := place.environment.get("UV_PROJECT_ENVIRONMENT", ""):
        yield _venv_python(Path(project_root(place.cwd) or place.cwd, chosen, "bin", "python"))
    for folder in dict.fromkeys((place.cwd, *_projects_from(place.cwd))):
        for environment in environments_below(folder, _OWN_ENVIRONMENTS):
            if python := _venv_python(f"{environment}/bin/python"):
                yield python


def _projects_from(cwd: str) -> Iterator[str]:
    """Yield the folders at and above `cwd` that are projects, the nearest first, up to the home folder."""
    home, folder = os.environ.get("HOME", ""), str(Path(cwd).absolute())
    while folder not in _SHARED_FOLDERS and folder not in (home, os.path.dirname(folder)):
        if any(os.path.exists(f"{folder}/{mark}") for mark in PROJECT_MARKS):
            yield folder
        folder = os.path.dirname(folder)


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


def _venv_python(python: str | Path) -> str:
    # not resolved: in a virtual environment it is a link to the system's, and the link is what matters
    path = os.path.abspath(python)
    inside = os.path.isfile(f"{os.path.dirname(os.path.dirname(path))}/pyvenv.cfg") and os.access(path, os.X_OK)
    return path if inside else ""


def _lines_of(path: Path) -> list[str]:
    try:
        return read_plain_file(path, _PROGRAM_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return []


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
