"""What hooks keep beside the bytecode: used where it fits, void where a source changed, never an error."""

from __future__ import annotations

import json
import marshal
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import meshcore
from meshcore.agents.table import program
from meshcore.clock import SystemClock, to_text
from meshcore.home import Home
from meshcore.store.store import Store


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package in a folder of its own, without what hooks kept."""
    source = Path(meshcore.__file__).parent
    return Path(shutil.copytree(source, tmp_path / "src" / "meshcore", ignore=shutil.ignore_patterns("*.cache*")))


def hook(copy: Path, tmp_path: Path, number: int, **fields: Any) -> subprocess.CompletedProcess[bytes]:
    sample = {**program("claude-code").sample("make", "boom", str(tmp_path), tmp_path, f"c{number}"), **fields}
    environment = {"HOME": str(tmp_path), "MESHTUI_HOME": str(tmp_path / "home"), "USER": "dev"}
    command = [sys.executable, "-I", "-S", str(copy / "hookstart.py"), "claude-code"]
    done = subprocess.run(command, input=json.dumps(sample).encode(), capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done


def cache_of(copy: Path) -> Path:
    return copy / "__pycache__" / f"hookstart.{sys.implementation.cache_tag}.cache"


def index_of(copy: Path) -> tuple[Any, ...]:
    data = cache_of(copy).read_bytes()
    found: tuple[Any, ...] = marshal.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return found


def incidents(tmp_path: Path) -> int:
    import sqlite3

    database = sqlite3.connect(tmp_path / "home" / "store.db")
    try:
        return int(database.execute("SELECT count(*) FROM incidents").fetchone()[0])
    finally:
        database.close()


def warm(copy: Path, tmp_path: Path) -> None:
    # Where nobody has for a while, a first failure looks at the bridge, and that follow-up takes the process's place.
    store = Store(Home(tmp_path / "home").create().store)
    store.state.set(pulled=to_text(SystemClock().now()))
    store.close()
    hook(copy, tmp_path, 1)
    hook(copy, tmp_path, 2)


KEPT = """
import importlib, sys
sys.path[0] = sys.argv[1]
from meshcore.hook.code_cache import Cache
cache = Cache()
cache.install()
import meshcore.hook.known, meshcore.store.store as store, re._parser as parser
from meshcore.model import Slot
kept = [name for name in sys.modules if name in cache.modules and name not in cache.before]
assert {"meshcore.store.database", "meshcore.knowledge", "re"} <= set(kept)
made = [sys.modules[name].__spec__ for name in kept if cache.modules[name][3:]]
assert all(spec.loader is None for spec in made), "of what is kept"
assert meshcore.store.store is store is importlib.import_module("meshcore.store.store")
import re
assert re._parser is parser and re.sub("a", "b", "a") == "b"
assert not store.Store.transaction.__annotations__ and list(Slot.__annotations__)
print("fine")
"""


def test_what_is_kept_is_made_as_an_import_makes_it_without_the_annotations_of_functions(
    copy: Path, tmp_path: Path
) -> None:
    warm(copy, tmp_path)
    command = [sys.executable, "-I", "-S", "-c", KEPT, str(copy.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("fine\n", "")


LOADED = """
import os, sys
sys.path[0] = sys.argv[1]
sys.argv[1:] = ["claude-code"]
from meshcore.hook import start
start.agent()
real = [name for name in ("re", "json", "dataclasses", "typing") if type(sys.modules[name]).__name__ != "StandIn"]
os.write(2, f"{real}".encode())
os._exit(0)
"""


@pytest.mark.parametrize(
    ("command", "error"),
    [("make", "boom"), ("wrap jest run 1", "error: unrecognized subcommand 'jest'"), ("rm a", "rm: cannot remove 'a'")],
)
def test_a_failure_compiles_no_pattern_once_they_are_kept(copy: Path, tmp_path: Path, command: str, error: str) -> None:
    warm(copy, tmp_path)
    for number in range(3, 7):
        sample = program("claude-code").sample(command, error, str(tmp_path), tmp_path, f"c{number}")
        environment = {"HOME": str(tmp_path), "MESHTUI_HOME": str(tmp_path / "home"), "USER": "dev"}
        call = [sys.executable, "-I", "-S", "-c", LOADED, str(copy.parent)]
        done = subprocess.run(call, input=json.dumps(sample).encode(), capture_output=True, env=environment, check=True)
    assert done.stderr == b"[]"


def test_where_a_library_lies_is_noted_and_found_anew_once_it_is_gone(copy: Path, tmp_path: Path) -> None:
    warm(copy, tmp_path)
    tag, modules, *rest = index_of(copy)
    if "_sqlite3" not in modules:
        pytest.skip("this interpreter holds its libraries itself")
    modules["_sqlite3"] = (str(tmp_path / "gone.so"), *modules["_sqlite3"][1:])
    data = cache_of(copy).read_bytes()
    index = marshal.dumps((tag, modules, *rest))
    cache_of(copy).write_bytes(
        len(index).to_bytes(8, "little") + index + data[8 + int.from_bytes(data[:8], "little") :]
    )
    hook(copy, tmp_path, 3)
    assert incidents(tmp_path) == 3
    hook(copy, tmp_path, 4)
    assert index_of(copy)[1]["_sqlite3"][0] != str(tmp_path / "gone.so") and incidents(tmp_path) == 4


def test_a_call_leaves_the_file_and_the_next_one_uses_it(copy: Path, tmp_path: Path) -> None:
    warm(copy, tmp_path)
    cache = cache_of(copy)
    assert cache.stat().st_mode & 0o077 == 0
    before = cache.stat().st_mtime_ns
    hook(copy, tmp_path, 3)
    assert cache.stat().st_mtime_ns == before, "nothing was new"
    assert incidents(tmp_path) == 3


def test_a_source_that_changed_makes_the_file_void(copy: Path, tmp_path: Path) -> None:
    warm(copy, tmp_path)
    module = copy / "hook" / "call.py"
    module.write_text(module.read_text().replace("def failed(self", "def failed_(self"))
    hook(copy, tmp_path, 3)
    assert incidents(tmp_path) == 2, "the new source was run, not what was kept"


@pytest.mark.long
def test_a_damaged_file_is_no_error(copy: Path, tmp_path: Path) -> None:
    warm(copy, tmp_path)
    for number, damage in enumerate((b"", b"\xff" * 1000, cache_of(copy).read_bytes()[:5000])):
        cache_of(copy).write_bytes(damage)
        hook(copy, tmp_path, 3 + number)
    assert incidents(tmp_path) == 5


def test_a_folder_that_cannot_be_written_is_no_error(copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(copy / "__pycache__", ignore_errors=True)
    (copy / "__pycache__").write_text("no folder")
    warm(copy, tmp_path)
    assert incidents(tmp_path) == 2


def test_one_process_writes_the_file_and_what_a_killed_one_left_is_in_nobody_s_way(copy: Path, tmp_path: Path) -> None:
    begun = cache_of(copy).with_name(f"{cache_of(copy).name}.new")
    begun.parent.mkdir(exist_ok=True)
    begun.touch()
    warm(copy, tmp_path)
    assert begun.exists() and not cache_of(copy).exists(), "somebody writes it just now"
    os.utime(begun, (1, 1))
    hook(copy, tmp_path, 3)
    assert not begun.exists()
    hook(copy, tmp_path, 4)
    assert cache_of(copy).exists()


def test_a_source_that_changed_is_noticed_wherever_it_is_asked_for(copy: Path, tmp_path: Path) -> None:
    warm(copy, tmp_path)
    hook(copy, tmp_path, 3)
    before = set(index_of(copy)[1])
    (copy / "hook" / "words_of_ours.py").write_text('"""Words."""\n\nNAME = "someone"\n')
    for name, old, new in (
        ("store/agents.py", "import json\n", "import json\nfrom meshcore.hook.words_of_ours import NAME\n"),
        ("store/agents.py", "now(), via, host, name)", "now(), NAME, host, name)"),
    ):
        text = (copy / name).read_text()
        assert old in text
        (copy / name).write_text(text.replace(old, new))
    for number in (4, 5, 6, 7):
        hook(copy, tmp_path, number)
    assert incidents(tmp_path) == 7
    store = Store(tmp_path / "home" / "store.db")
    assert "someone" in {row["via"] for row in store.agents.all()}, "what is loaded late is held against its source too"
    store.close()
    assert b"words_of_ours" in cache_of(copy).read_bytes(), "and the file is made anew"
    assert set(index_of(copy)[1]) >= before, "whole again, although the change was noticed halfway"
