"""What the command line says to mistakes: one line, the right exit code, no traceback."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.world import ERROR, FIX, Agent, World, only_one_line

from meshtui.__main__ import run
from meshtui.cli.main import COMMANDS, TASKS

SUBCOMMANDS = [
    *([name] for name in sorted(COMMANDS)),
    *(["skills", name] for name in ("list", "show", "confirm", "quarantine", "forget", "export", "import")),
    ["import", "history"],
    *(["incidents", name] for name in ("list", "show")),
    *(["approvals", name] for name in ("list", "approve", "reject")),
    *(["nodes", name] for name in ("list", "forget")),
    *(["policy", name] for name in ("check", "explain")),
]


@pytest.fixture
def here(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Let commands that are called in this process find the world."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MESHTUI_HOME", str(world.root / "home"))
    monkeypatch.setenv("MESHTUI_OPERATOR_DIR", str(world.root / "operator"))
    monkeypatch.setenv("MESHTUI_AGENT", "a")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    return world


@pytest.mark.parametrize("command", [[], *SUBCOMMANDS], ids=" ".join)
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--help"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(" ".join(["Usage: meshtui", *command]))
    assert shown.err == ""


def test_the_help_names_every_command_once_by_its_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [len(re.findall(rf"(?m)^  {re.escape(name)}  +", shown)) for name in COMMANDS] == [1] * len(COMMANDS)
    assert [shown.index(f"\n{task}:\n") for task in TASKS] == sorted(shown.index(f"\n{task}:\n") for task in TASKS)


def test_a_group_alone_prints_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["skills"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Usage: meshtui skills")
    assert "\n  quarantine" in said
    assert not re.search(r"[a-z,]\.\.\.", said)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["skils"], "'skills'? See `meshtui --help`"),
        (["skills", "lst"], "'list'? See `meshtui skills --help`"),
        (["run", "--mod", "off", "--", "true"], "'--mode'? See `meshtui run --help`"),
        (["learn", "--eror", "x"], "'--error'? See `meshtui learn --help`"),
        (["connect", "claude"], "'claude-code'? See `meshtui connect --help`"),
        (["mode", "aut"], "'auto'? See `meshtui mode --help`"),
        (["run", "--mode", "hit", "--", "true"], "'hint'? See `meshtui run --help`"),
    ],
)
def test_a_slip_of_the_fingers_is_told_what_was_meant(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.strip().endswith(f"Did you mean {meant}")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("meshtui, version ")


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["fly"], 2, "fly"),
        (["--colour", "blue"], 2, "--colour"),
        (["status", "--colour"], 2, "--colour"),
        (["run"], 2, "CMD"),
        (["run", "--mode", "sometimes", "--", "true"], 2, "sometimes"),
        (["mode", "sometimes"], 2, "sometimes"),
        (["--no-ui", "status"], 2, "--no-ui"),
        (["learn", "--fix", FIX], 2, "--error"),
        (["learn", "--error", ERROR], 2, "--fix"),
        (["learn", "--error", ERROR, "--error-file", "x", "--fix", FIX], 2, "--error"),
        (["learn", "--error-file", "/nosuch/file", "--fix", FIX], 2, "/nosuch/file"),
        (["learn", "--error", "", "--fix", FIX], 2, "error"),
        (["learn", "--error", ERROR, "--fix", ""], 2, "fix"),
        (["match"], 2, "--error"),
        (["skills", "show", "nosuch"], 2, "nosuch"),
        (["skills", "show", "99"], 2, "99"),
        (["skills", "confirm", "nosuch"], 2, "nosuch"),
        (["skills", "forget", "0123456789"], 2, "0123456789"),
        (["skills", "import", "/nosuch/file"], 2, "/nosuch/file"),
        (["skills", "export", "/nosuch/folder/file"], 2, "/nosuch/folder/file"),
        (["skills", "export", "--format", "skill-md"], 2, ".claude/skills"),
        (["skills", "export", "--format", "skill-md", "/dev/null/x"], 2, "/dev/null/x"),
        (["skills", "export", "--all"], 2, "--all"),
        (["incidents", "show", "nosuch"], 2, "nosuch"),
        (["incidents", "show", "last"], 2, "last"),
        (["incidents", "list", "--state", "happy"], 2, "happy"),
        (["incidents", "list", "--limit", "many"], 2, "many"),
        (["heal", "nosuch"], 2, "nosuch"),
        (["approvals", "approve", "nosuch"], 2, "nosuch"),
        (["nodes", "forget", "nosuch"], 2, "nosuch"),
        (["policy", "check"], 2, "command"),
        (["policy", "explain", "nosuch"], 2, "nosuch"),
        (["halt"], 2, "say why"),
        (["--config", "/nosuch/config.toml", "status"], 78, "/nosuch/config.toml"),
        (["--home", "/proc/nosuch", "status"], 78, "/proc/nosuch"),
        (["demo", "--keep", "/etc"], 2, "/etc"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_said_in_one_line_that_names_it(
    here: World, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, word: str
) -> None:
    assert run(arguments) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    [line] = shown.err.splitlines()
    assert line.startswith("meshtui: ")
    assert word in line


def test_an_unknown_configuration_key_is_named_with_its_file(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    (here.root / "operator").mkdir()
    (here.root / "operator" / "config.toml").write_text("colour = 'blue'\n")
    assert run(["status"]) == 78
    [line] = capsys.readouterr().err.splitlines()
    assert "config.toml" in line
    assert "'colour'" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["--\x1b]0;title\x07", "status"],
        ["\x1b[2Jfly"],
        ["skills", "show", "\x1b]52;c;aGk=\x07"],
        ["incidents", "list", "--state", "\x1b[2J"],
        ["--config", "/nosuch\x1b[2J\x9b", "status"],
        ["--home", "/proc/\x1b[2J", "status"],
        ["learn", "--error-file", "/nosuch\x1b[31m", "--fix", FIX],
        ["learn", "--error", "\x1b[31mValueError: the settings are wrong\x1b]0;x\x07", "--fix", "touch \x1b[2J"],
        ["match", "--error", "ValueError: \x1b]52;c;aGk=\x07 in the settings", "--explain"],
        ["halt", "\x1b]0;title\x07"],
    ],
    ids=range(10),
)
def test_hostile_text_in_arguments_never_reaches_the_terminal_raw(
    here: World, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    run(arguments)
    shown = capsys.readouterr()
    for raw in "\x1b\x07\x9b":
        assert raw not in shown.out + shown.err
    assert shown.out + shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["nodes", "list"],
        ["nodes"],
        ["agents"],
        ["deliveries"],
        ["skills", "list"],
        ["skills", "list", "--all"],
        ["skills", "show", "1"],
        ["incidents", "list"],
        ["approvals", "list"],
        ["approvals", "list", "--all"],
        ["mode"],
        ["match", "--error", ERROR],
        ["learn", "--error", ERROR, "--fix", FIX],
        ["policy", "check", FIX],
    ],
    ids=" ".join,
)
def test_data_is_printed_as_json_with_its_version(
    here: World, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(["learn", "--error", ERROR, "--fix", FIX]) == 0
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    shown = capsys.readouterr()
    data = json.loads(shown.out)
    assert data["schema_version"] == 1
    assert len(data) == 2
    assert shown.err == ""
    assert run(arguments) == 0
    assert capsys.readouterr().out


def test_nothing_known_is_a_good_answer_with_exit_code_1(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["match", "--error", ERROR]) == 1
    assert capsys.readouterr().out.startswith("unknown")
    assert run(["match", "--error", ERROR, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["match"]["matches"] == []


# --- the bridge -------------------------------------------------------------------------------------------------------


def unusable(root: Path, how: str) -> str:
    """Return the path of a bridge that cannot be used."""
    path = root / "nobridge" / "bridge.db"
    path.parent.mkdir()
    if how == "text":
        path.write_text("this is no database, and long enough to be read as one" * 20)
    elif how == "folder":
        path.mkdir()
    elif how == "under a file":
        path.touch()
        return str(path / "bridge.db")
    return str(path)


@pytest.mark.parametrize(("how", "code"), [("text", 78), ("folder", 78), ("under a file", 69)])
@pytest.mark.parametrize("arguments", [["nodes"], ["nodes", "list"], ["deliveries"], ["nodes", "forget", "x"]])
def test_what_needs_the_bridge_ends_with_69_where_it_cannot_be_used_and_with_78_where_it_is_none(
    here: World, capsys: pytest.CaptureFixture[str], how: str, code: int, arguments: list[str]
) -> None:
    bridge = unusable(here.root, how)
    assert run(["--bridge", bridge, *arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    [line] = shown.err.splitlines()
    assert str(here.root / "nobridge" / "bridge.db") in line


@pytest.mark.parametrize("how", ["text", "folder", "under a file"])
def test_what_does_not_need_the_bridge_works_without_it_and_says_so(
    here: World, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    bridge = unusable(here.root, how)
    for arguments in (
        ["learn", "--error", ERROR, "--fix", FIX],
        ["skills", "list"],
        ["match", "--error", ERROR],
        ["status"],
    ):
        assert run(["--bridge", bridge, *arguments]) == 0
        shown = capsys.readouterr()
        assert shown.out
        [line] = shown.err.splitlines()
        assert str(here.root / "nobridge" / "bridge.db") in line


# --- real pipes -------------------------------------------------------------------------------------------------------


def test_a_reader_that_goes_away_is_no_error(a: Agent) -> None:
    a.call("status")
    skills = [
        {
            "id": n,
            "error_type": "ValueError",
            "pattern": f"the setting {word(n)} is wrong here",
            "resolution": f"touch x{n}",
        }
        for n in range(1, 2000)
    ]
    file = a.work / "many.json"
    file.write_text(json.dumps({"skills": skills}))
    assert a.call("skills", "import", str(file)).returncode == 0
    for command in (["skills", "list"], ["skills", "list", "--json"], ["skills", "export"]):
        process = a.start(*command)
        assert process.stdout is not None
        assert process.stdout.read(10)
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(60) in (0, 1)


def word(number: int) -> str:
    """Return a word of letters only that stands for a number."""
    return "setting" + "".join("abcdefghij"[int(digit)] for digit in str(number))


def test_a_terminal_that_cannot_write_every_character_is_no_error(a: Agent) -> None:
    a.learn()
    a.run(*a.app)
    for command in (["incidents", "list"], ["incidents", "show", "last"], ["status"]):
        done = a.call(*command, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
        assert done.returncode == 0, done.stderr
        assert done.stdout
        assert done.stderr == ""


def test_an_interrupt_ends_a_command_with_130(a: Agent) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=a.environment,
    )
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.strip()) == (130, "meshtui: interrupted")


INTERRUPTED = """\
import os, signal, sys
import meshcore.node as node
node.Node.__init__ = lambda *a, **k: os.kill(os.getpid(), signal.SIGINT)
from meshtui.__main__ import main
sys.argv = ["meshtui", "status"]
main()
"""


def test_an_import_that_is_broken_names_the_place_and_leaves_the_file(a: Agent) -> None:
    file = a.work / "broken.json"
    file.write_text('{"skills": [\n  {"id": 1,}\n]}')
    done = a.call("skills", "import", str(file))
    assert done.returncode == 1
    line = only_one_line(done)
    assert "line 2, column" in line
    assert "broken.json" in line
    assert file.exists()


@pytest.mark.parametrize("other", ["--dry-run", "--json"])
def test_going_back_to_an_older_store_changes_nothing_where_nothing_was_to_be_changed(
    other: str, here: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["maintenance", "--back-to-schema", "2", other]) == 2
    assert "nothing was changed" in capsys.readouterr().err
