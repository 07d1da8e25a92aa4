"""What past sessions tell of walls and ways around them: facts after a failure, never a warning before, no secrets."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.core.agents.desk import Desk
from tests.core.agents.made_sessions import (
    PROJECT,
    START,
    Ran,
    claude_session,
    codex_session,
    copilot_session,
    gemini_session,
    opencode_session,
)

from meshcore.healing import past_habits
from meshcore.healing.importing import adopt_history
from meshcore.healing.past_habits import PastHabits, Wall
from meshcore.knowledge.habits import MAX_SAYINGS
from meshcore.knowledge.history import Preview, preview
from meshcore.store.known_marks import is_marked
from meshcore.store.read import Read

WRAPPED, PLAIN = "wrap jest run", "jest run"
LINE = "error: unrecognized subcommand 'jest'"
SECRET = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
WALL = [Ran(WRAPPED, 2, LINE, 0), Ran(PLAIN, 0, "ok", 5)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk at which the recorded sessions were held lately."""
    desk = Desk(tmp_path)
    folder = desk.root / "bin"
    folder.mkdir()
    (folder / "jest").touch(0o755)
    desk.environment["PATH"] = f"{folder}:/usr/bin:/bin"
    return desk


def write(desk: Desk, commands: Sequence[Ran], name: str, **changes: Any) -> Path:
    """Write a session of now, whose folder is the desk's."""
    lately = (datetime.now(UTC) - timedelta(hours=2) - START).total_seconds()
    later = [replace_at(ran, ran.at + lately) for ran in commands]
    return claude_session(desk.root, later, name, **{"cwd": str(desk.work), "sessionId": name, **changes})


def replace_at(ran: Ran, at: float) -> Ran:
    return ran._replace(at=at)


def look(desk: Desk, agent: str = "claude-code", **options: Any) -> tuple[Preview, PastHabits]:
    past = PastHabits(agent)
    return preview(agent, desk.environment, listener=past.take, **options), past


def adopt(desk: Desk) -> tuple[int, int]:
    found, past = look(desk)
    with desk.node() as node:
        done = adopt_history(node, found, {}, past)
    desk.leave_the_bridge_alone()
    return done.habits, done.corrections


def told(desk: Desk, session: str = "now", command: str = WRAPPED) -> str:
    said = desk.failed(command=command, output=LINE, error=f"Exit code 2\n{LINE}", session_id=session)
    return str(json.loads(said or "{}").get("hookSpecificOutput", {}).get("additionalContext", ""))


def test_the_first_wall_is_shown_with_what_passed_instead(desk: Desk) -> None:
    for name in ("s1", "s2", "s3"):
        write(desk, WALL, name)
    _, past = look(desk)
    [wall] = past.walls()
    assert replace(wall, last=0) == Wall(str(desk.work), WRAPPED, 3, 3, 0, PLAIN)


def test_it_is_counted_what_the_past_would_have_been_told(desk: Desk) -> None:
    write(desk, WALL, "s1")
    assert look(desk)[1].told() == (0, 0), "the first session knows nothing of what comes later"
    write(desk, [Ran(WRAPPED, 2, LINE, at) for at in range(4)], "s2")
    write(desk, [Ran(f"{WRAPPED} {number}", 2, LINE, number) for number in range(9)], "s3")
    _, past = look(desk)
    assert past.told() == (1 + MAX_SAYINGS, 2), "once a session and command, and no more than a session is told"


def test_the_past_of_copilot_is_read_like_the_others(desk: Desk) -> None:
    lately = (datetime.now(UTC) - timedelta(hours=2) - START).total_seconds()
    for later, name in enumerate(("s1", "s2")):
        ran = [replace_at(one, one.at + lately + 60 * later) for one in WALL]
        path = copilot_session(desk.root, ran, name)
        path.write_text(path.read_text().replace(PROJECT, str(desk.work)).replace('"s1"', json.dumps(name)))
    found, past = look(desk, "copilot")
    assert (found.sessions, found.commands, past.told()) == (2, 4, (1, 1))
    [wall] = past.walls()
    assert (wall.command, wall.sessions, wall.instead) == (WRAPPED, 2, PLAIN)


def test_what_was_imported_is_told_after_a_failure(desk: Desk) -> None:
    for name in ("s1", "s2"):
        write(desk, WALL, name)
    assert adopt(desk) == (1, 1)
    said = told(desk)
    assert "`wrap jest run` failed here the same way in 2 earlier sessions" in said
    assert "What passed instead in 2 earlier sessions here: `jest run`" in said


def test_what_was_imported_warns_nobody_before_a_command(desk: Desk) -> None:
    for name in ("s1", "s2", "s3"):
        write(desk, WALL, name)
    adopt(desk)
    told(desk, "live")  # one session of this host is too few, whatever the past holds
    payload = {
        "session_id": "next", "cwd": str(desk.work), "hook_event_name": "PreToolUse", "tool_name": "Bash",
        "tool_input": {"command": WRAPPED}, "tool_use_id": "x",
    }  # fmt: skip
    assert desk.report("claude-code", payload) == ""


def test_what_was_imported_is_told_to_no_other_node(desk: Desk) -> None:
    for name in ("s1", "s2"):
        write(desk, WALL, name)
    adopt(desk)
    store = desk.store()
    assert [row.kind for row in store.outbox.waiting() if row.kind in ("habit", "correction")] == []
    store.close()


