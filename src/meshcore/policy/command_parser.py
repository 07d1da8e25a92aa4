"""The text of a command, read without running anything: one plain argv, or what of a shell it would need.

Two readers with two ends. A strict one of our own accepts exactly one command of plain words and quoted texts: only
what it returns can ever run unattended. For everything else a real parser of bash finds every command anywhere in the
text (pipelines, substitutions, loops, bodies of `sh -c`), so that a refusal sees through what is wrapped around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from meshcore.policy.disguises import disguises_in, unveiled
from meshcore.policy.plain_words import Argv, plain_words

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_CHARACTERS = 8_192  # of one command; longer ones are not read
MAX_COMMANDS = 20  # in one text; more is a program, not a fix
_MAX_DEPTH = 4  # of texts inside texts (`sh -c "sh -c …"`)
_MAX_SUFFIXES = 48  # words after a wrapper that are tried as the inner command


@dataclass(frozen=True, slots=True)
class Reading:
    """What a command text is.

    `argv`: the one plain command, () where a shell would be needed. `needs`: the constructs that need one, in words.
    `disguises`: what hides in it, in words: nothing disguised runs. `commands`: every command found anywhere, inner
    ones of wrappers included; a word that only a shell could compute is kept as written, `$(…)`.
    """

    argv: Argv = ()
    needs: tuple[str, ...] = ()
    disguises: tuple[str, ...] = ()
    commands: tuple[Argv, ...] = ()


def read(text: str) -> Reading:
    """Read the text of a command; never raises for any text."""
    disguises = disguises_in(text)
    if len(text) > MAX_CHARACTERS:
        return Reading(needs=(f"a text of {len(text)} characters",), disguises=disguises)
    if disguises:
        # What a person would take it for is judged as well: `rm` with a hidden character in it stays `rm`.
        plain = unveiled(text)
        inner = read(plain) if plain != text and not disguises_in(plain) else Reading()
        return Reading((), inner.needs or ("characters that are not what they seem",), disguises, inner.commands)
    argv = plain_words(text)
    if argv is not None:
        return Reading(argv, (), (), tuple(_unwrapped(argv, 0)))
    shell, commands = _structure(text, 0)
    return Reading((), shell or ("words that a shell would change",), (), commands)


def read_argv(argv: Sequence[str]) -> Reading:
    """Read a command that is an argv already; its words are what they are, nothing in them needs a shell."""
    words = tuple(argv)
    disguises = tuple(dict.fromkeys(d for word in words for d in disguises_in(word)))
    plain = tuple(unveiled(word) for word in words) if disguises else words
    too_long = sum(map(len, words)) > MAX_CHARACTERS
    shell = ("a command of more than 8192 characters",) if too_long else ()
    return Reading(() if disguises or too_long else words, shell, disguises, tuple(_unwrapped(plain, 0)))


# What a bash parser finds

_CONSTRUCTS = {
    "pipeline": "a pipe",
    "list": "commands joined by && or ||",
    "file_redirect": "a redirection",
    "heredoc_redirect": "a here-document",
    "herestring_redirect": "a here-string",
    "command_substitution": "a command substitution",
    "process_substitution": "a process substitution",
    "simple_expansion": "a variable",
    "expansion": "a variable",
    "arithmetic_expansion": "arithmetic",
    "variable_assignment": "an assignment before or instead of a command",
    "declaration_command": "a shell variable",
    "unset_command": "a shell variable",
    "test_command": "a shell test",
    "negated_command": "a negation",
    "for_statement": "a loop",
    "c_style_for_statement": "a loop",
    "while_statement": "a loop",
    "if_statement": "a condition",
    "case_statement": "a condition",
    "function_definition": "a function",
    "subshell": "a subshell",
    "compound_statement": "a group",
    "ansi_c_string": "an escaped string",
    "translated_string": "a translated string",
    "brace_expression": "a brace expansion",
    "extglob_pattern": "a pattern",
    "&": "a background job",
    "ERROR": "text that no shell parser reads",
}
_GLOB = re.compile(r"[*?\[{~]")


@cache
def _parser() -> Parser:
    # Imported late: 35 ms that only text which needs a shell has to pay.
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


def _structure(text: str, depth: int) -> tuple[tuple[str, ...], tuple[Argv, ...]]:
    """Return the shell constructs of a text and every command in it."""
    source = text.encode("utf-8", "replace")
    root = _parser().parse(source).root_node
    shell: list[str] = []
    commands: list[Argv] = []
    variables: dict[str, str] = {}
    statements = 0
    for node in _walk(root):
        if (name := _CONSTRUCTS.get(node.type)) is not None:
            shell.append(name)
        if node.type == "variable_assignment":
            _remember(node, source, variables)
        elif node.type == "command":
            statements += 1
            argv = _words_of(node, source, variables)
            if any(_GLOB.search(word) for word in argv):
                shell.append("a pattern or a home folder")
            commands.extend(_unwrapped(argv, depth))
        elif node.type in {"declaration_command", "unset_command"}:
            commands.append(tuple(source[c.start_byte : c.end_byte].decode() for c in node.children))
        elif node.type == "file_redirect":
            commands.append(_redirection(node, source, variables))
        elif node.type in _GIVEN and depth < _MAX_DEPTH:
            commands.extend(_given(node, source, variables, depth))
        elif node.type == "function_definition" and node.child_by_field_name("name") is not None:
            commands.append(("function", _text(node.child_by_field_name("name"), source)))
        elif node.type == "ERROR" and depth < _MAX_DEPTH:
            commands.extend(_rough(_text(node, source)))
    if "\n" in text.strip():
        shell.append("several lines")
    elif ";" in text and statements > 1:
        shell.append("several commands")
    commands.extend(_piped_into_interpreters(root, source, variables))
    if statements > MAX_COMMANDS:
        commands.append(("too-many-commands", str(statements)))
    return tuple(dict.fromkeys(shell)), tuple(dict.fromkeys(c for c in commands if c))


def _walk(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def _text(node: Any, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _remember(node: Node, source: bytes, variables: dict[str, str]) -> None:
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    if name is not None and value is not None and len(variables) < MAX_COMMANDS:
        variables[_text(name, source)] = _word(value, source, variables)


def _words_of(node: Node, source: bytes, variables: dict[str, str]) -> Argv:
    """Return the words of a command; assignments before it come first, as with `env`."""
    words: list[str] = []
    for child in node.children:
        if child.type == "variable_assignment":
            words.append(_text(child, source))
        elif child.type == "command_name":
            if words:
                words.insert(0, "env")
            words += _split(child.children[0], source, variables) if child.children else []
        elif not child.type.endswith("_redirect") and child.is_named:
            words += _split(child, source, variables)
    return tuple(words)


def _split(node: Node, source: bytes, variables: dict[str, str]) -> list[str]:
    word = _word(node, source, variables)
    return word.split() or [word] if node.type == "simple_expansion" else [word]


def _word(node: Node, source: bytes, variables: dict[str, str]) -> str:
    """Return what a word is, as far as that can be said without a shell."""
    raw = _text(node, source)
    if node.type == "raw_string":
        return raw[1:-1]
    if node.type == "ansi_c_string":
        return _ansi_c(raw[2:-1])
    if node.type == "simple_expansion":
        return variables.get(raw[1:], raw)
    if node.type == "expansion":
        return variables.get(raw[2:-1], raw)
    if node.type == "word":
        return re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL)
    if node.type == "string":
        return _joined(node, source, variables, 1, -1)
    if node.type == "concatenation":
        return _joined(node, source, variables, 0, None)
    return raw


def _joined(node: Node, source: bytes, variables: dict[str, str], first: int, last: int | None) -> str:
    inner = node.children[first:last]
    return "".join(_word(c, source, variables) for c in inner)


def _ansi_c(text: str) -> str:
    def char(match: re.Match[str]) -> str:
        body = match[1]
        if body[0] in "xuU" and len(body) > 1:
            return chr(min(int(body[1:], 16), 0x10FFFF))
        if body[0].isdigit():
            return chr(int(body, 8))
        return {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "a": "\a"}.get(body, body)

    return re.sub(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|.)", char, text)


_GIVEN = frozenset({"heredoc_body", "herestring_redirect"})


def _given(node: Node, source: bytes, variables: dict[str, str], depth: int) -> Iterator[Argv]:
    """Yield what a text for standard input means to its command: to a shell it is commands, to others one more word."""
    text = _text(node, source) if node.type == "heredoc_body" else _word(node.children[-1], source, variables)
    statement: Any = node.parent
    while statement is not None and statement.type not in ("redirected_statement", "command"):
        statement = statement.parent
    takers = [one for one in _walk(statement) if one.type == "command"] if statement is not None else []
    commands = [_words_of(one, source, variables) for one in takers]
    names = {program(word) for argv in commands for word in argv}
    if not commands or names & (_READS_COMMANDS - (INTERPRETERS - SHELLS)):
        yield from _structure(text, depth + 1)[1]
    for argv in commands:
        if not names & INTERPRETERS:
            yield (*argv, text)


def _redirection(node: Node, source: bytes, variables: dict[str, str]) -> Argv:
    sign = next((_text(c, source) for c in node.children if ">" in c.type or "<" in c.type), ">")
    target = node.child_by_field_name("destination")
    return ("redirect", sign, _word(target, source, variables) if target is not None else "")


SHELLS = frozenset(
    {"sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "csh", "tcsh", "mksh", "rbash", "pwsh", "powershell"}
)
INTERPRETERS = (
    SHELLS
    | {"python", "python2", "python3", "perl", "ruby", "node", "nodejs", "php", "lua", "tclsh", "osascript"}
    | {"deno", "bun"}
)


def _piped_into_interpreters(root: Node, source: bytes, variables: dict[str, str]) -> Iterator[Argv]:
    for node in _walk(root):
        if node.type == "pipeline":
            for stage in node.named_children[1:]:
                for inner in _walk(stage):
                    if inner.type == "command":
                        argv = _words_of(inner, source, variables)
                        names = {program(word) for word in argv[:4]}
                        if names & INTERPRETERS:
                            yield ("piped-into-interpreter", *argv)
                        elif argv:
                            yield ("piped-into", *argv)


def _rough(text: str) -> Iterator[Argv]:
    """Yield what may be commands in text that no parser reads."""
    for part in re.split(r"[;&|\n(){}`]", text):
        words = tuple(part.replace(",", " ").replace("'", "").replace('"', "").replace("\\", "").split())
        if words:
            yield from _unwrapped(words[:64], _MAX_DEPTH)
    flat = tuple(re.sub(r"[;&|\n(){}`,'\"\\]", " ", text).split())
    if flat:
        yield from _unwrapped(flat[:64], _MAX_DEPTH)


# What is wrapped in what

_READS_COMMANDS = (
    INTERPRETERS
    | {"eval", "watch", "ssh", "su", "script", "parallel", "screen", "tmux", "flock", "at", "env"}
    | {*("systemd-run", "ansible", "salt", "entr", "npx", "runuser", "expect", "vagrant", "sg", "coproc")}
)
WRAPPERS = _READS_COMMANDS | {
    *("env", "nice", "ionice", "nohup", "setsid", "stdbuf", "timeout", "gtimeout", "time", "xargs", "sudo", "doas"),
    *("command", "builtin", "exec", "chroot", "unshare", "nsenter", "busybox", "toybox", "strace", "ltrace", "gdb"),
    *("setpriv", "taskset", "chrt", "catchsegv", "faketime", "proxychains", "torsocks", "tsocks", "unbuffer", "fd"),
    *("npm", "pnpm", "yarn", "bunx", "uvx", "uv", "pipx", "poetry", "pipenv", "hatch", "pixi", "nix", "pkexec", "gosu"),
    *("su-exec", "newgrp", "setarch", "linux32", "linux64", "prlimit", "cgexec", "numactl", "firejail", "bwrap"),
    *("dbus-run-session", "xvfb-run", "start-stop-daemon", "daemonize", "inotifywait", "cpulimit", "trickle", "lxc"),
    *("machinectl", "then", "do", "else", "if", "while", "!", "{", "("),
}


def program(word: str) -> str:
    """Return the name of a program without its folder, in lower case."""
    return word.rsplit("/", 1)[-1].lower()


def _is_plain_init(argv: Argv) -> bool:
    """Say whether this makes a package.json with the defaults, which runs no other command: `init` is its verb."""
    return program(argv[0]) in {"npm", "pnpm", "yarn"} and argv[1:] in (("init",), ("init", "-y"), ("init", "--yes"))


def _unwrapped(argv: Argv, depth: int) -> Iterator[Argv]:
    """Yield a command and, where it runs another one, whatever that may be."""
    if not argv:
        return
    yield argv
    if (program(argv[0]) not in WRAPPERS and "=" not in argv[0]) or _is_plain_init(argv):
        return
    # The options of wrappers are many and differ; every later word is tried as the inner command instead.
    for at in range(1, min(len(argv), _MAX_SUFFIXES)):
        if not argv[at].startswith("-") and not (at == 1 and argv[1] == "exec" and program(argv[0]) in _HAVE_EXEC):
            yield argv[at:]
    if depth < _MAX_DEPTH:
        for body in _bodies(argv):
            words = plain_words(body)
            yield from _unwrapped(words, depth + 1) if words else _structure(body, depth + 1)[1]


_HAVE_EXEC = frozenset({"npm", "pnpm", "yarn", "bun"})
"""Programs of which `exec` is a verb of their own, not the shell's."""


def _bodies(argv: Argv) -> list[str]:
    """Yield the words of a command that are commands in themselves: they follow `-c`, or a shell reads them."""
    name = program(argv[0])
    signs = (" ", ";", "|", "`", "$(")
    bodies = [word for word in argv[1:] if name in _READS_COMMANDS and any(sign in word for sign in signs)]
    follows = [argv[at] for at in range(1, len(argv)) if re.fullmatch(r"-[a-z]{0,8}c|--command|-e|-x", argv[at - 1])]
    if name == "eval":
        bodies.append(" ".join(argv[1:]))
    return list(dict.fromkeys(body for body in bodies + follows if len(body) <= MAX_CHARACTERS))[:16]
