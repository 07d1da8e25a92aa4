"""`meshtui policy` and `meshtui redact`: ask the two gates directly."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Literal, cast

import click

from meshcore.errors import EXIT_FAILURE, UsageError
from meshcore.policy.opting_in import block, recipe_of
from meshcore.policy.policy import Policy
from meshcore.policy.policy_file import read_policy
from meshcore.policy.policy_signature import sign_policy
from meshcore.policy.question import PolicyVerdict
from meshcore.safety.operator_key import is_protected, public_half
from meshcore.safety.redaction import redact as redact_text
from meshcore.trust.signed_decisions import require
from meshtui.cli.context import Session, json_option, note, print_json, say
from meshtui.cli.group import Group
from meshtui.cli.passphrase import passphrase_option, signing_key

VERDICTS = {"run": "allow", "approve": "ask", "hint": "ask", "refuse": "deny"}


@click.group(cls=Group)
def policy() -> None:
    """Ask what the policy says: check, explain; sign it; let a project's command run again: rerun."""


@policy.command()
@click.argument("command", required=False)
@click.option("--jsonl", is_flag=True, help='Read {"id", "command"} lines, answer {"id", "verdict"} lines.')
@click.option("--author", type=click.Choice(["own", "peer"]), default="peer", show_default=True, help="Who taught it.")
@json_option
@click.pass_obj
def check(session: Session, command: str | None, jsonl: bool, author: str, as_json: bool) -> None:
    """Would this command run unattended? Prints allow, ask or deny, and why."""
    key = session.settings.operator / "operator.key"
    signer = public_half(key) if is_protected(key) else ""
    rules = Policy.load(session.settings.operator / "policy.toml", signer)
    if rules.unsigned:
        note(rules.unsigned)
    who = cast(Literal["own", "peer"], author)
    if jsonl:
        for number, line in enumerate(sys.stdin, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                text = row["command"]
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(f"line {number}: not an object with a command ({error})") from error
            ruling = rules.check(str(text), who)
            answer = {"id": row.get("id"), "verdict": VERDICTS[ruling.decision], "reasons": list(ruling.reasons)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        return
    if command is None:
        raise UsageError("give a command, or --jsonl to read them from standard input")
    ruling = rules.check(command, who)
    if as_json:
        print_json("ruling", _as_json(ruling))
        return
    say(f"{VERDICTS[ruling.decision]}  {ruling.action_type}".rstrip())
    for reason in ruling.reasons:
        say(f"  {reason}")


@policy.command()
@passphrase_option
@click.pass_obj
def sign(session: Session, passphrase_file: str | None) -> None:
    """Sign policy.toml as it stands, so that it counts under a protected operator key. Do so after each change."""
    path = session.settings.operator / "policy.toml"
    with session.node() as node:
        key = signing_key(node, passphrase_file)
        if key is None:
            raise UsageError("the operator key is not protected: policy.toml counts without a signature")
        require(node, key)
        try:
            raw = read_policy(path)
            sign_policy(path, raw, key)
        except OSError as error:
            raise UsageError(f"{path}: not signed: {error.strerror}") from error
    if problem := Policy.load(path, key.public).problem:
        note(problem)
    say(f"signed: {path}")


@policy.command()
@click.argument("incident")
@json_option
@click.pass_obj
def explain(session: Session, incident: str, as_json: bool) -> int:
    """What was decided on an incident, and why. `last` is the newest here."""
    with session.node() as node:
        found = node.store.incidents.find(incident)
        if found is None:
            raise UsageError(f"no incident {incident!r}; `meshtui incidents list` shows them")
        decisions = [event for event in node.store.events.of_incident(found.incident_id) if event.kind == "try.decided"]
    if as_json:
        print_json("decisions", [event.to_json() for event in decisions])
        return 0
    if not decisions:
        say("nothing was decided: no known skill answered it")
        return EXIT_FAILURE
    for event in decisions:
        say(f"{event.at}  {event.data.get('decision')}  {event.data.get('action_type', '')}")
        for reason in event.data.get("reasons", []):
            say(f"  {reason}")
        if again := event.data.get("rerun"):
            say(f"  to run the failed command again: {again}; {'; '.join(event.data.get('rerun_reasons', []))}")
    return 0


@policy.command(context_settings={"ignore_unknown_options": True})
@click.option("--file", metavar="FILE", help="The file of this folder that says what it does, where that is not plain.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def rerun(session: Session, file: str | None, command: tuple[str, ...]) -> None:
    """Print what lets CMD run again unattended in this folder while its file stays what it is, for your policy.toml."""
    path, cwd = session.settings.operator / "policy.toml", str(Path.cwd())
    if (ruling := Policy.load(None).check(shlex.join(command), "own")).decision == "refuse":
        raise UsageError(f"no policy lets that run again: {'; '.join(ruling.reasons)}")
    recipe = file or recipe_of(command, cwd)
    if not recipe:
        raise UsageError(f"no file of {cwd} is known to say what {command[0]} does; name it with --file")
    text = block(command, cwd, recipe)
    say(text if path.exists() else f"schema_version = 1\n\n{text}")
    signed = ", then run `meshtui policy sign`" if is_protected(session.settings.operator / "operator.key") else ""
    note(f"append it to {path}{signed}; what other files {recipe} reads is not looked at")


def _as_json(ruling: PolicyVerdict) -> dict[str, object]:
    return {
        "verdict": VERDICTS[ruling.decision],
        "decision": ruling.decision,
        "action_type": ruling.action_type,
        "reasons": list(ruling.reasons),
        "plan": [list(step.argv) for step in ruling.plan],
    }


@click.command()
@click.option("--jsonl", is_flag=True, help='Read {"id", "text"} lines, answer {"id", "text"} lines.')
def redact(jsonl: bool) -> None:
    """Filter secrets out of text, from standard input to standard output."""
    if not jsonl:
        sys.stdout.write(redact_text(sys.stdin.buffer.read().decode("utf-8", "replace")))
        return
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text = row["text"]
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"line {number}: not an object with a text ({error})") from error
        sys.stdout.write(json.dumps({"id": row.get("id"), "text": redact_text(str(text))}) + "\n")
        sys.stdout.flush()
