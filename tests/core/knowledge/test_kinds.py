"""What kind of cause a failure has: the words that were typed, the machine, the verdict of a check, or another one."""

from __future__ import annotations

import pytest

from meshcore.knowledge.kinds import Kind, kind_of
from meshcore.knowledge.typed import read_typed


@pytest.mark.parametrize(
    ("command", "line", "kind"),
    [
        ("cmake --preset debug", 'CMake Error: No such preset in /srv/app: "debug"', "wording"),
        ("cargo run --bin leger", "error: no bin target named `leger` in default-run packages", "wording"),
        ("cargo test -p core", "error: package ID specification `core` did not match any packages", "wording"),
        ("git checkout trunk", "error: pathspec 'trunk' did not match any file(s) known to git", "wording"),
        ("tool --set=fast go", "error: unknown set 'fast'", "wording"),
        ("pytest tests/a.py", "ERROR: file not found: 'tests/a.py'", "verdict"),
        ("pytest -k total", "E   KeyError: 'total'", "verdict"),
        ("tsc", "a.ts(1,1): error TS2304: Cannot find name 'tsc1'.", "verdict"),
        ("make tidy", "/bin/sh: 1: tidy: not found", "machine"),
        ("make test", "make: pytest: No such file or directory", "machine"),
        ("make a.o", "make: a.c: No such file or directory", "machine"),
        ("./get pods", "The connection to the server localhost:8080 was refused", "machine"),
        ("./get page", "curl: (7) Failed to connect to localhost port 8080", "machine"),
        ("./run orders", "connection refused", "machine"),
        ("./run orders", "the total of orders is wrong", "other"),
    ],
)
def test_a_program_that_does_not_know_a_typed_name_speaks_of_the_words(command: str, line: str, kind: Kind) -> None:
    assert kind_of(line, 1, read_typed(command, "/srv/app").parts) == kind
