"""How captured output is read: one error is one signature, however it is worded, coloured or cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcore.knowledge.parts import Parts, family
from meshcore.knowledge.signature import VERSION, around, explain, kind_of, read
from meshcore.model import Signature

TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/main.py", line 3, in <module>
    import views
  File "/srv/app/views.py", line 12, in <module>
    import flask
ModuleNotFoundError: No module named 'flask'
"""


def own(signature: Signature) -> list[tuple[str, str]]:
    """Return the slots of the template as (kind, value)."""
    base = around(signature.template).base
    return [(slot.kind, slot.value) for slot in signature.slots[:base]]


def same_error(one: Signature, other: Signature) -> bool:
    return (one.error_type, one.template, own(one)) == (other.error_type, other.template, own(other))


@pytest.mark.parametrize(
    "text",
    [
        "bash: line 3: nmap: command not found",
        "bash: nmap: command not found",
        "/bin/bash: line 9: nmap: command not found",
        "zsh: command not found: nmap",
        "sh: 1: nmap: not found",
        "make: nmap: No such file or directory",
        'exec: "nmap": executable file not found in $PATH',
        "'nmap' is not recognized as an internal or external command,",
        "env: ‘nmap’: No such file or directory",
    ],
)
def test_every_shell_says_the_same_of_a_missing_command(text: str) -> None:
    signature = read(text, command="nmap --version")
    assert (signature.error_type, own(signature)) == ("CommandNotFound", [("identifier", "nmap")])


@pytest.mark.parametrize(
    "text",
    [
        TRACEBACK,
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nImportError: No module named flask\n',
        "/usr/bin/python3: No module named flask",
        "E   ModuleNotFoundError: No module named 'flask'",
        'Traceback (most recent call last):\n  File "a.py", line 1\nImportError: No module named flask.views',
    ],
)
def test_a_missing_module_is_one_error_in_python_2_and_3(text: str) -> None:
    assert same_error(read(text), read(TRACEBACK))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("curl: (7) Failed to connect to 127.0.0.1 port 5432 after 0 ms: Couldn't connect to server", "curl x"),
        ('psql: error: connection to server at "localhost", port 5432 failed: Connection refused', "psql"),
        ("bash: connect: Connection refused\nbash: /dev/tcp/127.0.0.1/5432: Connection refused", "bash"),
        ("ConnectionRefusedError: [Errno 111] Connection refused (127.0.0.1:5432)", "worker"),
        ("Error: connect ECONNREFUSED 127.0.0.1:5432\n    at TCPConnectWrap", "node app.js"),
        ("dial tcp 127.0.0.1:5432: connect: connection refused", "app"),
    ],
)
def test_a_refused_connection_is_one_error_whoever_met_it(text: str, command: str) -> None:
    signature = read(text, command=command)
    assert signature.error_type == "ConnectionRefusedError"
    assert own(signature) == [("host", "localhost"), ("port", "5432")]


def test_a_port_in_use_is_one_error_in_python_and_node_and_known_from_the_command_where_the_text_lacks_it() -> None:
    node = read("Error: listen EADDRINUSE: address already in use 127.0.0.1:8123", command="node a.js")
    python = read(
        'Traceback (most recent call last):\n  File "<string>", line 1\nOSError: [Errno 98] Address already in use',
        command="python -c \"s.bind(('127.0.0.1',8123))\"",
    )
    assert same_error(node, python)
    assert own(node) == [("port", "8123")]
    for said in ("('127.0.0.1', 8123)", "('::1', 8123, 0, 0)"):
        text = f"OSError: [Errno 98] error while attempting to bind on address {said}: address already in use"
        assert own(read(text, command="uvicorn shop:app --workers 40")) == [("port", "8123")]


@pytest.mark.parametrize("quoted", ["'x y'", '"x y"', "`x y`", "`x y'", "‘x y’", "“x y”", "«x y»"])
def test_quotes_of_every_tool_and_locale_are_one(quoted: str) -> None:
    assert same_error(read(f"hg: unknown command {quoted}"), read("hg: unknown command 'x y'"))


