"""Show a recorded mesh in the real app and save what it draws: `make screenshots`.

    python scripts/screenshots.py [--recording DIR] [--only NAME] [--offline]

Without a recording one is made first (scripts/record_mesh.py, some minutes), and shown while its runtimes still run.
Nothing is drawn by hand: each picture is the app's own export, as SVG, and the same as PNG by Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from textual.pilot import Pilot

from meshcore.clock import Clock, SystemClock, from_text
from meshcore.config import BridgeAddress, Settings
from meshcore.store.store import Store
from meshtui.app import MeshApp
from meshtui.screens.table import PANES
from meshtui.themes import DARK
from record_mesh import HOST, make_room, record  # type: ignore[import-not-found]

ROOT = Path("/tmp/shop")  # short, since it is seen
OUT = Path(__file__).parent.parent / "screenshots"
WAIT_SECONDS = 20
FLEET = ("laptop", "db1", "build1", "build2")
REPORT, REPORT_SIZE = "report", (1100, 1500)
AFTER = timedelta(seconds=2)  # the pictures are of the moment just after the last event
MOST_BYTES = 300_000
FONTS = "'DejaVu Sans Mono', 'Liberation Mono', monospace"
Steps = Callable[[Pilot[int]], Awaitable[None]]


class StoppedClock:
    """A clock that stands at one moment; monotonic time goes on."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its file's name, its size in cells, the pane it needs, and what a person does to get there."""

    name: str
    size: tuple[int, int]
    pane: str
    steps: Steps


async def wait_for(pilot: Pilot[int], true: Callable[[], object], what: str) -> None:
    """Return once something holds on the screen. Raises TimeoutError."""
    until = time.monotonic() + WAIT_SECONDS
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(f"waited in vain for {what}")
        await pilot.pause(0.05)
    await pilot.pause(0.2)


def rows_of(pilot: Pilot[int]) -> int:
    """Return how many rows the visible pane lists."""
    app = pilot.app
    assert isinstance(app, MeshApp)
    rows = getattr(app.pane, "rows", None)
    return len(rows.shown) if rows is not None else 0


async def overview(pilot: Pilot[int]) -> None:
    await wait_for(pilot, lambda: rows_of(pilot), "incidents")
    await pilot.press("plus", "plus")


async def chain(pilot: Pilot[int]) -> None:
    await wait_for(pilot, lambda: rows_of(pilot), "incidents")
    await pilot.press("enter")
    await pilot.pause(0.5)


def pane(key: str, *presses: str) -> Steps:
    """Return the steps that show a pane, then press keys."""

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press(key)
        await wait_for(pilot, lambda: rows_of(pilot), f"rows behind key {key}")
        await pilot.press(*presses)
        await pilot.pause(0.4)

    return steps


async def log(pilot: Pilot[int]) -> None:
    await pilot.press("6")
    await pilot.pause(0.5)
    await pilot.press("slash", *"verified", "enter")
    await pilot.pause(0.5)


PICTURES: tuple[Picture, ...] = (
    Picture("overview", (120, 36), "overview", overview),
    Picture("chain", (80, 24), "overview", chain),
    Picture("skills", (120, 36), "skills", pane("2")),
    Picture("deliveries", (120, 36), "deliveries", pane("3")),
    Picture("approvals", (120, 30), "approvals", pane("4")),
    Picture("runs", (120, 30), "runs", pane("5")),
    Picture("log", (120, 24), "log", log),
    Picture("unsolved", (120, 24), "unsolved", pane("7")),
)


async def take(picture: Picture, settings: Settings, clock: Clock, out: Path) -> Path:
    """Draw one picture; return its SVG file."""
    shutil.rmtree(settings.home / "state", ignore_errors=True)  # each picture begins as a first start does
    app = MeshApp(settings, embed=False, clock=clock)
    app.theme = DARK
    async with app.run_test(size=picture.size) as pilot:
        await wait_for(pilot, lambda: app.snapshot is not None, "the first snapshot")
        await picture.steps(pilot)
        svg = app.export_screenshot(title="meshtui")
        app.leave()
    file = out / f"{picture.name}.svg"
    file.write_text(plain_fonts(svg), "utf-8")
    return file


def plain_fonts(svg: str) -> str:
    """Return an SVG that asks for fonts of the viewer's machine instead of loading one from the network."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"font-family: [^;]+;", f"font-family: {FONTS};", svg)


def rasterise(svg: Path) -> Path:
    """Draw an SVG as PNG with Chromium. Raises RuntimeError where that fails."""
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text("utf-8")).groups())  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "page.html"
        page.write_text(
            f'<body style="margin:0"><img src="{svg.as_uri()}" style="display:block;width:{width:.0f}px"></body>'
        )
        return photograph(page, svg.with_suffix(".png"), width, height)


def photograph(page: Path, png: Path, width: float, height: float) -> Path:
    """Draw the top of a page as PNG with Chromium. Raises RuntimeError where that fails."""
    program = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
    )
    if not program:
        raise RuntimeError("no Chromium here: only the SVG files were written")
    with tempfile.TemporaryDirectory() as scratch:
        words = [program, "--headless", "--disable-gpu", "--no-sandbox", f"--user-data-dir={scratch}/profile"]
        words += ["--allow-file-access-from-files", "--default-background-color=00000000", "--hide-scrollbars"]
        words += [f"--window-size={width:.0f},{height:.0f}", f"--screenshot={png}", page.as_uri()]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode or not png.exists():
        raise RuntimeError(f"{program}: {done.stderr.strip()[-300:]}")
    if convert := shutil.which("convert"):  # a terminal has few colours: a palette holds them in a third of the bytes
        subprocess.run(
            [convert, str(png), "-colors", "128", f"png8:{png}"], check=False
        )  # not every `convert` is that one
    return png


def report_picture(settings: Settings, out: Path) -> Path:
    """Photograph the top of the mesh's report."""
    homes = {
        "MESHTUI_HOME": str(settings.home),
        "MESHTUI_OPERATOR_DIR": str(settings.operator),
        "MESHTUI_BRIDGE": str(settings.bridge),
        "MESHTUI_AGENT": settings.agent,
        "MESHTUI_HOST": settings.host,
    }
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "report.html"
        words = [sys.executable, "-m", "meshtui", "report", "-o", str(page)]
        subprocess.run(words, env={**os.environ, **homes}, check=True, stderr=subprocess.DEVNULL)
        return photograph(page, out / f"{REPORT}.png", *REPORT_SIZE)


