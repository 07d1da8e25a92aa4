"""What to type instead: a command that failed, and the similar one that passed soon after in the same session.

A correction is words replaced, added or dropped in one simple command, a program in place of another, or a set-up in
front. It belongs to a project, to the program that failed and to what that said, in which the command's own words are
slots. It never changes what is asked for: see `_forbidden`.
"""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass

from meshcore.knowledge.habits import masked
from meshcore.knowledge.kinds import is_check
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import OPERATORS, bare, parts_of, program_words, words_and_operators
from meshcore.knowledge.slips import slips
from meshcore.knowledge.text import with_slot, word_set
from meshcore.knowledge.typed import Typed, is_set_up, main_part, verb_of

WITHIN = 5  # commands after a failure in which the similar one is looked for
MAX_SHOWN = 300  # characters of a command that is told: a longer one is not told in part
_MAX_WORDS = 60
_MAX_CHANGED = 8


@dataclass(frozen=True, slots=True)
class Correction:
    """What is changed: the words `old` behind the word `after` ("" at the start) become `new`.

    `front`: `new` is a set-up that goes in front of the whole command, operators and all; `old` is then empty.
    """

    after: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    front: bool = False

    @property
    def drops_program(self) -> bool:
        """Tell whether a program in front of another one is left out."""
        return not self.after and not self.new and not self.front


@dataclass(frozen=True, slots=True)
class Seen:
    """A failure and the command that passed: the correction, and whether the failed program itself names it."""

    correction: Correction
    named: bool


def way_of(typed: Typed, line: str) -> bytes:
    """Return what stands for a program and what it said, with the command's own words as slots: 8 bytes."""
    part = program_words(main_part(typed))
    said = masked(line)
    for word in sorted({bare(word).lower() for word in typed.words if len(word) > 1}, key=len, reverse=True):
        if word in said:
            said = with_slot(said, word, "<w>")
    text = f"{program_name(part[0]) if part else ''}\0{said}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


# --- seen -------------------------------------------------------------------------------------------------------------


def correction_between(failed: Typed, passed: Typed, line: str) -> Seen | None:
    """Return the correction that a failure and a later success show, None where they are not one task."""
    if failed.document or passed.document or not failed.words or not passed.words or failed.words == passed.words:
        return None
    if len(failed.words) > _MAX_WORDS or len(passed.words) > _MAX_WORDS:
        return None
    front = _front(failed, passed)
    if front is not None:
        return front
    found = [pair for part in _busy(failed) for other in _busy(passed) if (pair := _in_part(part, other, line))]
    if len(failed.parts) == len(passed.parts) == 1 or len({pair.correction for pair in found}) == 1:
        return found[0] if found else None
    return None


def _busy(typed: Typed) -> list[tuple[str, ...]]:
    return [part for part in typed.parts if not is_set_up(part)] or typed.parts


def _front(failed: Typed, passed: Typed) -> Seen | None:
    """Return the set-up that stands in front of a command which is otherwise the same."""
    size = len(passed.words) - len(failed.words)
    if size <= 0 or passed.words[size:] != failed.words:
        return None
    front = passed.words[:size]
    ends_well = front[-1] in ("&&", ";") or not set(front) & OPERATORS
    if not ends_well or any(word in ("|", "||", "|&") for word in front):
        return None
    if not all(is_set_up(part) for part in parts_of(front)) or holds_secret(front) or _runs_more(front):
        return None
    return Seen(Correction("", (), front, front=True), named=False)


def _in_part(failed: tuple[str, ...], passed: tuple[str, ...], line: str) -> Seen | None:
    """Return the one change between two simple commands, None where there is none or too much of it."""
    from difflib import SequenceMatcher  # only a success that may teach something needs it

    matcher = SequenceMatcher(None, failed, passed, autojunk=False)
    changed = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    same = len(failed) - sum(code[2] - code[1] for code in changed)
    if len(changed) != 1 or not same or 3 * same < max(len(failed), len(passed)):
        return None
    _, i, j, k, m = changed[0]
    correction = Correction(failed[i - 1] if i else "", failed[i:j], passed[k:m])
    if j - i + m - k > _MAX_CHANGED or _forbidden(correction, failed, passed, line):
        return None
    return Seen(correction, _is_named(correction, failed, line))


