"""`meshtui evidence`: export what a sceptic needs, and verify what somebody exported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshcore.errors import EXIT_FAILURE, EXIT_OK, MeshError
from meshtui.cli.context import Session, json_option, print_json, say
from meshtui.cli.group import Group

if TYPE_CHECKING:
    from meshcore.evidence.bundle import Verified


@click.group(cls=Group)
def evidence() -> None:
    """Proof that leaves: exports with their figures, checksums and signature."""


@evidence.command("export")
@click.argument("folder", metavar="DIR")
@click.option("--since", metavar="TIME", help="Only what happened from then on: 2026-11-22 or 2026-11-22T08:00 (UTC).")
@click.option("--until", metavar="TIME", help="Only what happened before then.")
@click.option("--pseudonymise", is_flag=True, help="Replace hosts, users, homes, agents, nodes and mail addresses.")
@click.option(
    "--validation-log", "logs", multiple=True, metavar="FILE", help="The validator's log, where it is elsewhere."
)
@json_option
@click.pass_obj
def export_evidence(
    session: Session,
    folder: str,
    since: str | None,
    until: str | None,
    pseudonymise: bool,
    logs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write an export into DIR, a new or empty folder: slice, figures, logs, report, checksums, signature.

    Secrets are left out always. Whoever gets it checks it with `meshtui evidence verify DIR`, or `sha256sum -c`.
    """
    from meshcore.evidence.bundle import write_bundle
    from meshcore.evidence.compare import parse_time
    from meshtui.cli.slices import material_of

    ends = (parse_time(since) if since else None, parse_time(until) if until else None)
    path = Path(folder).absolute()
    with session.node(fresh=True) as node:
        material = material_of(node, *ends, validation_logs=[Path(name) for name in logs], pseudonyms=pseudonymise)
        files = write_bundle(path, material, node.identity)
        signer = node.identity.node.public
    if as_json:
        print_json("export", {"folder": str(path), "files": [str(file) for file in files], "signed_by": signer})
        return
    say(f"exported: {path}")
    say(f"signed by {signer[:12]}; check it with `meshtui evidence verify {folder}`")


@evidence.command("verify")
@click.argument("folder", metavar="DIR")
@json_option
@click.pass_obj
def verify_evidence(session: Session, folder: str, as_json: bool) -> int:
    """Find any byte of an export that was changed, lost or added, say who signed it, and compute its figures anew.

    Exit 1 with one line per fault.
    """
    from meshcore.evidence.bundle import verify_bundle

    found = verify_bundle(Path(folder).absolute())
    if as_json:
        payload = {"ok": found.ok, "faults": list(found.faults), "node": found.node, "operator": found.operator}
        print_json("verified", {**payload, "manifest": dict(found.manifest)})
    else:
        for line in _lines(found, session):
            say(line)
    return EXIT_OK if found.ok else EXIT_FAILURE


def _lines(found: Verified, session: Session) -> Iterator[str]:
    yield from (f"✗ {fault}" for fault in found.faults)
    if found.ok:
        yield "✓ every byte is as it was signed, and every figure of the report follows from the slice"
    if found.node:
        made = f", made {found.manifest['made_at']}" if found.manifest.get("made_at") else ""
        yield f"signed by node {found.node}{made}"
        yield f"operator {found.operator or 'none: the node was enrolled by nobody'}{_whose(found.operator, session)}"


def _whose(operator: str, session: Session) -> str:
    """Say whether that is the operator here; without a key here nothing is made."""
    try:
        from meshcore.safety.keys import load_or_create

        path = session.settings.operator / "operator.key"
        return " (yours)" if operator and path.exists() and load_or_create(path).public == operator else ""
    except MeshError:
        return ""
