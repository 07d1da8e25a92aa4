"""A command that is usually typed in another way, by what a developer's tool says of it: git, languages, services."""

from __future__ import annotations

import os
import re

from meshcore.healing.ground import Case, Change
from meshcore.knowledge.corrections import Correction
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import bare, program_words
from meshcore.knowledge.slips import closest
from meshcore.knowledge.text import word_set

# --- git --------------------------------------------------------------------------------------------------------------


def _option_before_names(case: Case) -> Change | None:
    """Git reads no option behind the name of a file."""
    found = re.search(
        r"(?m)^fatal: (?:bad flag '(-[\w-]{1,40})' used after filename"
        r"|option '(-[\w-]{1,40})' must come before non-option arguments)",
        case.output,
    )
    option = next(filter(None, found.groups()), "") if found else ""
    part = case.part
    if not option or part[:1] != ("git",) or option not in part[3:] or len(case.typed.parts) != 1:
        return None
    at = part.index(option)
    words = [*part[: at - 1], option, part[at - 1], *part[at + 1 :]]
    return (
        Correction(part[at - 2], (part[at - 1], option), (option, part[at - 1])),
        "options come first",
        " ".join(words),
    )


def _others_work_first(case: Case) -> Change | None:
    """A push was rejected since the remote holds what is not here; git itself names `git pull`."""
    if "(fetch first)" not in case.output or "'git pull ...'" not in case.output or len(case.typed.parts) != 1:
        return None
    words = [word for word in case.part[2:] if word not in ("-u", "--set-upstream")]
    if case.part[:2] != ("git", "push") or len(words) > 2 or any(word[:1] in "-+" or ":" in word for word in words):
        return None
    front = ("git", "pull", *words, "&&")
    whole = " ".join((*front, *case.part))
    return Correction("", (), front, front=True), "the remote holds what is not here; git names it", whole


def _branch_to_follow(case: Case) -> Change | None:
    """A pull of a branch that follows none: git names the remote and the branch, and theirs is called the same."""
    found = re.search(
        r"git branch --set-upstream-to=([\w.-]{1,60}|<remote>)/<branch> ([\w./-]{1,200})$", case.output, re.M
    )
    if not found or case.part != ("git", "pull") or len(case.typed.parts) != 1:
        return None
    remote = "origin" if found[1] == "<remote>" else found[1]  # of another name git says that there is none
    front = ("git", "branch", f"--set-upstream-to={remote}/{found[2]}", found[2], "&&")
    return Correction("", (), front, front=True), f"`{found[2]}` follows no branch", " ".join((*front, "git", "pull"))


def _branch_without_slip(case: Case) -> Change | None:
    """A branch that is asked for is not there, and one of the repository's has that name but for a slip."""
    found = re.search(
        r"(?m)^(?:error: pathspec '([\w./-]{3,200})' did not match|fatal: invalid reference: ([\w./-]{3,200})$"
        r"|merge: ([\w./-]{3,200}) - not something we can merge$|error: src refspec ([\w./-]{3,200}) does not match any"
        r"|fatal: invalid upstream '([\w./-]{3,200})')",
        case.output,
    )
    name = next(filter(None, found.groups()), "") if found else ""
    heads = f"{case.root}/.git/refs/heads"
    names = case.ground.names(heads) if name else []
    branches = {f"{one}/{inner}" for one in names for inner in case.ground.names(f"{heads}/{one}")} | set(names)
    branches |= set(
        re.findall(r"(?m)^[0-9a-f]{40} refs/heads/(\S{1,200})$", case.ground.read(f"{case.root}/.git/packed-refs"))
    )
    meant = closest(name, branches) if name not in branches else ""
    for part in case.typed.parts if meant else ():
        if part[0] == "git" and part[1:2] and part[1] in _OF_BRANCHES and name in part[2:] and "-b" not in part:
            at = part.index(name, 2)
            return Correction(part[at - 1], (name,), (meant,)), f"the branch here is `{meant}`", ""
    return None


_OF_BRANCHES = word_set("checkout switch merge rebase push cherry-pick log diff")
_FIRST_BRANCHES = {"master": "main", "main": "master"}


def _first_branch(case: Case) -> Change | None:
    """The first branch goes by the other of its two usual names: it is worked on, or asked for."""
    found = re.search(
        r"(?m)^error: (?:src refspec (master|main) does not match any|pathspec '(master|main)' did not match)",
        case.output,
    )
    name = next(filter(None, found.groups()), "") if found else ""
    other = _FIRST_BRANCHES.get(name, "")
    verbs = ("push",) if found and found[1] else ("checkout", "switch")
    is_here = case.ground.read(f"{case.root}/.git/HEAD").strip() == f"ref: refs/heads/{other}"
    if verbs != ("push",):
        is_here = case.ground.exists(f"{case.root}/.git/refs/heads/{other}")
    for part in case.typed.parts if other and is_here else ():
        if part[0] == "git" and part[1:2] and part[1] in verbs and name in part and "-b" not in part:
            at = part.index(name)
            return Correction(part[at - 1], (name,), (other,)), f"the branch here is `{other}`", ""
    return None