def test_python_2_and_3_name_one_operating_system_error_alike() -> None:
    old = read("Traceback (most recent call last):\n  File \"a\", line 1\nIOError: [Errno 21] Is a directory: '/a/b'")
    new = read(
        "Traceback (most recent call last):\n  File \"a\", line 1\nIsADirectoryError: [Errno 21] Is a directory: '/c'"
    )
    assert (family(old.error_type), old.template) == (family(new.error_type), new.template)


@pytest.mark.parametrize(
    ("error_type", "known_as"),
    [("IOError", "OSError"), ("PermissionError", "OSError"), ("ModuleNotFoundError", "ImportError")],
)
def test_a_type_is_compared_as_the_class_that_every_version_of_python_has(error_type: str, known_as: str) -> None:
    assert family(error_type) == known_as


@pytest.mark.parametrize("other", ["KeyError", "UnicodeDecodeError", "git", "error", "DomainError", "print"])
def test_another_type_is_compared_as_itself(other: str) -> None:
    assert family(other) == other


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("terra: there is no workspace named billing", "billing"),
        ("depot: nothing called nightly is scheduled", "nightly"),
        ("depot: nothing called 'nightly' is scheduled", "nightly"),
    ],
)
def test_what_is_said_to_be_named_or_called_so_is_a_name_without_quotes_too(line: str, name: str) -> None:
    signature = read(line)
    assert name in [slot.value for slot in signature.slots]
    assert name not in signature.template


@pytest.mark.parametrize(
    "line",
    [
        "src/pay.lua:2: module 'tills' not found",
        "pay.lua:14:3: module 'tills' not found",
        "lib/pay.ts(2,12): module 'tills' not found",
        "pay.ts(14,0): module 'tills' not found",
        "<internal:/usr/lib/tills/pay.rb>:85:in `load': module 'tills' not found",
    ],
)
def test_the_place_at_the_start_of_a_line_is_one_whatever_its_form(line: str) -> None:
    assert read(line).template == "<path>:<number>: module <name> not found"


@pytest.mark.parametrize("line", ["db.local:5432: no answer", "13:43:06: no answer", "https://db.local:80: no answer"])
def test_a_host_or_a_time_at_the_start_of_a_line_is_no_place_in_a_file(line: str) -> None:
    assert not read(line).template.startswith("<path>:<number>:")


def test_what_is_quoted_in_a_line_varies_where_it_stands_without_quotes_too() -> None:
    one = read("Error in load(tills) : there is no package ‘tills’")
    assert one.template == read("Error in load(vats) : there is no package ‘vats’").template
    assert "tills" not in one.template


def test_how_long_a_list_is_says_nothing() -> None:
    short = read("tills: not found in: /opt/a /opt/b /opt/c, sorry")
    long = read("tills: not found in: /opt/a /opt/b /srv/c /srv/d /srv/e, sorry")
    assert short.template == long.template == "not found in: <path>, sorry"
    assert around(short.template).base == 1
    assert short.slots[0].value == "/opt/a"


@pytest.mark.parametrize(
    ("line", "name"), [("tills: no such part -- vat (LoadError)", "vat"), ("tills: bad key -- x", "x")]
)
def test_the_word_behind_two_dashes_is_what_is_complained_of(line: str, name: str) -> None:
    assert read(line).slots[0].value == name


def test_a_scoped_name_is_one_name() -> None:
    assert read("tills: you may need the Vat::Rate module").template == "you may need the <identifier> module"


@pytest.mark.parametrize(
    "line", ["x: the function was called with too many values", "x: the branch named by it is gone"]
)
def test_no_preposition_behind_named_or_called_is_a_name(line: str) -> None:
    assert not {"with", "by"} & {slot.value for slot in read(line).slots}


def test_a_program_that_is_called_by_its_path_speaks_as_itself() -> None:
    by_path = read("/usr/bin/depot3: no place for stock", command="/usr/bin/depot3 add")
    assert by_path.error_type == read("depot3: no place for stock", command="depot3 add").error_type


def test_a_system_that_refuses_a_program_called_by_its_path_is_not_that_program() -> None:
    refused = read("/srv/app/run: Permission denied", command="/srv/app/run --fast")
    assert refused.error_type == "shell"
    assert "/srv/app/run" in [slot.value for slot in refused.slots]


