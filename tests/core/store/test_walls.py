"""What fails again and again, as everybody who shows it asks for it."""

from __future__ import annotations

import pytest

from meshcore.knowledge.habit_rows import pack
from meshcore.knowledge.habits import Failed, Habit, way, ways_of, with_failure, with_pass
from meshcore.store.listed import Found, Listed
from meshcore.store.store import Store
from meshcore.store.walls import MOST_WALLS, ORDERS, Wall, in_words, incidents_at, unsolved, walls, walls_sum
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
    assert store.answers(walls_sum(NOW)) == [(20001, 40002, 200_010_002.0)]


def page_by_page(store: Store, listed: Listed[Wall], name: str, *, descending: bool, backwards: bool) -> list[str]:
    """Return every command of a list, seven at a time from one end to the other."""
    order = next(order for order in ORDERS if order.name == name)
    found: list[Wall] = []
    while rows := store.answers(
        listed.page(
            order, 7, descending=descending, backwards=backwards, beyond=listed.key(order, found[-1]) if found else None
        )
    ):
        found += rows
    return [one.command for one in found]


@pytest.mark.parametrize("name", [order.name for order in ORDERS])
@pytest.mark.parametrize("descending", [True, False])
def test_every_wall_is_on_one_page_from_either_end(name: str, descending: bool, store: Store) -> None:
    for number in range(50):
        line = f"error: thing {'ab'[number % 2]}{chr(97 + number // 2)}"
        fails(store, "/a", f"c{number}", line, 2 + number % 3, float(number % 4) / 3)
    listed = unsolved(NOW)
    forth = page_by_page(store, listed, name, descending=descending, backwards=False)
    assert len(forth) == len(set(forth)) == 50
    assert forth == page_by_page(store, listed, name, descending=descending, backwards=True)[::-1]
    assert store.answers(listed.count()) == [50]


def test_walls_are_looked_for_in_command_line_agent_and_folder(store: Store) -> None:
    number = incident(1, "django", incident_id="ab" * 16)
    store.incidents.open(number, "a" * 64)
    fails(store, "/srv/shop", "npm test", "error: one", 2, agent="codex@x", incident=bytes.fromhex("ab" * 4))
    fails(store, "/srv/app", "make 100%", "error: two", 2, agent="claude@x")
    listed = unsolved(NOW)

    def found(text: str) -> list[str]:
        rows = store.answers(listed.page(ORDERS[0], 9, descending=True, found=Found(text)))
        assert store.answers(listed.count(Found(text))) == [len(rows)]
        return [one.command for one in rows]

    assert (found("NPM"), found("0%"), found("%x"), found("SHOP")) == (["npm test"], ["make 100%"], [], ["npm test"])
    assert (found("django"), found("claude@"), found("nothing")) == (["npm test"], ["make 100%"], [])


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "-"), (0.4, "< 1 s"), (59.4, "59 s"), (90, "1.5 min"), (7200, "2.0 h")]
)
def test_a_cost_is_at_most_two_words(seconds: float, said: str) -> None:
    assert in_words(seconds) == said