def _is_named(correction: Correction, failed: tuple[str, ...], line: str) -> bool:
    """Tell whether what was said names a word that was replaced; of a program left out, the word behind it."""
    words = list(correction.old)
    if correction.drops_program and len(failed) > len(words):
        words.append(failed[len(words)])
    said = line.lower()
    return any(_stands_in(bare(word).lower().split("=")[0], said) for word in words)


def _stands_in(word: str, said: str) -> bool:
    return len(word) > 1 and with_slot(said, word, "") != said


# --- never ------------------------------------------------------------------------------------------------------------

_PRIVILEGED = word_set("sudo doas su pkexec runas")
_LOOKING = word_set(
    "ls cat head tail grep egrep rg find fd pwd echo which type file stat wc printf true false man help sleep less"
)
_HARMFUL = word_set(
    "rm dd mkfs shred kill killall pkill shutdown reboot chmod chown truncate dropdb mv crontab iptables"
)
_DESTROYING = word_set(
    "delete destroy drop purge prune wipe reset rm remove truncate erase kill terminate uninstall clean overwrite"
)
_TARGETS = word_set(
    "-h -H --host --hostname --context --profile -n --namespace -b --branch -d --database --dbname --db --project "
    "--env --environment --remote --kubeconfig --region --cluster --account --registry -R --repo --url --server "
    "--stage --org"
)
_GIT_TARGETED = word_set(
    "push pull fetch merge rebase reset checkout switch branch tag cherry-pick revert clone remote"
)


@functools.cache
def _forcing() -> re.Pattern[str]:
    return re.compile(
        r"-f|--force\S*|--no-verify|--no-check\S*|--skip\S*|--ignore\S*|--insecure|-k|--allow\S*|--privileged|--yes|-y"
        r"|--no-gpg\S*|--break-system-packages|--legacy-peer-deps|--dangerously\S*|--exit-zero|--passWithNoTests|--bail"
        r"|--disable\S*|--unsafe\S*|--trusted\S*|--admin|--hard|-D|--delete|--prune"
    )


@functools.cache
def _place() -> re.Pattern[str]:
    return re.compile(r"\w+://|\w+@[\w.-]+|(?:\d{1,3}\.){3}\d{1,3}|^[\w-]+(?:\.[\w-]+)+:\d+|^localhost\b")


def _forbidden(correction: Correction, failed: tuple[str, ...], passed: tuple[str, ...], line: str) -> str:
    """Return in words why a change is none that may be told: it would ask for something else, "" where it may."""
    old, new = correction.old, correction.new
    if holds_secret(old + new) or any(word in OPERATORS for word in new) or _runs_more(new):
        return "a secret, or more commands"
    if any(_DESTROYING.intersection(re.split(r"[^a-z]+", word.lower())) for word in new if word not in failed):
        return "it destroys"
    before, now = program_words(failed), program_words(passed)
    programs = program_name(before[0]), program_name(now[0])
    if programs[1] in _LOOKING | _HARMFUL | _PRIVILEGED and programs[1] != programs[0]:
        return "another act"
    if any(word in _PRIVILEGED or _forcing().fullmatch(word) for word in new):
        return "more privilege, or a weaker check"
    if correction.after in _TARGETS or any(
        word.split("=")[0] in _TARGETS or _place().search(bare(word)) for word in old + new
    ):
        return "another target"
    if programs[0] == programs[1]:
        reason = _other_task(correction, before, now, line)
    elif correction.drops_program:
        reason = "" if len(old) == 1 else "another task"
    else:
        same = verb_of(failed) == verb_of(passed) and len(old) == len(new) == 1
        reason = "" if same else "another task"
    return reason


def may_be_added(option: str, part: tuple[str, ...]) -> bool:
    """Tell whether an option that a program names may be added to its command: no force, no target, no check."""
    words = program_words(part)
    targeted = program_name(words[0]) == "git" and set(verb_of(words)) & _GIT_TARGETED
    destroys = _DESTROYING.intersection(re.split(r"[^a-z]+", " ".join((option, *verb_of(words))).lower()))
    return not (_forcing().fullmatch(option) or option in _TARGETS or targeted or destroys or is_check(words))


