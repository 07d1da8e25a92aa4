"""`meshtui purge`: a secret that got out is erased from every store, journal and bridge."""

from __future__ import annotations

import sys

import click

from meshcore.errors import EXIT_FAILURE, EXIT_OK, UsageError
from meshtui.cli.context import Session, json_option, note, print_json, say


@click.command()
@click.argument("record")
@click.option("--why", default="", help="A word for the others; it travels with the record that says so.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@json_option
@click.pass_obj
def purge(session: Session, record: str, why: str, yes: bool, as_json: bool) -> int:
    """Erase what a record said, for good: here, on the bridge, and at every node that hears of it.

    RECORD is a record's id (its first 8 characters do), or the id of an incident, an outcome or a skill: then all its
    records. The record keeps its number, so that nothing seems withheld. What your operator's nodes said goes
    everywhere; what others said goes from your own homes. Copies that left (exports, backups, an older store that an
    upgrade kept) are yours to delete. Change the secret, too: who has read it knows it.
    """
    from meshcore.exchange.purge import purge as erase
    from meshcore.exchange.receive import exchange
    from meshcore.safety.redaction import redact

    with session.node(fresh=True) as node:
        found = node.store.purges.find(record, node.identity.node.public)
        if not found:
            raise UsageError(f"{record!r:.80}: no record here is called that; `meshtui bridge outgoing` shows some")
        about = any(record in (told.subject, told.incident) for told in found)
        if not about and len({told.record_id for told in found}) > 1:
            raise UsageError(f"{record!r:.80} means {len(found)} records; give more characters of its id")
        if not as_json:
            for told in found:
                who = "this node" if told.own else told.author[:12]
                say(f"{told.kind} {told.record_id[:12] or '(not sent yet)'}  by {who}")
        if not yes and not _confirmed("erase what they say, for good?"):
            say("nothing was erased")
            return EXIT_FAILURE
        sent = erase(node, found, redact(why))
        exchange(node)
        node.project()
        waiting = sum(row.kind == "purge" for row in node.store.outbox.waiting())
        node.store.checkpoint()
        kept = sorted(str(path) for path in node.home.root.glob(f"{node.home.store.name}.*") if ".schema-" in path.name)
    for path in kept:
        note(f"{path} was kept as it was before an upgrade and may hold it still; delete it")
    if as_json:
        print_json("purge", {"records": [told.record_id for told in found], "told": sent - waiting, "waiting": waiting})
        return EXIT_OK
    say(f"erased here: {len(found)}; the others are told" + (" as soon as the bridge can be used" if waiting else ""))
    return EXIT_OK


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked here; say --yes")
    return click.confirm(question, default=False)
