"""Does a telling line say what went wrong, or only that something did? On a headline nothing is done.

What a tool says last (it could not compile, two tests failed, a push was rejected) is the same for a hundred causes: a
fix that once stood behind it belongs to one of them.
"""

from __future__ import annotations

import re

from meshcore.knowledge.error_line import VAGUE
from meshcore.knowledge.text import word_set
from meshcore.model import Signature

_PLACE = re.compile(r"<[a-z]+>|\[[^\]]{0,80}\]")  # a part that varies, and where a tool was
_REJECTED = re.compile(r"! \[(?:remote )?rejected\]")  # by whom and why stands with the other side
_NAMED = re.compile(r"[A-Z][a-z]+[A-Z]\w*|\w+(?:Error|Exception)")
_WORD = re.compile(r"[a-z][a-z'-]+")
_SAYS_NOTHING = word_set(
    "a an and any are as at be been by can cannot can't could couldn't did do does due during ever for from has "
    "have in into is it its more most no non not of on one or other others out over previous see some than that "
    "the their there these this to too was were while will with without would you your above below again all also "
    "etc here how abort aborted aborting activity bad broken build builds building built cancelled check checks "
    "code codes command commands compilation compile compiled compiling completed crash crashed detail details "
    "elifecycle emitted encountered ended err error errored errors exception execution exit exited exiting exits "
    "fail failed failing fails failure failures fatal finished found full generated generate gave halted happened "
    "happens hint hints info internal invalid item items job jobs last lifecycle line lint load log logs main "
    "make message messages module nonzero non-zero occurred omitted only operation output package packages pass "
    "passed passing please problem problems process processed program project push pushed recipe ref refs reject "
    "rejected report result results return returned run running runs script scripts shown sigabrt skipped "
    "something stack stage status step steps stop stopped stopping successfully succeeded suite suites summary "
    "target targets task tasks terminate terminated test tests time times total trace unable unexpected unknown "
    "unsuccessful use verbose warning warnings went work workflow wrong zero npm pnpm yarn bun node cargo gradle "
    "maven ninja cmake pytest jest mocha git rustc gcc clang tsc webpack vite bazel exitcode errno bin lib file "
    "files subcommand rerun"
)


def says_nothing(signature: Signature) -> bool:
    """Tell whether an error's own words say no more than that something failed."""
    if _NAMED.fullmatch(signature.error_type) and signature.error_type.casefold() not in VAGUE:
        return False
    words = _WORD.findall(_PLACE.sub(" ", signature.template.lower()))
    return bool(_REJECTED.search(signature.template)) or all(word in _SAYS_NOTHING for word in words)
