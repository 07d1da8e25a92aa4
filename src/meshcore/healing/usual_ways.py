"""A command that is usually typed in another way, by what its own program says of it: no memory is needed."""

from __future__ import annotations

import os
import re

from meshcore.healing.ground import Case, Change
from meshcore.knowledge.corrections import Correction
from meshcore.knowledge.missing import SPEAKING
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import bare, program_words
from meshcore.knowledge.spelling import plain_spelling
from meshcore.knowledge.text import word_set

_MODULE = re.compile(r"(?:[A-Za-z_]\w*/)+[A-Za-z_]\w*\.py")
_OF_A_FOLDER = "it is a folder"
_LACKING = (
    ("grep egrep fgrep", "", r"^[ef]?grep: ([^:\n]{1,200}): Is a directory$", "-r", _OF_A_FOLDER),
    ("cp", "", r"^cp: (?:-r not specified; )?omitting directory ['‘`]?([^\n'’]{1,200}?)['’]?$", "-r", _OF_A_FOLDER),
    ("cp", "", r"^cp: ([^\n]{1,200}) is a directory \(not copied\)", "-r", _OF_A_FOLDER),
    ("scp", "", r"^(?:scp: )?([^:\n]{1,200}): not a regular file$", "-r", _OF_A_FOLDER),
    ("git", "rm", r"^fatal: not removing '([^'\n]{1,200})' recursively without -r", "-r", _OF_A_FOLDER),
    ("ln", "", r"^ln: ['‘]?([^:\n'’]{1,200})['’]?: hard link not allowed for directory", "-s", _OF_A_FOLDER),
    ("mkdir", "", r"^mkdir: (?:cannot create directory )?['‘]?([^:\n'’]{1,200})['’]?: No such file", "-p",
     "a folder above it is not there"),
    ("ag", "", r"If you meant to search for a literal string, run ag with -Q$", "-Q", "ag says so"),
    ("git", "diff", r"^usage: git diff \[?--no-index\b", "--no-index", "this is no repository"),
    ("git", "commit", r"^no changes added to commit .{0,40}\"git commit -a\"", "-a", "git says so"),
)  # fmt: skip
"""An option that a program wants for what it says of a word of its command: programs, verb, words, option, reason."""


def _lacking(case: Case) -> Change | None:
    """The program does it with one more option."""
    for part in case.typed.parts:
        plain = program_words(part)
        plain = plain[1:] if plain[0] == "sudo" and len(plain) > 1 else plain
        verb = plain[1] if len(plain) > 1 else ""
        for programs, wanted, said, option, why in _LACKING:
            if program_name(plain[0]) not in programs.split() or wanted not in ("", verb) or option in plain:
                continue
            found = re.search(said, case.output, re.M)
            named = (found[1] if found.groups() else "") if found else ""
            if found and (not named or any(_is_in(bare(word), named) for word in plain[1:])):
                return Correction(wanted or plain[0], (), (option,)), why, ""
    return None


