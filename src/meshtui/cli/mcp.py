"""`meshtui mcp`: the mesh as tools of a model, over standard input and output."""

from __future__ import annotations

import os
import sys

import click

from meshtui.cli.context import Session


@click.command()
@click.pass_obj
def mcp(session: Session) -> None:
    """Serve find_fix, report_fix, report_outcome and mesh_status over stdio, until standard input ends.

    Agents start it themselves; see docs/agents.md for their configuration.
    """
    from meshcore.mcp.server import make_server

    server = make_server(session.settings)
    with os.fdopen(os.dup(1), "wb") as sink:
        os.dup2(2, 1)  # what anything else prints is no message of the protocol
        server.serve(sys.stdin.buffer, sink)
