"""`meshtui match`: ask what is known about an error, without doing anything."""

from __future__ import annotations

import click

from meshcore.errors import EXIT_FAILURE
from meshcore.knowledge.ageing import said as age
from meshcore.knowledge.matching import matches
from meshcore.knowledge.signature import explain as explain_reading
from meshcore.knowledge.signature import read
from meshtui.cli.context import Session, json_option, print_json, say
from meshtui.cli.texts import error_text


@click.command()
@click.option("--error", metavar="TEXT", help="The error text.")
@click.option("--error-file", metavar="FILE", help="A file with the error text, - for standard input.")
@click.option("--error-type", default="", metavar="TYPE", help="The error's type, where the text does not tell.")
@click.option("--command", default="", metavar="CMD", help="The command that failed.")
@click.option("--explain", is_flag=True, help="Show how the text was read.")
@json_option
@click.pass_obj
def match(
    session: Session,
    error: str | None,
    error_file: str | None,
    error_type: str,
    command: str,
    explain: bool,
    as_json: bool,
) -> int:
    """Which known fix answers this error? Exit 1 where none does: that is a good answer too."""
    text = error_text(error, error_file)
    signature = read(text, error_type=error_type, command=command)
    with session.node(fresh=True) as node:
        found = matches(signature, node.store.skills)
        now = node.store.skills.now()
        names = {m.skill_id: known for m in found if (known := node.store.skills.find(m.skill_id))}
    if as_json:
        rows = [
            {"skill_id": m.skill_id, "tier": m.tier, "score": m.score, "command": m.action.command(), "why": m.why}
            for m in found
        ]
        reading = {
            "error_type": signature.error_type,
            "template": signature.template,
            "slots": [[slot.kind, slot.value] for slot in signature.slots],
            "line": signature.line,
        }
        print_json("match", {"signature": reading, "matches": rows})
        return 0 if found else EXIT_FAILURE
    if explain:
        for line in explain_reading(text, error_type=error_type, command=command):
            say(line)
        say()
    if not found:
        say("unknown: nothing known answers this; teach it with `meshtui learn --last --fix …`, or with --error-file")
        return EXIT_FAILURE
    for one in found:
        say(f"{one.tier}  #{names[one.skill_id].label} {one.skill_id[:12]}  {one.action.command()}")
        say(f"       {'; '.join(filter(None, (one.why, age(names[one.skill_id], now))))}")
    return 0
