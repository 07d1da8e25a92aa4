"""`meshtui import history`: shown first, written only after a yes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.core.agents.made_sessions import Ran, claude_session, codex_session, story
from tests.world import Agent, World


def user(world: World) -> Path:
    return Path(world.environment["HOME"])


def test_nothing_is_written_without_a_yes(world: World, a: Agent) -> None:
    claude_session(user(world), [*story(), *story(at=100)])
    done = a.call("import", "history")
    assert done.returncode == 0
    assert "1 failure seen twice or more, 1 with a proven fix" in done.stdout
    assert "pip install django" in done.stdout
    assert "--yes" in done.stderr
    assert not a.home.exists()
    assert not world.bridge.exists()


def test_a_yes_brings_the_fixes_and_the_before(world: World, a: Agent) -> None:
    claude_session(user(world), [*story(), *story(at=100)])
    codex_session(user(world), story("yaml"))
    done = a.call("import", "history", "--yes")
    assert "claude-code: 1 skill added, 0 of them confirmed" in done.stdout
    assert "codex: 1 skill added, 0 of them confirmed" in done.stdout
    known = {one["example_line"][-7:]: one["confirmed"] for one in a.ask("skills", "list")}
    assert known == {"django'": False, " 'yaml'": False}, "a package that texts have named waits for a person"
    events = [json.loads(line) for line in (a.home / "journal.jsonl").read_text().splitlines()]
    assert [e["via"] for e in events if e["kind"] == "history.imported"] == ["claude-code", "codex"]


def test_a_person_sees_their_first_walls_before_anything_is_written(world: World, a: Agent) -> None:
    folder = Path(world.environment["HOME"]) / "shop"
    folder.mkdir(parents=True)
    for at, name in enumerate(("s1", "s2")):
        wall = [Ran("npm test", 1, 'npm error Missing script: "test"', at), Ran("pnpm test", 0, "ok", at + 5)]
        claude_session(user(world), wall, name, cwd=str(folder), sessionId=name)
    done = a.call("import", "history")
    assert "fails in shop: npm test, in 2 sessions; passed: pnpm test" in done.stdout
    assert not a.home.exists()
    done = a.call("import", "history", "--yes")
    assert "1 commands that fail and 1 corrections noted" in done.stdout


def test_json_holds_the_whole_preview(world: World, a: Agent) -> None:
    codex_session(user(world), story())
    found = a.ask("import", "history", "codex", "--dry-run")
    assert found["imported"] is False
    [row] = found["agents"]
    assert (row["sessions"], row["seconds_to_green"]["n"], row["retrospective"]) == (1, 1, True)
