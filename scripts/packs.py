"""Make what is known at the start: `python scripts/packs.py [NAME…]` writes src/meshcore/knowledge/packs/NAME.txt.

`imports`: an import name gets a distribution where at least two independent sources name the same one, one of them no
other, and none dissents; a source that names several speaks for the most used. Lists of what has another name leave out
what has the same: there the second source is that of the most downloaded, which holds a distribution of just this name
far up, and no other widely used one may hold the module. Names that distributions share (namespaces) get none, nor do
those of the standard library, nor what is not widely used: a name that nobody owns any more is a squatter's. What
Python's own documents name as the successor of a module that left the standard library stands beside them.

`node`: a module of npm, whose name is its package's, is in where it is far up among the most downloaded, or further
down and Debian's maintainers have packaged it, too.

`pytest`: an option or fixture gets the plugin that declares it, read from the most used plugins themselves. Of an
option that several declare the far more used one is meant; a fixture counts only if its name is made of the plugin's.

The sources are packages of the index, at pinned versions; Debian's names are those of the host that runs this:

- pipreqs, its file `mapping`, kept by hand
- depfinder, `name_mapping.yml`, made from conda-forge's builds
- pigar, its database of what distributions hold, read from the index
- Debian's names, for a module whose namesake is a distribution that holds it (`python3-` and the module's name)
- guarddog, `top_pypi_packages.json` and `top_npm_packages.json`: the most downloaded, which is what "widely used" means
"""

from __future__ import annotations

import argparse
import ast
import json
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import yaml

TARGET = Path(__file__).resolve().parents[1] / "src/meshcore/knowledge/packs"
FORMAT = 1
SOURCES = {
    "pipreqs==0.5.0": "Apache-2.0",
    "depfinder==2.10.0": "BSD-3-Clause",
    "pigar==2.2.0": "BSD-3-Clause",
    "guarddog==3.2.0": "Apache-2.0",
}
MOST_USED = 12_000  # of the 15,000 most downloaded that guarddog lists: the last of them come and go
NAMESAKES = 2_000  # of the same, and of npm's, for a module that is known only under its distribution's own name
PLUGINS = 40  # of the most used ones of pytest
FAR_MORE = 4  # times as far up in the list of the most downloaded
SUCCESSORS = {"distutils": "setuptools", "cgi": "legacy-cgi", "asyncore": "pyasyncore", "asynchat": "pyasynchat"}
"""What PEP 594 and PEP 632 name instead of a module that they took out of the standard library."""
Names = Mapping[str, set[str]]


def normal(name: str) -> str:
    """Return a distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Download the sources, and write the lists that are asked for, all where none is."""
    makers = {"imports": imports, "node": node, "pytest": pytest, "renamed": renamed}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(makers)}; default: all")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in makers]:
        parser.error(f"{unknown[0]}: no such list")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        download(folder, *SOURCES)
        for asked in given.names or makers:
            lines, sources = makers[asked](folder)
            head = f"# meshtui pack {FORMAT}: {asked}\n# made by scripts/packs.py on {datetime.now(UTC):%Y-%m-%d}\n"
            path = TARGET / f"{asked}.txt"
            path.write_text(f"{head}# from {', '.join(sources)}\n" + "".join(f"{line}\n" for line in lines), "ascii")
            print(f"{asked}: {len(lines)} names, {path.stat().st_size} bytes")


def download(folder: Path, *packages: str) -> None:
    """Fetch the wheels of packages, and unpack each into a folder."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", str(folder)]
    subprocess.run([*pip, *packages], check=True)
    for wheel in folder.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(folder)
        wheel.unlink()


def most_downloaded(folder: Path, index: str) -> list[str]:
    """Return what guarddog lists of an index, the most downloaded first."""
    path = folder / f"guarddog/analyzer/metadata/resources/top_{index}_packages.json"
    return [str(name) for name in json.loads(path.read_text())["packages"]]


def imports(folder: Path) -> tuple[list[str], list[str]]:
    """Return the lines of the list of import names, and its sources."""
    rank = {normal(one): at for at, one in enumerate(most_downloaded(folder, "pypi"))}
    contents = by_contents(folder, rank)
    found = dict(agreed([by_hand(folder), by_builds(folder), contents, by_debian(contents, rank)], rank)) | SUCCESSORS
    lines = [name if normal(name) == package else f"{name} {package}" for name, package in sorted(found.items())]
    return lines, [f"{one} ({licence})" for one, licence in SOURCES.items()] + [
        debian(),
        "PEP 594 and PEP 632 (public domain)",
    ]


def node(folder: Path) -> tuple[list[str], list[str]]:
    """Return the lines of the list of npm's modules, and its sources."""
    packaged = in_debian("node-")
    names = [one for one in most_downloaded(folder, "npm") if re.fullmatch(r"(@[a-z0-9-]+/)?[a-z0-9][a-z0-9.-]*", one)]
    far_up = set(names[:NAMESAKES])
    lines = sorted({one for one in names if one in far_up or one.removeprefix("@").replace("/", "-") in packaged})
    guarddog = next(one for one in SOURCES if one.startswith("guarddog"))
    return lines, [f"{guarddog} ({SOURCES[guarddog]})", debian()]


