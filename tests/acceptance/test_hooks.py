"""Hooks as agents call them: whole processes, recorded conversations, and everything that may be wrong with a home."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.core.agents.recordings import recorded
from tests.world import FIX, TIMEOUT_S, Agent, World

from meshcore.agents.hook_settings import hook_command
from meshcore.agents.table import NAMES, program
from meshcore.clock import to_text
from meshcore.config import load
from meshcore.healing.teaching import teach
from meshcore.hook.main import follow_up_command
from meshcore.node import Node

ERROR = "ModuleNotFoundError: No module named 'django'"


@pytest.fixture
def me(tmp_path: Path) -> Iterator[Agent]:
    yield World(tmp_path).agent("me")


def learn(agent: Agent, error: str = ERROR, fix: str = FIX) -> None:
    """Teach a fix to an agent's home."""
    with Node(load(environment=agent.environment)) as node:
        teach(node, error, fix)
        # What is unknown ends in the hook itself: the bridge was looked at just now.
        node.store.state.set(pulled=to_text(node.clock.now()))


def call(agent: Agent, name: str, payload: object, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Call the installed hook command as an agent does."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    environment = {**agent.environment, **variables}
    return subprocess.run(hook_command(name), input=data, capture_output=True, env=environment, timeout=TIMEOUT_S)


def failure(agent: Agent, name: str, number: int, **fields: Any) -> dict[str, Any]:
    sample = program(name).sample("python3 app.py", ERROR, str(agent.work), agent.world.root, f"call-{number}")
    return {**sample, **fields}


def rows(agent: Agent, sql: str) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(agent.home / "store.db")
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


@pytest.mark.parametrize(
    "name", [name if name in ("claude-code", "codex") else pytest.param(name, marks=pytest.mark.long) for name in NAMES]
)
def test_a_recorded_conversation_ends_with_the_right_answer_and_rows(shared: Path, me: Agent, name: str) -> None:
    conversation = list(recorded(shared, name))
    learn(me, "ModuleNotFoundError: No module named 'nonexistent_xyz'", "pip install nonexistent-xyz")
    named = ("session_id", "sessionId", "session", "taskId")
    sessions = [next((payload[key] for key in named if key in payload), None) for payload in conversation]
    said: list[str] = []
    for payload, session in zip(conversation, sessions, strict=True):
        if session != sessions[0]:
            break  # two of the recordings hold the conversation twice
        body = (
            json.dumps(payload).replace("/home/dev/project", str(me.work)).replace('"/work"', json.dumps(str(me.work)))
        )
        done = call(me, name, body.encode())
        assert (done.returncode, done.stderr) == (0, b"")
        said.append(done.stdout.decode())
    answers = [text for text in said if text]
    hears = getattr(program(name), "READS_ANSWERS", True)
    assert len(answers) == hears and all("pip install nonexistent-xyz" in answer for answer in answers)
    if name in ("claude-code", "codex", "gemini"):
        context = json.loads(answers[0])["hookSpecificOutput"]["additionalContext"]
        assert "pip install nonexistent-xyz" in context
    lines = rows(me, "SELECT via, error_type, state, exit_code FROM incidents ORDER BY seq")
    assert lines[0] == (name, "ModuleNotFoundError", "matched" if hears else "open", 1)
    assert [line[3] for line in lines] == [1, 3]
    assert rows(me, "SELECT count(*) FROM events WHERE kind='hook.answered'") == [(hears,)]
    assert [kind for (kind,) in rows(me, "SELECT kind FROM outbox") if kind == "incident"] == ["incident"] * len(lines)
    assert rows(me, "SELECT count(*) FROM commands WHERE exit_code=0")[0][0] >= 2


def test_ten_hooks_at_once_lose_nothing_and_tell_each_session_once(me: Agent) -> None:
    learn(me)
    call(me, "claude-code", failure(me, "claude-code", 0))

    def one(number: int) -> subprocess.CompletedProcess[bytes]:
        return call(me, "claude-code", {**failure(me, "claude-code", number), "session_id": f"s{number % 5}"})

    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(one, range(1, 11)))
    assert [one.returncode for one in done] == [0] * 10
    assert [FIX.encode() in one.stdout for one in done].count(True) == 5
    assert rows(me, "SELECT count(*) FROM incidents WHERE state='matched'") == [(11,)]
    assert rows(me, "SELECT count(*) FROM events WHERE kind='hook.answered'") == [(6,)]
    kept = rows(me, "SELECT commands FROM hook_sessions")
    assert sorted(len(json.loads(commands)) for (commands,) in kept) == [1] + [2] * 5


