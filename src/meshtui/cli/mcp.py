"""`meshtui mcp`: the mesh as tools of a model, over standard input and output."""

from __future__ import annotations

from importlib.util import find_spec

import click

from meshcore.errors import ConfigurationError
from meshtui.cli.context import Session

MISSING = (
    "mcp needs the MCP SDK, which is not installed here;"
    " install it with `pip install 'meshtui[mcp]'`, or `pipx inject meshtui 'mcp>=2.3,<3'`"
)


@click.command()
@click.pass_obj
def mcp(session: Session) -> None:
    """Serve find_fix, report_fix, report_outcome and mesh_status over stdio, until standard input ends.

    Agents start it themselves; see docs/agents.md for their configuration.
    """
    try:
        found = find_spec("mcp.server.mcpserver")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ConfigurationError(MISSING)
    settings = session.settings
    from meshcore.mcp import make_server

    make_server(settings).run("stdio")
