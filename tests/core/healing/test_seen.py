"""What a fix brings, seen to be missing: then it does not matter who printed the error; forged ones lead nowhere."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from meshcore.healing.modules import seen_missing
from meshcore.healing.places import Place
from meshcore.healing.products import missing_folders
from meshcore.healing.seen import wants

NOW = 4_000_000_000.0
PYTEST = "tests/test_a.py:1: in <module>\n    import gone\nE   ModuleNotFoundError: No module named 'gone'\n"
UNITTEST = (
    "ImportError: Failed to import test module: test_a\nTraceback (most recent call last):\n"
    '  File "{0}/tests/test_a.py", line 1, in <module>\n    import gone\n'
    "ModuleNotFoundError: No module named 'gone'\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "tests").mkdir(parents=True)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (folder / "tests" / "test_a.py").write_text("import gone\n")
    return folder


def seen(folder: Path, output: str, name: str = "gone", *, failed_at: float = NOW, **variables: str) -> bool:
    python = str(folder / ".venv" / "bin" / "python")
    place = Place((python, "-m", "pytest"), str(folder), variables)
    return seen_missing(name, output.replace("{0}", str(folder)), place, python, failed_at)


@pytest.mark.parametrize("output", [PYTEST, UNITTEST])
def test_a_module_that_a_test_of_the_project_imports_is_seen_to_be_missing(project: Path, output: str) -> None:
    assert seen(project, output)


@pytest.mark.parametrize(
    "text",
    [
        "# import gone\n", "try:\n    import gone\nexcept ImportError:\n    pass\n", "import other\n",
        "def f():\n    import gone\n", "'''\nimport gone\n'''\n", "from . import gone\n", "import gone(\n", "",
    ],
)  # fmt: skip
def test_what_no_file_imports_as_it_stands_is_not_seen(project: Path, text: str) -> None:
    (project / "tests" / "test_a.py").write_text(text)
    for line in range(1, 4):
        assert not seen(project, PYTEST.replace(":1:", f":{line}:"))


def test_a_forged_output_leads_nowhere(project: Path) -> None:
    assert not seen(project, PYTEST.replace("test_a.py:1", "test_b.py:1"))
    assert not seen(project, PYTEST.replace("test_a.py:1", "test_a.py:2"))
    assert not seen(project, PYTEST, "requests")
    assert not seen(project, "E   ModuleNotFoundError: No module named 'gone'\n")
    assert not seen(project, PYTEST.replace("tests/test_a.py", ".venv/lib/python3.11/site-packages/a.py"))


def test_a_module_that_is_there_is_not_missing(project: Path) -> None:
    for place in (project, project / "src", project / "lib", project / ".venv/lib/python3.11/site-packages"):
        (place / "gone").mkdir(parents=True)
        assert not seen(project, PYTEST, PYTHONPATH="lib"), place
        (place / "gone").rmdir()
    assert seen(project, PYTEST)


def test_neither_is_one_of_the_standard_library_nor_of_a_file_that_was_changed_since(project: Path) -> None:
    (project / "tests" / "test_a.py").write_text("import tkinter\n")
    assert not seen(project, PYTEST.replace("gone", "tkinter"), "tkinter")
    (project / "tests" / "test_a.py").write_text("import gone\n")
    assert not seen(project, PYTEST, failed_at=1.0)


@pytest.mark.parametrize(
    ("typed", "folders"),
    [
        ("gcc -o build/app main.c", {"build"}), ("gcc -MMD -MF dep/a.d -o build/app a.c", {"build", "dep"}),
        ("tar xzf a.tgz -C opt/app", {"opt/app"}), ("sort -u -o out/a a.txt", {"out"}), ("zip -q a/b.zip c", {"a"}),
        ("ar rcs lib/libx.a x.o", {"lib"}), ("sqlite3 -bail var/a.db .tables", {"var"}),
        ("gcc main.c", set()), ("gcc -o app main.c", set()), ("gcc -fplugin=x -o build/app main.c", set()),
        ("sqlite3 var/a.db '.shell send'", set()), ("make -C build", set()), ("cat build/a", set()),
        ("tar xzf a.tgz -C opt/app --to-command=./send", set()), ("sort --compress-program=./x -o out/a a", set()),
        ("cp a.txt b.txt old/2026/", {"old/2026"}), ("mv a.txt b.txt -t old", set()),
        ("openssl rand -hex -out build/salt 8", {"build"}),
        ("ssh-keygen -q -t ed25519 -f keys/deploy -N ''", {"keys"}),
        ("pg_dump -h db -U shop -f dumps/a.sql shop", {"dumps"}),
        ("protoc -I=proto --python_out=gen proto/a.proto", {"gen"}),
    ],
)  # fmt: skip
def test_the_folder_for_what_a_command_makes_is_looked_for(project: Path, typed: str, folders: set[str]) -> None:
    place = Place(tuple(shlex.split(typed)), str(project), {"PATH": "/usr/bin:/bin"})
    assert missing_folders(place) == {str(project / one) for one in folders}
    for one in folders:
        (project / one).mkdir(parents=True)
    assert not missing_folders(place)


@pytest.mark.parametrize("typed", ["jq .a conf/a.json", "./tool --config=conf/a.json", "cc -c main.c", "cc lib/deep.c"])
def test_a_file_that_a_command_names_or_includes_is_seen_to_be_missing(project: Path, typed: str) -> None:
    (project / "lib").mkdir()
    (project / "main.c").write_text('/* # include "b" */\n #  include "conf/a.json"\n')
    (project / "lib" / "deep.c").write_text('#include "../conf/a.json"\n')
    place, file = Place(tuple(shlex.split(typed)), str(project), {}), project / "conf" / "a.json"
    assert wants(place, file)
    assert not wants(place, project / "conf" / "b.json")
    assert not wants(Place(place.argv, str(project / "lib"), {}), file)
    file.parent.mkdir()
    file.symlink_to("/gone")
    assert not wants(place, file), "something is there"


def test_what_no_word_or_source_of_a_command_names_is_not_seen(project: Path) -> None:
    (project / "main.c").write_text('#include <a.json>\nchar *a = "#include \\"a.json\\"";\n')
    for typed in ("make", "cc -c main.c", "cat b.json", "npm test", "cc -c gone.c"):
        assert not wants(Place(tuple(typed.split()), str(project), {}), project / "a.json")
