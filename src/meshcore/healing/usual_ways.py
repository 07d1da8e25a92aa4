"""A command that is usually typed in another way, by what its own program says of it: no memory is needed."""

from __future__ import annotations

import re

from meshcore.healing.ground import Case, Change
from meshcore.knowledge.corrections import Correction
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import bare
from meshcore.knowledge.spelling import plain_spelling
from meshcore.knowledge.text import word_set

_IS_FOLDER = re.compile(r"(?m)^([ef]?grep): ([^:\n]{1,200}): Is a directory$")
_MODULE = re.compile(r"(?:[A-Za-z_]\w*/)+[A-Za-z_]\w*\.py")


def _search_of_a_folder(case: Case) -> Change | None:
    """What searches files was given a folder."""
    found = _IS_FOLDER.search(case.output)
    for part in case.typed.parts if found else ():
        if found and program_name(part[0]) == found[1] and found[2] in map(bare, part):
            return Correction("", (part[0],), (part[0], "-r")), f"`{found[2]}` is a folder", ""
    return None


def _copy_of_a_folder(case: Case) -> Change | None:
    if "cp: -r not specified; omitting directory" not in case.output:
        return None
    return Correction("", ("cp",), ("cp", "-r")), "it is a folder", ""


def _as_a_module(case: Case) -> Change | None:
    """A file of a package was run as a script, and imports from its package."""
    if "attempted relative import with no known parent package" not in case.output:
        return None
    for part in case.typed.parts:
        at = next((at for at, word in enumerate(part) if at and not word.startswith("-")), 0)
        path = bare(part[at]).removeprefix("./") if at else ""
        if _MODULE.fullmatch(path) and program_name(part[0]).startswith("python") and "-m" not in part[:at]:
            new = ("-m", path.removesuffix(".py").replace("/", "."))
            return Correction(part[at - 1], (part[at],), new), "a file of a package is run as a module", ""
    return None


def _in_an_environment(case: Case) -> Change | None:
    """The system's Python takes no packages from pip: an environment of the project's own does."""
    plain = plain_spelling(case.part)
    if "error: externally-managed-environment" not in case.output or plain[:2] != ("pip", "install"):
        return None
    if len(case.typed.parts) != 1 or case.ground.exists(f"{case.folder}/.venv"):
        return None
    front = ("python3", "-m", "venv", ".venv", "&&", ".", ".venv/bin/activate", "&&")
    return Correction("", (), front, front=True), "this Python is the system's own", " ".join((*front, *plain))


_OF_COMPRESSION = {"gzip: stdin: not in gzip": "z", "not a bzip2 file": "j", "File format not recognized": "J"}


def _archive_as_it_is(case: Case) -> Change | None:
    """An archive is packed otherwise than the letter says; without one, tar sees for itself."""
    letter = next((one for said, one in _OF_COMPRESSION.items() if said in case.output), "")
    for part in case.typed.parts if letter else ():
        options = part[1] if len(part) > 2 else ""
        if (
            program_name(part[0]) == "tar"
            and letter in options
            and "x" in options
            and options.removeprefix("-").isalpha()
        ):
            return Correction(part[0], (options,), (options.replace(letter, ""),)), "tar sees how it is packed", ""
    return None


def _branch_that_is_there(case: Case) -> Change | None:
    """A branch was to be made that exists."""
    found = re.search(r"(?mi)^fatal: a branch named '([\w./-]{1,200})' already exists", case.output)
    for part in case.typed.parts if found else ():
        words = tuple(map(bare, part))
        for verb, option in (("checkout", "-b"), ("switch", "-c")):
            if found and words == ("git", verb, option, found[1]):
                return Correction(verb, (option, part[3]), (part[3],)), f"the branch `{found[1]}` exists", ""
    return None


def _without_a_terminal(case: Case) -> Change | None:
    """A terminal was asked for in a container, and this command has none."""
    if "the input device is not a TTY" not in case.output:
        return None
    for part in case.typed.parts:
        if "compose" in part[:2] or part[0] == "docker-compose":
            if (verb := next((one for one in ("exec", "run") if one in part), "")) and "-T" not in part:
                return Correction(verb, (), ("-T",)), "there is no terminal here", ""
        elif program_name(part[0]) in ("docker", "podman", "nerdctl"):
            for at, word in enumerate(part):
                new = {"-it": ("-i",), "-ti": ("-i",), "-t": (), "--tty": ()}.get(word)
                if at and new is not None:
                    return Correction(part[at - 1], (word,), new), "there is no terminal here", ""
    return None


_OF_LIBRARIES = {
    "-lm": word_set("sqrt pow sin cos tan asin acos atan atan2 exp log log2 log10 floor ceil round fabs fmod hypot"),
    "-lpthread": word_set("pthread_create pthread_join pthread_mutex_lock pthread_mutex_unlock pthread_mutex_init"),
    "-ldl": word_set("dlopen dlsym dlclose dlerror"),
}
"""Functions of POSIX (base specifications, `c99`) that lie in a library of their own, with the option that links it."""


def _library_of_c(case: Case) -> Change | None:
    """All functions that the linker lacks lie in one library of C itself."""
    lacking = set(re.findall(r"undefined reference to [`'‘\"](\w{1,60})['’\"]", case.output))
    option = next((one for one, names in _OF_LIBRARIES.items() if lacking and lacking <= names), "")
    for part in case.typed.parts if option else ():
        if program_name(part[0]) in _COMPILERS and "-c" not in part and option not in part:
            why = f"`{min(lacking)}` lies in a library of its own"
            return Correction(part[-2] if len(part) > 1 else "", part[-1:], (part[-1], option)), why, ""
    return None


_COMPILERS = word_set("gcc cc clang g++ c++ clang++")
_FIRST_BRANCHES = {"master": "main", "main": "master"}


def _first_branch(case: Case) -> Change | None:
    """The first branch goes by the other of its two usual names, and is the one that is worked on."""
    found = re.search(r"(?m)^error: src refspec (master|main) does not match any", case.output)
    other = _FIRST_BRANCHES[found[1]] if found else ""
    if not found or case.ground.read(f"{case.root}/.git/HEAD").strip() != f"ref: refs/heads/{other}":
        return None
    for part in case.typed.parts:
        if part[:2] == ("git", "push") and found[1] in part:
            at = part.index(found[1])
            return Correction(part[at - 1], (found[1],), (other,)), f"the branch here is `{other}`", ""
    return None


USUAL_WAYS = (
    _search_of_a_folder,
    _copy_of_a_folder,
    _as_a_module,
    _in_an_environment,
    _archive_as_it_is,
    _branch_that_is_there,
    _first_branch,
    _without_a_terminal,
    _library_of_c,
)
