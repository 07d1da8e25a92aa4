"""May the failed command be run again after a fix? A rerun is a second run: most of them are a person's to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from meshcore.clock import from_text
from meshcore.healing.circumstances import environment_of, failed_inside, project_root
from meshcore.healing.failing_command import failing
from meshcore.healing.first_run import had_no_effect
from meshcore.healing.first_thing import why_not_first_thing
from meshcore.healing.first_thing_of_node import lacks_first
from meshcore.healing.places import Failing, Place
from meshcore.healing.trailers import without_trailers
from meshcore.knowledge.program import program_name
from meshcore.model import Incident, Verdict
from meshcore.policy.policy import Policy
from meshcore.policy.repeating import find, interpreter_doubt, program_doubt


def rule_rerun(policy: Policy, incident: Incident, environment: Mapping[str, str]) -> Verdict:
    """Say whether the failed command may be run again after a fix: unattended, if a person says so, or not at all.

    A rerun is a second run. It goes unattended where the command is of a form that is made to be repeated, or where a
    program of Python or node failed before anything with an effect, and nothing is wrapped around it that a second run
    repeats; and where there was no first run.
    """
    failed = failed_inside(incident.argv, incident.cwd, environment, incident.excerpt)
    inner = failed.one if failed.bare or _others_repeat(policy, incident, failed, environment) else None
    root = project_root(inner.cwd if inner else incident.cwd) or (inner.cwd if inner else incident.cwd)
    whole = policy.decide_rerun(incident.argv, incident.cwd, environment=environment, project=root)
    python = environment_of(failed, incident.excerpt).python
    if (
        whole.decision == "approve"
        and not policy.problem
        and (why := had_no_effect(incident, failed, python, environment))
    ):
        return Verdict("run", (why,))
    if inner is None:
        more = failed.unread or "more than one command would run"
        return whole if whole.decision != "approve" else replace(whole, reasons=(*whole.reasons, more))
    if whole.decision in ("run", "refuse"):
        return whole
    if inner.runner:
        inner = replace(inner, environment=_of_runner(inner, root))
    verdict = policy.decide_rerun(inner.argv, inner.cwd, environment=inner.environment, typed=environment, project=root)
    if verdict.decision == "refuse" or policy.problem:
        return verdict
    around = (program_doubt(one.argv[0], one.cwd, one.environment, root) for one in failed.around)
    if why := next(filter(None, around), "") or _runner_doubt(inner):
        return Verdict("approve", (why,))
    if verdict.decision == "run":
        return verdict
    failed_at, is_node = from_text(incident.opened).timestamp(), program_name(inner.argv[0]) in ("node", "nodejs")
    lack = lacks_first(inner, failed_at) if is_node else None
    doubts = (
        interpreter_doubt(inner.environment),
        program_doubt(inner.argv[0], inner.cwd, inner.environment, root)
        if is_node or program_name(inner.argv[0]) == "python"
        else "",
        ""
        if lack and lack.is_said(incident)
        else why_not_first_thing(inner, without_trailers(incident.excerpt, failed), python, failed_at),
    )
    if why := next(filter(None, doubts), ""):
        return Verdict("approve", (*verdict.reasons, why))
    return Verdict("run", ("it failed before anything with an effect",))


def _others_repeat(policy: Policy, incident: Incident, failed: Failing, environment: Mapping[str, str]) -> bool:
    """Tell whether the other commands of a text of which one has failed may all be run again, whenever they ran."""
    every = failing(incident.argv, incident.cwd, environment)
    others = [place for place in every.places if place != failed.one]
    if not every.bare or every.unread or len(others) + 1 != len(every.places) or not others:
        return False
    root = project_root(incident.cwd) or incident.cwd
    rulings = (
        policy.decide_rerun(one.argv, one.cwd, environment=one.environment, typed=environment, project=root)
        for one in others
    )
    return all(ruling.decision == "run" for ruling in rulings)


def _of_runner(place: Place, root: str) -> dict[str, str]:
    """Return the variables with which a runner starts a command: the project's environment comes first on its PATH."""
    return {**place.environment, "PATH": f"{root}/.venv/bin:{place.environment.get('PATH', '')}"}


def _runner_doubt(place: Place) -> str:
    """Return why it is not known what `uv run` and its kin start, "" where the project's environment has it."""
    own = {"PATH": place.environment.get("PATH", "").partition(":")[0]}
    is_known = not place.runner or (place.runner in ("uv", "poetry") and find(place.argv[0], place.cwd, own))
    return "" if is_known else f"what {place.runner} run starts is up to the project"
