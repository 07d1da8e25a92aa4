"""`meshtui run`: the loop around any command, as a shell sees it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest
from tests.world import ERROR, FIX, Agent, World, lines_of_ours


@pytest.fixture
def real_start(world: World) -> None:
    """Have each command start an interpreter: what is loaded when is part of `meshtui run`."""
    world.starts_anew = True


@pytest.mark.usefixtures("real_start")
def test_a_failure_whose_fix_is_known_is_healed_before_the_command_returns(a: Agent) -> None:
    a.learn()
    done = a.run(*a.app, "one", "two")
    assert done.returncode == 0
    assert done.stdout == "it works one two\n"
    notes = lines_of_ours(done.stderr)
    assert len(notes) == 3
    assert "verified" in notes[0]
    assert FIX in notes[0]
    [incident] = a.ask("incidents", "list")
    assert incident["state"] == "verified"
    assert len(a.pip_log) == 1


def test_an_unknown_failure_is_passed_on_untouched(a: Agent) -> None:
    script = "printf 'out\\n'; printf 'err\\377\\n' >&2; exit 3"
    plain = subprocess.run(["sh", "-c", script], capture_output=True, check=False)
    under = subprocess.run(
        a.command("run", "--", "sh", "-c", script), capture_output=True, env=a.environment, cwd=a.work, check=False
    )
    assert (under.returncode, under.stdout, under.stderr) == (plain.returncode, plain.stdout, plain.stderr)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("true",), 0),
        (("sh", "-c", "exit 255"), 255),
        (("no-such-program-anywhere",), 127),
        (("/",), 126),
        (("sh", "-c", "kill -KILL $$"), 128 + signal.SIGKILL),
        (("sh", "-c", "kill -TERM $$"), 128 + signal.SIGTERM),
    ],
)
@pytest.mark.usefixtures("real_start")
def test_the_exit_code_is_the_commands_own(a: Agent, argv: tuple[str, ...], code: int) -> None:
    assert a.run(*argv).returncode == code


def test_a_large_output_arrives_whole(a: Agent) -> None:
    size = 3_000_000
    done = a.run("sh", "-c", f"head -c {size} /dev/zero | tr '\\0' x; exit 1")
    assert (len(done.stdout), done.returncode) == (size, 1)


def test_input_reaches_the_command_and_the_rerun_reads_it_again(a: Agent) -> None:
    a.learn()
    (a.work / "app.py").write_text((a.work / "app.py").read_text() + "print(sys.stdin.read())\n")
    done = a.run(*a.app, stdin="what was piped in")
    assert (done.returncode, done.stdout) == (0, "it works\nwhat was piped in\n")


@pytest.mark.parametrize("size", [200_000, 900_000])
def test_a_rerun_reads_all_of_the_input_though_the_first_run_read_none(a: Agent, size: int) -> None:
    a.learn()
    (a.work / "app.py").write_text((a.work / "app.py").read_text() + "print(len(sys.stdin.read()))\n")
    done = a.run(*a.app, stdin="x" * size)
    assert (done.returncode, done.stdout) == (0, f"it works\n{size}\n")


def test_a_command_that_left_its_input_is_not_run_from_the_record_on_no_input(a: Agent) -> None:
    a.learn()
    assert a.run(*a.app, mode="hint", stdin="rows that nobody had read").returncode == 1
    done = a.call("heal", "last")
    assert "what was piped into it is not kept" in done.stdout
    assert a.ask("incidents", "list")[0]["state"] == "applied_not_rerun"


@pytest.mark.usefixtures("real_start")
def test_off_does_nothing_but_run_the_command(a: Agent) -> None:
    a.learn()
    before = sorted(path.stat().st_mtime_ns for path in a.home.rglob("*"))
    done = a.run(*a.app, mode="off")
    assert done.returncode == 1
    assert lines_of_ours(done.stderr) == []
    assert sorted(path.stat().st_mtime_ns for path in a.home.rglob("*")) == before


@pytest.mark.parametrize("ceiling", ["hint", "approve"])
def test_a_lower_ceiling_applies_nothing_and_says_what_is_known(a: Agent, ceiling: str) -> None:
    a.learn()
    done = a.run(*a.app, mode=ceiling)
    assert done.returncode == 1
    notes = lines_of_ours(done.stderr)
    assert 1 <= len(notes) <= 3
    assert FIX in notes[0]
    assert a.pip_log == []
    assert len(a.ask("approvals", "list")) == (1 if ceiling == "approve" else 0)


def test_the_operators_ceiling_holds_for_every_run(a: Agent) -> None:
    a.learn()
    a.call("mode", "hint")
    assert a.run(*a.app).returncode == 1
    assert a.pip_log == []
    a.call("mode", "auto")
    assert a.run(*a.app).returncode == 0


def test_a_halt_is_honoured_by_every_node_of_the_operator(a: Agent, b: Agent) -> None:
    a.learn()
    b.call("status")
    assert a.call("halt", "an audit is under way").returncode == 0
    done = b.run(*b.app)
    assert done.returncode == 1
    assert b.pip_log == []
    assert any("an audit is under way" in note for note in lines_of_ours(done.stderr))
    a.call("resume")
    assert b.run(*b.app).returncode == 0


def test_a_fix_that_fails_leaves_the_commands_own_exit_code(a: Agent) -> None:
    a.learn()
    (a.venv / "pip-fails").touch()
    done = a.run(*a.app)
    assert done.returncode == 1
    notes = lines_of_ours(done.stderr)
    assert len(notes) <= 3
    assert "did not help" in notes[0]
    assert a.ask("incidents", "list")[0]["state"] == "fix_failed"


# --- whatever is wrong with us ----------------------------------------------------------------------------------------


def test_with_a_broken_bridge_a_known_fix_waits_for_a_person(a: Agent, world: World) -> None:
    a.learn()
    for path in world.root.glob("claude_bridge*"):
        if path.is_file():
            path.write_bytes(b"this is no database")
    done = a.run(*a.app)
    assert (done.returncode, done.stdout) == (1, "")
    assert a.pip_log == []
    assert len(lines_of_ours(done.stderr)) <= 3
    assert FIX in lines_of_ours(done.stderr)[0]
    [approval] = a.ask("approvals", "list")
    assert "bridge" in " ".join(approval["reasons"])
    assert a.call("approvals", "approve", approval["approval_id"]).returncode == 0


def test_a_store_of_a_newer_version_is_passed_through_by_run_and_78_elsewhere(a: Agent) -> None:
    a.learn()
    with sqlite3.connect(a.home / "store.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    done = a.run("sh", "-c", "echo out; exit 5")
    assert (done.returncode, done.stdout) == (5, "out\n")
    [note] = lines_of_ours(done.stderr)
    assert "newer" in note
    assert a.run("true").returncode == 0
    for command in (["status"], ["skills", "list"], ["learn", "--error", ERROR, "--fix", FIX], ["serve"]):
        assert a.call(*command).returncode == 78


@pytest.mark.parametrize("content", [b"no toml at all [", b"colour = 'blue'\n", b"mode = 'sometimes'\n"])
@pytest.mark.usefixtures("real_start")
def test_a_broken_configuration_is_passed_through_by_run_and_78_elsewhere(a: Agent, content: bytes) -> None:
    a.operator.mkdir()
    (a.operator / "config.toml").write_bytes(content)
    done = a.run("sh", "-c", "exit 5")
    assert done.returncode == 5
    assert len(lines_of_ours(done.stderr)) == 1
    assert "Traceback" not in done.stderr
    assert a.call("status").returncode == 78


@pytest.mark.usefixtures("real_start")
def test_a_home_that_cannot_be_made_is_passed_through(a: Agent, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = a.run("sh", "-c", "exit 5", env={"MESHTUI_HOME": str(tmp_path / "file" / "home")})
    assert done.returncode == 5
    assert len(lines_of_ours(done.stderr)) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("real_start")
def test_a_store_that_is_no_database_is_passed_through(a: Agent) -> None:
    a.home.mkdir()
    (a.home / "store.db").write_bytes(b"this is no database" * 1000)
    done = a.run("sh", "-c", "exit 5")
    assert done.returncode == 5
    assert len(lines_of_ours(done.stderr)) == 1
    assert a.call("status").returncode == 78


@pytest.mark.usefixtures("real_start")
def test_a_folder_that_is_removed_under_a_command_is_no_reason_to_stop(a: Agent) -> None:
    folder = a.work / "gone"
    folder.mkdir()
    done = a.run("sh", "-c", f"rmdir {folder}; exit 6", cwd=folder)
    assert done.returncode == 6
    assert "Traceback" not in done.stderr


def test_hostile_output_of_a_command_reaches_our_own_lines_made_visible(a: Agent) -> None:
    hostile = "ValueError: \x1b]52;c;aGk=\x07 in settings file number seven"
    a.learn(hostile, "touch settings-file-seven")
    done = a.run("printf", "%s", "x")
    assert done.returncode == 0
    script = a.work / "hostile.sh"
    script.write_bytes(b"printf 'ValueError: \\033]52;c;aGk=\\007 in settings file number seven\\n' >&2; exit 1\n")
    done = a.run("sh", "hostile.sh", mode="hint")
    notes = lines_of_ours(done.stderr)
    assert "\x1b" not in "".join(notes)
    for command in (["incidents", "list"], ["incidents", "show", "last"], ["skills", "list"], ["status"]):
        for extra in ([], ["--json"]):
            assert "\x1b" not in a.call(*command, *extra).stdout
    assert "\x1b" not in (a.home / "journal.jsonl").read_text()


# --- a fix that the history shows -------------------------------------------------------------------------------------


def test_a_fix_is_recognised_from_what_was_run_and_confirmed_by_a_person(a: Agent) -> None:
    python = a.app[0]
    a.run(*a.app)
    a.run(python, "-m", "pip", "install", "django")
    done = a.run(*a.app)
    assert done.returncode == 0
    [note] = lines_of_ours(done.stderr)
    assert "learnt #1" in note
    assert "unconfirmed" in note
    [skill] = a.ask("skills", "list")
    assert (skill["state"], skill["source"], skill["confirmed"]) == ("unconfirmed", "recognised", False)

    shutil.rmtree(a.venv / "site")
    installs = len(a.pip_log)
    assert a.run(*a.app).returncode == 1
    assert len(a.pip_log) == installs, "used unattended before anybody stood behind it"
    a.run(python, "-m", "pip", "install", "django")
    [note] = lines_of_ours(a.run(*a.app).stderr)
    assert "unconfirmed until you confirm it" in note, "seen again it still comes from the network"
    assert a.call("skills", "confirm", "1").returncode == 0
    [skill] = a.ask("skills", "list")
    assert (skill["state"], skill["confirmed"]) == ("active", True)


def test_a_later_success_settles_what_was_applied_and_not_run_again(a: Agent) -> None:
    a.learn()
    app = (a.work / "app.py").read_text()
    (a.work / "app.py").write_text("import sys; sys.stdin.read()\n" + app)
    big = "x" * 1_100_000  # more than is kept for a rerun
    done = a.run(*a.app, stdin=big)
    assert done.returncode == 1
    assert a.ask("incidents", "list")[0]["state"] == "applied_not_rerun"
    done = a.run(*a.app)
    assert done.returncode == 0
    assert any(note.startswith("meshtui: verified") for note in lines_of_ours(done.stderr)), done.stderr
    assert a.ask("incidents", "list")[0]["state"] == "verified"


# --- terminals --------------------------------------------------------------------------------------------------------


def in_a_terminal(
    agent: Agent,
    *argv: str,
    answer: bytes = b"",
    columns: int = 80,
    prompt: bytes = b"[y/N]",
    times: int = 1,
    last: bytes = b"",
) -> tuple[int, str]:
    """Run `meshtui` with a terminal of 24 lines as its streams; return exit code and what was shown.

    The answer is given to the prompt as many times as it is asked, at most `times`, and `last` to the one after.
    """
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        agent.command(*argv),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=agent.work,
        env={**agent.environment, "TERM": "xterm"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    shown, answered = b"", 0
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
        if answer and shown.count(prompt) > answered:
            answered, times = answered + 1, times - 1
            os.write(master, answer if times >= 0 else last)
    os.close(master)
    return process.wait(60), shown.decode(errors="replace")


@pytest.mark.parametrize(("answer", "code", "installs"), [(b"y\n", 0, 1), (b"n\n", 1, 0), (b"\n", 1, 0)])
def test_on_a_terminal_a_person_is_asked(a: Agent, answer: bytes, code: int, installs: int) -> None:
    a.learn()
    got, shown = in_a_terminal(a, "run", "--mode", "approve", "--", *a.app, answer=answer)
    assert "run it? [y/N]" in shown
    assert (got, len(a.pip_log)) == (code, installs)
    assert len(a.ask("approvals", "list")) == 1 - installs


def test_a_terminal_stays_a_terminal_for_the_command(a: Agent) -> None:
    code, shown = in_a_terminal(a, "run", "--", "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && stty size")
    assert (code, shown.strip()) == (0, "24 80")


@pytest.mark.parametrize("command", [("skills", "list"), ("incidents", "list"), ("status",), ("approvals", "list")])
def test_tables_fit_a_narrow_terminal(a: Agent, command: tuple[str, ...]) -> None:
    a.learn("ValueError: " + "a long story about settings " * 6, "touch " + "x" * 100)
    a.run("sh", "-c", "echo 'ValueError: " + "a long story about settings " * 6 + "' >&2; exit 1", mode="approve")
    code, shown = in_a_terminal(a, *command, columns=60)
    assert code == 0
    if command != ("status",):
        plain = shown.replace("\x1b[1m", "").replace("\x1b[0m", "")
        assert max(len(line) for line in plain.splitlines()) <= 60
        assert {"skills": "#1", "incidents": "needs you", "approvals": "/usr/bin/tou"}[command[0]] in plain


def test_no_color_is_honoured_on_a_terminal(a: Agent) -> None:
    a.learn()
    a.environment["NO_COLOR"] = "1"
    _, shown = in_a_terminal(a, "skills", "list")
    assert "\x1b[3" not in shown


def test_a_bridge_that_somebody_holds_does_not_hold_up_the_command(a: Agent, world: World) -> None:
    a.learn()
    held = sqlite3.connect(str(world.bridge) + ".mesh.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    done = a.run(*a.app)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(lines_of_ours(done.stderr)) <= 3
    held.execute("ROLLBACK")
    held.close()
    a.call("status")
    assert a.ask("status")["unpublished"] == 0
    assert a.run(*a.app).returncode == 0


def test_a_wheel_that_would_run_with_every_python_waits_for_a_person(a: Agent) -> None:
    a.learn()
    (a.venv / "pip-evil").touch()
    done = a.run(*a.app)
    assert done.returncode == 1 and "waits for you" in done.stderr
    assert a.pip_log == []
    [asked] = a.ask("approvals", "list")
    assert "holds evil.pth" in asked["reasons"][0]
    [incident] = a.ask("incidents", "list")
    assert incident["state"] == "needs_approval"
    assert a.call("approvals", "approve", asked["approval_id"]).returncode == 0
    assert len(a.pip_log) == 1, "a person has decided"
