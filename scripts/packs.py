"""Make the list of well-known packages: `python scripts/packs.py` writes src/meshcore/knowledge/packs/imports.txt.

An import name gets a distribution where at least two independent sources name the same one, one of them no other, and
none dissents; a source that names several speaks for the most used. Lists of what has another name leave out what has
the same: there the second source is that of the most downloaded, which holds a distribution of just this name far up,
and no other widely used one may hold the module. Names that distributions share (namespaces) get none, nor do those of
the standard library, nor what is not widely used: a name that nobody owns any more is a squatter's. The sources are
packages of the index, at pinned versions:

- pipreqs, its file `mapping`, kept by hand
- depfinder, `name_mapping.yml`, made from conda-forge's builds
- pigar, its database of what distributions hold, read from the index
- guarddog, `top_pypi_packages.json`: the most downloaded, which is what "widely used" means here
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import yaml

TARGET = Path(__file__).resolve().parents[1] / "src/meshcore/knowledge/packs/imports.txt"
SOURCES = {
    "pipreqs==0.5.0": "Apache-2.0",
    "depfinder==2.10.0": "BSD-3-Clause",
    "pigar==2.2.0": "BSD-3-Clause",
    "guarddog==3.2.0": "Apache-2.0",
}
MOST_USED = 12_000  # of the 15,000 most downloaded that guarddog lists: the last of them come and go
NAMESAKES = 2_000  # of the same, for a module that is known only under its distribution's own name
Names = Mapping[str, set[str]]


def normal(name: str) -> str:
    """Return a distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Download the sources, and write the list."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", name]
        subprocess.run([*pip, *SOURCES], check=True)
        for wheel in folder.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(folder)
        top = json.loads((folder / "guarddog/analyzer/metadata/resources/top_pypi_packages.json").read_text())[
            "packages"
        ]
        rank = {normal(one): at for at, one in enumerate(top)}
        found = agreed([by_hand(folder), by_builds(folder), by_contents(folder, rank)], rank)
    lines = [
        import_name if normal(import_name) == package else f"{import_name} {package}" for import_name, package in found
    ]
    sources = ", ".join(f"{one} ({licence})" for one, licence in SOURCES.items())
    head = (
        f"# Import name, and its distribution where that has another name. Made by scripts/packs.py on"
        f" {datetime.now(UTC):%Y-%m-%d}\n# from {sources}.\n"
    )
    TARGET.write_text(head + "\n".join(lines) + "\n", "ascii")
    print(f"{len(lines)} names, {TARGET.stat().st_size} bytes")


def by_hand(folder: Path) -> Names:
    """Return what pipreqs names."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in (folder / "pipreqs/mapping").read_text("utf-8").splitlines():
        import_name, _, package = line.strip().partition(":")
        if package:
            found[import_name].add(normal(package))
    return found


def by_builds(folder: Path) -> Names:
    """Return what depfinder names."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in yaml.safe_load((folder / "depfinder/pkg_data/name_mapping.yml").read_text("utf-8")):
        found[row["import_name"]].add(normal(row["pypi_name"]))
    return found


def by_contents(folder: Path, rank: Mapping[str, int]) -> Names:
    """Return which widely used distributions hold a top-level module, as pigar has read them."""
    found: dict[str, set[str]] = defaultdict(set)
    sql = "SELECT t.name, d.name FROM top_level_module_names t JOIN distributions d ON d.id=t.distribution_id"
    for import_name, package in sqlite3.connect(folder / "pigar/.db.sqlite3").execute(sql):
        if normal(package) in rank:
            found[import_name].add(normal(package))
    return found


def agreed(sources: list[Names], rank: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return import names with the distribution that two sources name and none contradicts."""
    found = []
    for name in sorted(set().union(*sources) - sys.stdlib_module_names):
        said = [source[name] for source in sources if name in source]
        used = [{one for one in packages if rank.get(one, MOST_USED) < MOST_USED} for packages in said]
        if not all(used) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            continue
        if len(said) < 2 and (said != [{name.replace("_", "-")}] or min(map(rank.__getitem__, said[0])) >= NAMESAKES):
            continue
        # A distribution that vendors or replaces another holds its module too: the most used one is meant.
        picks = {min(packages, key=rank.__getitem__) for packages in used}
        package = min(picks)
        if len(picks) == 1 and any(len(one) == 1 for one in used) and not is_namespace(name, package, said):
            found.append((name, package))
    return found


def is_namespace(name: str, package: str, said: list[set[str]]) -> bool:
    """Tell whether distributions share a name: two begin with it, or the one that is meant does and is not the only."""
    named = set().union(*said)
    parts = {one for one in named if one.startswith(f"{normal(name)}-")}
    return len(parts) > 1 or (package in parts and len(named) > 1)


if __name__ == "__main__":
    main()
