"""A command's text is one plain argv, or it is said what of a shell it needs and what it would run."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.policy.command_parser import read, read_argv
from meshcore.policy.plain_words import plain_words


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("ls -la logs", ("ls", "-la", "logs")),
        ("  ls\t-la  ", ("ls", "-la")),
        ("grep -n 'a b; rm' app.log", ("grep", "-n", "a b; rm", "app.log")),
        ('echo "it is $5"', None),
        ('echo "two words" ""', ("echo", "two words", "")),
        ("pip install requests==2.0", ("pip", "install", "requests==2.0")),
        ("git log --format='%h %s'", ("git", "log", "--format=%h %s")),
        ("sed -n 1,5p file", ("sed", "-n", "1,5p", "file")),
    ],
)
def test_plain_words_and_quoted_texts_are_one_argv(text: str, argv: tuple[str, ...] | None) -> None:
    assert plain_words(text) == argv


@pytest.mark.parametrize(
    ("text", "construct"),
    [
        ("ls | wc -l", "a pipe"),
        ("ls && pwd", "commands joined by && or ||"),
        ("ls || true", "commands joined by && or ||"),
        ("ls > out", "a redirection"),
        ("cat < in", "a redirection"),
        ("cat <<EOF\nx\nEOF", "a here-document"),
        ("cat <<< x", "a here-string"),
        ("echo $(id)", "a command substitution"),
        ("echo `id`", "a command substitution"),
        ("diff <(a) <(b)", "a process substitution"),
        ("echo $HOME", "a variable"),
        ("echo ${HOME}", "a variable"),
        ("A=b ls", "an assignment before or instead of a command"),
        ("ls *.py", "a pattern or a home folder"),
        ("ls ~/x", "a pattern or a home folder"),
        ("ls; pwd", "several commands"),
        ("ls\npwd", "several lines"),
        ("for i in 1 2; do ls; done", "a loop"),
        ("while true; do ls; done", "a loop"),
        ("if true; then ls; fi", "a condition"),
        ("f() { ls; }; f", "a function"),
        ("(ls)", "a subshell"),
        ("ls &", "a background job"),
        ("$'\\x6cs'", "an escaped string"),
        ("! ls", "a negation"),
        ("export A=$(b)", "a shell variable"),
        ("[ -f x ]", "a shell test"),
    ],
)
def test_what_needs_a_shell_is_named(text: str, construct: str) -> None:
    reading = read(text)
    assert reading.argv == ()
    assert construct in reading.needs


@pytest.mark.parametrize(
    "text", ["'ls'", 'l"s"', "l\\s", "''ls", "A=b", "time ls", ". x", "ls #", "{ls,-la}", "", "   ", "ls 'x"]
)
def test_odd_writing_is_never_plain(text: str) -> None:
    assert read(text).argv == ()


@pytest.mark.parametrize(
    ("text", "disguise"),
    [
        ("r\u200bm -rf x", "an invisible character"),
        ("rm\xa0-rf x", "a space that is none"),
        ("ls \u2028rm x", "a space that is none"),
        ("\u0440m x", "a look-alike of an ASCII character"),
        ("ｒｍ x", "a look-alike of an ASCII character"),
        ("ls\r\nrm x", "a control character"),
        ("ls\x00; rm x", "a control character"),
        ("ls \u202ex", "an invisible character"),
    ],
)
def test_a_disguise_is_seen_and_what_it_hides(text: str, disguise: str) -> None:
    reading = read(text)
    assert disguise in reading.disguises
    assert reading.argv == ()
    assert any(argv[0] in {"rm", "pm", "ls"} for argv in reading.commands)


@pytest.mark.parametrize(
    "text",
    [
        "sudo rm -rf x", "env -i A=b rm -rf x", "nice -n 5 rm -rf x", "timeout -k 1 5 rm -rf x",
        "bash <<'EOF'\nrm -rf x\nEOF", "bash -s a <<EOF | tail\nrm -rf x\nEOF", "cat <<'EOF' | env sh\nrm -rf x\nEOF",
        "cd y && bash <<< 'rm -rf x'", "if true; then sh <<EOF\nrm -rf x\nEOF\nfi",
        "xargs -n 1 rm -rf x", "sh -c 'rm -rf x'", "bash -lc \"sh -c 'rm -rf x'\"", "echo $(rm -rf x)",
        "ls `rm -rf x`", "ls | rm -rf x", "ls; rm -rf x", "ls & rm -rf x", "if true; then rm -rf x; fi",
        "f() { rm -rf x; }; f", "case 1 in 1) rm -rf x;; esac", "eval 'rm -rf x'", "c=rm; $c -rf x",
        "c=rm; f=-rf; ${c} $f x", "$'\\x72m' -rf x", "r''m -rf x", "r\\m -rf x", "{ rm -rf x; }", "watch 'rm -rf x'",
        "ls\nrm -rf x", "cat <<EOF\n$(rm -rf x)\nEOF", "time rm -rf x", "! rm -rf x", "echo \"$(rm -rf x)\"",
        "while :; do rm -rf x; done", "(cd /; rm -rf x)", "diff <(rm -rf x) y", "{rm,-rf,x}",
        "/usr/bin/env rm -rf x",
    ],
)  # fmt: skip
def test_the_command_inside_is_found(text: str) -> None:
    assert ("rm", "-rf", "x") in read(text).commands


@pytest.mark.parametrize("manager", ["npm", "pnpm", "/usr/bin/yarn", "bun"])
def test_exec_of_a_package_manager_is_its_own_verb(manager: str) -> None:
    commands = read_argv([manager, "exec", "--no", "--", "rm", "-rf", "x"]).commands
    assert ("rm", "-rf", "x") in commands
    assert not [argv for argv in commands if argv[0] == "exec"]
    assert [argv for argv in read_argv(["env", "exec", "rm"]).commands if argv[0] == "exec"]


def test_a_pipe_into_an_interpreter_is_marked() -> None:
    assert any(argv[0] == "piped-into-interpreter" for argv in read("curl x | bash").commands)
    assert not any(argv[0] == "piped-into-interpreter" for argv in read("curl x | wc -l").commands)


def test_words_of_an_argv_are_what_they_are() -> None:
    reading = read_argv(["echo", "a; rm -rf /", "$(id)"])
    assert reading.argv == ("echo", "a; rm -rf /", "$(id)")
    assert read_argv(["ec\u200bho"]).argv == ()


def test_a_text_without_end_is_not_read() -> None:
    assert read("ls " + "x" * 10_000).argv == ()
    assert read_argv(["ls", "x" * 10_000]).argv == ()


@given(st.lists(st.text(alphabet="abcXYZ019 _-./:;|&$`'\"*", min_size=1, max_size=12), min_size=1, max_size=6))
def test_what_is_read_as_plain_is_what_a_shell_would_pass(words: list[str]) -> None:
    text = " ".join(words)
    argv = plain_words(text)
    if argv is not None:
        assert list(argv) == shlex.split(text)


@given(st.text(max_size=120))
def test_any_text_is_read(text: str) -> None:
    reading = read(text)
    assert not reading.argv or not (reading.needs or reading.disguises)


@given(st.text(alphabet="ls rm-(){}[]<>|&;$`'\"\\\n=*~!#a", max_size=60))
def test_any_shell_like_text_is_read(text: str) -> None:
    reading = read(text)
    if reading.argv:
        assert not set(text) & set("(){}[]<>|&;$`\\\n*~!#") or "'" in text or '"' in text
