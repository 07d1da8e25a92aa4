"""The folder of an input is not made unasked: opening to read is not opening to write."""

from __future__ import annotations

import pytest
from tests.core.healing.small_mesh import SmallMesh, failure

from meshcore.healing.inputs import makes_an_input

GONE = "FileNotFoundError: [Errno 2] No such file or directory: 'data/a.csv'"


def code(line: str) -> str:
    return f'Traceback (most recent call last):\n  File "app.py", line 3, in <module>\n    {line}\n{GONE}'


READ = [
    code("rows = open('data/a.csv').read()"),
    code("with open(path, 'rb') as file:"),
    code("for name in os.listdir('data'):"),
    code("frame = pd.read_csv('data/a.csv')"),
    "Error: ENOENT: no such file or directory, open 'data/a.csv'\n    at Object.readFileSync (node:fs:435:20)",
]
WRITTEN = [
    code("with open('data/a.csv', 'w') as file:"),
    code("file = open(path, mode='ab')"),
    code("Path('data/a.csv').write_text(rows)"),
    code("frame.to_csv('data/a.csv')"),
    code("logging.basicConfig(filename='data/a.csv')"),
    "sh: 1: cannot create data/a.csv: Directory nonexistent",
    "touch: cannot touch 'data/a.csv': No such file or directory",
    "Error: ENOENT: no such file or directory, open 'data/a.csv'\n    at Object.writeFileSync (node:fs:435:20)",
]


@pytest.mark.parametrize(("output", "asks"), [*((text, True) for text in READ), *((text, False) for text in WRITTEN)])
def test_a_folder_is_made_unasked_only_for_what_was_to_be_written(mesh: SmallMesh, output: str, asks: bool) -> None:
    incident = failure(mesh.node("a"), output)
    assert makes_an_input(incident, "make_folder") is asks
    assert not makes_an_input(incident, "install_package")