def test_a_chained_traceback_is_read_as_what_was_raised_last() -> None:
    text = (
        "Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'a'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "a.py", line 3\nRuntimeError: no configuration given\n'
    )
    assert read(text).error_type == "RuntimeError"
    assert read(text, error_type="KeyError").error_type == "KeyError", "the caller saw the type of the process"


def test_a_missing_module_below_another_error_is_what_counts() -> None:
    text = TRACEBACK + (
        "\nThe above exception was the direct cause of the following exception:\n\n"
        'Traceback (most recent call last):\n  File "m.py", line 3\nRuntimeError: cannot start\n'
    )
    assert same_error(read(text), read(TRACEBACK))


def test_an_exception_group_is_read_by_its_inner_error() -> None:
    text = (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "a.py", line 1, in <module>\n'
        "  | ExceptionGroup: several (1 sub-exception)\n"
        "  +-+---------------- 1 ----------------\n"
        "    | Traceback (most recent call last):\n"
        '    |   File "a.py", line 2, in <module>\n'
        "    | ValueError: too small: 7\n"
        "    +------------------------------------\n"
    )
    signature = read(text)
    assert (signature.error_type, own(signature)) == ("ValueError", [("number", "7")])


def test_a_syntax_error_is_told_apart_by_its_line_of_code() -> None:
    def text(code: str) -> str:
        return f'  File "a.py", line 4\n    {code}\n    ^\nSyntaxError: invalid syntax\n'

    assert own(read(text("x = = 1"))) != own(read(text("if x\n")))


def test_a_syntax_error_that_says_what_is_wrong_is_the_same_in_any_line_of_code() -> None:
    def text(code: str) -> str:
        return f"  File \"a.py\", line 4\n    {code}\n    ^\nSyntaxError: Missing parentheses in call to 'print'."

    assert own(read(text('print "x"'))) == own(read(text('print "other"')))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Reading lists...\nBuilding tree...\nE: Unable to locate package foo", "E: Unable to locate package foo"),
        ("usage: x [-h]\nx: error: unrecognized arguments: --no", "x: error: unrecognized arguments: --no"),
        (
            "npm error code ENOENT\nnpm error enoent Could not read package.json: Error: ENOENT\n"
            "npm error A complete log of this run can be found in: /root/.npm/x.log",
            "npm error enoent Could not read package.json: Error: ENOENT",
        ),
        ("fatal: not a git repository (or any of the parent directories): .git\nhint: x", None),
        (
            "FAILURE: Build failed with an exception.\n\n* What went wrong:\nTask 'assembl' not found in root project.",
            None,
        ),
    ],
)
def test_the_telling_line_is_found_among_headlines_hints_and_logs(text: str, line: str | None) -> None:
    told = read(text).line
    assert told == line if line else told.startswith(("fatal: not a git", "Task 'assembl'"))


def test_slots_are_typed() -> None:
    text = (
        "tool: cannot reach 10.0.0.7 port 8443 from /srv/a/b.txt id 0xdeadbeef v1.2.3 after 1500 tries of 'job' my_task"
    )
    assert own(read(text)) == [
        ("host", "10.0.0.7"),
        ("port", "8443"),
        ("path", "/srv/a/b.txt"),
        ("hex", "0xdeadbeef"),
        ("version", "v1.2.3"),
        ("number", "1500"),
        ("name", "job"),
        ("identifier", "my_task"),
    ]


def test_what_the_user_typed_is_a_slot_and_a_git_ref_is_a_path() -> None:
    typed = read("error: remote origin already exists.", command="git remote add origin https://x/y.git")
    assert own(typed) == [("identifier", "origin")]
    for branch in ("main", "feature/x-1", "fix-9"):
        signature = read(f"fatal: The current branch {branch} has no upstream branch.", command="git push")
        assert own(signature) == [("path", branch)]


