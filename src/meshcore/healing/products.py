"""What a command of a closed list is there to make, and whether the folder for that is there: else it made nothing.

Looked at before a fix, and not taken from what was printed: a program that cannot open the one thing that it makes has
had no effect, whatever it said. Nothing is run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from meshcore.healing.circumstances import project_root
from meshcore.healing.failing_command import text_of
from meshcore.healing.places import Place
from meshcore.healing.shell_list import read_list
from meshcore.knowledge.program import program_name
from meshcore.model import Incident
from meshcore.policy.argv_patterns import Form, parse
from meshcore.policy.repeating import program_doubt

# NEWFILE is what is made, and needs the folder above it; FOLDER has to be there itself.
_MAKING = (
    "cp [-afprRvTdn --archive --force --preserve --recursive --verbose --no-clobber] TEXT NEWFILE",
    "mv [-fnvT --force --no-clobber --verbose] TEXT NEWFILE",
    "cp|mv [-afprRvdn --archive --force --preserve --recursive --verbose --no-clobber] TEXT TEXT FOLDER",
    "cp|mv [-afprRvdn --archive --force --preserve --recursive --verbose --no-clobber] TEXT TEXT TEXT FOLDER",
    "ln [-sfnrvT --symbolic --force --relative --verbose] TEXT NEWFILE",
    "install [-cCpv -m=WORD -o=NAME -g=NAME --mode=WORD] TEXT NEWFILE",
    "mkfifo [-m=WORD --mode=WORD] NEWFILE",
    "mktemp [-dq -p=FOLDER --directory --quiet --tmpdir=FOLDER --suffix=WORD] NAME?",
    "sort [-bcdfghinrRsuVz -k=KEY -t=TEXT -o=NEWFILE --output=NEWFILE --reverse --unique --numeric-sort] TEXT*",
    "split [-d -l=NUMBER -b=SIZE -n=NUMBER -a=NUMBER] TEXT NEWFILE",
    "tar cf|czf|cjf|cJf|cvf|cvzf|czvf|-cf|-czf|-cjf|-cJf|-cvf|-cvzf|-czvf [-C=PATH --exclude=TEXT] NEWFILE TEXT+",
    "tar xf|xzf|xjf|xJf|xvf|xvzf|xzvf|-xf|-xzf|-xjf|-xJf|-xvf|-xvzf|-xzvf"
    " [-C=FOLDER --directory=FOLDER --strip-components=NUMBER] TEXT",
    "zip [-qrj -0 -1 -6 -9] NEWFILE TEXT+",
    "ar rc|rcs|cr|crs|rcv|-rc|-rcs|-cr NEWFILE CODE+",
    "gcc|g++|cc|c++|clang|clang++ [-cgwvS -o=NEWFILE -I=PATH -L=PATH -l=NAME -D=WORD -O=NAME -W=NAME -:pedantic"
    " -:pthread -:fPIC -:shared -:MD -:MMD -:MP -:MF=NEWFILE] CODE+",
    "sqlite3 [-:bail -:batch -:header -:csv -:json -:line] NEWFILE SQL",
    "rustc [-g -O -o=NEWFILE --edition=NUMBER] CODE",
    "objcopy [-O=NAME -I=NAME --strip-debug] TEXT NEWFILE",
    "openssl rand|genrsa [-:hex -:base64 -:out=NEWFILE] NUMBER?",
    "ssh-keygen [-q -t=NAME -b=NUMBER -C=TEXT -N=ANY -f=NEWFILE]",
    "pg_dump [-Fcpdtsa -h=NAME -U=NAME -p=NUMBER -d=NAME -F=NAME -f=NEWFILE --file=NEWFILE] NAME?",
    "protoc [-I=PATH --proto_path=PATH --python_out=FOLDER --cpp_out=FOLDER --java_out=FOLDER] TEXT+",
    "pandoc [-s -f=NAME -t=NAME -o=NEWFILE --output=NEWFILE --standalone --toc] TEXT+",
    "dot [-T=NAME -o=NEWFILE] TEXT",
    "iconv [-f=NAME -t=NAME -o=NEWFILE --output=NEWFILE] TEXT+",
    "git bundle create [-q] NEWFILE WORD+",
    "git archive [-o=NEWFILE --output=NEWFILE --format=NAME --prefix=WORD] WORD",
)
_REDIRECTED = re.compile(
    r"^(?P<before>[^>]*?[^>&\s])(?:[ \t]+1?|(?<!\d))>>?[ \t]*(?P<path>[\w.+-][\w.+/-]{0,254})(?:[ \t]*2>&1)?\s*$"
)
_SHELLS = frozenset({"sh", "bash", "dash", "zsh"})
_SHELL_SAYS = r"(?:^|\n)[^\n]{{0,200}}?(?:{0}: (?:No such file or directory|Directory nonexistent)|directory: {0})\s*$"


@cache
def _forms() -> tuple[Form, ...]:
    return tuple(map(parse, _MAKING))


def missing_folders(place: Place) -> frozenset[str]:
    """Return the folders that a command of the list needs for what it makes and that are not there."""
    return _missing(_wanted(place))


def _wanted(place: Place) -> list[Path]:
    argv = (program_name(place.argv[0]), *place.argv[1:]) if place.argv else ()
    found = next(filter(None, (form.fit(argv) for form in _forms())), None)
    root = project_root(place.cwd) or place.cwd
    if found is None or program_doubt(place.argv[0], place.cwd, place.environment, root):
        return []
    above = [Path(place.cwd, name).parent for name in found.of("NEWFILE")]
    return [*above, *(Path(place.cwd, name) for name in found.of("FOLDER"))]


def made_nothing(place: Place) -> bool:
    """Tell whether a command of the list made nothing at all, since what it makes, all in one folder, has no place."""
    return len(missing_folders(place)) == 1 and len(_wanted(place)) == 1


def unopened(incident: Incident) -> tuple[Place, frozenset[str]] | None:
    """Return the one command of a shell text, and the folder for want of which its output could not be opened.

    A shell opens that file before it starts the command, so the command was never started.
    """
    name = program_name(incident.argv[0]) if incident.argv else ""
    text, at = text_of(incident.argv) if name in _SHELLS else ("", 0)
    plain = all(re.fullmatch(r"-[ceux]+|-o|pipefail|errexit|nounset", word) for word in incident.argv[1:at])
    found = _REDIRECTED.match(text) if plain else None
    read = read_list(found["before"], incident.cwd, incident.environment) if found else None
    if found is None or read is None or read.one is None or not read.bare or read.mixed:
        return None
    if not re.search(_SHELL_SAYS.format(re.escape(found["path"])), incident.excerpt):
        return None
    folders = _missing([Path(read.one.cwd, found["path"]).parent])
    return (read.one, folders) if folders else None


def _missing(folders: Sequence[Path]) -> frozenset[str]:
    return frozenset(os.path.normpath(one) for one in folders if not os.path.lexists(one))
