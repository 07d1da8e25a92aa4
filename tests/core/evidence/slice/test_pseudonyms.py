"""Pseudonyms: the same name becomes the same word, wherever it stands, and nobody can guess it back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.evidence.slice.gather import origin
from meshcore.evidence.slice.pseudonyms import Pseudonyms, names_in, pseudonymise
from meshcore.evidence.slice.rows import AgentRow, AuthorRow, IncidentRow, MonitorRow, OutcomeRow, SkillRow, Slice
from meshcore.testing import START

NODE = "0123456789abcdef" * 4
OPERATOR = "f" * 64
SECRET = b"s" * 32


def words(*names: tuple[str, str]) -> Pseudonyms:
    return Pseudonyms(SECRET, names)


def test_a_name_is_the_same_word_everywhere_whatever_its_case() -> None:
    replaced = words(("host", "buildhost")).text("buildhost said: BuildHost is not mybuildhost2")
    assert len(set(re.findall(r"host-[0-9a-f]{10}", replaced))) == 1
    assert "buildhost" not in replaced.lower()


def test_another_secret_makes_other_words() -> None:
    assert words(("host", "dev1")).text("dev1") != Pseudonyms(b"t" * 32, [("host", "dev1")]).text("dev1")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("open /home/carol/app.py", r"open /home/user-\w{10}/app\.py"),
        ("open /Users/carol/app.py", r"open /Users/user-\w{10}/app\.py"),
        ("from carol@example.com:", r"from mail-\w{10}:"),
        ("ci@build2 failed", r"agent-\w{10} failed"),
        ("ssh build2 -l ci", r"ssh host-\w{10} -l user-\w{10}"),
        ("build2.corp.example", r"host-\w{10}"),
        ("recite", "recite"),
        (f"node {NODE}", r"node node-\w{10}"),
        (f"carol ({NODE[:8]}), {NODE[:12]}, {NODE[:16]}", r"carol \((node-\w{10})\), \1, \1"),
    ],
)
def test_names_are_found_where_they_stand(text: str, pattern: str) -> None:
    names = words(("agent", "ci@build2"), ("host", "build2.corp.example"), ("node", NODE))
    assert re.fullmatch(pattern, names.text(text))


def test_the_user_of_a_home_is_the_same_as_the_user() -> None:
    made = words(("home", "/srv/people/carol")).text("carol /srv/people/carol/x /home/carol")
    user = re.search(r"user-\w{10}", made)
    assert user is not None
    assert made.count(user[0]) == 2
    assert re.fullmatch(r"user-\w{10} home-\w{10}/x /home/user-\w{10}", made)


def test_a_whole_slice_keeps_ids_times_and_figures() -> None:
    about = origin(NODE, "carol@build2", "build2", OPERATOR, START, {"team": "payments of carol"})
    incident = IncidentRow(
        "ab" * 8, NODE, "2026-11-22T08:00:00Z", "carol@build2", "shell", "build2", "/home/carol/app",
        "no such host build2", "ssh build2", 255, "verified", True, True, "5" * 64, 2.5, 0.1,
    )  # fmt: skip
    outcome = OutcomeRow("cd" * 8, "ab" * 8, "5" * 64, "verified", "2026", NODE, "build2", "carol@build2", "carol")
    found = Slice(
        origins=(about,),
        incidents=(incident,),
        outcomes=(outcome,),
        skills=(SkillRow("5" * 64, 1, "no such host build2", "ssh build2", NODE, "2026", "active", "taught"),),
        authors=(AuthorRow(NODE, "carol@build2", "build2", OPERATOR, "2026", "2026"),),
        agents=(AgentRow(NODE, "carol@build2", "shell", "build2", "2026", "2026"),),
        monitor=(
            MonitorRow(NODE, {"timestamp": "2026-11-22T08:00:00Z", "mesh": {"undelivered": {"carol@build2": 0}}}),
        ),
        skipped=("/home/carol/log: broken",),
    )
    made = pseudonymise(found, Pseudonyms(SECRET, names_in(found)))
    for name in ("carol", "build2", NODE, NODE[:8], OPERATOR):
        assert name not in str(made)
    [row] = made.incidents
    kept = ("incident_id", "opened", "via", "state", "skill_id", "seconds", "again", "exit_code")
    assert [getattr(row, name) for name in kept] == [getattr(incident, name) for name in kept]
    assert (row.node, row.agent, row.host) == (made.origins[0].node, made.agents[0].name, made.authors[0].host)
    assert made.skills[0].author == row.node
    assert made.outcomes[0].incident_id == row.incident_id


@given(st.text(alphabet="ghi0/.@ \n", max_size=40), st.text(alphabet="QXZJ-_.", min_size=6, max_size=12))
def test_a_long_name_survives_nowhere_not_inside_of_a_word_either(around: str, name: str) -> None:
    replaced = words(("host", name)).text(around + name + around)
    assert name.lower() not in replaced.lower() or not name.strip("-_.")
