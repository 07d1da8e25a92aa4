"""`meshtui hook AGENT`: what an agent calls at each finished command. Connected agents call it by a faster way."""

from __future__ import annotations

import click

from meshcore.agents.table import NAMES
from meshtui.cli.context import Session


@click.command()
@click.argument("agent", type=click.Choice(NAMES))
@click.pass_obj
def hook(session: Session, agent: str) -> int:
    """Read one payload of an agent on standard input, and answer it on standard output; exit 0 whatever happens."""
    from meshcore.agents.payload import read_payload
    from meshcore.hook.main import main

    return main(agent, read_payload(0), home=session.home, bridge=session.bridge)
