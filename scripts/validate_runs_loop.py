"""The validator under its old name and options: `meshtui validate`."""

import sys

import own_python  # type: ignore[import-not-found]  # noqa: F401
from meshtui.__main__ import run

if __name__ == "__main__":
    sys.exit(run(["validate", *sys.argv[1:]]))
