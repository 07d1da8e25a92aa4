"""A command that failed because of the program that was meant: another one of this machine does it, or runs it."""

from __future__ import annotations

import os
import re

from meshcore.healing.ground import Case, Change
from meshcore.knowledge.corrections import Correction
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import bare, program_words
from meshcore.knowledge.text import word_set
from meshcore.knowledge.typed import is_set_up

_NOT_FOUND = re.compile(
    r"(?m)command not found: ([\w.+-]{1,40})$|([\w.+-]{1,40}): command not found(?!:)"
    r"|^[\w./-]+: (?:line )?\d+: ([\w.+-]{1,40}): not found$"
    r"|executable file not found in \$PATH: ([\w.+-]{1,40})|^exec: \"?([\w.+-]{1,40})\"?: executable file not found"
)
_ENVIRONMENTS = (".venv/bin", "venv/bin", "env/bin", "node_modules/.bin", "vendor/bin", "bin")
_VENVS = (".venv", "venv", "env")
_SAME = {
    "python": ("python3",),
    "python3": ("python",),
    "pip": ("pip3",),
    "pip3": ("pip",),
    "node": ("nodejs",),
    "fd": ("fdfind",),
}
_PLUGINS = ("/usr/lib/docker", "/usr/libexec/docker", "/usr/local/lib/docker", "/usr/local/libexec/docker")
_PYTHON = re.compile(r"python(?:\d(?:\.\d{1,2})?)?")


def _missing(case: Case, *, sudo: bool = False) -> tuple[str, tuple[str, ...]] | None:
    """Return the program that a shell did not find, with the simple command whose program it is.

    `sudo`: also one that it did not find for `sudo`.
    """
    names = {name for found in _NOT_FOUND.finditer(case.output) for name in found.groups() if name}
    for part in case.typed.parts:
        plain = program_words(part)
        plain = plain[1:] if sudo and plain[0] == "sudo" and len(plain) > 1 else plain
        if plain[0] in names and not is_set_up(part):
            return None if _lacks_script(case, plain) else (plain[0], plain)
    return None


def _lacks_script(case: Case, plain: tuple[str, ...]) -> bool:
    """Tell whether an interpreter is given a file that is not here: under any other name it fails as well."""
    script = next((bare(word) for word in plain[1:] if not word.startswith("-")), "")
    path = os.path.join(case.folder, script)  # noqa: PTH118
    return plain[0] in _SAME and script.endswith((".py", ".js")) and not case.ground.exists(path)


def _of_the_environment(case: Case) -> Change | None:
    """The program lies in the project's own environment."""
    found = _missing(case)
    if found is None:
        return None
    name = found[0]
    for folder in (case.folder, *case.above()):
        for inner in _ENVIRONMENTS:
            if case.ground.program(f"{folder}/{inner}/{name}", folder):
                path = f"{inner}/{name}" if folder == case.folder else f"{folder}/{inner}/{name}"
                return Correction("", (name,), (path,)), f"`{name}` is in `{inner}` of this project", ""
    return None


def _of_another_name(case: Case) -> Change | None:
    """The same program goes by another name here."""
    found = _missing(case)
    if found is None:
        return None
    (name, plain), ground = found, case.ground
    if ground.program(f"{case.folder}/{name}", case.folder):
        return Correction("", (name,), (f"./{name}",)), f"`{name}` lies in this folder", ""
    for other in _SAME.get(name, ()):
        if ground.program(other, case.folder):
            return Correction("", (name,), (other,)), f"this machine has `{other}`, no `{name}`", ""
    if name in ("pip", "pip3") and (python := _python_with(case, "pip")):
        return Correction("", (name,), (python, "-m", "pip")), f"`{python}` has pip", ""
    if name == "sudo" and ground.is_root() and len(plain) > 1 and not plain[1].startswith("-"):
        return Correction("", ("sudo",), ()), "commands run as root here already", ""
    if name == "docker-compose" and ground.program("docker", case.folder):
        home = ground.environment.get("HOME", "")
        for folder in (f"{home}/.docker", *_PLUGINS):
            if ground.exists(f"{folder}/cli-plugins/docker-compose"):
                return Correction("", (name,), ("docker", "compose")), "docker has compose built in here", ""
    return None


_WRAPPED = {"mvnw": "mvn", "gradlew": "gradle"}


def _without_wrapper(case: Case) -> Change | None:
    """The project has no wrapper that brings its build program, and this machine has the program itself."""
    for part in case.typed.parts:
        word = program_words(part)[0]
        name = word.removeprefix("./")
        program = _WRAPPED.get(name, "")
        if not program or not case.ground.program(program, case.folder):
            continue
        if not re.search(rf"(?m)(?:^|[\s/]){name}: (?:No such file|(?:command )?not found)", case.output):
            continue
        if not any(case.ground.exists(f"{folder}/{name}") for folder in (case.folder, *case.above())):
            return (
                Correction("", (word,), (program,)),
                f"this project has no `{name}`, this machine has `{program}`",
                "",
            )
    return None


