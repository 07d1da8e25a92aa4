"""One inbox for all hosts: a yes counts only signed, for exactly what was asked, once; whoever writes can only stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.exchange.hostile import HostileBridge
from tests.core.healing.desk import Desk
from tests.core.healing.small_mesh import FIX, SmallMesh, taught

from meshcore.control import decisions
from meshcore.errors import MeshError, UsageError
from meshcore.exchange.announce import announce_lift
from meshcore.exchange.inbox_bodies import AnswerBody, AskingBody
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import exchange, pull
from meshcore.healing import approvals
from meshcore.healing.approvals import answer_elsewhere, claim_approved
from meshcore.healing.replay import carry_out_claimed
from meshcore.model import SignedText
from meshcore.node import Node
from meshcore.safety.keys import load_or_create
from meshcore.store.inbox import MOST_WAITING, Asked
from meshcore.store.rows import Approval
from meshcore.trust.signed_decisions import APPROVAL_HOLDS_SECONDS, approval_digest, sign_from_afar
from meshcore.trust.synced import missing


class Inbox:
    """Node b asks; the operator sits at node a, on another host."""

    def __init__(self, mesh: SmallMesh, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mesh = mesh
        self.hostile = HostileBridge(mesh)
        self.a, self.b = self.hostile.node("a"), self.hostile.node("b")
        exchange(self.a)
        exchange(self.b)
        self.desk = Desk(mesh, self.b, folder, monkeypatch)
        taught(self.b)
        self.incident, self.approval = self.desk.asked()
        self.meet()

    def meet(self) -> None:
        for _ in range(2):
            self.mesh.clock.advance(1)
            exchange(self.b)
            exchange(self.a)
        exchange(self.b)

    @property
    def waiting(self) -> list[Asked]:
        return self.a.store.inbox.waiting()

    def now(self) -> Approval:
        found = self.b.store.approvals.find(self.approval.approval_id)
        assert found is not None
        return found

    def carry_out(self) -> list[tuple[str, ...]]:
        """Do what the runtime of b does; return what was executed."""
        if (claimed := claim_approved(self.b)) is not None:
            carry_out_claimed(self.b, claimed)
        return self.desk.fix.executor.executed

    def send(self, body: AnswerBody, by: Node | None = None) -> None:
        node = by or self.a
        node.store.outbox.add(body.kind, body.to_json())
        publish(node)
        pull(self.b)

    def yes(self, digest: str = "", target: str = "", approval_id: str = "") -> AnswerBody:
        """Return a yes with the operator's signature."""
        digest = digest or approval_digest(self.approval, self.incident)
        target, approval_id = target or self.b.identity.node.public, approval_id or self.approval.approval_id
        signed = sign_from_afar(self.a, None, approval_id, digest, target)
        return AnswerBody(target, approval_id, True, digest, "a", signed)


