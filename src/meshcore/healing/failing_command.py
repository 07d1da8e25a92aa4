"""The command that failed inside what was typed: behind `cd`, `source`, settings, `sh -c`, wrappers and pipes.

Read strictly: a shell text is a list of plain commands or it stays unread, and a wrapper that is not in the table is
the command itself. Nothing is run. Light, since hooks ask as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from meshcore.healing.places import Failing, Place
from meshcore.healing.shell_list import WRITING, read_list
from meshcore.knowledge.program import program_name

LEVELS = 8  # of wrappers inside wrappers
_TEXT_LIMIT = 8_192  # characters of a shell text
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash"})
# For each wrapper its options that take a value, those that take none, and how many words stand before the command.
_WRAPPERS: dict[str, tuple[frozenset[str], frozenset[str], int]] = {
    name: (frozenset(valued.split()), frozenset(flags.split()), before)
    for name, valued, flags, before in (
        ("timeout", "-k --kill-after -s --signal", "-f -v -p --foreground --verbose --preserve-status", 1),
        ("gtimeout", "-k --kill-after -s --signal", "-f -v -p --foreground --verbose --preserve-status", 1),
        ("time", "-f --format -o --output", "-p -v -a --portability --verbose --append", 0),
        ("nice", "-n --adjustment", "", 0),
        ("ionice", "-c --class -n --classdata", "-t --ignore", 0),
        ("nohup", "", "", 0),
        ("setsid", "", "-c -w --ctty --wait", 0),
        (
            "flock",
            "-w --wait --timeout -E --conflict-exit-code",
            "-s -x -e -n -o -F --shared --exclusive --nb --nonblock --close --no-fork --verbose",
            1,
        ),
        ("stdbuf", "-i -o -e --input --output --error", "", 0),
        ("chronic", "", "-v -e", 0),
        ("unbuffer", "", "-p", 0),
        ("command", "", "-p", 0),
        ("exec", "", "-c -l", 0),
        (
            "xargs",
            "-n -I -P -L -d -E -s -a --max-args --max-procs",
            "-0 -r -t -x --null --no-run-if-empty --verbose",
            0,
        ),
    )
}
_RUNNERS = frozenset({"uv", "poetry", "pdm", "pipenv"})  # their `run` uses the project's own environment
_SAME_ENVIRONMENT = re.compile(
    r"--(frozen|locked|no-sync|offline|quiet|verbose|group|extra|env-file|all-extras|(no-)?dev)$|-[qv]+$"
)
ACTIVE = "active: "  # before the folder of the environment that a runner was told to take
ANOTHER = "another"
"""The runner of a place whose options choose an environment of which nothing is known."""


def failing(argv: Sequence[str], cwd: str, environment: Mapping[str, str]) -> Failing:
    """Return which command failed inside a command that did, as far as its text tells."""
    found = Failing((Place(tuple(argv), cwd, environment),))
    for _ in range(LEVELS):
        inner = [inside(place) for place in found.places]
        if all(one is None for one in inner):
            return found
        places = tuple(
            place for old, new in zip(found.places, inner, strict=True) for place in (new.places if new else (old,))
        )
        unread = next((new.unread for new in inner if new and new.unread), found.unread)
        around = tuple(old for old, new in zip(found.places, inner, strict=True) if new)
        bare = found.bare and all(new.bare for new in inner if new)
        mixed = found.mixed or any(new.mixed for new in inner if new)
        found = Failing(places[:LEVELS], unread, bare, (*found.around, *around), mixed)
    return Failing(found.places, "commands inside commands", bare=False, mixed=True)


def inside(place: Place) -> Failing | None:
    """Return what a command runs in its place; None where it is the command itself."""
    if not place.argv or place.runner:
        return None
    name = program_name(place.argv[0])
    if name in SHELLS:
        return _shell(place)
    if name == "env":
        return _env(place)
    if name in _WRAPPERS:
        values, flags, before = _WRAPPERS[name]
        at = _after_options(place.argv, values) + before
        if not all(_is_known(word, values, flags) for word in place.argv[1 : at - before]):
            return Failing((place,), f"{name} with options that are not known")
        bare = name not in WRITING and not {"-o", "--output", "-a", "--append"} & set(place.argv[1:at])
        return Failing((replace(place, argv=place.argv[at:]),), bare=bare) if place.argv[at:] else None
    if name in _RUNNERS and place.argv[1:2] == ("run",):
        return _runner(place, name)
    return None


def _after_options(argv: Sequence[str], values: frozenset[str], at: int = 1) -> int:
    while at < len(argv) and argv[at].startswith("-") and argv[at] != "-":
        if argv[at] == "--":
            return at + 1
        at += 2 if argv[at] in values else 1
    return at


def _is_known(word: str, values: frozenset[str], flags: frozenset[str]) -> bool:
    """Say whether a word before a wrapper's command is a known option, or the value of one."""
    if not word.startswith("-") or word == "--" or word in values or word in flags or re.fullmatch(r"-\d+", word):
        return True
    name, equals, _ = word.partition("=")
    return (bool(equals) and name in values) or (not word.startswith("--") and word[:2] in values)