def fleet_picture(out: Path) -> Path:
    """Draw a fleet of four hosts that really run: each a home and an operator's folder of its own, on one bridge."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
        root = Path(scratch)

        def environment(host: str) -> dict[str, str]:
            named = {"HOME": "home", "OPERATOR_DIR": "operator"}
            folders = {f"MESHTUI_{name}": str(root / host / folder) for name, folder in named.items()}
            agent = "anna" if host == FLEET[0] else "claude-code"
            names = {
                "MESHTUI_HOST": host,
                "MESHTUI_AGENT": f"{agent}@{host}",
                "MESHTUI_BRIDGE": str(root / "bridge.db"),
            }
            return {**os.environ, **folders, **names}

        def call(host: str, *words: str) -> None:
            command = [sys.executable, "-m", "meshtui", *words]
            subprocess.run(command, env=environment(host), cwd=root, check=False, capture_output=True)

        for host in FLEET:
            if host != FLEET[0]:  # one person: their key is on each of their hosts
                shutil.copytree(root / FLEET[0] / "operator", root / host / "operator")
            call(host, "run", "--", sys.executable, "-c", f"import {host}_settings")
        for host in FLEET[1:3]:
            words = [sys.executable, "-m", "meshtui", "--no-ui"]
            process = subprocess.Popen(
                words, env=environment(host), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            running.callback(process.wait)
            running.callback(process.terminate)
        call(FLEET[0], "mode", "hint", "--host", FLEET[2])
        call(FLEET[0], "halt", "the disk is full", "--host", FLEET[1])
        call(FLEET[0], "halt", "--drill")
        call(FLEET[0], "nodes")
        home = environment(FLEET[0])
        settings = Settings(
            home=Path(home["MESHTUI_HOME"]),
            operator=Path(home["MESHTUI_OPERATOR_DIR"]),
            bridge=BridgeAddress.of(root / "bridge.db"),
            agent=home["MESHTUI_AGENT"],
            host=FLEET[0],
        )
        return asyncio.run(take(Picture("fleet", (120, 24), "fleet", pane("8", "down")), settings, SystemClock(), out))


def take_all(root: Path, moment: datetime | None, given: argparse.Namespace) -> None:
    """Take the pictures of a mesh; `moment` is when it stopped, None where it runs."""
    settings = Settings(
        home=root / "homes/dev",
        operator=root / "operator",
        bridge=BridgeAddress.of(root / "claude_bridge_enhanced.db"),
        agent=f"anna@{HOST}",
        host=HOST,
    )
    panes = {entry.name for entry in PANES}
    given.out.mkdir(exist_ok=True)
    if not given.only or REPORT in given.only:
        png = report_picture(settings, given.out)
        print(f"{png.name:<16} {'':>8} {png.stat().st_size:>8,} bytes")
    if not given.only or "fleet" in given.only:
        rasterise(fleet_picture(given.out))
    for picture in PICTURES:
        if picture.pane not in panes or (given.only and picture.name not in given.only):
            continue
        clock = SystemClock() if moment is None else StoppedClock(moment)
        svg = asyncio.run(take(picture, settings, clock, given.out))
        png = rasterise(svg)
        print(f"{png.name:<16} {svg.stat().st_size:>8,} {png.stat().st_size:>8,} bytes")
        if png.stat().st_size > MOST_BYTES:
            print(f"{png}: larger than {MOST_BYTES:,} bytes", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recording", type=Path, help="a folder that record_mesh.py has filled")
    parser.add_argument("--out", type=Path, default=OUT, help="where the pictures go")
    parser.add_argument("--only", action="append", help="this picture alone; may be repeated")
    parser.add_argument("--offline", action="store_true", help="record without a package index")
    given = parser.parse_args(arguments)
    if given.recording is None:
        if not make_room(ROOT):
            print(f"{ROOT} holds something else; move it away", file=sys.stderr)
            return 2
        record(ROOT, offline=given.offline, hole=25.0, pause=12.0, live=lambda: take_all(ROOT, None, given))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "mesh"  # looking writes a little state: the recording stays as it is
        shutil.copytree(given.recording, copy, symlinks=True, ignore=shutil.ignore_patterns("*.bell", ".venv"))
        with closing(Store(copy / "homes/dev/store.db")) as store:
            [newest] = store.events.after(store.events.last() - 1)
        take_all(copy, from_text(newest.at) + AFTER, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