def _is_in(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or lies in it, however they end."""
    return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def _pattern_behind_the_path(case: Case) -> Change | None:
    """What searches was given a path as its pattern: it is there, and what stands in the place of a path is not."""
    found = re.search(r"(?m)^[ef]?grep: ([^:\n]{1,200}): No such file or directory$", case.output)
    part = case.part
    at = [i for i, word in enumerate(part) if i and not word.startswith("-")]
    if not found or program_name(part[0]) not in _GREPS or len(at) != 2 or len(case.typed.parts) > 1:
        return None
    path, pattern = (bare(part[i]) for i in at)
    if pattern != found[1] or case.ground.exists(f"{case.folder}/{pattern}"):
        return None
    if not case.ground.exists(os.path.join(case.folder, path)):  # noqa: PTH118
        return None
    words = [word for i, word in enumerate(part) if i != at[0]]
    words.append(part[at[0]])
    return Correction("", part, tuple(words)), f"`{path}` is the path here, not the pattern", " ".join(words)


_GREPS = word_set("grep egrep fgrep rg ag")


def _end_of_a_substitution(case: Case) -> Change | None:
    """The command that sed was given lacks its last delimiter."""
    if "unterminated `s' command" not in case.output:
        return None
    for part in case.typed.parts:
        for at, word in enumerate(part):
            quote = word[-1] if word[:1] in ("'", '"') and word[-1:] == word[:1] and len(word) > 1 else ""
            text = word[1:-1] if quote else word
            found = re.fullmatch(r"s([/|,#@!])(?:(?!\1).){1,200}\1(?:(?!\1).){0,200}", text)
            if at and program_name(part[0]) == "sed" and found and not text.endswith("\\"):
                return Correction(part[at - 1], (word,), (f"{quote}{text}{found[1]}{quote}",)), "it ends so", ""
    return None


def _another_quote(case: Case) -> Change | None:
    """What is quoted begins with one sign and ends with the other."""
    text = case.command
    open_end = "looking for matching" in case.output or "nmatched" in case.output or "nterminated quoted" in case.output
    if not open_end or (text.count("'"), text.count('"')) != (1, 1) or "\\" in text or "$" in text or "`" in text:
        return None
    whole = text.replace("'", '"')
    return Correction("", case.typed.words, (whole,)), "its quotes are not the same", whole


def _space_that_is_none(case: Case) -> Change | None:
    """A space that does not break stands between words, and the shell takes it for a letter."""
    whole = case.command.replace("\u00a0", " ")
    if whole == case.command or "not found" not in case.output:
        return None
    return Correction("", case.typed.words, (whole,)), "a space of it is one that joins words", whole


def _said_twice(case: Case) -> Change | None:
    """The beginning of a command was typed, or copied, a second time."""
    part = case.part
    for size in (2, 1):
        begun = part[:size]
        if len(part) > 2 * size and begun == part[size : 2 * size] and begun[-1][:1] != "-":
            named = f"'{part[0]}' is not a " in case.output or "oo many arguments" in case.output
            if named and program_name(part[0]) in SPEAKING:
                words = " ".join(part[size:])
                return Correction(part[0], begun, ()), "it is typed twice", words if len(case.typed.parts) == 1 else ""
    return None


def _verb_behind_the_unit(case: Case) -> Change | None:
    """`systemctl` wants the verb first."""
    found = re.search(r"(?m)^Unknown (?:operation|command verb) '?([\w@.:-]{1,100}?)'?\.$", case.output)
    if not found:
        return None
    from meshcore.knowledge.subcommands import subcommands

    for part in case.typed.parts:
        words = tuple(word for word in program_words(part) if word != "sudo")
        is_turned = words[:1] == ("systemctl",) and len(words) == 3 and words[1] == found[1]
        if is_turned and words[2] in subcommands(words[:1]):
            return Correction("systemctl", words[1:], (words[2], words[1])), "its verb comes first", ""
    return None


_IN_THE_CACHE = word_set("search show showpkg showsrc policy depends rdepends madison pkgnames")


def _of_apts_cache(case: Case) -> Change | None:
    """What looks into apt's lists is another program."""
    found = re.search(r"(?m)^E: Invalid operation (\w{1,40})$", case.output)
    for part in case.typed.parts if found else ():
        if found and "apt-get" in part[:2] and found[1] in part and found[1] in _IN_THE_CACHE:
            front = part[: part.index("apt-get") + 1]
            return Correction("", front, ("apt-cache",)), "apt-get has no such verb, apt-cache has", ""
    return None


_CLASS = re.compile(r"[A-Za-z_]\w{0,60}")


def _class_of_java(case: Case) -> Change | None:
    """Java runs a class by its name, and its compiler reads the file of one."""
    ran = re.search(r"Could not find or load main class ([\w./]{1,80})\.java\b", case.output)
    compiled = re.search(
        r"^error: Class names, '(\w{1,60})', are only accepted if annotation processing", case.output, re.M
    )
    for part in case.typed.parts:
        if ran and program_name(part[0]) == "java" and f"{ran[1]}.java" in part:
            at = part.index(f"{ran[1]}.java")
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


def _not_as_root(case: Case) -> Change | None:
    """A program refuses to run as root."""
    said = re.search(
        r"(?i)\b(?:cannot|can't|do not|don't|must not|should not|refus\w+ to) [^\n]{0,60}\bas root\b", case.output
    )
    part = case.part
    if not said or len(case.typed.parts) != 1 or part[:1] != ("sudo",) or len(part) < 2 or part[1].startswith("-"):
        return None
    return Correction("", ("sudo",), ()), "it refuses to run as root", " ".join(part[1:])


def _memory_of_node(case: Case) -> Change | None:
    """The limit of V8 was reached, which is far below what machines have."""
    said = "JavaScript heap out of memory" in case.output
    if not said or len(case.typed.parts) != 1 or any("max-old-space-size" in word for word in case.typed.words):
        return None
    front = ("NODE_OPTIONS=--max-old-space-size=4096",)
    return Correction("", (), front, front=True), "node's own limit was reached", " ".join((*front, *case.typed.words))


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


# --- git --------------------------------------------------------------------------------------------------------------


def _remote_to_add(case: Case) -> Change | None:
    """The address of a remote was to be changed that is not there."""
    found = re.search(r"(?mi)^(?:error|fatal): No such remote:? '?([\w./-]{1,60})", case.output)
    for part in case.typed.parts if found else ():
        if found and len(part) == 5 and part[:4] == ("git", "remote", "set-url", found[1]):
            return Correction("remote", ("set-url",), ("add",)), f"there is no remote `{found[1]}`", ""
    return None


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


# --- Python -----------------------------------------------------------------------------------------------------------


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


def _through_bundler(case: Case) -> Change | None:
    """Another version of a gem is active than the project asks for."""
    said = "Prepending `bundle exec` to your command may solve this" in case.output
    if not said or len(case.typed.parts) != 1 or case.part[:1] == ("bundle",):
        return None
    front = ("bundle", "exec")
    return Correction("", (), front, front=True), "the program says so", " ".join((*front, *case.typed.words))


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


# --- others -----------------------------------------------------------------------------------------------------------


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


def _another_archive(case: Case) -> Change | None:
    """What unpacks archives of one kind was given one of the other."""
    part = case.part
    names = [bare(word) for word in part[1:] if re.search(r"\.(?:zip|tar(?:\.\w{1,4})?|tgz)['\"]?$", word)]
    if len(names) != 1 or len(case.typed.parts) != 1 or not _PLAIN_NAME.fullmatch(names[0]):
        return None
    is_zip = names[0].endswith(".zip")
    plain = all(
        word[:1] == "-" or bare(word) == names[0] or (at == 0 and "x" in word) for at, word in enumerate(part[1:])
    )
    if is_zip and part[0] == "tar" and plain and "does not look like a tar archive" in case.output:
        new: tuple[str, ...] = ("unzip", names[0])
    elif not is_zip and part[0] == "unzip" and len(part) == 2 and "End-of-central-directory" in case.output:
        new = ("tar", "xf", names[0])
    else:
        return None
    return Correction("", part, new), f"`{names[0]}` is an archive of the other kind", " ".join(new)


_PLAIN_NAME = re.compile(r"[\w@%+:,./-]+")


def _setting_without_spaces(case: Case) -> Change | None:
    """A variable is set without spaces around the sign."""
    front = ("export",) if case.typed.words[:1] == ("export",) else ()
    words = case.typed.words[len(front) :]
    if len(words) != 3 or words[1] != "=" or not re.fullmatch(r"[A-Za-z_]\w{0,60}", words[0]):
        return None
    if f"{words[0]}: command not found" not in case.output and "not a valid identifier" not in case.output:
        return None
    whole = " ".join((*front, f"{words[0]}={words[2]}"))
    return Correction("", case.typed.words, (whole,)), "no space stands around the sign", whole


def _version_of_a_package(case: Case) -> Change | None:
    """Pip wants two signs in front of a version."""
    if "= is not a valid operator. Did you mean == ?" not in case.output:
        return None
    for part in case.typed.parts:
        for at, word in enumerate(part):
            if at and re.fullmatch(r"['\"]?[\w.-]{1,80}=\d[\w.]{0,30}['\"]?", word):
                return Correction(part[at - 1], (word,), (word.replace("=", "=="),)), "pip says so", ""
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


USUAL_WAYS = (
    _lacking,
    _pattern_behind_the_path,
    _end_of_a_substitution,
    _another_archive,
    _setting_without_spaces,
    _version_of_a_package,
    _another_quote,
    _space_that_is_none,
    _said_twice,
    _verb_behind_the_unit,
    _of_apts_cache,
    _class_of_java,
    _name_without_its_ending,
    _standard_of_cpp,
    _not_as_root,
    _memory_of_node,
    _namespace_to_make,
    _database_to_make,
    _option_before_names,
    _remote_to_add,
    _others_work_first,
    _branch_to_follow,
    _tables_of_django,
    _through_bundler,
    _context_of_a_build,
    _shell_of_a_container,
    _as_a_module,
    _in_an_environment,
    _archive_as_it_is,
    _branch_that_is_there,
    _first_branch,
    _without_a_terminal,
    _library_of_c,
)
