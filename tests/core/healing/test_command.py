"""What follows the end of one command under the mesh."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import ARGV, ERROR, FIX, Fix, SmallMesh, again, ended, taught, traced

from meshcore.healing import command
from meshcore.healing.command import Command
from meshcore.healing.series import Series
from meshcore.model import Mode, StepResult
from meshcore.node import Node
from meshcore.process.standard_streams import StdinKind

SECRET = "ghp_" + "a1B2c3D4e5" * 4


class Shell:
    """One shell of one node: runs commands that end as the test says."""

    def __init__(self, mesh: SmallMesh, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mesh = mesh
        self.node = node
        self.fix = Fix(node, mesh.clock)
        monkeypatch.setattr(command, "make_healer", lambda *_: self.fix.healer)

    def fail(
        self,
        exit_code: int,
        output: str = ERROR,
        *,
        argv: tuple[str, ...] = ARGV,
        mode: Mode = "auto",
        stdin: StdinKind = "null",
        rerun: int = 0,
        after: Sequence[str] = (),
        output_again: str | None = None,
        answer: bool = False,
        cwd: str = "/work",
    ) -> tuple[Series, list[str]]:
        """Let one command fail as `meshtui run` does; return what follows and what is said.

        Run again, it ends with the code `rerun` and the same error; or it says what is in `after`, one after the other,
        and passes in the end.
        """
        self.mesh.clock.advance(1)
        texts = iter(after)

        def again() -> StepResult:
            self.mesh.clock.advance(0.5)
            text = next(texts, "")
            code = (1 if text else 0) if after else rerun
            said = f"{SECRET}\x1b[2J\n" + traced(text or output) if output_again is None else output_again
            return StepResult(argv, code, 0.5, said)

        one = command.failed(self.node, self._ended(exit_code, output, argv, stdin, cwd), mode, again)
        said: list[str] = []
        series = Series(
            one,
            mode,
            ask=lambda session: session.approve() if answer else None,
            led_on=lambda session: said.append(command.step_forward(session)),
        )
        series.heal()
        said += command.lines(series)
        series.finish()
        return series, said

    def succeed(self, output: str = ERROR, *, argv: tuple[str, ...] = ARGV, cwd: str = "/work") -> list[str]:
        """Let one command succeed as `meshtui run` does; return what it says."""
        self.mesh.clock.advance(1)
        return command.succeeded(self.node, self._ended(0, output, argv, "null", cwd))

    def _ended(self, exit_code: int, output: str, argv: tuple[str, ...], stdin: StdinKind, cwd: str) -> Command:
        passed = ended(output, exit_code, stdin=stdin, clock=self.mesh.clock)
        return Command(argv, passed, self.mesh.clock.monotonic(), "shell", {}, cwd)


@pytest.fixture
def shell(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(mesh, mesh.node("a"), monkeypatch)


def newest_state(shell: Shell) -> str:
    found = shell.node.store.incidents.find("last")
    return found.state if found else ""


def test_an_unknown_failure_says_nothing_and_keeps_the_exit_code(shell: Shell) -> None:
    one, lines = shell.fail(7)
    assert (one.exit_code, lines) == (7, [])
    assert newest_state(shell) == "open"


def test_a_verified_fix_gives_the_exit_code_of_the_rerun_and_says_so_in_three_lines(shell: Shell) -> None:
    taught(shell.node)
    one, lines = shell.fail(1)
    assert one.exit_code == 0
    assert len(lines) == 3
    assert "verified" in lines[0]
    assert FIX in lines[0]


def test_a_fix_that_did_not_help_gives_the_exit_code_of_the_last_run(shell: Shell) -> None:
    taught(shell.node)
    one, lines = shell.fail(1, rerun=9)
    assert one.exit_code == 9
    assert "did not help" in lines[0]
    assert len(lines) <= 3


@pytest.mark.parametrize("decision", ["hint", "approve", "refuse"])
def test_what_is_not_applied_is_told_in_at_most_three_lines(shell: Shell, decision: str) -> None:
    taught(shell.node)
    shell.fix.policy.decision = decision  # type: ignore[assignment]
    one, lines = shell.fail(4)
    assert one.exit_code == 4
    assert 1 <= len(lines) <= 3
    assert FIX in lines[0]
    assert shell.fix.executor.executed == []


def test_output_of_a_rerun_is_stored_without_secrets_and_control_characters(shell: Shell) -> None:
    taught(shell.node)
    one, _ = shell.fail(1, rerun=1)
    assert one.last.outcome is not None
    assert one.last.outcome.rerun is not None
    assert SECRET not in one.last.outcome.rerun.output
    assert "\x1b" not in one.last.outcome.rerun.output


def test_a_command_that_may_not_be_run_again_is_applied_and_left(shell: Shell) -> None:
    taught(shell.node)
    shell.fix.policy.rerun = "refuse"
    one, lines = shell.fail(1)
    assert one.exit_code == 1
    assert "run it again" in lines[0]
    said = shell.succeed()
    assert said == [f"verified: {ERROR}"]
    assert newest_state(shell) == "verified"


def test_a_person_who_approves_may_have_the_command_run_again_too(shell: Shell) -> None:
    taught(shell.node)
    shell.fix.policy.decision, shell.fix.policy.rerun = "approve", "approve"
    one, _ = shell.fail(1, answer=True)
    assert one.last.outcome is not None
    assert (one.exit_code, one.last.outcome.result, one.last.outcome.actor) == (0, "verified", "a")


def test_an_answer_on_the_terminal_settles_what_waits(shell: Shell) -> None:
    taught(shell.node)
    shell.fix.policy.decision = "approve"
    shell.fail(1, answer=True)
    assert shell.node.store.approvals.all() == []


def test_without_an_answer_it_waits_for_a_person(shell: Shell) -> None:
    taught(shell.node)
    shell.fix.policy.decision = "approve"
    _, lines = shell.fail(1)
    [approval] = shell.node.store.approvals.all()
    assert approval.command == FIX
    assert "approvals" in lines[0]
    assert newest_state(shell) == "needs_approval"


def test_what_somebody_else_has_settled_meanwhile_is_not_executed_twice(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught(shell.node)
    shell.fix.policy.decision = "approve"
    elsewhere = shell.mesh.node("a")
    asked = shell.fix.healer.ask

    def and_answered_elsewhere(*arguments: object) -> object:
        approval = asked(*arguments)  # type: ignore[arg-type]
        assert elsewhere.store.approvals.resolve(approval.approval_id, "approved", "another shell")
        return approval

    monkeypatch.setattr(shell.fix.healer, "ask", and_answered_elsewhere)
    one, _ = shell.fail(1, answer=True)
    assert shell.fix.executor.executed == []
    assert one.exit_code == 1


def test_a_secret_in_the_command_is_stored_nowhere(shell: Shell, tmp_path: Path) -> None:
    argv = ("deploy", "--token", SECRET)
    shell.fail(1, argv=argv)
    shell.succeed(argv=argv)
    shell.node.close()
    shell.mesh.nodes.clear()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []


def test_success_where_nothing_happened_before_leaves_no_trace(shell: Shell) -> None:
    before = shell.node.store.events.last()
    assert shell.succeed() == []
    assert shell.node.store.events.last() == before
    assert shell.node.store.commands.in_folder("/work") == []


# --- a fix that the history shows -------------------------------------------------------------------------------------


def test_a_fix_that_is_recognised_again_and_comes_from_the_network_stays_unconfirmed(shell: Shell) -> None:
    def episode() -> list[str]:
        shell.fail(1)
        shell.succeed("", argv=("pip", "install", "django"))
        return shell.succeed()

    [line] = episode()
    assert line.startswith("learnt #1")
    assert "unconfirmed" in line
    [known] = shell.node.store.skills.all()
    assert (known.state, known.source) == ("unconfirmed", "recognised")
    shell.fix.policy.decision = "hint"
    [line] = episode()
    assert "unconfirmed" in line
    assert again(shell.node, known).confirmed is False


def test_a_fix_is_recognised_though_another_known_one_was_only_hinted_at(shell: Shell) -> None:
    taught(shell.node, fix="pip install django-lts")
    shell.fix.policy.decision = "hint"
    shell.fail(1)
    shell.succeed("", argv=("pip", "install", "django"))
    shell.succeed()
    assert [known.source for known in shell.node.store.skills.all()] == ["taught", "recognised"]


# --- after a crash ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exit_code", [0, 1])
def test_the_next_command_finds_what_a_killed_one_left(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, exit_code: int
) -> None:
    known = taught(shell.node)
    considered = shell.fix.fail()
    store = shell.node.store
    store.tries.intend(
        "f" * 16, considered.incident.incident_id, known.skill.skill_id, "policy", {}, "/venv", "1:another boot:1"
    )
    shell.fix.policy.decision = "hint"
    shell.fail(exit_code) if exit_code else shell.succeed()
    assert store.tries.unfinished() == []
    results = [outcome.result for outcome in store.outcomes.of(incident_id=considered.incident.incident_id)]
    assert results == (["unknown", "verified"] if exit_code == 0 else ["unknown"])
    assert shell.fix.executor.executed == []
