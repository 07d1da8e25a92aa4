"""`meshtui learn`: a person or an agent teaches which command fixes an error."""

from __future__ import annotations

import click

from meshcore.exchange.receive import exchange
from meshcore.healing.teaching import teach
from meshcore.knowledge.parts import example_fix
from meshtui.cli.context import Session, json_option, note, print_json, say
from meshtui.cli.texts import error_text


@click.command()
@click.option("--error", metavar="TEXT", help="The error text.")
@click.option("--error-file", metavar="FILE", help="A file with the error text, - for standard input.")
@click.option("--error-type", default="", metavar="TYPE", help="The error's type, where the text does not tell.")
@click.option("--command", default="", metavar="CMD", help="The command that failed.")
@click.option("--fix", required=True, metavar="CMD", help="The command that fixes it, or advice in prose.")
@click.option("--context", default="", metavar="TEXT", help="A word about where this applies.")
@json_option
@click.pass_obj
def learn(
    session: Session,
    error: str | None,
    error_file: str | None,
    error_type: str,
    command: str,
    fix: str,
    context: str,
    as_json: bool,
) -> None:
    """Teach the mesh which command fixes an error. What is known already stays one skill."""
    text = error_text(error, error_file)
    with session.node() as node:
        known, new = teach(node, text, fix, error_type=error_type, command=command, context=context)
        exchange(node)
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
            },
        )
    else:
        what = "learnt" if new else "known already"
        say(f"{what}: #{known.label} {skill.skill_id[:12]}  {skill.example_line} → {example_fix(skill)}")
        if skill.action.kind == "advice":
            say("as advice: it is shown to people and never executed")
    if fault:
        note(f"not told to the others yet: {fault}")
