"""What an error says is missing, and when to say so is no news."""

from __future__ import annotations

import pytest

from meshcore.knowledge.missing import Missing, is_own_choice, missing
from meshcore.knowledge.signature import read


def test_a_package_that_is_there_and_cannot_be_run_is_not_missing() -> None:
    line = "python3: No module named shop.a.__main__; 'shop.a' is a package and cannot be directly executed"
    assert missing(read(line, command="python3 -m shop.a")) is None
    assert missing(read("/usr/bin/python3: No module named shop", command="python3 -m shop")) == Missing(
        "module", ("shop",)
    )


def test_what_a_shell_says_of_a_package_for_it_is_a_missing_program() -> None:
    said = "Command 'tree' not found, but can be installed with:\nsudo apt install tree"
    assert missing(read(said, command="tree -L 2")) == Missing("program", ("tree",))
    assert missing(read("error: linker `cc` not found", command="cargo build")) == Missing("program", ("cc",))


@pytest.mark.parametrize(
    ("said", "kind", "name"),
    [
        ("to use passwords, you must install the sshpass program", "program", "sshpass"),
        ("Error: pg_config executable not found.", "program", "pg_config"),
        ("jq is required but it's not installed", "program", "jq"),
        ("The system library `libudev` required by crate `libudev-sys` was not found.", "pkg-config", "libudev"),
    ],
)
def test_what_a_program_asks_for_by_name_is_missing(said: str, kind: str, name: str) -> None:
    found = missing(read(said, command="make"))
    assert found is not None and (found.kind, found.names) == (kind, (name,))


def test_a_module_that_a_bundler_does_not_find_is_missing_by_its_packages_name() -> None:
    said = "Module not found: Error: Can't resolve 'lodash/debounce' in '/srv/app/src'"
    assert missing(read(said, command="npx webpack")) == Missing("node module", ("lodash",))
    own = "Module not found: Error: Can't resolve './shop' in '/srv/app/src'"
    assert missing(read(own, command="npx webpack")) is None


def test_a_shared_library_is_missing_by_the_name_that_is_loaded() -> None:
    said = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    assert missing(read(said, command="python a.py")) == Missing("library", ("libGL.so.1",))
    loading = "./a: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file"
    assert missing(read(loading, command="./a")) == Missing("library", ("libpq.so.5",))


@pytest.mark.parametrize(
    ("argv", "own"),
    [
        (("python3", "-c", "import yaml; print(yaml.__version__)"), True),
        (("sh", "-c", "python3 -c 'import os, yaml as y'"), True),
        (("sh", "-c", 'python3 -u -c "\nimport json\nfrom yaml import load\n"'), True),
        (("sh", "-c", "cat <<'E' > a.py\nimport yaml\nE\npython3 a.py"), True),
        (("python3", "-c", "import shop.main"), False),  # which imports it
        (("python3", "-c", "import yamllint"), False),
        (("python3", "app.py"), False),
        (("python3", "-m", "yaml"), False),
        (("sh", "-c", "grep -rn 'import yaml' . && python3 app.py"), False),
    ],
)
def test_who_imports_a_module_in_code_of_its_own_knows_what_it_lacks(argv: tuple[str, ...], own: bool) -> None:
    assert is_own_choice(Missing("module", ("yaml",)), argv) == own


@pytest.mark.parametrize(
    ("argv", "own"),
    [
        (("jq", "--version"), True),
        (("sh", "-c", "jq --version && jq . a.json"), True),
        (("sh", "-c", "command -v make jq || echo no"), True),
        (("sh", "-c", "which jq; /opt/bin/jq -V"), True),
        (("jq", ".", "a.json"), False),
        (("sh", "-c", "curl -V; jq . a.json"), False),
        (("sh", "-c", "./release --version jq"), False),
    ],
)
def test_who_asks_for_a_programs_version_or_place_asks_whether_it_is_there(argv: tuple[str, ...], own: bool) -> None:
    assert is_own_choice(Missing("program", ("jq",)), argv) == own
