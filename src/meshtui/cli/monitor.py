"""`meshtui monitor`: how the mesh fares, once or at an interval, with the options of the old program."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import click

from meshcore.clock import SystemClock
from meshcore.errors import EXIT_FAILURE, MeshError, UsageError
from meshcore.evidence.checks import built_in
from meshcore.evidence.monitor import (
    DEFAULT_INTERVAL_SECONDS,
    LEAST_INTERVAL_SECONDS,
    LOG_NAME,
    Gap,
    Options,
    Scene,
    beats,
    is_file,
    keep,
    skills_snapshot,
    take,
)
from meshcore.healing.exchange import exchange
from meshcore.healing.node import Node
from meshcore.home import Home
from meshcore.model import Json
from meshcore.runtime import holder
from meshtui.cli.context import Session, leave_on_signals, note, say


@click.command()
@click.option("--watch", is_flag=True, help="Go on at every interval instead of once.")
@click.option(
    "--interval",
    type=float,
    default=DEFAULT_INTERVAL_SECONDS,
    metavar="SECONDS",
    help="Between two passes, at least 1 (default 300).",
)
@click.option(
    "--iterations", type=click.IntRange(min=0), default=0, metavar="N", help="Passes with --watch; 0: no end."
)
@click.option("--include-manifest", is_flag=True, help="Keep COLLECTIVE_LEARNING_MANIFEST.md and record its size.")
@click.option("--skip-tests", is_flag=True, help="Run no checks.")
@click.option("--show-output", is_flag=True, help="Print what the checks printed, too.")
@click.option("--log-file", metavar="FILE", help=f"Where records go (default {LOG_NAME} in the home).")
@click.pass_obj
def monitor(
    session: Session,
    watch: bool,
    interval: float,
    iterations: int,
    include_manifest: bool,
    skip_tests: bool,
    show_output: bool,
    log_file: str | None,
) -> int:
    """Record how the mesh fares: one JSON line per pass, printed and appended to the log.

    A pass counts skills, agents, deliveries, approvals and times to green, and runs the checks: two of its own, in
    throwaway folders, and those that `[[checks]]` in the configuration names. Exit 1 where a record could not be kept.
    """
    settings, clock = session.settings, SystemClock()
    home = Home(settings.home).create()
    options = Options(
        log=Path(log_file).expanduser().absolute() if log_file else home.root / LOG_NAME,
        checks=() if skip_tests else (*built_in(), *settings.checks),
        include_manifest=include_manifest,
    )
    all_kept = True
    with leave_on_signals():
        for gap in beats(clock, time.sleep, _usable(interval), iterations if watch else 1):
            if gap is not None:
                note(str(gap))
            record, kept = _one_pass(session, home, options, gap)
            all_kept = all_kept and kept
            print(json.dumps(record, ensure_ascii=True), flush=True)
            if show_output:
                _show(record["tests"])
    return 0 if all_kept else EXIT_FAILURE


def _usable(interval: float) -> float:
    if not math.isfinite(interval):
        raise UsageError(f"--interval {interval:g}: no time to wait; name seconds, at least 1")
    if interval < LEAST_INTERVAL_SECONDS:
        note(f"--interval {interval:g} raised to {LEAST_INTERVAL_SECONDS:g} s")
    return max(interval, LEAST_INTERVAL_SECONDS)


def _one_pass(session: Session, home: Home, options: Options, gap: Gap | None) -> tuple[dict[str, Json], bool]:
    """Take and keep one record; False where it could not be kept: the reason was said."""
    settings = session.settings
    skills, present = skills_snapshot(home.skills_file), is_file(settings.bridge)
    try:
        with Node(settings) as node:
            # A bridge that is not there is not made: the record says that it is missing.
            if present and holder(home.runtime_lock) is None:
                exchange(node)
            if "skill_count" in skills:
                node.project()
                skills = skills_snapshot(home.skills_file)
            bridge = node.bridge if present else None
            scene = Scene(home, settings.bridge, node.store, bridge, node.bridge_fault)
            record = take(scene, options, node.clock, skills=skills, bridge_present=present, gap=gap)
            return record, _kept(record, scene, options)
    except MeshError as error:
        scene = Scene(home, settings.bridge, None, None, str(error))
    record = take(scene, options, SystemClock(), skills=skills, bridge_present=present, gap=gap)
    return record, _kept(record, scene, options)


def _kept(record: dict[str, Json], scene: Scene, options: Options) -> bool:
    for fault in record["mesh"].get("faults", ()):
        note(fault)
    try:
        keep(record, scene, options)
    except MeshError as error:
        note(str(error))
        return False
    return True


def _show(tests: list[dict[str, str]]) -> None:
    for test in tests:
        say(f"{test['script']}: {test['status']}")
        for name in ("stdout", "stderr"):
            for line in test[name].splitlines():
                say(f"  {line}")
    sys.stdout.flush()
