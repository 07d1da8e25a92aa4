"""A node that only monitors tries nothing, what a person approved included, and goes back to the mode that it had."""

from __future__ import annotations

import pytest
from tests.core.healing.desk import Desk
from tests.core.healing.small_mesh import taught

from meshcore.control.decisions import mode_before, monitor_only, set_mode
from meshcore.errors import MeshError
from meshcore.healing.approvals import approve, claim_approved
from meshcore.healing.replay import carry_out_claimed, recorded_session


def test_nothing_is_tried_any_more_not_even_what_was_approved(desk: Desk) -> None:
    taught(desk.node)
    _, approval = desk.asked()
    assert approve(desk.node, approval.approval_id)
    assert monitor_only(desk.node)
    claimed = claim_approved(desk.node, approval.approval_id)
    assert claimed is not None
    with pytest.raises(MeshError, match="the mode"):
        carry_out_claimed(desk.node, claimed)
    desk.fix.policy.decision = "run"
    session = recorded_session(desk.node, desk.incident())
    session.consider("auto")
    assert not session.may_apply and not session.needs_person
    assert desk.fix.executor.executed == []


@pytest.mark.parametrize("before", ["", "approve", "auto"])
def test_it_goes_back_to_the_mode_that_it_had(desk: Desk, before: str) -> None:
    if before:
        set_mode(desk.node, before)
    assert mode_before(desk.node) is None
    assert monitor_only(desk.node) and not monitor_only(desk.node)
    assert desk.node.store.controls.get("mode") == "hint"
    assert mode_before(desk.node) == before
