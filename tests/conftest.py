"""What all tests share: a clock, a store, the given data, a small disk; and no file of the user's own."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.in_memory import keep_in_memory
from tests.new_stores import copied
from tests.world import Agent, World

from meshcore.store.store import Store
from meshcore.testing import FakeClock

# A shared machine is slow at times, and what lands must not depend on the day's random numbers.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

SHARED = Path(__file__).parents[1] / "../shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep-pictures", action="store_true", help="keep the terminal's pictures as they are drawn now")


def pytest_configure(config: pytest.Config) -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        # nohup, or a shell for what runs behind it: this process shall not end, but what it starts has them as usual.
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    gc.disable()  # until everything is collected: all of that lives to the end
    if not hasattr(config, "workerinput") and not config.option.basetemp:
        keep_in_memory()


def pytest_collection_finish() -> None:
    """Leave ten thousand tests out of each full collection of garbage: a fifth of the time went into that."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)  # an app leaves thousands of objects in circles
    gc.enable()


def pytest_sessionfinish() -> None:
    """Look once at what is left: pytest looks five times more, for a second each, and would find the same."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point every default of meshtui into a folder of this session."""
    folder = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MESHTUI_")]:
            patch.delenv(name)
        patch.setenv("MESHTUI_OPERATOR_DIR", str(folder / "operator"))
        patch.setenv("MESHTUI_HOME", str(folder / "home"))
        patch.setenv("MESHTUI_BRIDGE", str(folder / "bridge.db"))
        patch.setenv("MESHTUI_PACKS", "off")  # what tests show of errors that nobody knows holds without it
        yield


@pytest.fixture(scope="session", autouse=True)
def new_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with copied(tmp_path_factory.mktemp("new")):
        yield


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def a(world: World) -> Agent:
    return world.agent("a")


@pytest.fixture
def b(world: World) -> Agent:
    return world.agent("b")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    store = Store(tmp_path / "store.db", clock)
    yield store
    store.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of given data."""
    if not SHARED.is_dir():
        pytest.skip("the folder of given data, ../shared, is not here")
    return SHARED


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a small file system needs root")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
