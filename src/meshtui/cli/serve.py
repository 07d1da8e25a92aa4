"""`meshtui --no-ui`: the runtime in the foreground, one readable line per event."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

import click

from meshcore.events import Event
from meshcore.healing.node import Node
from meshcore.runtime import Runtime
from meshcore.safety.sanitize import visible
from meshcore.servicemanager import ServiceManager
from meshtui.cli.context import SCHEMA_VERSION, Session


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per event.")
@click.pass_obj
def serve(session: Session, as_json: bool) -> int:
    """Receive, acknowledge, publish and keep the files, until SIGTERM or SIGINT; then drain and leave.

    SIGHUP ends it as well: settings are read at the start only.
    """
    return run_in_foreground(session, as_json=as_json)


def run_in_foreground(session: Session, *, as_json: bool) -> int:
    """Run until a signal; return the exit code. Raises RuntimeHeldError where another process runs the home."""
    with Node(session.settings) as node:
        asyncio.run(_serve(node, as_json))
    return 0


async def _serve(node: Node, as_json: bool) -> None:
    def tell(event: Event) -> None:
        try:
            _print(event, as_json)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            runtime.stop()

    runtime = Runtime(node, on_event=tell, manager=ServiceManager.of(os.environ))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, runtime.stop)
    await runtime.run()


def _print(event: Event, as_json: bool) -> None:
    if as_json:
        line = json.dumps({"schema_version": SCHEMA_VERSION, **event.to_json()}, ensure_ascii=True)
    else:
        line = visible(readable(event), keep_newlines=False)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def readable(event: Event) -> str:
    """Return an event as one line for people."""
    data = event.data
    words = {
        "incident.opened": lambda: f"{event.agent}: {data.get('line')}",
        "incident.matched": lambda: f"{data.get('tier')} match: {data.get('why')}",
        "try.decided": lambda: (
            f"{data.get('decision')}: {data.get('command', '')} ({'; '.join(map(str, data.get('reasons', [])))})"
        ),
        "try.outcome": lambda: f"{data.get('result')}" + _seconds(data.get("seconds")),
        "outcome.received": lambda: f"{data.get('result')} on {data.get('host')}" + _seconds(data.get("seconds")),
        "monitor.snapshot": lambda: f"{data.get('skills_snapshot')} checks {data.get('tests_summary')}",
        "skill.learned": lambda: f"{data.get('line')} → {data.get('command', '')}",
        "skill.received": lambda: f"{data.get('line')} from {data.get('name') or 'an old program'}",
    }
    text = words[event.kind]() if event.kind in words else " ".join(f"{k}={v}" for k, v in data.items())
    reference = (event.incident_id or event.skill_id)[:8]
    return f"{event.at}  {event.kind:<18} {reference:<8}  {text}"


def _seconds(value: object) -> str:
    return f" after {value:.2f} s" if isinstance(value, float) else ""
