"""Was what is missing to be written? An empty folder in place of an input makes a program go on with nothing.

Opening to read is not opening to write: where the failing code is shown, it has to be about to create something before
the folder for that is made without asking.
"""

from __future__ import annotations

import re

from meshcore.knowledge.program import program_name
from meshcore.model import Incident, Verdict
from meshcore.policy.question import Question

_MAKES = frozenset({"make_folder", "make_file"})
_READERS = frozenset(
    {"cat", "cmp", "cut", "grep", "head", "jq", "less", "md5sum", "more", "nl", "od", "sha256sum", "tac", "tail", "wc"}
)
"""Programs that read the files that they are given, and write none."""
_CODE = re.compile(
    r"\bopen\([^\n]{1,200}?,\s*(?:mode\s*=\s*)?[\"'][rbt]?[wax][bt+]*[\"']"
    r"|(?<!\bio)(?<!gzip)(?<!\bbz2)(?<!lzma)(?<!codecs)(?<!tarfile)\.open\(\s*(?:mode\s*=\s*)?[\"'][rbt]?[wax][bt+]*[\"']"
    r"|\.(?:write_text|write_bytes|write|touch|mkdir|savefig|save|to_(?!dict|list|numpy)\w+|extractall|dump)\("
    r"|\b(?:mkdir|makedirs|mkstemp|copy\w*|move|rename|replace|imwrite|savetxt|dump|basicConfig|\w*FileHandler)\("
    r"|\bsqlite3\.connect\(|\b(?:writeFile|appendFile|createWriteStream|copyFile|mkdir|rename)(?:Sync)?\b"
)
_TOOL = re.compile(
    r"(?:cannot|can't|could ?n[o']t|unable to|failed to|error) (?:creat|touch|writ|open(?:ing)? output)"
    r"|directory nonexistent|for writing|\b(?:touch|tee|mkdir|mktemp): ",
    re.I,
)


_SHOWN = re.compile(r"^[ |]{0,20}File [^\n]{1,400}\n[ |]{1,24}\S|\b(?:readFile|readdir|opendir|createReadStream)", re.M)


def makes_an_input(incident: Incident, action_type: str) -> bool:
    """Tell whether a fix makes a folder or a file where the code that failed is shown, and writes nothing."""
    if not _MAKES & set(action_type.split("+")):
        return False
    return bool(_SHOWN.search(incident.excerpt)) and not (
        _CODE.search(incident.excerpt) or _TOOL.search(incident.excerpt)
    )


def is_of_a_reader(question: Question) -> bool:
    """Tell whether a fix only makes folders for a program that says which file it cannot read."""
    name = program_name(question.argv[0]) if question.argv else ""
    steps = question.match.action.steps
    own = name in _READERS and question.incident.signature.line.startswith(f"{name}: ")
    return own and bool(steps) and all(program_name(step[0]) == "mkdir" for step in steps)


def of_input(question: Question, action_type: str) -> Verdict | None:
    """Let a person decide whether to make what may have been meant to be read; no folder helps one that reads files."""
    incident = question.incident
    if is_of_a_reader(question):
        return Verdict("hint", (f"{program_name(question.argv[0])} only reads, and a folder is no file to read",))
    if makes_an_input(incident, action_type):
        return Verdict("approve", ("nothing shows that what is missing was to be written, not read",))
    return None
