"""The folder of an input is not made unasked: opening to read is not opening to write."""

from __future__ import annotations

import shlex

import pytest
from tests.core.healing.small_mesh import SmallMesh, failure, taught

from meshcore.healing.inputs import makes_an_input, of_input
from meshcore.knowledge.matching import matches
from meshcore.policy.question import Question

GONE = "FileNotFoundError: [Errno 2] No such file or directory: 'data/a.csv'"


def code(line: str) -> str:
    return f'Traceback (most recent call last):\n  File "app.py", line 3, in <module>\n    {line}\n{GONE}'


READ = [
    code("rows = open('data/a.csv').read()"),
    code("with open(path, 'rb') as file:"),
    code("rows = Path('data/a.csv').open('r').read()"),
    code("rows = tarfile.open('a')"),
    code("for name in os.listdir('data'):"),
    code("frame = pd.read_csv('data/a.csv')"),
    "Error: ENOENT: no such file or directory, open 'data/a.csv'\n    at Object.readFileSync (node:fs:435:20)",
]
WRITTEN = [
    code("with open('data/a.csv', 'w') as file:"),
    code("file = open(path, mode='ab')"),
    code("with Path('data/a.csv').open('w', encoding='utf-8') as file:"),
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


@pytest.mark.parametrize(
    ("argv", "error", "fix", "decision"),
    [
        ("cat data/a.csv", "cat: data/a.csv: No such file or directory", "mkdir -p data", "hint"),
        ("head -3 data/a.csv", "head: data/a.csv: No such file or directory", "mkdir data && mkdir data/b", "hint"),
        ("cat data/a.csv", "cat: data/a.csv: No such file or directory", "mkdir -p data && touch data/a.csv", "run"),
        ("cat data/a.csv", "cat: data/a.csv: No such file or directory", "make data", "run"),
        ("ls data", "ls: cannot access 'data': No such file or directory", "mkdir data", "run"),
        ("cp a data/a", "cp: cannot create regular file 'data/a': No such file or directory", "mkdir data", "run"),
        ("sh -c 'cat a > data/b'", "sh: 1: cannot create data/b: Directory nonexistent", "mkdir -p data", "run"),
    ],
)
def test_no_folder_is_made_for_a_program_that_only_reads_files(
    mesh: SmallMesh, argv: str, error: str, fix: str, decision: str
) -> None:
    node = mesh.node("a")
    taught(node, error, fix)
    incident = failure(node, error, argv=tuple(shlex.split(argv)))
    found = matches(incident.signature, node.store.skills, incident.circumstances)[0]
    known = node.store.skills.find(found.skill_id)
    assert known is not None
    verdict = of_input(Question(incident, known, found, inner_argv=tuple(shlex.split(argv))), "")
    assert (verdict.decision if verdict else "run") == decision
