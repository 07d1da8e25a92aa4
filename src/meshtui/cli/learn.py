"""`meshtui learn`: a person or an agent teaches which command fixes an error."""

from __future__ import annotations

import os
import sys

import click

from meshcore.errors import UsageError
from meshcore.exchange.receive import exchange
from meshcore.healing.replay import promise, what_becomes
from meshcore.healing.teaching import ran_since, teach, teach_of
from meshcore.knowledge.parts import example_fix
from meshcore.model import Incident, KnownSkill
from meshcore.node import Node
from meshcore.policy.question import PolicyVerdict
from meshtui.cli.context import Session, json_option, note, print_json, say
from meshtui.cli.texts import error_text

LATELY = 20  # failures among which one is looked for that says what was taught


@click.command()
@click.option("--error", metavar="TEXT", help="The error text.")
@click.option("--error-file", metavar="FILE", help="A file with the error text, - for standard input.")
@click.option("--error-type", default="", metavar="TYPE", help="The error's type, where the text does not tell.")
@click.option("--command", default="", metavar="CMD", help="The command that failed.")
@click.option("--last", is_flag=True, help="The error is that of the newest failure.")
@click.option("--incident", metavar="ID", help="The error is that of a failure that `meshtui incidents list` shows.")
@click.option(
    "--fix", metavar="CMD", help="The command that fixes it, or advice in prose. Asked for where it is missing."
)
@click.option("--context", default="", metavar="TEXT", help="A word about where this applies.")
@json_option
@click.pass_obj
def learn(
    session: Session,
    error: str | None,
    error_file: str | None,
    error_type: str,
    command: str,
    last: bool,
    incident: str | None,
    fix: str | None,
    context: str,
    as_json: bool,
) -> None:
    """Teach the mesh which command fixes an error. What is known already stays one skill."""
    if (last or incident) and (error or error_file or error_type or command):
        raise UsageError("give --last or --incident, or the error's text with --command; not both")
    with session.node() as node:
        folder = _here()
        if last or incident:
            failed = _failure(node, "last" if last else str(incident))
            fix = fix or _asked(node, failed)
            known, new = teach_of(node, failed.signature, fix, context=context, folder=failed.cwd)
        else:
            text = error_text(error, error_file)
            if not fix:
                raise UsageError("say which command fixes it: --fix CMD")
            failed = None
            told = {"error_type": error_type, "command": command, "context": context, "folder": folder}
            known, new = teach(node, text, fix, **told)
        exchange(node)
        verdict = _foreseen(node, failed, known, folder)
        node.project()
        fault = node.bridge_fault
    skill = known.skill
    if as_json:
        print_json(
            "skill",
            {
                "skill_id": skill.skill_id,
                "label": known.label,
                "new": new,
                "kind": skill.action.kind,
                "line": skill.example_line,
                "decision": verdict.decision,
                "reasons": list(verdict.reasons),
            },
        )
    else:
        what = "learnt" if new else "known already"
        say(f"{what}: #{known.label} {skill.skill_id[:12]}  {skill.example_line} → {example_fix(skill)}")
        if skill.action.kind == "advice":
            say("as advice: it is shown to people and never executed")
        else:
            say(promise(verdict.decision, verdict.reasons, depends=verdict.depends))
        if failed is not None and verdict.decision in ("run", "approve") and failed.state != "verified":
            say(f"try it on this failure: meshtui heal {failed.incident_id[:8]}")
    if fault:
        note(f"not told to the others yet: {fault}")


def _here() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return ""


def _failure(node: Node, name: str) -> Incident:
    failed = node.store.incidents.find(name)
    if failed is None:
        raise UsageError(f"no incident {name!r}; `meshtui incidents list` shows them")
    return failed


def _asked(node: Node, failed: Incident) -> str:
    """Ask for the command that fixes a failure, and propose what ran since. Raises UsageError where nobody is there."""
    since = ran_since(node, failed)
    if not sys.stdin.isatty():
        ran = f"; since then ran: {'; '.join(since[:3])}" if since else ""
        raise UsageError(f"say which command fixes it: --fix CMD{ran}")
    note(f"the failure: {failed.signature.line}")
    return str(click.prompt("which command fixes it?", default=since[0] if since else None, err=True))


def _foreseen(node: Node, failed: Incident | None, known: KnownSkill, folder: str) -> PolicyVerdict:
    """Rule on what was taught at the failure that it was taught for, or at the newest that says the same."""
    failed = failed or next(filter(lambda one: _is_told(one, known), node.store.incidents.all(limit=LATELY)), None)
    return what_becomes(node, failed, known, folder)


def _is_told(incident: Incident, known: KnownSkill) -> bool:
    return incident.signature.line == known.skill.example_line and not incident.argv_redacted
