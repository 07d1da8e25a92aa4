"""What a command does to the world, as far as its words show: it looks, writes a file, checks, shares, or acts.

Only an act can be a fix. Writing files is the agent's own work, whatever it is written with; looking, building, testing
and trying again change nothing; committing and pushing share what was done.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meshcore.knowledge.kinds import is_check
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import parts_of, program_words, words_and_operators
from meshcore.knowledge.text import word_set
from meshcore.knowledge.typed import is_set_up

if TYPE_CHECKING:
    from meshcore.model import Action

_LOOKING = word_set(
    "ls ll la pwd cat less more head tail grep egrep fgrep rg ag find fd which whereis type file stat du df tree "
    "wc echo printf man help history clear ps top htop env printenv date whoami id uname hostname lsof ss netstat "
    "ping dig host nslookup curl wget diff cmp md5sum sha256sum jq xxd od nl sleep true false exit alias jobs "
    "tmux screen test [ awk cut sort uniq strings seq basename dirname realpath readlink command tldr wait return "
    ": xargs"
)
_READING_VERBS = word_set("list ls search show info view status why outdated tree audit describe logs inspect version")
_READING = {
    "git": word_set("log diff blame rev-parse ls-files grep fetch reflog"),
    "pip": word_set("freeze check index"),
    "docker": word_set("ps images stats"),
    "systemctl": word_set("list-units is-active cat"),
    "apt": word_set("policy"),
    "kubectl": word_set("get"),
    "gh": word_set("api pr run issue auth repo release"),
    "go": word_set("doc env"),
    "cargo": word_set("metadata"),
}
"""Verbs that only look, of every program and of one."""
_GIT_CHANGES = {
    "remote": word_set("add rename remove rm set-url set-head prune"),
    "worktree": word_set("add lock move prune remove repair unlock"),
}
"""Of verbs of git that look unless told otherwise, the words that tell them."""
_LISTS_BRANCHES = re.compile(
    r"-[avrl]+|--(?:all|remotes|list|verbose|contains|no-contains|merged|no-merged|points-at|show-current|sort|format)\b"
)
_SET_UPS_OF_BUILDS = word_set("configure bootstrap bootstrap.sh autogen.sh")
"""Programs that a project brings with it to make the files of its build."""
_SHARING = word_set("add commit push tag stash")
_EDITING = word_set("vim vi nvim nano emacs code ed patch subl micro hx kate gedit tee apply_patch ex")
_INTERPRETERS = word_set("python node ruby perl php deno bash sh zsh Rscript lua")
_WRITTEN = re.compile(r"^(?:&|\d)?>>?(?!&)(?!/dev/null)")
_SOURCE = re.compile(
    r"\.(?:pyi?|[mc]?[jt]sx?|go|rs|rb|php|java|kts?|swift|dart|c|cc|cpp|cxx|hh?|hpp|m|mm|cs|vue|svelte|exs?|erl|scala|lua|pl|r"
    r"|jl|hs|ml|clj|sql|css|s[ac]ss|less|html?)['\"]?$",
    re.IGNORECASE,
)
_REPAIRING = re.compile(r"(?i)^(?:--(?:write|fix|apply)|.*[:_-](?:fix|write|format)|(?:fix|fmt|format)(?:[:_-].*)?)$")


def acts(argv: Sequence[str]) -> bool:
    """Tell whether a command may have fixed something; a text for a shell does where a simple command in it does."""
    text = (
        argv[2]
        if len(argv) == 3 and program_name(argv[0]) in ("bash", "sh", "zsh") and argv[1] in ("-c", "-lc")
        else ""
    )
    if not text:
        part = tuple(argv)
        return bool(part) and not is_set_up(part) and _acts(part) and not any(_WRITTEN.match(word) for word in argv)
    if "<<" in text:
        return False
    words = words_and_operators(text)
    if any(_WRITTEN.match(word) for word in words) or makes_source(words):
        return False
    return any(_acts(part) for part in parts_of(words) if not is_set_up(part))


def is_act(action: Action) -> bool:
    """Tell whether any step of an action may have fixed something; advice is a person's word."""
    return action.kind != "argv" or (any(map(acts, action.steps)) and not any(map(makes_source, action.steps)))