@pytest.mark.long
def test_ten_hooks_that_see_one_failure_count_it_once(me: Agent) -> None:
    learn(me)
    call(me, "claude-code", failure(me, "claude-code", 0))
    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(lambda _: call(me, "claude-code", failure(me, "claude-code", 1)), range(10)))
    assert [FIX.encode() in one.stdout for one in done].count(True) == 1
    assert rows(me, "SELECT count(*) FROM incidents") == [(2,)]


def test_a_hook_killed_half_way_leaves_a_whole_store(me: Agent) -> None:
    learn(me)
    for number in range(6):
        child = subprocess.Popen(hook_command("codex"), stdin=subprocess.PIPE, env=me.environment)
        assert child.stdin is not None
        data = json.dumps(failure(me, "codex", number)).encode()
        child.stdin.write(data[: len(data) // 2] if number % 2 else data)
        child.stdin.flush()
        child.send_signal(signal.SIGKILL)
        child.wait(TIMEOUT_S)
        child.stdin.close()
    assert rows(me, "PRAGMA integrity_check") == [("ok",)]
    last = {**failure(me, "codex", 99), "session_id": "another"}
    assert FIX.encode() in call(me, "codex", last).stdout


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"a": "\xc3\x28"}', b"\0" * 10])
def test_what_is_no_payload_is_answered_with_nothing(me: Agent, data: bytes) -> None:
    done = call(me, "claude-code", data)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not (me.home / "store.db").exists()


def test_an_output_of_5_mb_is_answered(me: Agent) -> None:
    learn(me)
    sample = program("claude-code").sample("make", "x" * 5_000_000 + f"\n{ERROR}", str(me.work), me.home, "c1")
    done = call(me, "claude-code", sample)
    assert FIX.encode() in done.stdout
    assert rows(me, "SELECT length(excerpt)<=4096 FROM incidents") == [(1,)]


def test_a_home_that_does_not_exist_is_made_private(me: Agent) -> None:
    done = call(me, "claude-code", failure(me, "claude-code", 1))
    assert (done.returncode, done.stderr) == (0, b"")
    assert me.home.stat().st_mode & 0o077 == 0
    assert (me.home / "store.db").stat().st_mode & 0o077 == 0
    assert rows(me, "SELECT count(*) FROM incidents") == [(1,)]


def test_a_locked_home_lets_the_agent_go_on(me: Agent) -> None:
    learn(me)
    database = sqlite3.connect(me.home / "store.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    done = call(me, "claude-code", failure(me, "claude-code", 1))
    database.execute("ROLLBACK")
    database.close()
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_newer_home_lets_the_agent_go_on_and_is_not_touched(me: Agent) -> None:
    learn(me)
    database = sqlite3.connect(me.home / "store.db", isolation_level=None)
    database.execute("PRAGMA user_version=999")
    database.close()
    done = call(me, "claude-code", failure(me, "claude-code", 1))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert rows(me, "SELECT count(*) FROM incidents") == [(0,)]


@pytest.mark.parametrize("what", ["a file", "not a database", "a link to nothing"])
def test_a_home_that_is_none_lets_the_agent_go_on(me: Agent, what: str) -> None:
    if what == "a file":
        me.home.write_text("")
    elif what == "not a database":
        me.home.mkdir()
        (me.home / "store.db").write_text("no database at all, but long enough to be looked at" * 50)
    else:
        me.home.symlink_to("/proc/nowhere")
    done = call(me, "claude-code", failure(me, "claude-code", 1))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_full_disk_lets_the_agent_go_on(me: Agent, small_disk: Path) -> None:
    home = small_disk / "home"
    home.mkdir()
    (small_disk / "fill").write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize))
    done = call(me, "claude-code", failure(me, "claude-code", 1), MESHTUI_HOME=str(home))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_broken_config_lets_the_agent_go_on(me: Agent) -> None:
    me.operator.mkdir(parents=True)
    (me.operator / "config.toml").write_text("mode = [")
    done = call(me, "claude-code", failure(me, "claude-code", 1))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_follow_up_that_cannot_be_loaded_lets_the_agent_go_on(me: Agent) -> None:
    program, isolated, *rest = follow_up_command({"what": "failed"})
    done = subprocess.run([program, isolated, "-S", *rest], capture_output=True, env=me.environment, timeout=TIMEOUT_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_in_mode_auto_a_hook_executes_nothing_and_names_the_command_that_heals(me: Agent) -> None:
    learn(me)
    assert me.call("mode", "--via", "claude-code", "auto").returncode == 0
    first = me.run(*me.app, mode="off")
    command = " ".join(me.app)
    sample = program("claude-code").sample(command, first.stderr, str(me.work), me.home, "c1")
    done = call(me, "claude-code", sample, PATH=f"{me.venv / 'bin'}:{os.environ['PATH']}")
    said = json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"]
    [(incident,)] = rows(me, "SELECT incident_id FROM incidents")
    assert f"`meshtui heal {incident}`" in said, said
    assert FIX in said
    assert me.pip_log == []
    assert rows(me, "SELECT state, via FROM incidents") == [("matched", "claude-code")]
    assert rows(me, "SELECT count(*) FROM tries") == [(0,)]
    assert me.call("heal", incident).returncode == 0
    assert rows(me, "SELECT state FROM incidents") == [("verified",)]
    assert len(me.pip_log) == 1
    assert me.run(*me.app).returncode == 0


def test_what_the_agent_runs_then_does_only_what_policy_says_run_to(me: Agent) -> None:
    learn(me)
    assert me.call("mode", "approve").returncode == 0
    assert me.run(*me.app, mode="hint").returncode == 1
    [(incident,)] = rows(me, "SELECT incident_id FROM incidents")
    done = me.call("heal", incident, "--mode", "auto")
    assert done.returncode == 1 and me.pip_log == []
    head, *quoted, tail = done.stdout.split("\n")[:5]
    assert head.startswith("[report ") and quoted[0] == f"| fix: {FIX}" and tail.startswith("[end of report ")
    assert rows(me, "SELECT count(*) FROM tries") == [(0,)]


@pytest.mark.long
def test_meshtui_hook_says_the_same(me: Agent) -> None:
    learn(me)
    done = me.call("hook", "claude-code", stdin=json.dumps(failure(me, "claude-code", 1)))
    assert FIX in done.stdout and done.returncode == 0


def test_connect_lets_one_fix_arrive_through_the_installed_command(me: Agent) -> None:
    assert me.call("connect", "claude-code", "--yes").returncode == 0
    settings = json.loads((me.world.root / "user" / ".claude" / "settings.json").read_text())
    [group] = settings["hooks"]["PostToolUseFailure"]
    assert group["hooks"][0]["command"].startswith("/bin/sh -c ")
    tried = me.call("connect", "--test", "claude-code")
    assert tried.returncode == 0 and "the fix arrived" in tried.stdout, tried.stdout + tried.stderr
    assert not (me.home / "store.db").exists(), "the trial has a home of its own"
    [state] = [row for row in me.ask("connect", "--list") if row["agent"] == "claude-code"]
    assert state["user"] == "connected"
    assert "removed" in me.call("disconnect", "claude-code", "--yes").stdout


def test_opencode_s_plugin_hands_on_what_was_recorded(shared: Path, me: Agent) -> None:
    if subprocess.run(["node", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("node is not installed")
    learn(me, "ModuleNotFoundError: No module named 'nonexistent_xyz'", "pip install nonexistent-xyz")
    assert me.call("connect", "opencode", "--yes").returncode == 0
    plugin = me.world.root / "user" / ".config" / "opencode" / "plugins" / "meshtui.js"
    module = plugin.with_suffix(".mjs")
    module.write_text(plugin.read_text())
    line = next(
        row for row in (shared / "agent-payloads" / "opencode.jsonl").read_text().splitlines() if '"exit": 1' in row
    )
    script = (
        f"import {{ Meshtui }} from {json.dumps(str(module))}; const row = {line};"
        f"const hooks = await Meshtui({{ directory: {json.dumps(str(me.work))} }});"
        "await hooks['tool.execute.after'](row.i, row.o); console.log(row.o.output);"
    )
    command = ["node", "--input-type=module", "-e", script]
    done = subprocess.run(command, capture_output=True, text=True, env=me.environment, timeout=TIMEOUT_S)
    assert "pip install nonexistent-xyz" in done.stdout, done.stderr
    assert rows(me, "SELECT via, cwd FROM incidents") == [("opencode", str(me.work))]