def _env(place: Place) -> Failing | None:
    """Read `env [-u NAME] [-C FOLDER] NAME=VALUE… COMMAND`."""
    at, variables, cwd = 1, dict(place.environment), place.cwd
    while at < len(place.argv):
        word = place.argv[at]
        if word in ("-i", "-", "--ignore-environment"):
            variables = {}
        elif word in ("-u", "--unset") and at + 1 < len(place.argv):
            at += 1
            variables.pop(place.argv[at], None)
        elif word in ("-C", "--chdir") and at + 1 < len(place.argv):
            at += 1
            cwd = os.path.join(cwd, place.argv[at])
        elif word.startswith("-"):
            return Failing((place,), f"env {word}")
        elif "=" in word:
            name, _, value = word.partition("=")
            variables[name] = value
        else:
            return Failing((replace(place, argv=place.argv[at:], cwd=cwd, environment=variables),))
        at += 1
    return None


def _runner(place: Place, name: str) -> Failing:
    """Read `uv run COMMAND` and its kin: the project's own environment comes first on the command's PATH."""
    at = _after_options(place.argv, frozenset({"--group", "--extra", "--env-file"}), 2)
    inner = place.argv[at:]
    options = [word for word in place.argv[2:at] if word.startswith("-") and word != "--"]
    if name == "uv" and "--active" in options and (active := place.environment.get("VIRTUAL_ENV")):
        options.remove("--active")
        name = f"{ACTIVE}{active}"
    if not inner or not all(_SAME_ENVIRONMENT.match(word.partition("=")[0]) for word in options):
        return Failing((replace(place, runner=ANOTHER),), f"{name} run with options that choose another environment")
    return Failing((replace(place, argv=inner, runner=name),))


def text_of(argv: Sequence[str]) -> tuple[str, int]:
    """Return the text that a shell is given, and where it stands; "" for none."""
    at = next((n for n, word in enumerate(argv[1:], 2) if not re.match(r"-[^-c]*$", word)), 0)
    found = argv[at] if at and argv[at:] and re.match(r"-[^-]*c", argv[at - 1]) else ""  # else a script of its own
    return (found, at) if 0 < len(found) <= _TEXT_LIMIT else ("", 0)


def _shell(place: Place) -> Failing | None:
    """Read `sh -c TEXT`; a login shell may change what a name means."""
    text, at = text_of(place.argv)
    if not at and place.given and all(re.fullmatch(r"-[eux]*s?", word) for word in place.argv[1:]):
        text, at = place.given, len(place.argv)  # it reads its commands from a here-document
    if not at:
        return None
    stops = any("e" in word for word in place.argv[1:at] if not word.startswith("--"))
    found = read_list(text, place.cwd, place.environment, stops=stops)
    if found is None:
        return Failing((place,), "a shell text that is more than a list of plain commands", bare=False)
    if any("l" in word or "i" in word for word in place.argv[1:at] if word.startswith("-")):
        sure = all("/" in inner.argv[0] or inner.environment is not place.environment for inner in found.places)
        return found if sure else replace(found, unread="a login shell, whose profile may change PATH")
    return found