def in_debian(front: str) -> set[str]:
    """Return what Debian's maintainers have packaged of a language whose packages' names begin alike."""
    asked = subprocess.run(["apt-cache", "pkgnames", front], capture_output=True, text=True, check=True)
    return {name.removeprefix(front) for name in asked.stdout.split()}


def debian() -> str:
    """Return the name of the source that this host is."""
    return f"the names of {platform.freedesktop_os_release()['PRETTY_NAME']}'s packages (facts, no licence)"


def pytest(folder: Path) -> tuple[list[str], list[str]]:
    """Return the lines of the list of pytest's options and fixtures, and the plugins that they were read from."""
    top = most_downloaded(folder, "pypi")
    plugins = [one for one in top if one.startswith("pytest-")][:PLUGINS]
    place = folder / "plugins"
    place.mkdir()
    download(place, *plugins)
    declared: dict[str, list[str]] = defaultdict(list)
    versions = {}
    for info in place.glob("*.dist-info"):
        name, version = info.name.removesuffix(".dist-info").rsplit("-", 1)
        versions[normal(name)] = version
        for word in declared_by(place, info, normal(name)):
            declared[word].append(normal(name))
    lines = []
    for word, names in sorted(declared.items()):
        first, *others = sorted(set(names), key=top.index)
        if not others or (word[0] == "-" and top.index(others[0]) >= FAR_MORE * top.index(first)):
            lines.append(f"{word} {first}")
    used = sorted({line.split()[1] for line in lines})
    return lines, [f"{one}=={versions[one]}" for one in used] + ["names alone are taken (facts, no licence)"]


def renamed(folder: Path) -> tuple[list[str], list[str]]:
    """Return the lines of the list of modules that Python 3 has under another name, as Python's own 2to3 has it."""
    del folder
    from lib2to3.fixes.fix_imports import MAPPING

    version = platform.python_version()
    return sorted(set(MAPPING) - sys.stdlib_module_names), [f"lib2to3=={version} (PSF-2.0; names alone are taken)"]


def declared_by(place: Path, info: Path, plugin: str) -> Iterator[str]:
    """Yield the options of a plugin, and those of its fixtures whose names are made of its own."""
    entries = info / "entry_points.txt"
    text = entries.read_text() if entries.exists() else ""
    section = re.search(r"(?ms)^\[pytest11\]\n(.*?)(?=^\[|\Z)", text)
    stem = plugin.removeprefix("pytest-").replace("-", "")
    for module in re.findall(r"=\s*([\w.]+)", section[1] if section else ""):
        base = place / module.replace(".", "/")
        files = sorted(base.parent.glob("*.py")) if base.parent != place else [base.with_suffix(".py")]
        for path in [*files, *base.glob("*.py")]:
            if path.is_file():
                yield from declared_in(ast.parse(path.read_text("utf-8")), stem)


def declared_in(tree: ast.Module, stem: str) -> Iterator[str]:
    """Yield the options and fixtures that a module of a plugin declares."""
    for one in ast.walk(tree):
        if isinstance(one, ast.Call) and getattr(one.func, "attr", "") in ("addoption", "_addoption"):
            words = [str(word.value) for word in one.args if isinstance(word, ast.Constant)]
            long = [word for word in words if re.fullmatch(r"--[a-z][a-z0-9-]+", word)]
            short = [word for word in words if re.fullmatch(r"-[a-zA-Z]", word)]
            # A letter that stands for no longer name may be anybody's.
            yield from (*long, *(word for word in short if any(one.startswith(f"-{word}") for one in long)))
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            is_fixture = any("fixture" in ast.unparse(mark) for mark in one.decorator_list)
            own = one.name.replace("_", "")
            if is_fixture and not one.name.startswith("_") and (stem in own or (len(own) > 5 and own.startswith(stem))):
                yield one.name
        elif isinstance(one, ast.Assign) and "fixture(" in ast.unparse(one.value):
            yield from (
                name.id
                for name in one.targets
                if isinstance(name, ast.Name) and stem in name.id.replace("_", "") and name.id[0] != "_"
            )


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
    for packages in found.values():
        packages -= {f"{one}-binary" for one in packages}  # the same, built beforehand
    return found


def by_debian(contents: Names, rank: Mapping[str, int]) -> Names:
    """Return the modules whose most used distribution is their namesake, and which Debian has packaged, too."""
    packaged = in_debian("python3-")
    most_used = {name: min(held, key=rank.__getitem__) for name, held in contents.items()}
    return {name: {own} for name, own in most_used.items() if own == normal(name) and own in packaged}


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
