"""Build what is published, check it, and write what is new: `make release`.

Builds wheel and sdist twice, each time from what is committed in a folder of its own, and asks that both are the same
byte for byte. `dist/NOTES.md` gets the changelog's section of the version. Nothing is sent anywhere.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from meshcore import __version__

REPOSITORY = Path(__file__).parent.parent
DIST = REPOSITORY / "dist"


class NotReadyError(Exception):
    """What must be done before there is a release."""


def section(changelog: str, version: str) -> str:
    """Return what a changelog says of a version. Raises NotReadyError where it has no dated section for it."""
    found = re.search(rf"(?ms)^## {re.escape(version)} - (\S+)\n(.*?)(?=^## |\Z)", changelog)
    if found is None:
        raise NotReadyError(f"CHANGELOG.md: no section for {version}; write one")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", found[1]):
        raise NotReadyError(f"CHANGELOG.md: {version} is {found[1]}; give it the day of the release")
    return found[2].strip() + "\n"


def build(commit: str) -> dict[str, bytes]:
    """Return the files of a release, by name, built from a commit in a throwaway folder."""
    with tempfile.TemporaryDirectory() as name:
        source, made = Path(name, "source"), Path(name, "dist")
        archive = subprocess.run(["git", "archive", commit], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout
        with tempfile.TemporaryFile() as file:
            file.write(archive)
            file.seek(0)
            with tarfile.open(fileobj=file) as tar:
                tar.extractall(source, filter="data")
        when = _git("log", "-1", "--format=%ct", commit)
        subprocess.run(
            [sys.executable, "-m", "build", "--outdir", str(made), str(source)],
            check=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": when},
            stdout=subprocess.DEVNULL,
        )
        return {path.name: path.read_bytes() for path in sorted(made.iterdir())}


def main() -> int:
    """Make the release in dist/. Return 1, with one line, where something is missing."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        notes = section((REPOSITORY / "CHANGELOG.md").read_text("utf-8"), __version__)
        if _git("status", "--porcelain"):
            raise NotReadyError("there are changes that are not committed")
        files = build("HEAD")
        if build("HEAD") != files:
            raise NotReadyError("two builds of the same commit differ")
    except NotReadyError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    DIST.mkdir(exist_ok=True)
    for name, content in files.items():
        (DIST / name).write_bytes(content)
        print(f"{hashlib.sha256(content).hexdigest()}  dist/{name}")
    (DIST / "NOTES.md").write_text(notes, "utf-8")
    packages = [str(DIST / name) for name in files]
    return subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *packages], check=False).returncode


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