def edits(argv: Sequence[str]) -> bool:
    """Tell whether a command changes or makes source by itself, as an agent's edit tool does."""
    import shlex  # the look before a command has no use for it

    text = argv[2] if len(argv) == 3 and argv[1] in ("-c", "-lc") else shlex.join(argv)
    words = words_and_operators(text)
    if makes_source(words) or any(_WRITTEN.match(word) and _SOURCE.search(word) for word in words):
        return True
    for part in parts_of(words):
        plain = program_words(part)
        program = program_name(plain[0])
        if program in ("sed", "perl") and any(word.startswith("-") and "i" in word for word in plain[1:3]):
            return any(_SOURCE.search(word) for word in plain[2:])
        if program in ("patch", "apply_patch") or (program == "git" and plain[1:2] == ("apply",)):
            return True
    return False


def sets_up_build(words: Sequence[str]) -> bool:
    """Tell whether a command is the project's own program that makes the files of its build."""
    return words[0].startswith(("./", "../")) and words[0].rsplit("/", 1)[-1] in _SET_UPS_OF_BUILDS


def _only_looks(verb: str, rest: Sequence[str]) -> bool:
    """Tell whether a verb of git that can do both only looks."""
    if verb == "branch":
        return not rest or any(map(_LISTS_BRANCHES.match, rest))
    return verb in _GIT_CHANGES and (not rest or rest[0] not in _GIT_CHANGES[verb])


def makes_source(words: Sequence[str]) -> bool:
    """Tell whether an empty file of source is made: a package or module that did not exist is the agent's own work."""
    for part in parts_of(list(words)):
        plain = program_words(part)
        if plain and program_name(plain[0]) == "touch" and any(_SOURCE.search(word) for word in plain[1:]):
            return True
    return False


def _acts(part: tuple[str, ...]) -> bool:
    words = [word for word in program_words(part) if word != "sudo"]
    if not words:
        return False
    if any(_REPAIRING.match(word) for word in words[1:]) or _REPAIRING.match(program_name(words[0])):
        return "-c" not in words
    program, rest = program_name(words[0]), words[1:]
    if program == "python" and rest[:1] == ["-m"] and len(rest) > 1:
        program, rest = rest[1], rest[2:]
        words = [program, *rest]
    if program in _LOOKING or program in _EDITING or is_check(tuple(words)):
        return False
    if program in _INTERPRETERS or rest[:1] in (["--version"], ["--help"], ["-h"], ["-V"], ["version"], ["help"]):
        return False
    if program == "git" and rest and _only_looks(rest[0], rest[1:]):
        return False
    if sets_up_build(words):
        return True
    from meshcore.knowledge.spelling import plain_spelling  # a hook that asks what is written need not pay for it

    own = words[0].startswith("./") and plain_spelling(tuple(words))[0] == words[0]  # and no pip of an environment
    if program in ("sed", "ed") or own or words[0].endswith((".py", ".sh", ".js")):
        return False
    if makes_source(words):
        return False
    if program == "go" and rest[:1] in (["run"], ["generate"], ["fmt"]):
        return rest[:1] == ["fmt"]
    subcommand = next((word for word in rest if not word.startswith("-")), "")
    name = program.removesuffix("3").removesuffix("-get")
    if name == "git" and subcommand in _SHARING:
        return subcommand == "push" and not {"-u", "--set-upstream"}.isdisjoint(rest)
    if program == "rm" and re.search(r"tmp/|test_|repro|debug|scratch", " ".join(rest)):
        return False
    return subcommand not in _READING_VERBS and subcommand not in _READING.get(name, frozenset())


def writes(words: Sequence[str]) -> bool:
    """Tell whether a command, as words and operators, changes files by itself: a redirection, an edit in place, git."""
    if any(_WRITTEN.match(word) for word in words):
        return True
    for part in parts_of(list(words)):
        plain = program_words(part)
        program = program_name(plain[0])
        if program in ("sed", "perl") and any(word.startswith("-") and "i" in word for word in plain[1:3]):
            return True
        if program in _EDITING or (program == "git" and set(plain[1:4]) & _REWRITING):
            return True
    return False


_REWRITING = word_set("apply checkout pull merge rebase stash reset restore cherry-pick revert am switch commit")
