"""What is known to fail: ways, what is counted, and what is said after a failure and before a command."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshcore.knowledge.habits import (
    DAY,
    MAX_WAYS,
    Failed,
    Habit,
    ago,
    is_generic,
    masked,
    pack_ways,
    said_after,
    said_before,
    unpack_ways,
    way,
    ways_of,
    with_failure,
    with_pass,
)
from meshcore.knowledge.kinds import Kind

NOW = 1_790_000_000
LINE = "error: unknown option '--fastt'"
GROUND = b"head" + b"lock" + b"prog" + b"file"


def failure(session: int, *, at: int = NOW, kind: Kind = "wording", line: str = LINE, **more: object) -> Failed:
    values = {"ways": ways_of(line, line), "fingerprint": GROUND, **more}
    return Failed(bytes([session] * 4), at, kind, 2, **values)  # type: ignore[arg-type]


def habit(*failures: Failed) -> Habit:
    found = None
    for one in failures:
        found = with_failure(found, one)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/home/a/x.go:12:3: undefined: foo", "/srv/b/x.go:99:41: undefined: foo"),
        ("\x1b[31mERROR\x1b[0m at 2026-01-02T10:11:12Z: gone", "ERROR at 2025-11-02T00:00:00.123Z: gone"),
        ("took 12:01:02, pid 4711", "took 10:44:59, pid 12"),
        ("commit 0a1b2c3d4e is bad", "commit ffee0011 is bad"),
    ],
)
def test_what_differs_from_run_to_run_makes_no_other_way(one: str, other: str) -> None:
    assert way(one) == way(other)
    assert masked(one) == masked(other)


@pytest.mark.parametrize("line", ["", "FAIL", "3 tests failed", "[lint] ERROR task failed", "exit status 1", "error:"])
def test_a_headline_is_no_way(line: str) -> None:
    assert is_generic(masked(line)) and ways_of(line, line) == ()


def test_the_telling_line_is_the_first_way_and_there_is_a_limit() -> None:
    output = "\n".join(f"file{chr(97 + i % 26)}{i}x.c: error: thing {chr(97 + i % 26) * (i + 1)}" for i in range(200))
    found = ways_of(output, LINE)
    assert found[0] == way(LINE) and len(found) == MAX_WAYS


def test_sessions_are_counted_once_however_often_they_fail() -> None:
    found = habit(failure(1), failure(1), failure(2), failure(1))
    assert (found.sessions, found.runs, found.live) == (2, 4, 2)
    assert found.others(bytes([1] * 4)) == 1 and found.others(bytes([9] * 4)) == 2
    assert found.ways[-1].sessions in (2, 3)


def test_a_pass_ends_a_habit() -> None:
    found = with_pass(habit(failure(1), failure(2)), GROUND)
    assert not found.stands and found.ways == ()
    assert said_before(found, b"9999", GROUND, NOW, "x", "y") == ""
    assert with_failure(found, failure(3, at=NOW + 5)).sessions == 1


def test_ways_come_back_as_they_were_stored() -> None:
    found = habit(failure(1), failure(2))
    assert unpack_ways(pack_ways(found.ways)) == found.ways
    with pytest.raises(ValueError, match="length"):
        unpack_ways(b"123")


# --- after ------------------------------------------------------------------------------------------------------------


def test_after_a_failure_the_fact_its_date_and_its_ground_are_told_and_no_advice() -> None:
    said = said_after(habit(failure(1), failure(2)), failure(3, at=NOW + 2 * DAY), "npm test --fastt")
    assert said == (
        "`npm test --fastt` failed here the same way in 2 earlier sessions"
        " (last 2 days ago, same commit and lock file and program):"
        " the command line is not understood. Not passed since."
    )
    assert LINE not in said


def test_of_a_check_the_lines_are_counted_and_nobody_is_told_to_skip_it() -> None:
    lines = "x.c:1: error: a\ny.c:2: error: b"
    before = habit(failure(1, kind="verdict", line="x.c:1: error: a", ways=ways_of(lines, "x.c:1: error: a")))
    now = failure(2, kind="verdict", ways=ways_of(lines + "\nz.c:9: error: new", "x.c:1: error: a"))
    said = said_after(before, now, "make")
    assert said.startswith("`make`: 2 of these lines also failed in 1 earlier session here") and "1 is new" in said
    assert "No reason to skip the check." in said
    other = said_after(before, failure(2, kind="verdict", line="q.c: error: w"), "make")
    assert "otherwise" in other and "No reason to skip the check." in other


@pytest.mark.parametrize(
    "now", [failure(1), failure(2, line="error: no network"), failure(2, at=NOW - 5, line="fatal: other")]
)
def test_nothing_is_told_of_the_sessions_own_failure_or_of_another_one(now: Failed) -> None:
    assert said_after(habit(failure(1)), now, "x") == ""


def test_a_failure_that_says_nothing_is_known_by_its_exit_code() -> None:
    silent = habit(failure(1, kind="other", line="exit status 1"))
    assert "with the same exit code in 1 earlier session" in said_after(silent, failure(2, kind="other", line=""), "x")
    assert said_after(silent, replace(failure(2, kind="other", line=""), exit_code=9), "x") == ""
    assert said_after(silent, failure(2, kind="other"), "x") == ""


def test_what_a_person_expects_to_fail_is_not_told() -> None:
    expected = replace(habit(failure(1)), expected=NOW + DAY)
    assert said_after(expected, failure(2), "x") == ""
    assert said_after(expected, failure(2, at=NOW + 2 * DAY), "x") != ""


def test_passing_and_failing_at_one_commit_is_told_as_that_only_where_the_commit_is_known() -> None:
    def red(session: int, ground: bytes = GROUND) -> Failed:
        return failure(session, kind="verdict", fingerprint=ground)

    known = with_failure(with_pass(habit(red(1)), GROUND), red(2))
    assert "both passed and failed at this commit" in said_after(known, red(3), "make test")
    assert "both passed" not in said_after(known, failure(3, kind="machine"), "make test"), "a service may have stopped"
    unknown = b"\0\0\0\0" + GROUND[4:]
    blind = with_pass(habit(red(1, unknown)), unknown)
    assert said_after(blind, red(3, unknown), "make test") == ""


# --- before -----------------------------------------------------------------------------------------------------------

TWICE = habit(failure(1), failure(2))


def before(known: Habit, **changes: object) -> str:
    values = {"session": b"9999", "fingerprint": GROUND, "now": NOW + DAY, "shown": "npm tset", "better": "npm test"}
    return said_before(known, **{**values, **changes})  # type: ignore[arg-type]


def test_before_a_command_one_line_is_told_with_what_passed() -> None:
    said = before(TWICE)
    assert said.startswith("`npm tset` failed here the same way in 2 earlier sessions, last 1 day ago (exit code 2")
    assert "`npm test` passed" in said and "\n" not in said


def test_an_exit_code_that_nobody_saw_is_not_told() -> None:
    said = before(replace(TWICE, exit_code=0))
    assert "exit code" not in said and "(the command line is not understood), and has not passed since" in said


@pytest.mark.parametrize("kind", ["verdict", "other"])
def test_before_a_check_nothing_is_told(kind: Kind) -> None:
    assert before(habit(failure(1, kind=kind), failure(2, kind=kind))) == ""


@pytest.mark.parametrize(
    ("known", "changes"),
    [
        (habit(failure(1)), {}),
        (habit(failure(1), failure(2, line="error: unknown option '--other'")), {}),
        (habit(failure(1, live=False), failure(2)), {}),
        (TWICE, {"now": NOW + 15 * DAY}),
        (TWICE, {"now": NOW - DAY}),
        (TWICE, {"fingerprint": b"head" + b"LOCK" + b"prog" + b"file"}),
        (TWICE, {"session": bytes([1] * 4)}),
        (TWICE, {"better": ""}),
        (replace(TWICE, expected=NOW + 2 * DAY), {}),
    ],
)  # fmt: skip
def test_in_doubt_nothing_is_told_before_a_command(known: Habit, changes: dict[str, object]) -> None:
    assert before(known, **changes) == ""


def test_another_commit_changes_nothing_of_how_a_command_is_spelt() -> None:
    assert before(TWICE, fingerprint=b"HEAD" + GROUND[4:]) != ""


def test_one_slow_run_among_short_ones_is_not_costly_and_one_short_one_among_slow_ones_is() -> None:
    short = habit(failure(1, seconds=300.0), failure(2, seconds=1.0), failure(3, seconds=1.0))
    assert before(short, better="") == "" and short.median_seconds == pytest.approx(1.0, rel=0.04)
    assert before(habit(failure(1, seconds=1.0), failure(2, seconds=12.0), failure(3, seconds=12.0)), better="") != ""
    assert habit(failure(1), failure(2)).median_seconds == 0.0, "of no agent that tells"
    many = habit(*(failure(number, seconds=12.0) for number in range(20)))
    assert len(many.costs) == 9 and with_pass(many, b"").costs == b""


def test_a_costly_command_is_told_of_without_an_alternative() -> None:
    assert before(habit(failure(1, seconds=12.0), failure(2, seconds=30.0)), better="") != ""


@pytest.mark.parametrize(
    ("seconds", "said"), [(3, "a moment"), (61, "1 minute"), (7300, "2 hours"), (9 * DAY, "9 days")]
)
def test_a_span_of_time_is_told_in_words(seconds: int, said: str) -> None:
    assert ago(seconds) == said
