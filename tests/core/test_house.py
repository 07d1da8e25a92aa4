"""The house keeps its shape: few modules at the root, no room without a name, no circle, no long file."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.core.bridge.helpers import ENGINES

from meshcore.bridge import open as open_module
from meshcore.knowledge.text import word_set

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
CORE = SRC / "meshcore"
STUBS = {"__init__", "hookstart", "shellstart"}  # the last two are named by installed hooks
MOST_ROOT_MODULES = 10
MOST_ROOMS = 32
MOST_LINES = 400
VERBS = word_set(
    "Accept Add Allow Announce Append Apply Ask Become Begin Block Bring Build Call Carry Check Claim Close Compare "
    "Compile Count Delete Do Draw End Enrol Erase Execute Find Forget Give Handle Hold Import Judge Keep Leave Let "
    "List Load Look Make Mark Match Move Name Note Open Play Post Publish Put Queue Raise Read Receive Refuse Remember "
    "Remove Rename Replace Report Resolve Return Ring Rule Run Say Send Serve Set Settle Show Sign Sleep Sort Split "
    "Copy Stand Start Stay Stop Store Suspend Take Tell Validate Wait Wake Watch Withdraw Work Write Yield"
)
STILL_NOUNS = {CORE / "store"}


def test_few_modules_lie_at_the_root() -> None:
    modules = {path.stem for path in CORE.glob("*.py")} - STUBS
    assert len(modules) <= MOST_ROOT_MODULES, sorted(modules)


def test_there_are_no_more_rooms_than_one_remembers() -> None:
    rooms = [path.parent for path in SRC.rglob("__init__.py")]
    assert len(rooms) <= MOST_ROOMS, sorted(str(room.relative_to(SRC)) for room in rooms)


def test_the_door_of_a_room_says_what_it_is_for_and_nothing_else() -> None:
    for path in SRC.rglob("__init__.py"):
        tree = ast.parse(path.read_text("utf-8"))
        assert ast.get_docstring(tree), path
        assert len(tree.body) == 1 or path.parent.parent == SRC, path


def test_no_file_is_longer_than_one_can_read_at_once() -> None:
    lengths = {str(path.relative_to(SRC)): len(path.read_text("utf-8").splitlines()) for path in SRC.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


@pytest.mark.parametrize("kind", ["layers", "acyclic_siblings"])
def test_no_import_runs_up_and_none_in_a_circle(kind: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    held = [contract for contract in contracts if contract["type"] == kind]
    assert {name for one in held for name in one.get("containers", one.get("ancestors"))} == {"meshcore", "meshtui"}
    assert all(contract["exhaustive"] for contract in held if kind == "layers")
    assert [line for contract in held for line in contract.get("ignore_imports", ())] == []


def test_a_name_with_an_underscore_stays_in_its_room() -> None:
    assert [line for path in SRC.rglob("*.py") for line in foreign_private_names(path)] == []


def foreign_private_names(path: Path) -> Iterable[str]:
    room = ".".join(path.relative_to(SRC).parts[:-1])
    for line in path.read_text("utf-8").splitlines():
        words = line.split()
        if words[:1] == ["from"] and words[1].startswith("mesh") and "import" in words[2:3]:
            private = [name for name in words[3:] if name.startswith("_") and not name.startswith("__")]
            if private and words[1].rpartition(".")[0] != room:
                yield f"{path.relative_to(SRC)}: {line.strip()}"


def test_no_code_outside_its_rooms_knows_which_engine_a_bridge_has() -> None:
    engines = CORE / "bridge"
    found = [
        f"{path.relative_to(SRC)}: {line.strip()}"
        for path in SRC.rglob("*.py")
        if not path.is_relative_to(engines) and not path.is_relative_to(CORE / "policy")  # which refuses such files
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"SqliteBridge|MemoryBridge|bridge\.(sqlite|memory|legacy)\b|\.mesh\.(db|lock|bells)", line)
    ]
    assert [line for line in found if not line.startswith("meshcore/testing.py")] == []


def test_an_engine_knows_nothing_of_the_programs_of_the_earlier_system() -> None:
    for engine in ("sqlite", "memory.py"):
        place = CORE / "bridge" / engine
        for path in place.rglob("*.py") if place.is_dir() else [place]:
            assert "bridge.legacy" not in path.read_text("utf-8"), path


def test_the_contract_tests_ask_every_engine() -> None:
    assert set(open_module._ENGINES) == set(ENGINES)


def test_a_docstring_of_what_is_called_begins_with_a_verb() -> None:
    found = {f"{place}: {first}" for path in SRC.rglob("*.py") for place, first in first_words(path)}
    assert sorted(line for line in found if line.partition(": ")[2] not in VERBS) == []


def first_words(path: Path) -> Iterable[tuple[str, str]]:
    """Yield the first word of each public docstring, with its place; those of commands and tools are their help."""
    if path.is_relative_to(SRC / "meshtui" / "cli") or path.parent in STILL_NOUNS:
        return
    for scope in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(scope, ast.Module | ast.ClassDef):
            for node in scope.body:
                text = ast.get_docstring(node) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None
                if text and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
                    yield f"{path.relative_to(SRC)}:{node.lineno}", text.split()[0].strip(",.:;")
