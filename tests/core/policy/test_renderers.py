"""A way of executing an action is one class and one row: what it yields is missing, what it returns is executed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.policy.test_policy import question

from meshcore.policy.argv_patterns import Found
from meshcore.policy.policy import Policy
from meshcore.policy.question import Question
from meshcore.policy.renderer_table import RENDERERS
from meshcore.policy.renderers import Renderer

ROW = """schema_version = 1
[actions.count_lines]
summary = "count the lines of a file"
forms = ["linecount PATH"]
render = "count"
bounded = true
"""


class Count(Renderer):
    """Counts lines, of files that are short."""

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield each long file."""
        yield from (f"{name} is long" for name in found.of("PATH") if name.startswith("long"))

    def arguments(self, argv: tuple[str, ...], found: Found) -> tuple[str, ...]:
        """Return the file behind its option."""
        return ("-l", "--", *found.of("PATH"))


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Policy:
    (tmp_path / "policy.toml").write_text(ROW)
    monkeypatch.setitem(RENDERERS, "count", Count())
    monkeypatch.setattr("meshcore.policy.renderers.trusted_program", lambda name: f"/usr/bin/{name}")
    return Policy.load(tmp_path / "policy.toml")


def test_what_a_renderer_returns_is_what_would_be_executed(policy: Policy, tmp_path: Path) -> None:
    ruling = policy.decide(question(tmp_path, ("linecount", "a.log")))
    assert (ruling.decision, ruling.plan[0].argv) == ("run", ("/usr/bin/linecount", "-l", "--", "a.log"))


def test_what_a_renderer_misses_is_asked_of_a_person(policy: Policy, tmp_path: Path) -> None:
    ruling = policy.decide(question(tmp_path, ("linecount", "long.log")))
    assert (ruling.decision, ruling.reasons) == ("approve", ("long.log is long",))


def test_a_row_that_names_no_renderer_closes_the_policy(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(ROW)
    assert "render" in Policy.load(tmp_path / "policy.toml").problem
