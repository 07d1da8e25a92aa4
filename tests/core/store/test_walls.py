"""What fails again and again, as everybody who shows it asks for it."""

from __future__ import annotations

import pytest

from meshcore.knowledge.habit_rows import pack
from meshcore.knowledge.habits import Failed, Habit, way, ways_of, with_failure, with_pass
from meshcore.store.store import Store
from meshcore.store.walls import MOST_WALLS, in_words, incidents_at, walls
from meshcore.testing import incident

NOW = 1_800_000_000


def fails(
    store: Store, root: str, command: str, line: str, sessions: int, seconds: float = 1.0, **more: object
) -> Habit:
    habit: Habit | None = None
    for session in range(sessions):
        fields = {"seconds": seconds, "text": command, **more}
        failure = Failed(bytes([session] * 4), NOW - 100 + session, "other", 1, ways_of("", line), **fields)  # type: ignore[arg-type]
        habit = with_failure(habit, failure)
    assert habit is not None
    project = store.projects.at(root) or store.projects.add(root, f"identity of {root}")
    store.habits.put(project.number, command.encode().ljust(8)[:8], pack(habit))
    return habit


def test_the_costliest_comes_first_and_what_failed_once_is_none(store: Store) -> None:
    fails(store, "/a", "cheap", "error: cheap thing", 9)
    fails(store, "/a", "dear", "error: dear thing", 2, 60.0)
    fails(store, "/a", "once", "error: only once", 1, 999.0)
    found = store.answers(walls(NOW))
    assert [(one.command, one.sessions, one.runs, one.cost) for one in found] == [
        ("dear", 2, 2, "2.0 min"),
        ("cheap", 9, 9, "9 s"),
    ]
    assert (found[0].first, found[0].last) == (NOW - 100, NOW - 99)


def test_commands_and_projects_that_fail_in_one_way_are_one_wall(store: Store) -> None:
    line = "Error: Cannot find module 'jsdom'"
    fails(store, "/a", "npm test", line, 3, agent="codex@x")
    fails(store, "/b", "npm run t", line, 4, 2.0, agent="claude@x")
    [one] = store.answers(walls(NOW))
    assert (one.command, one.root, one.commands, one.projects) == ("npm run t", "/b", 2, 2)
    assert (one.in_sessions, one.runs, one.seconds, one.where) == ("4+", 7, 11.0, "2 projects")
    assert set(one.agents) == {"codex@x", "claude@x"}
    assert (one.what, one.places) == ("npm run t  (and 1 more)", "/b  (and 1 more)")
    assert one.wall == way(line).hex()


def test_what_tells_nothing_stands_by_itself(store: Store) -> None:
    for root in ("/a", "/b"):
        fails(store, root, "make lint", "", 2)
    assert len(store.answers(walls(NOW))) == 2


def test_a_pass_and_a_person_who_expects_it_end_a_wall(store: Store) -> None:
    fails(store, "/a", "one", "error: first of all", 2)
    habit = fails(store, "/a", "two", "error: second of all", 2)
    first, second = store.answers(walls(NOW))
    assert store.habits.expect(first.wall, NOW + 10) == 1
    assert [one.wall for one in store.answers(walls(NOW))] == [second.wall]
    assert len(store.answers(walls(NOW + 10))) == 2
    project = store.projects.at("/a")
    assert project is not None
    store.habits.put(project.number, b"two     ", pack(with_pass(habit, b"")))
    assert [one.command for one in store.answers(walls(NOW + 10))] == ["one"]


def test_its_newest_incident_is_told_and_those_with_the_same_error(store: Store) -> None:
    ids = [f"{number:02x}" * 8 for number in (1, 2, 3)]
    for number, name in enumerate(ids):
        store.incidents.open(incident(number, "django" if number else "flask", incident_id=name), "a" * 64)
    fails(store, "/a", "app", "ModuleNotFoundError: No module named 'django'", 2, incident=bytes.fromhex(ids[2])[:4])
    [one] = store.answers(walls(NOW))
    assert (one.incident_id, "django" in one.line) == (ids[2], True)
    assert ids[2] in store.answers(incidents_at(ids[2], 10))
    assert store.answers(incidents_at("gone", 10)) == []


def test_of_many_walls_the_costliest_are_told(store: Store) -> None:
    with store.transaction():
        habit = fails(store, "/a", "seed", "error: seed thing", 2)
        row = pack(habit)
        store.database.execute("CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c"
                               " WHERE i<20000) SELECT i FROM c")  # fmt: skip
        store.database.execute(
            "INSERT INTO habits SELECT 1, CAST(printf('%08d', i) AS BLOB), 0, 1, 2, 2, x'', 2, i, ?, ?, x'', 0, 0, 0,"
            " x'', x'', 'c'||i, x'', '', x'' FROM n",
            (row.first, row.last),
        )
    found = store.answers(walls(NOW))
    assert len(found) == MOST_WALLS
    assert found[0].command == "c20000"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "-"), (0.4, "< 1 s"), (59.4, "59 s"), (90, "1.5 min"), (7200, "2.0 h")]
)
def test_a_cost_is_at_most_two_words(seconds: float, said: str) -> None:
    assert in_words(seconds) == said