def test_importing_twice_notes_it_once_and_leaves_what_a_hook_saw(desk: Desk) -> None:
    for name in ("s1", "s2"):
        write(desk, WALL, name)
    assert (adopt(desk), adopt(desk)) == ((1, 1), (0, 0))
    told(desk, "live")
    adopt(desk)
    store = desk.store()
    [(project, command)] = store.answers(Read("SELECT project, command FROM habits WHERE sessions>0", tuple))
    row = store.habits.find(project, command)
    assert row is not None
    assert (row.sessions, row.live) == (3, 1)
    [(_, _, correction)] = store.corrections.all(10)
    assert correction.seen == 2
    assert is_marked(str(store.path.parent / "state"), str(desk.work), command) or project
    store.close()


def test_a_pass_of_the_past_ends_what_failed_before_it(desk: Desk) -> None:
    for name in ("s1", "s2"):
        write(desk, WALL, name)
    write(desk, [Ran(WRAPPED, 0, "ok", 1000)], "s3")
    _, past = look(desk)
    assert past.walls() == []


def test_an_edit_between_failure_and_success_takes_the_credit(desk: Desk) -> None:
    for name in ("s1", "s2"):
        path = write(desk, WALL, name)
        lines = path.read_text().splitlines()
        head = {"sessionId": name, "cwd": str(desk.work), "timestamp": json.loads(lines[2])["timestamp"]}
        use = {"type": "tool_use", "id": "e", "name": "Edit", "input": {"file_path": "/x/a.ts"}}
        end = {"type": "tool_result", "tool_use_id": "e", "content": "done"}
        edit = [json.dumps({**head, "type": kind, "message": {"content": [block]}})
                for kind, block in (("assistant", use), ("user", end))]  # fmt: skip
        path.write_text("\n".join([*lines[:3], *edit, *lines[3:]]) + "\n")
    assert look(desk)[1].count() == (1, 0)


def test_an_edit_in_codex_takes_the_credit_too(desk: Desk) -> None:
    path = codex_session(desk.root, WALL, cwd=f"file://{desk.work}")
    assert look(desk, "codex")[1].count() == (1, 1)
    lines = path.read_text().splitlines()
    edit = json.loads(lines[1])
    edit["payload"]["item"] = {"type": "FileChange", "id": "e", "status": "completed"}
    path.write_text("\n".join([*lines[:2], json.dumps(edit), *lines[2:]]) + "\n")
    assert look(desk, "codex")[1].count() == (1, 0)


def test_the_past_of_gemini_is_read_and_its_edits_take_the_credit(desk: Desk) -> None:
    path = gemini_session(desk.root, WALL, folder=str(desk.work))
    assert look(desk, "gemini")[1].count() == (1, 1)
    lines = path.read_text().splitlines()
    edit = json.loads(lines[2])
    edit["toolCalls"][0] |= {"id": "e", "name": "replace", "args": {"file_path": "a.ts"}}
    path.write_text("\n".join([*lines[:4], json.dumps(edit), *lines[4:]]) + "\n")
    assert look(desk, "gemini")[1].count() == (1, 0)


def test_the_past_of_opencode_is_read_and_another_form_is_said(desk: Desk) -> None:
    path = opencode_session(desk.root, WALL, folder=str(desk.work)).parent
    assert look(desk, "opencode")[1].count() == (1, 1)
    assert sorted(one.name for one in path.parent.iterdir()) == ["opencode.db"]
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE part RENAME COLUMN data TO content")
    found, past = look(desk, "opencode")
    assert past.count() == (0, 0)
    assert found.broken == 1 and "another form than is known" in (found.named[0])
    path.write_bytes(b"no database at all")
    assert look(desk, "opencode")[0].broken == 1


def test_no_secret_of_the_past_is_kept(desk: Desk) -> None:
    secret = f"curl -H 'Authorization: Bearer {SECRET}' https://example.org"
    for name in ("s1", "s2"):
        failed = Ran(secret, 6, "curl: (6) Could not resolve host: example.org", 0)
        write(desk, [failed, Ran(f"{secret} -4", 0, "", 5)], name)
    adopt(desk)
    assert look(desk)[1].count() == (1, 0)
    assert not [
        path for path in (desk.root / "home").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
    ]


def test_a_long_command_and_a_folder_that_is_gone_are_left_out_and_said(desk: Desk) -> None:
    write(desk, [Ran("x" * 1_000_000, 1, "boom", 0)], "s1")
    write(desk, WALL, "s2", cwd="/nowhere/at/all")
    _, past = look(desk)
    assert past.left_out == {"a command of more than 4000 characters": 1, "a command in a folder that is gone": 2}
    assert past.count() == (0, 0)


def test_a_long_session_is_held_to_so_many_commands(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_habits, "MOST_COMMANDS", 50)
    write(
        desk, [Ran(f"tool{number} run", 2, "error: no such thing here", float(number)) for number in range(500)], "s1"
    )
    _, past = look(desk)
    assert past.count()[0] == 50
    assert past.left_out == {"a failure beside too many others": 450}


def test_of_a_large_history_the_newest_is_read_and_the_rest_is_said(desk: Desk) -> None:
    for number, name in enumerate(("old", "s1", "s2")):
        path = write(desk, WALL if number else [Ran("old thing", 1, "error: no such thing", 0)], name)
        os.utime(path, (1000 * number + 1, 1000 * number + 1))
    size = path.stat().st_size
    found, past = look(desk, most=2 * size + 10)
    assert found.sessions == 2 and found.older > 0
    assert [wall.command for wall in past.walls()] == [WRAPPED]


def test_what_cannot_be_read_is_counted_by_the_version_that_wrote_it(desk: Desk) -> None:
    path = write(desk, WALL, "s1")
    path.write_text(path.read_text() + '{"type": "tool_use", "half\n{"tool_use": "written just now')
    found, _ = look(desk)
    assert (found.broken, dict(found.versions)) == (1, {"2.1.330": 1})
