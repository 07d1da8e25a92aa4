"""`meshtui --no-ui`: the runtime in the foreground, one readable line per event."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace

import click

from meshcore.config import Settings
from meshcore.events import Event
from meshcore.journal.readable import sentence
from meshcore.node import Node
from meshcore.safety.visible_text import visible
from meshcore.service.loops.settings import loops_of
from meshcore.service.notify import ServiceManager
from meshcore.service.runtime import Runtime
from meshtui.cli.context import SCHEMA_VERSION, Session, folder_of, loop_options, note, usable_interval


@click.command()
@loop_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object per event.")
@click.pass_obj
def serve(
    session: Session,
    monitor_interval: float | None,
    runs_root: str | None,
    validate_interval: float | None,
    as_json: bool,
) -> int:
    """Receive, acknowledge, publish and keep the files, until SIGTERM or SIGINT; then drain and leave.

    The monitor and the validator run inside it, each at its interval ([monitor] and [validator] of config.toml).
    SIGHUP ends it as well: settings are read at the start only.
    """
    settings = with_loops(session.settings, monitor_interval, runs_root, validate_interval)
    return run_in_foreground(settings, as_json=as_json)


def with_loops(
    settings: Settings, monitor_interval: float | None, runs_root: str | None, validate_interval: float | None
) -> Settings:
    """Return settings with what the options say of the loops. Raises UsageError."""
    monitor, validator = settings.monitor, settings.validator
    seconds = monitor.interval_seconds if monitor_interval is None else monitor_interval
    monitor = replace(monitor, interval_seconds=usable_interval("--monitor-interval", seconds))
    seconds = validator.interval_seconds if validate_interval is None else validate_interval
    validator = replace(validator, interval_seconds=usable_interval("--validate-interval", seconds))
    if runs_root is not None:
        validator = replace(validator, runs_root=folder_of("--runs-root", runs_root))
    return replace(settings, monitor=monitor, validator=validator)


def run_in_foreground(settings: Settings, *, as_json: bool) -> int:
    """Run until a signal; return the exit code. Raises RuntimeHeldError where another process runs the home."""
    with Node(settings) as node:
        asyncio.run(_serve(node, as_json))
    return 0


async def _serve(node: Node, as_json: bool) -> None:
    def tell(event: Event) -> None:
        try:
            _print(event, as_json)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            runtime.stop()

    manager, loops = ServiceManager.of(os.environ), loops_of(node.settings, node.clock)
    runtime = Runtime(node, on_event=tell, manager=manager, loops=loops)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, runtime.stop)
    loop.add_signal_handler(signal.SIGTSTP, _suspend, runtime)
    await runtime.run()


def _suspend(runtime: Runtime) -> None:
    """Stop at ctrl-z, but not in the middle of a fix; others see that whoever runs this home is stopped."""
    if runtime.carrying:
        note(f"not suspended: a fix runs ({runtime.carrying[0]}); ctrl-z again when it has ended")
    else:
        os.kill(os.getpid(), signal.SIGSTOP)


def _print(event: Event, as_json: bool) -> None:
    if as_json:
        line = json.dumps({"schema_version": SCHEMA_VERSION, **event.to_json()}, ensure_ascii=True)
    else:
        line = visible(readable(event), keep_newlines=False)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def readable(event: Event) -> str:
    """Return an event as one line for people."""
    reference = (event.incident_id or event.skill_id)[:8]
    return f"{event.at}  {event.kind:<18} {reference:<8}  {sentence(event.kind, event.agent, event.data)}"