# --- languages --------------------------------------------------------------------------------------------------------


_MODULE = re.compile(r"(?:[A-Za-z_]\w*/)+[A-Za-z_]\w*\.py")


_CLASS = re.compile(r"[A-Za-z_]\w{0,60}")


def _class_of_java(case: Case) -> Change | None:
    """Java runs a class by its name, and its compiler reads the file of one."""
    ran = re.search(r"Could not find or load main class ([\w./]{1,80})\.(java|class)\b", case.output)
    compiled = re.search(
        r"^error: Class names, '(\w{1,60})', are only accepted if annotation processing", case.output, re.M
    )
    for part in case.typed.parts:
        if ran and program_name(part[0]) == "java" and f"{ran[1]}.{ran[2]}" in part:
            at = part.index(f"{ran[1]}.{ran[2]}")
            return Correction(part[at - 1], (part[at],), (ran[1],)), "java wants the class, not its file", ""
        if compiled and program_name(part[0]) == "javac" and compiled[1] in part:
            at = part.index(compiled[1])
            return Correction(part[at - 1], (part[at],), (f"{compiled[1]}.java",)), "javac wants the file", ""
    return None


def _name_without_its_ending(case: Case) -> Change | None:
    """A program that runs a file was given its name without the ending, and that file is here."""
    absent = re.search(
        r"can't open file '([^'\n]{1,200})': \[Errno 2\]|Cannot find module '([^'\n]{1,200})'"
        r"|[Pp]ackage ([\w./-]{1,100}) is not in (?:std|GOROOT)"
        r"|No such file or directory -- ([\w./-]{1,200}) \(LoadError\)",
        case.output,
    )
    name = os.path.basename(next(filter(None, absent.groups()))) if absent else ""  # noqa: PTH119
    for part in case.typed.parts if name else ():
        ending = _ENDINGS.get(program_name(program_words(part)[0]), "")
        for at, word in enumerate(part):
            is_meant = at and ending and os.path.basename(bare(word)) == name and "." not in name  # noqa: PTH119
            if is_meant and case.ground.exists(os.path.join(case.folder, bare(word) + ending)):  # noqa: PTH118
                return Correction(part[at - 1], (word,), (word + ending,)), f"`{name}{ending}` is here", ""
    return None


_ENDINGS = {"python": ".py", "go": ".go", "ruby": ".rb", "node": ".mjs", "bash": ".sh", "sh": ".sh"}


def _standard_of_cpp(case: Case) -> Change | None:
    """The compiler names the option by which it reads a newer standard."""
    found = re.search(r"must be enabled with the (-std=c\+\+\d\d)\b", case.output)
    for part in case.typed.parts if found else ():
        if found and program_name(part[0]) in _COMPILERS and not any(word.startswith("-std=") for word in part):
            return Correction(part[-2] if len(part) > 1 else "", part[-1:], (part[-1], found[1])), "it says so", ""
    return None


def _tables_of_django(case: Case) -> Change | None:
    """The database lacks the tables of a project whose own program makes them."""
    said = re.search(r"django\.db\.utils\.OperationalError: no such table: \w", case.output)
    for part in case.typed.parts if said else ():
        at = next((i for i, word in enumerate(part) if program_name(word) == "manage.py"), -1)
        if at >= 0 and part[at + 1 :] and part[at + 1] not in ("migrate", "makemigrations", "test"):
            front = (*part[: at + 1], "migrate", "&&")
            return (
                Correction("", (), front, front=True),
                "its tables are not made",
                " ".join((*front, *case.typed.words)),
            )
    return None


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


def _started_container(case: Case) -> Change | None:
    """A command was to run in a container that does not run."""
    said = re.search(r"Error response from daemon: (?:[Cc]ontainer )\S{1,100} is not running", case.output)
    part = case.part
    if not said or len(case.typed.parts) != 1 or part[:2] not in (("docker", "exec"), ("podman", "exec")):
        return None
    names = [word for word in part[2:] if word not in ("-it", "-ti", "-i", "-t")]
    if not names or names[0].startswith("-") or not re.fullmatch(r"[\w.-]{1,100}", names[0]):
        return None
    front = (part[0], "start", names[0], "&&")
    return Correction("", (), front, front=True), f"`{names[0]}` does not run", " ".join((*front, *case.typed.words))


_OF_LIBRARIES = {
    "-lm": word_set("sqrt pow sin cos tan asin acos atan atan2 exp log log2 log10 floor ceil round fabs fmod hypot"),
    "-lpthread": word_set("pthread_create pthread_join pthread_mutex_lock pthread_mutex_unlock pthread_mutex_init"),
    "-ldl": word_set("dlopen dlsym dlclose dlerror"),
}
"""Functions of POSIX (base specifications, `c99`) that lie in a library of their own, with the option that links it."""