def _python_with(case: Case, module: str) -> str:
    """Return which of the machine's own interpreters has a module, "" for none."""
    for name in ("python3", "python"):
        path = case.ground.program(name, case.folder)
        if path and any(case.ground.exists(f"{folder}/{module}") for folder in _packages(case, os.path.realpath(path))):
            return name
    return ""


def _packages(case: Case, interpreter: str) -> list[str]:
    """Return the folders in which an interpreter looks for what was installed."""
    prefix = os.path.dirname(os.path.dirname(interpreter))  # noqa: PTH120
    found = [f"{prefix}/lib/python3/dist-packages"]
    for name in case.ground.names(f"{prefix}/lib"):
        if _PYTHON.fullmatch(name):
            found += [f"{prefix}/lib/{name}/site-packages", f"{prefix}/lib/{name}/dist-packages"]
    return found


# --- a service without systemd ----------------------------------------------------------------------------------------

_VERBS = word_set("start stop restart reload status")


def _service(case: Case) -> Change | None:
    """There is no systemd, and the service has a script of its own."""
    if "systemctl" not in case.output and "been booted with systemd" not in case.output:
        return None
    for part in case.typed.parts:
        words = tuple(word for word in program_words(part) if word != "sudo")
        if len(words) == 3 and words[0] == "systemctl" and words[1] in _VERBS:
            name = words[2].removesuffix(".service")
            if case.ground.exists(f"/etc/init.d/{name}") and case.ground.program("service", case.folder):
                change = Correction("", words, ("service", name, words[1]))
                return change, "this machine runs no systemd", ""
    return None


# --- a module ---------------------------------------------------------------------------------------------------------

_NO_MODULE = re.compile(r"No module named '?([A-Za-z_]\w{0,60})(?:[.\w]{0,60})?'?")


def _module(case: Case) -> Change | None:
    """A module that the interpreter lacks: the project's environment has it, or it is the project's own."""
    names = _NO_MODULE.findall(case.output)
    plain, ground = case.part, case.ground
    if not names or not plain or any(word.startswith("PYTHONPATH=") for word in case.typed.words):
        return None
    name, program = names[-1], program_name(plain[0])
    is_python = _PYTHON.fullmatch(program) is not None
    if is_python and not set(_VENVS) & set(plain[0].split("/")):
        for folder in (case.folder, *case.above()):
            for venv in _VENVS:
                python = f"{folder}/{venv}/bin/python"
                if ground.program(python, folder) and _has(case, _packages(case, python), name):
                    path = f"{venv}/bin/python" if folder == case.folder else python
                    return (
                        Correction("", (plain[0],), (path,)),
                        f"`{name}` is installed in `{venv}` of this project",
                        "",
                    )
    own = [folder for folder in ("", "src/") if _has(case, [f"{case.folder}/{folder}".rstrip("/")], name)]
    if own == [""] and program in ("pytest", "py.test") and plain[0] == program:
        python = next((one for one in ("python", "python3") if ground.program(one, case.folder)), "")
        change = Correction("", (plain[0],), (python, "-m", "pytest"))
        return (change, f"`{name}` is in this folder, which pytest alone does not look in", "") if python else None
    script = next((bare(word) for word in plain[1:] if not word.startswith("-")), "")
    runs_script = (is_python or program.endswith(".py")) and not {"-m", "-c"} & set(plain)
    script = plain[0] if program.endswith(".py") else script
    aside = "/" in script.removeprefix("./")
    if len(own) == 1 and runs_script and (aside or own == ["src/"]):
        front: tuple[str, ...] = (f"PYTHONPATH={own[0].rstrip('/') or '.'}",)
        return Correction("", (), front, front=True), f"`{name}` is in `{own[0] or './'}`", ""
    if not own and is_python and not runs_script:
        places = [folder for folder in case.below() if _has(case, [folder], name)]
        if len(places) == 1:
            front = ("cd", places[0], "&&")
            return Correction("", (), front, front=True), f"`{name}` is there", f"cd {places[0]} && {case.typed.text}"
    return None


def _has(case: Case, folders: list[str], module: str) -> bool:
    return any(
        case.ground.exists(f"{folder}/{module}/__init__.py") or case.ground.exists(f"{folder}/{module}.py")
        for folder in folders
    )


# --- a script that may not be executed --------------------------------------------------------------------------------

