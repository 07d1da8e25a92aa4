"""`meshtui maintenance`: retention, rotation, checkpoints, integrity, each step in one line."""

from __future__ import annotations

from dataclasses import asdict

import click

from meshcore.errors import EXIT_FAILURE, EXIT_OK, MeshError, UsageError
from meshcore.filelock import holder
from meshcore.home import Home
from meshcore.service.maintenance import maintain
from meshtui.cli.context import Session, json_option, print_json, say

MARKS = {"ok": "✓", "bad": "✗"}


@click.command()
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--back-to-schema", type=int, help="Put the store back as an older version kept it, and do nothing else.")
@json_option
@click.pass_obj
def maintenance(session: Session, dry_run: bool, back_to_schema: int | None, as_json: bool) -> int:
    """Apply [retention] of config.toml, rotate the journal, fold in write-ahead logs, check every file.

    Without settings everything is kept. Never pruned: an open incident, a skill, what its standing rests on, what
    somebody has not received, a revocation, and anything that the journal does not hold yet. Exit 1 for a fault.
    """
    if back_to_schema is not None:
        if dry_run or as_json:
            raise UsageError("--back-to-schema goes with no other option; nothing was changed")
        return _go_back(Home(session.settings.home), back_to_schema)
    with session.node(fresh=True) as node:
        steps = maintain(node, dry_run=dry_run)
    if as_json:
        print_json("maintenance", {"dry_run": dry_run, "steps": [asdict(step) for step in steps]})
    else:
        for step in steps:
            say(f"{MARKS[step.level]} {step.name:<10} {step.text}")
    return EXIT_FAILURE if any(step.level == "bad" for step in steps) else EXIT_OK


def _go_back(home: Home, version: int) -> int:
    if (who := holder(home.runtime_lock)) is not None:
        raise MeshError(f"{home.root}: a runtime uses this home ({who or 'unnamed'}); stop it, then try again")
    from meshcore.store.migration import go_back

    ahead = go_back(home.store, version)
    say(f"{home.store} is as it was with schema {version}; what was stored since lies in {ahead}.")
    say("Revocations, halts and fixes heard since are not in it and are not sent again: repeat those that matter.")
    say("Run the older meshtui now: this one would bring the store up to date again.")
    return EXIT_OK
