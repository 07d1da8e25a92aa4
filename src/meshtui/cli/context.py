"""What every command shares: settings resolved once, the node opened once, output that is safe to print."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshcore.config import LEAST_INTERVAL_SECONDS, Settings, load
from meshcore.errors import UsageError
from meshcore.safety.visible_text import visible

if TYPE_CHECKING:
    from meshcore.model import Json
    from meshcore.node import Node

SCHEMA_VERSION = 1
COMPLETING = "_MESHTUI_COMPLETE"
"""The variable in which a shell asks which words may follow."""
COMFORTABLE = 20  # characters of a wide column; where there is less, whole columns give way


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option for JSON."""
    import click  # after a failed command nobody parses options: it would only delay the fix

    return click.option("--json", "as_json", is_flag=True, help="Print JSON with a schema_version.")(command)


def loop_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the loops inside the runtime."""
    import click

    options = (
        click.option("--monitor-interval", type=float, metavar="SECONDS", help="Between passes of the monitor (300)."),
        click.option("--runs-root", metavar="DIR", help="The folder of runs that the validator looks after."),
        click.option("--validate-interval", type=float, metavar="SECONDS", help="Between full validations (300)."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass
class Session:
    """One call of the command line."""

    home: str | None = None
    bridge: str | None = None
    agent: str | None = None
    config: str | None = None

    @property
    def options(self) -> dict[str, str | None]:
        """Return the options of `meshtui` itself by name."""
        return {"home": self.home, "bridge": self.bridge, "agent": self.agent, "config": self.config}

    @cached_property
    def settings(self) -> Settings:
        """All settings, resolved. Raises ConfigurationError."""
        return load(home=self.home, bridge=self.bridge, agent=self.agent, config=self.config)

    @contextmanager
    def node(
        self, *, fresh: bool = False, needs_bridge: bool = False, patience: float | None = None, shares: bool = False
    ) -> Iterator[Node]:
        """Open the node; `fresh` pulls from the bridge first, as far as that is possible in no time.

        `patience` is how many seconds a call of the bridge may take, None for as many as suit its kind; `shares`: over
        the connection of the home's runtime, where one runs.

        Raises BridgeUnavailableError where the bridge is needed and cannot be used.
        """
        from meshcore.node import Node

        with Node(self.settings, patience=patience, shares=shares) as node:
            if fresh:
                from meshcore.exchange.receive import exchange

                exchange(node)
                if needs_bridge:
                    node.require_bridge()
                if node.bridge_fault:
                    note(f"bridge: {node.bridge_fault}")
            yield node


@contextmanager
def leave_on_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an orderly way out for a block, so that a fix in progress is ended with us."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def usable_interval(option: str, seconds: float) -> float:
    """Return an interval of at least 1 second; a shorter one is raised, and that is said. Raises UsageError."""
    if not math.isfinite(seconds):
        raise UsageError(f"{option} {seconds:g}: no time to wait; name seconds, at least 1")
    if seconds < LEAST_INTERVAL_SECONDS:
        note(f"{option} {seconds:g} raised to {LEAST_INTERVAL_SECONDS:g} s")
    return max(seconds, LEAST_INTERVAL_SECONDS)


def folder_of(option: str, name: str) -> Path:
    """Return the folder that an option names, resolved; it need not be there. Raises UsageError."""
    try:
        return Path(name).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"{name!r:.80} is no folder ({error}); name another with {option}") from None


def note(text: str) -> None:
    """Write one line for people to standard error."""
    with contextlib.suppress(OSError):  # nobody may be there to read it
        print(f"meshtui: {visible(text, keep_newlines=False)}", file=sys.stderr)


def print_json(kind: str, payload: Json) -> None:
    """Print one JSON object: `schema_version` and the payload under its name."""
    print(json.dumps({"schema_version": SCHEMA_VERSION, kind: payload}, ensure_ascii=True))


def say(text: str = "") -> None:
    """Print text for people; what could steer a terminal is made visible."""
    print(visible(text))


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str = "", spare: Sequence[str] = ()
) -> None:
    """Print rows under headings: on a terminal fitted to its width, in a pipe whole and separated by tabs.

    Where a terminal is narrow, the columns named by `spare` are left out, in this order.
    """
    if not rows:
        if empty:
            say(empty)
        return
    cells = [[visible(str(value), keep_newlines=False) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(columns), *cells]:
            print("\t".join(row))
        return
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = shutil.get_terminal_size().columns
    needed = [max(cell_len(row[index]) for row in [list(columns), *cells]) for index in range(len(columns))]
    shown, widest = list(range(len(columns))), _widest(needed, width)
    for index in map(list(columns).index, spare):
        if widest < COMFORTABLE:
            shown.remove(index)
            widest = _widest([needed[i] for i in shown], width)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="")
    for index in shown:
        grid.add_column(columns[index], overflow="ellipsis", no_wrap=True, width=min(needed[index], widest))
    for row in cells:
        grid.add_row(*(Text(row[index]) for index in shown))
    Console(width=width).print(grid)


def _widest(needed: Sequence[int], width: int) -> int:
    """Return how wide the wide columns may be, so that all fit and the narrow ones keep what they need."""
    room = width - 3 * len(needed)
    for count, need in enumerate(sorted(needed)):
        share = room // (len(needed) - count)
        if need > share:
            return max(share, 1)
        room -= need
    return max(needed, default=1)


def facts(pairs: Mapping[str, object]) -> None:
    """Print names and values, one pair a line, aligned."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        say(f"{name:<{width}}  {value}")