_SHELLS = word_set("sh bash zsh dash python python3 node ruby perl")


def _of_an_interpreter(case: Case) -> Change | None:
    """A script without the right to be executed names what runs it."""
    if "permission denied" not in case.output.lower():
        return None
    for part in case.typed.parts:
        word = program_words(part)[0]
        path = os.path.join(case.folder, bare(word))  # noqa: PTH118
        if (
            "/" not in word
            or bare(word) not in case.output
            or not case.ground.exists(path)
            or case.ground.program(path, "/")
        ):
            continue
        first = case.ground.read(path)[:200].partition("\n")[0]
        names = [name.rpartition("/")[2] for name in first.removeprefix("#!").split()] if first.startswith("#!") else []
        name = next((one for one in names if one != "env"), "")
        if name in _SHELLS and case.ground.program(name, case.folder):
            return Correction("", (word,), (name, word)), f"the file may not be executed; it is a script of {name}", ""
    return None


_SHORTEST = 3  # letters of a name of which two may be in the wrong order
_LONG = 5  # letters of a name of which one may be wrong, too many or absent


_SLIPS_OF_TWO = {"sl": "ls"}


def _run_together(case: Case) -> Change | None:
    """No such program: one of this machine and what belongs behind it lack the space between them."""
    found = _missing(case)
    if found is None:
        return None
    name = found[0]
    if re.fullmatch(r"cd\.{1,2}", name):
        return Correction("", (name,), ("cd", name[2:])), "a space is lacking", ""
    from meshcore.knowledge.subcommands import programs, subcommands

    glued = [(name[:at], name[at:]) for at in range(2, len(name) - 1)] if name not in programs() else []
    pairs = {
        (program, rest if rest[:1] != "-" or rest[1:] not in subcommands((program,)) else rest[1:])
        for program, rest in glued
        if rest.lstrip("-_") in subcommands((program,)) or (rest[:1] == "-" and program in _TAKE_LETTERS)
    }
    program, rest = next(iter(pairs)) if len(pairs) == 1 else ("", "")
    if not program or not case.ground.program(program, case.folder):
        return None
    return Correction("", (name,), (program, rest.lstrip("_"))), f"this machine has `{program}`, no `{name}`", ""


_TAKE_LETTERS = word_set("ls cp rm mkdir grep tar df du ps cat sort head tail wc chmod chown ln touch")


def _sign_of_a_prompt(case: Case) -> Change | None:
    """The sign of a prompt was copied with the command."""
    words = case.typed.words
    if words[:1] != ("$",) or len(words) < 2 or not re.search(r"\$: (?:command )?not found|not found: \$", case.output):
        return None
    return Correction("", ("$",), ()), "the sign of a prompt is no part of it", " ".join(words[1:])


def _misspelt(case: Case) -> Change | None:
    """No such program, and one of this machine differs from it by a slip of a finger."""
    found = _missing(case, sudo=True)
    if found is None or (len(found[0]) < _SHORTEST and found[0] not in _SLIPS_OF_TWO):
        return None
    name = found[0]
    near: set[str] = {_SLIPS_OF_TWO[name]} if name in _SLIPS_OF_TWO else set()
    for folder in case.ground.environment.get("PATH", "").split(":"):
        if folder.startswith("/"):
            near |= {one for one in case.ground.names(folder) if _is_a_slip(name, one)}
    other = near.pop() if len(near) == 1 else ""
    if not other or not case.ground.program(other, case.folder):
        return None
    front = "sudo" if "sudo" in case.part[:1] else ""
    return Correction(front, (name,), (other,)), f"this machine has `{other}`, no `{name}`", ""


def _is_a_slip(typed: str, meant: str) -> bool:
    """Tell whether two neighbouring letters changed places, or behind its first a long name has one too many or few."""
    if typed == meant or abs(len(typed) - len(meant)) > 1:
        return False
    front = next(
        (at for at, (a, b) in enumerate(zip(typed, meant, strict=False)) if a != b), min(len(typed), len(meant))
    )
    rest, other = typed[front:], meant[front:]
    if len(typed) == len(meant):
        return rest[:2].isalpha() and rest[:2] == other[1::-1] and rest[2:] == other[2:] and len(rest) > 1
    longer, shorter = (rest, other) if len(rest) > len(other) else (other, rest)
    return front > 0 and min(len(typed), len(meant)) >= _LONG and longer[:1].isalpha() and longer[1:] == shorter


PROGRAM_RULES = (
    _of_the_environment,
    _of_another_name,
    _without_wrapper,
    _sign_of_a_prompt,
    _run_together,
    _misspelt,
    _service,
    _module,
    _of_an_interpreter,
)