def test_the_length_of_a_path_does_not_change_what_is_wording() -> None:
    line = "fatal: Unable to create '{}/.git/index.lock': File exists."
    found = [
        read(line.format(path), command="git add .") for path in ("/p", "/home/ann/code/shop", "/srv" + "/long" * 20)
    ]
    assert {one.template for one in found} == {"fatal: Unable to create <path>: File exists."}


def test_surroundings_stand_after_the_slots_of_the_template() -> None:
    signature = read(TRACEBACK, command="python3.12 /srv/app/main.py --port 80")
    place = around(signature.template)
    assert signature.slots[place.shape].value == "python 2"
    assert signature.slots[place.script].value == "/srv/app/main.py"
    assert signature.slots[place.culprit].value == "/srv/app/views.py"
    assert [slot.value for slot in signature.slots[place.command :]] == ["/srv/app/main.py", "80"]


def test_of_several_suggestions_the_one_most_like_the_name_is_taken() -> None:
    signature = read("hg: unknown command 'base'\n(did you mean one of blame, phase, rebase?)", command="hg base")
    assert signature.slots[around(signature.template).suggestion].value == "rebase"


def test_parts_of_a_path_are_referred_to_by_form() -> None:
    signature = read("touch: cannot touch './m/x.log': Read-only file system")
    parts = Parts(signature.slots)
    assert [parts[i].value for i in (0, 100, 200, 300, 400)] == ["./m/x.log", "m/x.log", "x.log", "./m", "m"]
    assert parts[500].value == "x"
    lock = Parts(read("fatal: Unable to create '/w/b/.git/index.lock': File exists.").slots)
    assert [lock[i].value for i in (600, 700)] == [".git/index.lock", "b/.git/index.lock"]
    for form in (800, 900):  # all of it, and no form at all
        with pytest.raises(IndexError):
            lock[form]


def test_text_that_poses_as_a_placeholder_is_no_slot() -> None:
    signature = read("tool: error: expected <path> but found <name>")
    assert around(signature.template).base == 0
    assert own(signature) == []


def test_the_callers_type_counts_where_the_text_has_none() -> None:
    assert read("database is locked", error_type="sqlite3.OperationalError").error_type == "OperationalError"
    assert read(TRACEBACK, error_type="ShellError").error_type == "ModuleNotFoundError"


def test_a_reading_explains_itself() -> None:
    told = "\n".join(explain(TRACEBACK, command="python main.py"))
    assert "telling line: ModuleNotFoundError: No module named 'flask'" in told
    assert "slot 0: identifier flask" in told
    assert "last own file of the traceback: path /srv/app/views.py" in told


def test_a_signature_carries_the_version_of_the_rules() -> None:
    assert read("x failed").version == VERSION


_LINES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zl", "Zp", "Cs")), max_size=60), max_size=8
)
_REAL = st.sampled_from(
    [TRACEBACK.strip(), "rm: cannot remove 'a': No such file or directory", "E: Unable to locate package x"]
)


@given(st.text(max_size=400), st.text(max_size=40), st.text(max_size=120))
@settings(max_examples=150, deadline=None)
def test_reading_never_raises_and_slots_fit_the_template(text: str, error_type: str, command: str) -> None:
    signature = read(text, error_type=error_type, command=command)
    assert around(signature.template).command <= len(signature.slots)


@given(_LINES, _REAL)
@settings(max_examples=80, deadline=None)
def test_colours_and_line_ends_do_not_change_a_reading(lines: list[str], real: str) -> None:
    plain = "\n".join([*lines, real])
    coloured = "\n".join(f"\x1b[1;31m{line}\x1b[0m" for line in plain.split("\n"))
    assert read(coloured) == read(plain)
    assert read(plain.replace("\n", "\r\n")) == read(plain)
    assert read("\x1b]0;title\x07" + plain) == read(plain)


@pytest.mark.parametrize(
    ("error_type", "said"),
    [
        ("ModuleNotFoundError", "ModuleNotFoundError"),
        ("git", "error (git)"),
        ("shell", "error (shell)"),
        ("error", "error"),
    ],
)
def test_a_kind_of_error_is_called_an_error_where_its_name_does_not_say_so(error_type: str, said: str) -> None:
    assert kind_of(error_type) == said
