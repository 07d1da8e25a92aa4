"""Other spellings of a command: `pip3`, `.venv/bin/pip`, `python -m pip` and `uv pip` are all pip.

A spelling is a word for a word. What a command means is told by the forms of the policy, which see one spelling only.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

Argv = tuple[str, ...]

_OF_A_SYSTEM: Final = frozenset({"/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/sbin", "/usr/sbin"})
_PIP: Final = re.compile(r"pip(?:\d(?:\.\d{1,3})?)?", re.ASCII)
_PYTHON: Final = re.compile(r"python(?:\d(?:\.\d{1,3})?)?", re.ASCII)

_VALUED: Final = re.compile(r"--set-upstream-to=.")

_SUBCOMMANDS: Final[dict[str, dict[str, str]]] = {
    "npm": {
        **dict.fromkeys(("i", "in", "ins", "inst", "add"), "install"),
        **dict.fromkeys(("ic", "clean-install", "install-clean"), "ci"),
    },
    "pnpm": {"i": "install"},
    "yarn": {},
    "bun": {"i": "install", "a": "add"},
}
_ADDS: Final = frozenset({"pnpm", "bun"})
"""Managers whose `install` with a name is their `add`."""

_OF_INSTALL: Final = frozenset({"--immutable", "--frozen-lockfile", "--ignore-scripts"})
"""Options of yarn's `install`, which is what yarn does without a word."""

_NODE: Final = {"-D": "--save-dev", "-E": "--save-exact"}
_OPTIONS: Final[dict[tuple[str, str], dict[str, str]]] = {
    ("pip", "install"): {"--requirement": "-r", "--editable": "-e"},
    ("yarn", "install"): {"--immutable": "--frozen-lockfile"},
    ("git", "push"): {"-u": "--set-upstream"},
    ("git", "branch"): {"-u": "--set-upstream-to"},
    ("npm", "install"): _NODE,
    ("pnpm", "add"): _NODE,
    ("yarn", "add"): {"-D": "--dev", "-E": "--exact"},
    ("bun", "add"): {"-d": "--dev", "-D": "--dev", "-E": "--exact"},
    ("mkdir", ""): {"--parents": "-p"},
}
_SAYS_NOTHING: Final[dict[tuple[str, str], frozenset[str]]] = {
    ("git", "config"): frozenset({"--local"}),
    ("npm", "install"): frozenset({"--save", "-S", "--save-prod", "-P"}),
    ("pnpm", "add"): frozenset({"--save-prod", "-P"}),
}
"""Options that say what would be so without them."""

_QUIET: Final = frozenset(
    {"-q", "-qq", "--quiet", "-v", "--verbose", "--silent", "--no-input", "--disable-pip-version-check", "--no-color"}
    | {"--no-cache-dir", "--prefer-binary", "--no-warn-script-location", "--no-audit", "--no-fund", "--no-progress"}
)
"""Options by which a command prints or asks less, and does the same."""

_INSTALLING: Final = frozenset(
    {("pip", "install"), ("npm", "install"), ("npm", "ci"), ("pnpm", "install"), ("pnpm", "add"), ("yarn", "install")}
    | {("yarn", "add"), ("bun", "install"), ("bun", "add"), ("uv", "sync")}
)
"""What is executed says itself how much it prints."""


def plain_spelling(argv: Argv) -> Argv:
    """Return a command as its forms have it: its program and subcommand by their first name, options written out."""
    if not argv:
        return argv
    words = (_program(argv[0], of_python=argv[1:3] == ("-m", "pip")), *argv[1:])
    if _PYTHON.fullmatch(words[0]) and words[1:3] == ("-m", "pip"):
        words = ("pip", *words[3:])
    elif words[:3] == ("uv", "pip", "install"):
        words = ("pip", *words[2:])
    elif _PIP.fullmatch(words[0]):
        words = ("pip", *words[1:])
    if words[0] == "dos2unix" and len(words) == 2:
        words = ("sed", "-i", r"s/\r$//", words[1])
    if words[0] == "git":
        words = _git(words)
    elif words[0] in _SUBCOMMANDS:
        words = _node(words)
    at = (words[0], words[1]) if words[1:] and (words[0], "") not in _OPTIONS else (words[0], "")
    same, nothing = _OPTIONS.get(at, {}), _SAYS_NOTHING.get(at, frozenset())
    if at in _INSTALLING:
        nothing |= _QUIET
    return tuple(same.get(word, word) for word in words if word not in nothing)


def is_quiet(option: str) -> bool:
    """Say whether an option changes what is printed or asked, and nothing that is done."""
    return option in _QUIET


def _program(word: str, *, of_python: bool) -> str:
    """Return a program by its name where its folder says no more than whose it is."""
    path = PurePosixPath(word)
    pip = _PIP.fullmatch(path.name) or (of_python and _PYTHON.fullmatch(path.name))
    known = str(path.parent) in _OF_A_SYSTEM or (path.parent.name == "bin" and pip)
    return path.name if "/" in word and known else word


def _git(words: Argv) -> Argv:
    """Return a command of git without what says how it prints, and with the values of its options as own words."""
    while words[1:2] in (("--no-pager",), ("-P",)):
        words = (words[0], *words[2:])
    if words[1:3] == ("config", "set"):
        words = (*words[:2], *words[3:])
    return tuple(part for word in words for part in (word.split("=", 1) if _VALUED.match(word) else (word,)))


def _node(words: Argv) -> Argv:
    program, names = words[0], _SUBCOMMANDS[words[0]]
    if program == "yarn" and (len(words) == 1 or words[1] in _OF_INSTALL):
        words = (program, "install", *words[1:])
    if len(words) == 1:
        return words
    subcommand = names.get(words[1], words[1])
    named = any(not word.startswith("-") for word in words[2:])
    if program in _ADDS and subcommand == "install" and named:
        subcommand = "add"
    return (program, subcommand, *words[2:])
