"""What the next command of a session shows of what it was told."""

from __future__ import annotations

import pytest

from meshcore.knowledge.telling import result_of


@pytest.mark.parametrize(
    ("kind", "same", "follows", "passed", "changed", "result"),
    [
        ("correction", False, True, True, False, "right"),
        ("correction", False, True, False, False, "wrong"),
        ("correction", True, False, True, False, "wrong"),
        ("correction", True, False, True, True, ""),
        ("correction", True, False, False, False, "ignored"),
        ("habit before", True, False, False, False, "right"),
        ("habit before", True, False, True, False, "wrong"),
        ("habit before", False, False, True, False, ""),
        ("habit after", True, False, True, False, "wrong"),
        ("habit after", True, False, True, True, "right"),
        ("habit after", True, False, False, False, "ignored"),
        ("habit after", True, False, False, True, ""),
        ("hidden", True, False, True, False, "wrong"),
        ("hidden", False, False, False, True, ""),
    ],
)
def test_only_what_the_session_did_counts(
    kind: str, same: bool, follows: bool, passed: bool, changed: bool, result: str
) -> None:
    assert result_of(kind, same=same, follows=follows, passed=passed, changed=changed) == result
