"""Make the list of well-known packages: `python scripts/well_known.py` writes src/meshcore/policy/well_known.txt.

An import name gets a distribution where at least two of three independent sources name the same one and none names
another, and where that is widely used. Names that several distributions share (namespace packages) get none, and
neither do those of the standard library. The sources are packages of the index, at pinned versions:

- pipreqs 0.5.0 (Apache-2.0), its file `mapping`, kept by hand
- depfinder 2.10.0 (BSD-3-Clause), `name_mapping.yml`, made from conda-forge's builds
- pigar 2.2.0 (BSD-3-Clause), its database of what distributions hold, read from the index
- guarddog 3.2.0 (Apache-2.0), `top_pypi_packages.json`: the most downloaded, which is what "widely used" means here
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

TARGET = Path(__file__).resolve().parents[1] / "src/meshcore/policy/well_known.txt"
SOURCES = ("pipreqs==0.5.0", "depfinder==2.10.0", "pigar==2.2.0", "guarddog==3.2.0")
MOST_USED = 15_000  # of the most downloaded distributions
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
    head = (
        f"# Import name, and its distribution where that has another name. Made by scripts/well_known.py on"
        f" {datetime.now(UTC):%Y-%m-%d}\n# from {', '.join(SOURCES)} (Apache-2.0, BSD-3-Clause; see the script).\n"
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
    shared = defaultdict(set)
    for package in rank:
        for at in range(1, package.count("-") + 1):
            shared["-".join(package.split("-")[:at])].add(package)
    for name in sorted(set().union(*sources)):
        said = [source[name] for source in sources if name in source]
        # A distribution that vendors or replaces another holds its module too: the most used one is meant.
        picks = {min(packages, key=lambda one: rank.get(one, len(rank))) for packages in said}
        if len(said) < 2 or len(picks) != 1 or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            continue
        [package] = picks
        namespace = len([one for one in shared[normal(name)] if one in set().union(*said)]) > 1
        if name not in sys.stdlib_module_names and not namespace and rank.get(package, MOST_USED) < MOST_USED:
            found.append((name, package))
    return found


if __name__ == "__main__":
    main()
