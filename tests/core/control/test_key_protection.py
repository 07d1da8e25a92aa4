"""With a protected operator key, what widens counts only with the operator's signature: forged rows run nothing."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.core.healing.desk import Desk
from tests.core.healing.small_mesh import SmallMesh, again, taught

from meshcore.clock import to_text
from meshcore.control import decisions
from meshcore.control.key_protection import enrol_here, protect, sign_decisions, unprotect, unsigned, unsigned_skills
from meshcore.control.key_rotation import rotate
from meshcore.errors import MeshError, UsageError
from meshcore.healing import approvals
from meshcore.healing.replay import carry_out_claimed, recorded_session
from meshcore.healing.session import make_healer
from meshcore.model import Evidence, Incident, KnownSkill, canonical
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.policy.policy_signature import sign_policy
from meshcore.safety.halt import halt_file
from meshcore.safety.keys import SigningKey, load_or_create
from meshcore.service.doctor import examine
from meshcore.store.rows import Approval, evidence_to_json
from meshcore.trust.authors import author_mode, enrol, trust_in
from meshcore.trust.ceilings import ceiling_here, mode_here
from meshcore.trust.halting import halted
from meshcore.trust.modes import AUTHOR, MODE, VIA
from meshcore.trust.signed_decisions import APPROVAL_HOLDS_SECONDS, changed_operator, policy_signer, protected
from meshcore.trust.store_keys import ENROLLED, always_key

WORDS = "correct horse battery"


@dataclass
class Vault:
    """A desk whose operator has put a passphrase on the key, with one skill that is signed for."""

    desk: Desk
    key: SigningKey
    known: KnownSkill

    @property
    def node(self) -> Node:
        return self.desk.node

    def sql(self, statement: str, *values: object) -> None:
        """Write into the store as any program of the same user can."""
        with closing(sqlite3.connect(self.node.home.store)) as other:
            other.execute(statement, values)
            other.commit()

    def forge_control(self, key: str, value: str) -> None:
        self.sql("INSERT OR REPLACE INTO control VALUES (?,?,'2026-11-22T08:00:00Z',?)", key, value, value)

    def decision(self) -> str:
        """Let a command fail; return what is decided, which is `run` where everything is signed."""
        self.desk.fix.policy.decision = "run"
        session = recorded_session(self.node, self.desk.incident())
        ruling = session.consider("auto").ruling
        return ruling.decision if ruling else "none"

    def stored(self, approval: Approval) -> Approval:
        found = self.node.store.approvals.find(approval.approval_id)
        assert found is not None
        return found


@pytest.fixture
def vault(mesh: SmallMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    folder = tmp_path / "work"
    folder.mkdir()
    desk = Desk(mesh, mesh.node("a"), folder, monkeypatch)
    known = taught(desk.node)
    return Vault(desk, protect(desk.node, WORDS, cost=2), known)


def approved_by_sql(vault: Vault) -> Approval:
    _, approval = vault.desk.asked()
    vault.sql("UPDATE approvals SET state='approved', actor='a' WHERE approval_id=?", approval.approval_id)
    return approval


def carries_out(vault: Vault) -> bool:
    """Claim and carry out what is approved; tell whether anything was executed."""
    claimed = approvals.claim_approved(vault.node)
    assert claimed is not None
    try:
        carry_out_claimed(vault.node, claimed)
    except MeshError:
        assert vault.stored(claimed).result == "refused"
    return bool(vault.desk.fix.executor.executed)


# --- it goes on as before, with a signature ---------------------------------------------------------------------------


def test_what_was_decided_before_goes_on_after_protecting(vault: Vault) -> None:
    assert vault.decision() == "run"
    assert unsigned(vault.node) == []
    assert unsigned_skills(vault.node) == []


def test_a_signed_approval_is_carried_out(vault: Vault) -> None:
    _, approval = vault.desk.asked()
    assert approvals.approve(vault.node, approval.approval_id, signer=vault.key)
    assert carries_out(vault)


def test_without_a_signer_nothing_widens_and_what_narrows_does(vault: Vault) -> None:
    node, (_, approval) = vault.node, vault.desk.asked()
    decisions.quarantine_skill(node, vault.known.skill_id)
    decisions.set_mode(node, "hint")
    decisions.halt(node, "a drill")
    with pytest.raises(UsageError, match="passphrase"):
        approvals.approve(node, approval.approval_id)
    with pytest.raises(UsageError, match="passphrase"):
        decisions.confirm_skill(node, vault.known.skill_id)
    with pytest.raises(UsageError, match="passphrase"):
        decisions.restore_skill(node, vault.known.skill_id, "active")
    with pytest.raises(UsageError, match="passphrase"):
        decisions.set_mode(node, "auto")
    with pytest.raises(UsageError, match="passphrase"):
        decisions.resume(node)
    with pytest.raises(UsageError, match="passphrase"):
        enrol(node, "e" * 64, "me")
    assert vault.stored(approval).state == "waiting"
    assert again(node, vault.known).state == "quarantined"
    assert (halted(node), mode_here(node)) == ("a drill", "hint")
    assert approvals.reject(node, approval.approval_id, not_here=True)


def test_a_key_of_somebody_else_signs_nothing(vault: Vault, tmp_path: Path) -> None:
    _, approval = vault.desk.asked()
    with pytest.raises(UsageError, match="another operator"):
        approvals.approve(vault.node, approval.approval_id, signer=load_or_create(tmp_path / "other.key"))


def test_taking_the_passphrase_off_makes_all_as_before(vault: Vault) -> None:
    with pytest.raises(UsageError, match="wrong"):
        unprotect(vault.node, "not the passphrase")
    unprotect(vault.node, WORDS)
    approved_by_sql(vault)
    assert carries_out(vault)


# --- rows that a program of the same user writes -------------------------------------------------------------------


def test_a_forged_approval_runs_nothing(vault: Vault) -> None:
    approval = approved_by_sql(vault)
    assert any(approval.approval_id in what for what in unsigned(vault.node))
    assert not carries_out(vault)


def test_a_forged_word_is_none(vault: Vault, tmp_path: Path) -> None:
    _, approval = vault.desk.asked()
    approvals.approve(vault.node, approval.approval_id, signer=vault.key)
    text, _ = vault.node.store.signed_decisions.get("approval", approval.approval_id) or ("", "")
    vault.sql("UPDATE words SET sig=? WHERE kind='approval'", load_or_create(tmp_path / "other.key").sign(text))
    assert not carries_out(vault)


def test_the_word_for_one_approval_is_none_for_another(vault: Vault) -> None:
    _, first = vault.desk.asked()
    approvals.approve(vault.node, first.approval_id, signer=vault.key, claim=True)
    second = approved_by_sql(vault)
    vault.sql(
        "INSERT INTO words SELECT kind, ?, text, sig FROM words WHERE kind='approval' AND key=?",
        second.approval_id,
        first.approval_id,
    )
    assert not carries_out(vault)


@pytest.mark.parametrize("column", ["argv", "cwd", "environment"])
def test_a_signed_approval_is_for_the_command_and_folder_that_were_shown(
    vault: Vault, tmp_path: Path, column: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    value = {
        "argv": json.dumps(["ls", "another"]),
        "cwd": str(elsewhere),
        "environment": json.dumps({"PIP_INDEX_URL": "https://packages.example"}),
    }[column]
    _, approval = vault.desk.asked()
    approvals.approve(vault.node, approval.approval_id, signer=vault.key)
    vault.sql(f"UPDATE incidents SET {column}=?", value)
    assert not carries_out(vault)


def test_a_signed_approval_ages(vault: Vault) -> None:
    _, approval = vault.desk.asked()
    approvals.approve(vault.node, approval.approval_id, signer=vault.key)
    vault.desk.mesh.clock.advance(APPROVAL_HOLDS_SECONDS + 1)
    assert not carries_out(vault)


def test_a_forged_standing_rule_runs_nothing(vault: Vault) -> None:
    _, approval = vault.desk.asked()
    folder = str(vault.desk.folder)
    vault.node.store.standing_approvals.put(approval.skill_id, approval.action_hash, folder, "a")
    vault.desk.fix.policy.decision = "approve"
    assert recorded_session(vault.node, vault.desk.incident()).consider("auto").ruling.decision == "approve"  # type: ignore[union-attr]
    assert any(folder in what for what in unsigned(vault.node))


def test_a_signed_standing_rule_runs_here_and_not_in_another_folder(vault: Vault, tmp_path: Path) -> None:
    _, approval = vault.desk.asked()
    approvals.approve(vault.node, approval.approval_id, always=True, signer=vault.key, claim=True)
    vault.desk.fix.policy.decision = "approve"
    considered = recorded_session(vault.node, vault.desk.incident()).consider("auto")
    assert considered.ruling is not None
    assert considered.ruling.decision == "run"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = always_key(approval.skill_id, approval.action_hash, str(elsewhere))
    vault.node.store.standing_approvals.put(approval.skill_id, approval.action_hash, str(elsewhere), "a")
    vault.sql("INSERT INTO words SELECT kind, ?, text, sig FROM words WHERE key LIKE 'always:%'", moved)
    considered = recorded_session(vault.node, vault.desk.incident(cwd=str(elsewhere))).consider("auto")
    assert considered.ruling is not None
    assert considered.ruling.decision == "approve"


def test_a_forged_enrolment_of_an_author_changes_nothing(vault: Vault) -> None:
    stranger = vault.desk.mesh.node("s", operator="other")
    taught(stranger, "ModuleNotFoundError: No module named 'x'", "pip install x")
    vault.desk.mesh.meet()
    key = stranger.identity.node.public
    vault.forge_control(ENROLLED + key, "a")
    vault.forge_control(AUTHOR + stranger.identity.operator, "auto")
    assert (trust_in(vault.node, key).state, author_mode(vault.node, key)) == ("unknown", "hint")
    enrol(vault.node, key, "me", vault.key)
    assert (trust_in(vault.node, key).state, author_mode(vault.node, key)) == ("enrolled", "hint")
    decisions.set_mode(vault.node, "approve", key=AUTHOR + stranger.identity.operator, signer=vault.key)
    assert author_mode(vault.node, key) == "approve"


def test_a_mode_is_raised_by_a_signature_only(vault: Vault) -> None:
    node = vault.node
    decisions.set_mode(node, "approve")
    vault.forge_control(MODE, "auto")
    assert mode_here(node) == "auto"  # what was signed before may come back, nothing that never was
    vault.sql("DELETE FROM words WHERE key=?", MODE)
    assert mode_here(node) == "approve"
    vault.sql("DELETE FROM control WHERE key=?", MODE)
    assert mode_here(node) == "approve"
    vault.forge_control(f"{VIA}ci", "auto")
    assert ceiling_here(node, "auto", via="ci").mode == "approve"
    decisions.set_mode(node, "auto", signer=vault.key)
    assert mode_here(node) == "auto"


def test_a_forged_confirmation_and_forged_evidence_run_nothing(vault: Vault) -> None:
    vault.sql("DELETE FROM words WHERE kind='confirm'")
    evidence = canonical(evidence_to_json(Evidence(verified=9, hosts=frozenset({"host1", "host2", "host3"}))))
    vault.sql("UPDATE skills SET confirmed=1, state='active', own_operator=1, evidence=?", evidence)
    assert vault.decision() == "approve"
    assert unsigned_skills(vault.node) == [vault.known.skill_id]


def test_the_word_for_one_skill_is_none_for_another(vault: Vault) -> None:
    other = taught(vault.node, "ModuleNotFoundError: No module named 'x'", "pip install x")
    vault.sql("INSERT INTO words SELECT kind, ?, text, sig FROM words WHERE kind='confirm'", other.skill_id)
    assert unsigned_skills(vault.node) == [other.skill_id]


def test_the_content_of_a_signed_skill_cannot_be_changed_under_its_id(vault: Vault) -> None:
    vault.sql('UPDATE skills SET body=replace(body, \'"install","django"\', \'"install","djagno"\')')
    assert vault.decision() != "run"


def test_a_quarantine_that_is_lifted_by_hand_still_asks_a_person(vault: Vault) -> None:
    decisions.quarantine_skill(vault.node, vault.known.skill_id)
    vault.sql("UPDATE skills SET state='active', confirmed=1")
    assert vault.decision() == "approve"
    decisions.confirm_skill(vault.node, vault.known.skill_id, signer=vault.key)
    assert vault.decision() == "run"


def test_a_halt_is_lifted_by_a_signature_whatever_becomes_of_file_and_rows(vault: Vault) -> None:
    node = vault.node
    decisions.halt(node, "a drill")
    halt_file(node.settings.operator).unlink()
    vault.sql("DELETE FROM halts")
    assert halted(node) == "a drill"
    assert decisions.resume(node, signer=vault.key) == "a drill"
    assert halted(node) == ""


def test_a_halt_by_touch_is_remembered_once_it_was_seen(vault: Vault) -> None:
    halt_file(vault.node.settings.operator).touch()
    assert halted(vault.node)
    halt_file(vault.node.settings.operator).unlink()
    assert halted(vault.node)


def test_the_word_that_lifted_one_halt_does_not_lift_the_next(vault: Vault) -> None:
    node = vault.node
    for _ in range(2):
        decisions.halt(node, "a drill")
        halt_file(node.settings.operator).unlink()
        assert halted(node) == "a drill"
        decisions.resume(node, signer=vault.key)


def test_a_halt_of_another_node_is_lifted_by_the_operators_word_and_not_by_that_nodes_key_alone(vault: Vault) -> None:
    mesh, node, there = vault.desk.mesh, vault.node, vault.desk.mesh.node("there")
    enrol_here(there, vault.key)
    mesh.meet()
    for _ in range(2):
        decisions.halt(there, "a drill")
        halt_file(there.settings.operator).unlink()  # the operator's folder is one; what is left was told
        mesh.meet()
        assert halted(node) == "a drill"
        old = there.store.signed_decisions.get("resume", "halt")
        told = {"why": "", "name": "there", **({"word": {"text": old[0], "sig": old[1]}} if old else {})}
        mesh.send(there, "halt", told)
        mesh.meet()
        assert halted(node) == "a drill"
        decisions.resume(there, signer=vault.key)
        mesh.meet()
        assert halted(node) == ""


def test_a_policy_file_counts_with_its_signature_only(vault: Vault) -> None:
    path = vault.node.settings.operator / "policy.toml"
    path.write_text("schema_version = 1\n[declared]\nservices = ['nginx']\n")
    signer = policy_signer(vault.node)
    assert "not signed" in Policy.load(path, signer).unsigned
    sign_policy(path, path.read_bytes(), vault.key)
    assert Policy.load(path, signer).unsigned == ""
    path.write_text(path.read_text().replace("nginx", "sshd"))
    assert "not signed" in Policy.load(path, signer).unsigned
    assert "not signed" in make_healer(vault.node, {}).policy.unsigned


# --- keys -----------------------------------------------------------------------------------------


def test_a_key_without_a_passphrase_in_its_place_opens_nothing(vault: Vault) -> None:
    vault.node.operator_key.unlink()
    load_or_create(vault.node.operator_key)
    vault.node.forget_identity()
    assert changed_operator(vault.node) == vault.key.public
    assert protected(vault.node)
    approved_by_sql(vault)
    assert not carries_out(vault)


def test_a_public_half_of_somebody_else_opens_nothing(vault: Vault, tmp_path: Path) -> None:
    other = load_or_create(tmp_path / "other.key")
    vault.node.operator_key.with_suffix(".pub").write_text(other.public)
    vault.node.forget_identity()
    _, approval = vault.desk.asked()
    with pytest.raises(UsageError):
        approvals.approve(vault.node, approval.approval_id, signer=other)
    with pytest.raises(UsageError, match="trust protect"):
        enrol_here(vault.node, vault.key)


def test_a_new_node_under_a_protected_key_is_a_stranger_until_it_is_enrolled(vault: Vault) -> None:
    mesh = vault.desk.mesh
    new = mesh.node("new")
    known = taught(new, "ModuleNotFoundError: No module named 'x'", "pip install x")
    mesh.meet()
    assert trust_in(vault.node, new.identity.node.public).state == "unknown"
    assert not again(vault.node, known).own_operator
    assert enrol_here(new, vault.key)
    assert not enrol_here(new, vault.key)
    new.require_bridge()
    mesh.meet()
    assert trust_in(vault.node, new.identity.node.public).state == "own"
    assert again(vault.node, known).own_operator


def test_a_node_that_was_enrolled_before_needs_no_passphrase(vault: Vault) -> None:
    with Node(vault.node.settings, vault.desk.mesh.clock, vault.desk.mesh.bridge.peer()) as later:
        assert later.identity.enrolment
        assert later.identity == vault.node.identity


def test_a_new_node_key_needs_the_operator_and_keeps_what_was_signed(vault: Vault) -> None:
    node = vault.node
    with pytest.raises(UsageError, match="passphrase"):
        rotate(node)
    rotate(node, vault.key)
    assert node.identity.enrolment
    assert vault.decision() == "run"


def test_decisions_of_a_home_that_was_not_there_when_the_key_was_protected_are_signed_by_a_person(vault: Vault) -> None:
    new = vault.desk.mesh.node("new")
    taught(new)
    new.store.controls.set(MODE, "auto", "me")
    assert mode_here(new) == "approve"
    assert len(unsigned(new)) == 1
    sign_decisions(new, vault.key)
    assert (unsigned(new), unsigned_skills(new), mode_here(new)) == ([], [], "auto")


def test_a_word_of_another_home_is_none_here(vault: Vault) -> None:
    new = vault.desk.mesh.node("new")
    text, sig = vault.node.store.signed_decisions.get("rule", MODE) or ("", "")
    new.store.signed_decisions.put("rule", MODE, text, sig)
    new.store.controls.set(MODE, "auto", "me")
    assert mode_here(new) == "approve"


def test_the_doctor_names_what_is_not_signed(vault: Vault) -> None:
    approval = approved_by_sql(vault)
    vault.forge_control(f"{VIA}ci", "auto")
    (vault.node.settings.operator / "policy.toml").write_text("schema_version = 1\n")
    found = {(check.name, check.level): check.text for check in examine(vault.node.settings, {})}
    texts = " ".join(check.text for check in examine(vault.node.settings, {}) if check.name == "signatures")
    assert approval.approval_id in texts
    assert f"{VIA}ci" in texts
    assert "not signed" in found["policy", "bad"]
    assert ("operator key", "ok") in found


def test_the_clock_of_a_word_is_not_from_the_future(vault: Vault) -> None:
    _, approval = vault.desk.asked()
    approvals.approve(vault.node, approval.approval_id, signer=vault.key)
    text, _ = vault.node.store.signed_decisions.get("approval", approval.approval_id) or ("{}", "")
    ahead = vault.desk.mesh.clock
    ahead.advance(3600)
    late = json.dumps({**json.loads(text), "at": to_text(ahead.now())})
    ahead.advance(-3600)
    vault.node.store.signed_decisions.put("approval", approval.approval_id, late, vault.key.sign(late))
    assert not carries_out(vault)


def test_an_incident_is_signed_for_as_it_is_stored(vault: Vault) -> None:
    incident, approval = vault.desk.asked()
    approvals.approve(vault.node, approval.approval_id, signer=vault.key)
    changed: Incident = replace(incident, stdin="tty")
    vault.sql("UPDATE incidents SET stdin=?", changed.stdin)
    assert not carries_out(vault)
