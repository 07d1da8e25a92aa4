"""On a line that says only that something failed nothing is done."""

from __future__ import annotations

import pytest

from meshcore.healing.headlines import says_nothing
from meshcore.knowledge.signature import read

NOTHING = [
    ('error: could not compile `app` (bin "app") due to 1 previous error', "cargo build"),
    ("error: could not compile `app` due to 2 previous errors; 1 warning emitted", "cargo build"),
    ("make: *** [Makefile:2: all] Error 1", "make"),
    ("To x\n ! [rejected]        main -> main (fetch first)\nerror: failed to push some refs to 'x.git'", "git push"),
    (" ! [remote rejected] main -> main (pre-receive hook declined)", "git push"),
    ("error: failed to push some refs to 'x.git'", "git push"),
    ("1 error generated.", "gcc a.c"),
    ("... and 1 more", "npm test"),
    ("1 more", "vite build"),
    ("Process completed with exit code 1.", "act"),
    ("npm ERR! code ELIFECYCLE", "npm run build"),
    ("error: Recipe `t` failed on line 3 with exit code 1", "just t"),
    ("FAILED (failures=1, errors=2)", "python -m unittest"),
    ("1 failed, 3 passed in 0.2s", "pytest"),
    ("Found 3 errors in 1 file", "mypy ."),
    ("ninja: build stopped: subcommand failed.", "ninja"),
    ("error Command failed with exit code 1.", "yarn build"),
    ("[ERROR] BUILD FAILURE", "mvn package"),
    ("exit status 1", "go run ."),
]
SOMETHING = [
    ("ModuleNotFoundError: No module named 'x'", "python a.py"),
    ("AssertionError", "python a.py"),
    ("bash: foo: command not found", "foo"),
    ("sh: 1: vite: not found", "npm run dev"),
    ("ld: cannot find -lssl", "make"),
    ("fatal: not a git repository", "git status"),
    ("Error: Cannot find module 'express'", "node a.js"),
    ("fatal: The current branch x has no upstream branch.", "git push"),
    ("Permission denied (publickey).", "ssh x"),
    ("a.c:3:10: fatal error: zlib.h: No such file or directory", "gcc a.c"),
    ("Error: listen EADDRINUSE: address already in use :::3000", "node a.js"),
    ("fatal: Unable to create '.git/index.lock': File exists.", "git add"),
    ('npm ERR! Missing script: "build"', "npm run build"),
    ("error: no space left on device", "dd"),
]


@pytest.mark.parametrize(("output", "command"), NOTHING)
def test_a_headline_says_nothing(output: str, command: str) -> None:
    assert says_nothing(read(output, command=command))


@pytest.mark.parametrize(("output", "command"), SOMETHING)
def test_an_error_says_something(output: str, command: str) -> None:
    assert not says_nothing(read(output, command=command))