@pytest.fixture
def inbox(mesh: SmallMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    folder = tmp_path / "work"
    folder.mkdir()
    return Inbox(mesh, folder, monkeypatch)


def test_what_waits_is_shown_whole_and_carried_out_on_the_host_that_asks(inbox: Inbox) -> None:
    [asked] = inbox.waiting
    assert (asked.node, asked.body["runs"], asked.body["rerun"]) == (
        inbox.b.identity.node.public,
        inbox.approval.runs,
        inbox.approval.rerun,
    )
    assert asked.body["folder"] == inbox.incident.cwd
    assert asked.body["user"].endswith("@host-b")
    answer_elsewhere(inbox.a, asked, yes=True)
    publish(inbox.a)
    pull(inbox.b)
    found = inbox.now()
    assert (found.state, found.actor, found.afar) == ("approved", "a on host-a", True)
    assert inbox.carry_out() == [tuple(FIX.split())]
    assert inbox.now().result == "verified"
    inbox.meet()
    assert inbox.waiting == []
    assert inbox.carry_out() == [tuple(FIX.split())], "once"


def test_a_no_settles_it_there(inbox: Inbox) -> None:
    [asked] = inbox.waiting
    answer_elsewhere(inbox.a, asked, yes=False)
    publish(inbox.a)
    pull(inbox.b)
    assert inbox.now().state == "rejected"
    assert inbox.desk.stored(inbox.incident).state == "refused"
    inbox.meet()
    assert inbox.waiting == []
    inbox.send(inbox.yes())
    assert inbox.now().state == "rejected", "deny beats allow"
    assert inbox.carry_out() == []


def test_a_no_beats_a_yes_that_nobody_has_begun_to_carry_out(inbox: Inbox) -> None:
    inbox.send(inbox.yes())
    assert inbox.now().state == "approved"
    inbox.send(AnswerBody(inbox.b.identity.node.public, inbox.approval.approval_id, False, name="a"))
    assert inbox.now().state == "rejected"
    assert inbox.carry_out() == []


def test_what_is_settled_there_waits_no_more_here(inbox: Inbox) -> None:
    approvals.reject(inbox.b, inbox.approval.approval_id)
    inbox.meet()
    assert inbox.waiting == []


def test_the_policy_and_the_brakes_of_the_host_that_asks_rule(inbox: Inbox) -> None:
    inbox.send(inbox.yes())
    decisions.set_mode(inbox.b, "hint")
    with pytest.raises(MeshError, match="not applied"):
        inbox.carry_out()
    assert inbox.desk.fix.executor.executed == []


def test_a_host_that_is_halted_carries_nothing_out(inbox: Inbox) -> None:
    inbox.send(inbox.yes())
    decisions.halt(inbox.b, "fire")
    with pytest.raises(MeshError):
        inbox.carry_out()
    assert inbox.desk.fix.executor.executed == []


# --- attacks ----------------------------------------------------------------------------------------------------------


def not_signed(inbox: Inbox) -> None:
    inbox.send(replace(inbox.yes(), signed=None))


def signed_by_a_node(inbox: Inbox) -> None:
    yes = inbox.yes()
    assert yes.signed is not None
    inbox.send(replace(yes, signed=SignedText(yes.signed.text, inbox.a.identity.node.sign(yes.signed.text))))


def signed_by_another_operator(inbox: Inbox) -> None:
    yes, key = inbox.yes(), load_or_create(inbox.mesh.root / "theirs.key")
    assert yes.signed is not None
    inbox.send(replace(yes, signed=SignedText(yes.signed.text, key.sign(yes.signed.text))))


def for_something_else(inbox: Inbox) -> None:
    inbox.send(inbox.yes(digest="f" * 64))


def with_the_word_for_something_else(inbox: Inbox) -> None:
    inbox.send(replace(inbox.yes(), signed=inbox.yes(digest="f" * 64).signed))


def with_the_word_for_another_host(inbox: Inbox) -> None:
    inbox.send(replace(inbox.yes(), signed=inbox.yes(target="e" * 64).signed))


def with_the_word_for_another_approval(inbox: Inbox) -> None:
    inbox.send(replace(inbox.yes(), signed=inbox.yes(approval_id="e" * 12).signed))


def to_the_beginning_of_an_id(inbox: Inbox) -> None:
    short = inbox.approval.approval_id[:8]
    inbox.send(inbox.yes(approval_id=short))


def of_a_stranger(inbox: Inbox) -> None:
    stranger = inbox.hostile.node("s", operator="another")
    inbox.send(inbox.yes(), stranger)


def of_a_withdrawn_node(inbox: Inbox) -> None:
    mallory = inbox.hostile.node("m")
    exchange(mallory)
    decisions.revoke(inbox.b, mallory.identity.node.public, "stolen")
    inbox.send(inbox.yes(), mallory)


def a_day_later(inbox: Inbox) -> None:
    yes = inbox.yes()
    inbox.mesh.clock.advance(APPROVAL_HOLDS_SECONDS + 60)
    inbox.send(yes)


def after_the_failed_command_was_changed_in_the_store(inbox: Inbox) -> None:
    yes = inbox.yes()
    inbox.b.store.database.execute("UPDATE incidents SET cwd='/'")
    inbox.send(yes)


def after_what_would_run_was_changed_in_the_store(inbox: Inbox) -> None:
    yes = inbox.yes()
    inbox.b.store.database.execute("UPDATE approvals SET rerun='rm -rf /'")
    inbox.send(yes)


@pytest.mark.parametrize(
    "attack",
    [
        not_signed,
        signed_by_a_node,
        signed_by_another_operator,
        for_something_else,
        with_the_word_for_something_else,
        with_the_word_for_another_host,
        with_the_word_for_another_approval,
        to_the_beginning_of_an_id,
        of_a_stranger,
        of_a_withdrawn_node,
        a_day_later,
        after_the_failed_command_was_changed_in_the_store,
        after_what_would_run_was_changed_in_the_store,
    ],
)
def test_a_yes_that_the_operator_has_not_signed_for_exactly_this_lets_nothing_run(
    inbox: Inbox, attack: Callable[[Inbox], None]
) -> None:
    attack(inbox)
    assert inbox.now().state == "waiting"
    assert inbox.carry_out() == []


def test_a_row_that_says_yes_from_afar_without_its_signature_is_not_carried_out(inbox: Inbox) -> None:
    inbox.b.store.database.execute("UPDATE approvals SET state='approved', actor='a', afar=1")
    with pytest.raises(MeshError, match="not signed"):
        inbox.carry_out()
    assert inbox.desk.fix.executor.executed == []


def test_what_changed_between_the_yes_and_the_carrying_out_is_not_carried_out(inbox: Inbox) -> None:
    inbox.send(inbox.yes())
    inbox.b.store.database.execute('UPDATE incidents SET environment=\'{"VIRTUAL_ENV": "/elsewhere"}\'')
    with pytest.raises(MeshError):
        inbox.carry_out()
    assert inbox.desk.fix.executor.executed == []


def test_while_a_record_of_an_own_node_is_withheld_a_yes_waits(inbox: Inbox) -> None:
    inbox.send(inbox.yes())
    # A later no is taken out of the log; the sign of life that comes with it names its number.
    body = AnswerBody(inbox.b.identity.node.public, inbox.approval.approval_id, False, name="a")
    inbox.a.store.outbox.add(body.kind, body.to_json())
    publish(inbox.a)
    row = inbox.hostile.withhold_last(inbox.a)
    pull(inbox.b)
    assert missing(inbox.b)
    assert inbox.carry_out() == []
    inbox.hostile.put_back(row)
    inbox.mesh.clock.advance(120)
    pull(inbox.b)
    assert inbox.now().state == "rejected"
    assert inbox.carry_out() == []


def test_a_yes_that_is_put_back_into_the_log_counts_once(inbox: Inbox) -> None:
    inbox.send(inbox.yes())
    assert len(inbox.carry_out()) == 1
    [row] = inbox.hostile.sql("SELECT * FROM log WHERE seq=?", (inbox.hostile.rows_of(inbox.a)[-1],))
    inbox.hostile.put_back(row, seq=row[0] + 50)
    pull(inbox.b)
    assert len(inbox.carry_out()) == 1


def test_what_a_stranger_asks_is_not_shown_and_of_one_node_only_so_much(inbox: Inbox) -> None:
    stranger = inbox.hostile.node("s", operator="another")
    asking = AskingBody("f" * 12, "waiting", command="x", runs="x", digest="f" * 64)
    stranger.store.outbox.add(asking.kind, asking.to_json())
    publish(stranger)
    for number in range(MOST_WAITING + 5):
        body = replace(asking, approval_id=f"{number:012x}")
        inbox.b.store.outbox.add(body.kind, body.to_json())
    publish(inbox.b)
    for _ in range(6):
        pull(inbox.a)
        inbox.mesh.clock.advance(61)
    assert {one.node for one in inbox.waiting} == {inbox.b.identity.node.public}
    assert len(inbox.waiting) == MOST_WAITING


@pytest.mark.parametrize("hidden", ["pip install x\x1b[8m; rm -rf /", "a" * 2001, "x\n\u202ey"])
def test_what_a_person_would_not_see_whole_is_not_asked_elsewhere(inbox: Inbox, hidden: str) -> None:
    body = AskingBody("e" * 12, "waiting", command="x", runs=hidden, digest="f" * 64)
    inbox.b.store.outbox.add(body.kind, body.to_json())
    publish(inbox.b)
    pull(inbox.a)
    assert [one.approval_id for one in inbox.waiting] == [inbox.approval.approval_id]


def test_with_a_protected_key_a_yes_needs_the_passphrase(inbox: Inbox) -> None:
    from meshcore.control.key_protection import protect
    from meshcore.safety.operator_key import unlock

    protect(inbox.a, "correct horse battery")
    for node in (inbox.a, inbox.b):
        node.forget_identity()
    [asked] = inbox.waiting
    with pytest.raises(UsageError, match="passphrase"):
        answer_elsewhere(inbox.a, asked, yes=True)
    answer_elsewhere(inbox.a, asked, yes=False)
    publish(inbox.a)
    pull(inbox.b)
    assert inbox.now().state == "rejected"
    signer = unlock(inbox.mesh.root / "operator" / "operator.key", "correct horse battery")
    assert sign_from_afar(inbox.a, signer, "f" * 12, "f" * 64, "f" * 64).sig


def test_a_mesh_of_one_node_tells_nobody(mesh: SmallMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "alone"
    folder.mkdir()
    node = HostileBridge(mesh).node("a")
    desk = Desk(mesh, node, folder, monkeypatch)
    known = taught(node)
    announce_lift(node, known, [])
    desk.asked()
    exchange(node)
    kinds = [row[0] for row in node.store.database.execute("SELECT kind FROM outbox").fetchall()]
    assert "asking" not in kinds