def _other_task(correction: Correction, before: tuple[str, ...], now: tuple[str, ...], line: str) -> str:
    """Return why the same program would do another task, "" where it would not."""
    old, new = correction.old, correction.new
    if verb_of(before) != verb_of(now):
        alike = len(old) == len(new) == 1 and _is_misspelt(bare(old[0]), bare(new[0]), line)
        return "" if alike else "another verb"
    if program_name(before[0]) == "git" and set(verb_of(before)) & _GIT_TARGETED:
        return "" if all(word.startswith("-") for word in old + new) and old else "another target"
    named = any(_stands_in(bare(word).split("=")[0].lower(), line.lower()) for word in old)
    options = [word for word in old + new if word.startswith("-")]
    if is_check(before) and (not (named and options) or len(new) > len(old)):  # each word more may be a test less
        return "a weaker check"
    if options and old and (named or len(options) == len(old + new)):
        return ""
    same_object = named and len(old) == len(new) == 1 and _is_fuller(bare(old[0]), bare(new[0]), line)
    return "" if same_object else "another object"  # another path or name is another question


def _is_fuller(old: str, new: str, line: str) -> bool:
    """Tell whether a word is the path of the same thing from further up, or the name without a slip."""
    return new.endswith("/" + old.removeprefix("./")) or _is_misspelt(old, new, line)


def _is_misspelt(old: str, new: str, line: str) -> bool:
    """Tell whether a word that the program does not know is another one with a slip."""
    if (
        len(old) < 3
        or "." in old
        or not _stands_in(old.lower(), line.lower())
        or ((old in new or new in old) and (abs(len(new) - len(old)) > 1 or new[-1] in ":-_."))
    ):
        return False
    from difflib import SequenceMatcher

    return SequenceMatcher(None, old, new).ratio() >= 0.7 or slips(old, new) == 1


def _runs_more(words: tuple[str, ...]) -> bool:
    """Tell whether words hold a command of their own, which nobody looks at in one line."""
    return any("$(" in word or "`" in word or "<(" in word for word in words)


def holds_secret(words: tuple[str, ...]) -> bool:
    """Tell whether something was taken out of words before they came here."""
    return any("[redacted" in word.lower() or "***" in word or "REDACTED" in word for word in words)


# --- filled in --------------------------------------------------------------------------------------------------------


def corrected(failed: Typed, correction: Correction) -> str:
    """Return the command as it is to be typed, "" where the correction says nothing of it."""
    words = list(failed.words)
    if failed.document or not words:
        return ""
    if correction.front:
        front = correction.new
        return "" if tuple(words[: len(front)]) == front else _shown([*front, *words])
    found, start = [], 0
    for at in [*(i for i, word in enumerate(words) if word in OPERATORS), len(words)]:
        found += _applied(words[start:at], correction)
        found += words[at : at + 1]
        start = at + 1
    return _shown(found) if found != words else ""


def _applied(part: list[str], correction: Correction) -> list[str]:
    old, new, after = list(correction.old), list(correction.new), correction.after
    if not after:
        return (
            [*new, *part[len(old) :]] if old and part[: len(old)] == old and len(part) > len(old) - len(new) else part
        )
    for i in range(1, len(part) + 1):
        if old and part[i : i + len(old)] == old and (part[i - 1] == after or old[0].startswith("-")):
            return [*part[:i], *new, *part[i + len(old) :]]
        if not old and part[i - 1] == after and not set(new) & set(part):
            return [*part[:i], *new, *part[i:]]
    return part


def _shown(words: list[str]) -> str:
    text = " ".join(words).replace(" ; ", "; ")
    return text if len(text) <= MAX_SHOWN and "\n" not in text else ""


# --- as it is stored --------------------------------------------------------------------------------------------------


def to_text(correction: Correction) -> str:
    """Return a correction as the store holds it."""
    return "\x1f".join(
        ("f" if correction.front else "w", correction.after, "\x1e".join(correction.old), "\x1e".join(correction.new))
    )


def mark_of(text: str) -> bytes:
    """Return what stands for a stored correction: 8 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def from_text(text: str) -> Correction:
    """Return a stored correction. Raises ValueError for a text that is none."""
    kind, after, old, new = text.split("\x1f")
    return Correction(after, _words(old), _words(new), front=kind == "f")


def corrected_by(failed: Typed, text: str) -> str:
    """Return the command that a stored correction makes of a failed one, "" where it is none or says nothing of it."""
    try:
        return corrected(failed, from_text(text))
    except ValueError:
        return ""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split("\x1e")) if text else ()


def holds(command: str, told: str) -> bool:
    """Tell whether a command contains what was told, part for part."""
    have, want = parts_of(words_and_operators(command)), parts_of(words_and_operators(told))
    return any(have[i : i + len(want)] == want for i in range(len(have) - len(want) + 1))
