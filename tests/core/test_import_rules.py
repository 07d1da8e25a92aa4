"""The two import rules, each in a fresh interpreter: the core never draws, and the light modules stay light."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import meshcore
from meshcore.agents.table import MODULES, SHELL

LIGHT = (
    "meshcore.hook.shell",
    "meshcore.model",
    "meshcore.store.store",
    "meshcore.knowledge.signature",
    "meshcore.knowledge.matching",
    "meshcore.knowledge.learning",
    "meshcore.safety.redaction",
    "meshcore.safety.visible_text",
    "meshcore.journal.writer",
    "meshcore.healing.light_judges",
    "meshcore.hook.main",
    "meshcore.hook.call",
    *(f"meshcore.agents.{module}" for module in (*MODULES.values(), SHELL)),
)

# What a bare interpreter has loaded by itself (site's .pth files, for example) is not the modules' doing.
SCRIPT = """
import importlib, json, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def loaded_by(*modules: str) -> set[str]:
    """Return the top-level packages that importing modules loads."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, *modules], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def core_modules() -> list[str]:
    folders = [str(folder) for folder in meshcore.__path__]
    return sorted(found.name for found in pkgutil.walk_packages(folders, "meshcore."))


def test_the_core_never_loads_what_draws() -> None:
    modules = core_modules()
    assert "meshcore.service.runtime" in modules
    assert not loaded_by(*modules) & {"textual", "rich", "meshtui"}


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_loads_the_standard_library_only(module: str) -> None:
    assert loaded_by(module) - sys.stdlib_module_names == {"meshcore"}


def test_the_rule_would_notice() -> None:
    assert "cryptography" in loaded_by("meshcore.safety.keys")


def test_no_module_of_the_core_names_what_draws() -> None:
    for folder in map(Path, meshcore.__path__):
        for path in folder.rglob("*.py"):
            words = {line.split()[1].partition(".")[0] for line in path.read_text().splitlines() if is_import(line)}
            assert not words & {"textual", "rich", "meshtui"}, path


@pytest.mark.parametrize(
    ("folder", "others"),
    [("tests", {"benchmarks"}), ("benchmarks", {"tests"}), ("scripts", {"tests", "benchmarks"})],
)
def test_what_tests_and_benchmarks_share_belongs_to_neither(folder: str, others: set[str]) -> None:
    for path in (Path(__file__).parents[2] / folder).rglob("*.py"):
        words = {line.split()[1].partition(".")[0] for line in path.read_text().splitlines() if is_import(line)}
        assert not words & others, path


def is_import(line: str) -> bool:
    return line.strip().startswith(("import ", "from ")) and len(line.split()) > 1