def _library_of_c(case: Case) -> Change | None:
    """All functions that the linker lacks lie in one library of C itself, or libraries stand before what needs them."""
    if "undefined reference to" in case.output and len(case.typed.parts) == 1:
        part, early = case.part, _libraries_before_sources(case.part)
        if early and part == case.typed.parts[0]:
            words = (*(word for word in part if word not in early), *early)
            return Correction("", part, words), "a linker looks for what it lacks so far", " ".join(words)
    lacking = set(re.findall(r"undefined reference to [`'‘\"](\w{1,60})['’\"]", case.output))
    option = next((one for one, names in _OF_LIBRARIES.items() if lacking and lacking <= names), "")
    for part in case.typed.parts if option else ():
        if program_name(part[0]) in _COMPILERS and "-c" not in part and option not in part:
            why = f"`{min(lacking)}` lies in a library of its own"
            return Correction(part[-2] if len(part) > 1 else "", part[-1:], (part[-1], option)), why, ""
    return None


_COMPILERS = word_set("gcc cc clang g++ c++ clang++")


def _libraries_before_sources(part: tuple[str, ...]) -> list[str]:
    """Return the libraries of a compiler's command if all of them stand before every file that is to be linked."""
    if program_name(part[0]) not in _COMPILERS or "-c" in part:
        return []
    libraries = [at for at, word in enumerate(part) if re.fullmatch(r"-l[\w+.-]{1,60}", word)]
    files = [at for at, word in enumerate(part) if re.search(r"\w\.(?:c|cc|cpp|cxx|o|a|s)$", word)]
    return [part[at] for at in libraries] if libraries and files and max(libraries) < min(files) else []


# --- containers and servers -------------------------------------------------------------------------------------------


def _namespace_to_make(case: Case) -> Change | None:
    """What is applied belongs into a namespace that is not there."""
    found = re.search(r"error when creating .{1,200}: namespaces \"([a-z0-9-]{1,63})\" not found", case.output)
    part = case.part
    if (
        not found
        or len(case.typed.parts) != 1
        or part[:1] != ("kubectl",)
        or part[1:2] not in (("apply",), ("create",))
    ):
        return None
    if any(word.startswith(("--context", "--kubeconfig", "--cluster")) for word in part):
        return None  # of which the new command would have to know
    front = ("kubectl", "create", "namespace", found[1], "&&")
    return Correction("", (), front, front=True), "there is no such namespace", " ".join((*front, *part))


def _database_to_make(case: Case) -> Change | None:
    """A database that the command names is not there, on the server that it names."""
    found = re.search(r'FATAL: +database "([a-z_][a-z0-9_]{0,62})" does not exist', case.output)
    part = case.part
    if not found or len(case.typed.parts) != 1 or part[:1] != ("psql",):
        return None
    words = list(map(bare, part[1:]))
    rest = [word for word in words if word not in ("-d", found[1], "--dbname", f"--dbname={found[1]}")]
    server = [one for at in range(0, len(rest), 2) for one in rest[at : at + 2] if rest[at] in ("-h", "-p", "-U")]
    if found[1] not in words and f"--dbname={found[1]}" not in words:
        return None
    if server != rest:
        return None  # what else is asked for may be about another one
    front = ("createdb", *server, found[1], "&&")
    return Correction("", (), front, front=True), f"there is no database `{found[1]}`", " ".join((*front, *part))


def _context_of_a_build(case: Case) -> Change | None:
    """An image is built from a folder, which was not named."""
    said = re.search(r"docker (?:buildx )?build['\"]? requires (?:exactly )?1 arg", case.output)
    for part in case.typed.parts if said else ():
        if program_name(part[0]) in ("docker", "podman") and "build" in part[1:3] and "." not in part and len(part) > 3:
            return Correction(part[-2], part[-1:], (part[-1], ".")), "it builds from a folder, mostly this one", ""
    return None


def _shell_of_a_container(case: Case) -> Change | None:
    """The image has no bash; each that has a shell has sh."""
    said = re.search(
        r"exec: \"(?:/bin/)?bash\": (?:executable file not found|stat /bin/bash: no such file)", case.output
    )
    for part in case.typed.parts if said else ():
        if program_name(part[0]) in ("docker", "podman", "kubectl", "docker-compose") and part[-1] in (
            "bash",
            "/bin/bash",
        ):
            return Correction(part[-2], part[-1:], ("sh",)), "the image has no bash", ""
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


WAYS_OF_TOOLS = (
    _started_container,
    _class_of_java,
    _name_without_its_ending,
    _standard_of_cpp,
    _namespace_to_make,
    _database_to_make,
    _option_before_names,
    _others_work_first,
    _branch_to_follow,
    _tables_of_django,
    _context_of_a_build,
    _shell_of_a_container,
    _as_a_module,
    _first_branch,
    _branch_without_slip,
    _without_a_terminal,
    _library_of_c,
)
