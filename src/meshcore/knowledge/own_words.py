"""What the output of a failed command says to type instead: a name that the program suggests, quotes that it lacked.

Counted is only what a program says of its own command line: the word that is replaced is a word of the command and is
named where the suggestion is made. Linear, never raises.
"""

from __future__ import annotations

import functools
import re

from meshcore.knowledge.corrections import Correction, correction_between, may_be_added
from meshcore.knowledge.missing import SPEAKING, said_itself
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import OPERATORS, bare, program_words
from meshcore.knowledge.slips import closest, slips
from meshcore.knowledge.typed import Typed, is_set_up, verb_of

_READ = 8_000  # characters at the end of an output
_READ_LINES = 40
_ALIKE = 0.6
_SLIPS = 2


@functools.cache
def _suggesting() -> re.Pattern[str]:
    return re.compile(
        r"(?i)\b(?:did you mean(?: (?:this|to (?:run|use)|(?:any |one )of(?: (?:these|the following))?))?(?: perhaps)?"
        r"|(?:perhaps|maybe) you meant|you (?:might|may) have meant|(?:some )?candidates are"
        r"|(?:a|some) (?:similar|command with a similar) [\w ]{1,20} exists?"
        r"|(?:the )?most similar (?:commands?|options?|subcommands?|choices?)(?: to ['\"][\w.-]{1,60}['\"])? (?:is|are)"
        r"|similar (?:commands?|options?))\b"
        r"[?:,]? ?"
    )


@functools.cache
def _name() -> re.Pattern[str]:
    return re.compile(
        r"['\"`‘“]((?:[\w@:./+=-]|(?<=\w) (?=[\w-])){2,60})['\"`’”]|(?<![\w'\"`<-])(-{0,2}[\w@:./+-]{2,40})"
    )


def suggested(typed: Typed, output: str, cwd: str) -> Correction | None:
    """Return the change that the program itself suggests, None where it suggests none or several."""
    for part in typed.parts:
        output = said_itself(program_words(part), output)
    lines = [_OF_NPM.sub("", line).strip() for line in output[-_READ:].splitlines()]
    lines = [line for line in lines if line][-_READ_LINES:]
    for i, line in enumerate(lines):
        found = _suggesting().search(line)
        if found is None:
            continue
        before = " ".join((*lines[max(0, i - 2) : i], line[: found.start()]))
        names = _names(_sentence(line[found.end() :])) or _names_below(lines[i + 1 : i + 12])
        if (name := next(iter(names)) if len(names) == 1 else _meant(typed, names, before)) and (
            change := _replacing(typed, name, before, cwd)
        ):
            return change
    return _listed(typed, lines, cwd)


_OF_NPM = re.compile(r"^npm (?:ERR!|error)")


def _sentence(text: str) -> str:
    """Return a text up to the end of its sentence: what a program says behind a name is no name."""
    return re.split(r"[?.!]\s+(?=[A-Z])", text, maxsplit=1)[0]


def _meant(typed: Typed, names: set[str], before: str) -> str:
    """Return the one of several suggested names that is nearest to a word of the command which the program names."""
    whole = {tuple(name.split()) for name in names if " " in name}
    near = {
        other[at]
        for part in typed.parts
        for other in whole
        if len(other) == len(part) and other[0] == part[0]
        for at in range(1, len(part))
        if part[:at] == other[:at] and part[at + 1 :] == other[at + 1 :] and slips(part[at], other[at]) <= _SLIPS
    }
    if len(near) == 1:
        return near.pop()
    words = {bare(word) for part in typed.parts for word in part[1:]}
    last = {name.rpartition(" ")[2] for name in names} - {""}
    found = {closest(word, last) for word in words - last if word in before} - {""}
    return found.pop() if len(found) == 1 else ""


@functools.cache
def _not_known() -> re.Pattern[str]:
    return re.compile(
        r"(?i)\b(?:unknown|unrecogni[sz]ed|invalid|undefined|unsupported|no such (?:(?:sub)?command|option)|is unknown"
        r"|is(?:n't| not) (?:an?|in)"
        r"|not (?:an? )?(?:\w+ ){0,3}(?:valid|known|found|recogni[sz]ed|defined|command|subcommand|task|option)"
        r"|could(?:n't| not) find|does(?:n't| not) (?:exist|have an?)|has no)\b"
    )


@functools.cache
def _list_behind() -> re.Pattern[str]:
    return re.compile(
        r"(?i)\b(?:choose from|(?:one|any) of|(?:possible|valid|available|allowed|supported|known|accepted)"
        r" [\w -]{0,30}(?:are|is)?)[:( \[{]"
    )


def _listed(typed: Typed, lines: list[str], cwd: str) -> Correction | None:
    """Return the change to the one near word of those that the program lists, or is known to have."""
    for i, line in enumerate(lines):
        is_usage = line.lower().startswith(_PAGE)
        if not is_usage and not _not_known().search(line):
            continue
        from meshcore.knowledge.options import options  # few failures come so far
        from meshcore.knowledge.subcommands import subcommands

        refused = {word.partition("=")[0] for word in typed.words if word[:2] == "--"} if not is_usage else set[str]()
        listed = (_known_words(lines[i : i + 1], typed) - refused) | _known_words(lines[i + 1 :], typed)
        for part in typed.parts:
            for at, word in enumerate(part):
                known = (listed | subcommands(_leading(part, at))) if at else listed
                name, *value = word.partition("=") if word[:2] == "--" else (word,)
                if at and name[:2] == "--":
                    known = known | options(_leading(part, at)[0])
                is_word = len(name) > 2 and re.fullmatch(r"-{0,2}\w[\w:.-]+", name) is not None
                if at == 0 or not is_word or name in known or not (is_usage or name.lstrip("-") in line):
                    continue
                if new := closest(name, {one for one in known if (one[:1] == "-") == (name[:1] == "-")}):
                    change = Correction(part[at - 1], (word,), (new + "".join(value),))
                    if _may_be_told(typed, change, f"{name} {new}", cwd):
                        return change
    return None


_PAGE = ("usage:", "android debug bridge version")  # how the page of help begins that answers a word that is not known


def _leading(part: tuple[str, ...], at: int) -> tuple[str, ...]:
    """Return the program of a simple command and its words up to a place, by the names under which they are known."""
    words = [word for word in program_words(part[:at]) if word != "sudo"] if at else []
    program = program_name(words[0]) if words else ""
    if program == "manage.py" or (program == "python" and [program_name(one) for one in words[1:]] == ["manage.py"]):
        return ("django",)
    if words[1:3] == ["-m", "pip"] or words[:2] == ["uv", "pip"]:
        return ("pip", *words[3 if words[1] == "-m" else 2 :])
    if part[at][:1] == "-":
        return (program,)
    return (program, *(word for word in words[1:] if word[:1] != "-"))


def _known_words(lines: list[str], typed: Typed) -> set[str]:
    """Return the words that a program lists: behind "choose from" and its kin, at the start of lines, in its usage."""
    found: set[str] = set()
    in_front = {bare(part[0]) for part in typed.parts}
    for line in lines:
        found |= {f"--{option}" for option in re.findall(r"(?<![\w-])--(?:\[no-\])?([a-z][\w-]{2,40})", line)}
        behind = _list_behind().search(line)
        if behind:
            found |= set(re.findall(r"(?<![\w<-])[A-Za-z][\w:.-]{2,40}", line[behind.end() :]))
            continue
        usage = re.match(r"(?i)(?:usage|or): +(\S+) +([A-Za-z][\w:-]{2,40}) +([A-Za-z][\w:-]{2,40})?", line)
        if usage and usage[1] in in_front:
            found |= {usage[2]} | ({usage[3]} if usage[3] else set())
        elif listed := re.match(r"(?:[*-] )?(-{0,2}[A-Za-z][\w:-]{2,40})(?:$|,|:? {2,}| +#| +- )", line):
            found.add(listed[1])
    return found


def _names(text: str) -> set[str]:
    """Return the names in the rest of a line: the quoted ones, where there are any."""
    pairs = [found.groups() for found in _name().finditer(text)]
    quoted = {one for one, _ in pairs if one}
    return quoted or {other.rstrip(".?") for _, other in pairs if other and other not in ("or", "and", "instead")}


def _names_below(lines: list[str]) -> set[str]:
    """Return the names that stand on lines of their own, as a program lists them; comments behind `#` are left out."""
    found = set()
    for line in lines:
        name = re.split(r"#|:? {2,}|: | - ", line, maxsplit=1)[0].strip().lstrip("* ").strip("'\"`")
        if not name.strip() or len(name) > 60 or len(name.split()) > 4 or name.endswith((".", ":")):
            break
        found.add(name)
    return found


def _replacing(typed: Typed, name: str, before: str, cwd: str) -> Correction | None:
    """Return the change of the one word of the command that a suggested name stands for."""
    from difflib import SequenceMatcher

    from meshcore.knowledge.subcommands import subcommands

    new = name.split()[-1]
    found: dict[tuple[int, int], float] = {}
    for number, part in enumerate(typed.parts):
        if is_set_up(part) and len(typed.parts) > 1:
            continue
        for at, word in enumerate(part):
            old = bare(word).partition("=")[0] if word.startswith("-") else bare(word)
            dashed = old == new.lstrip("-")
            if at == 0 or len(old) < 2 or old == new or (old[:1] == "-") != (new[:1] == "-" and not dashed):
                continue
            if at == 1 and old in subcommands(_leading(part, at)):
                continue  # the program has it: what it runs speaks of something else
            is_verb = at == 1 and part[0] in SPEAKING and slips(old, new) <= _SLIPS  # its program need not repeat it
            is_named = old in before or old.lstrip("-") == new.lstrip("-") or is_verb
            if is_named and (alike := SequenceMatcher(None, old, new).ratio()) >= _ALIKE:
                found[number, at] = alike
    if not found:
        return None
    number, at = max(found, key=lambda place: found[place])
    part = typed.parts[number]
    old = part[at]
    value = old.partition("=")[1:] if old.startswith("-") else ()
    change = Correction(part[at - 1], (old,), (new + "".join(value),))
    if not _may_be_told(typed, change, f"{before} {old}", cwd):
        return None
    program, *between, _ = name.split() if " " in name else ("", "")
    if at == 1 and between and program == part[0]:  # it names the whole command
        plain = all(_VERB.fullmatch(word) for word in between)
        return Correction(part[0], (old,), (*between, new)) if plain else None
    return change


def _may_be_told(typed: Typed, change: Correction, line: str, cwd: str) -> bool:
    """Tell whether the change is a plain word, and one that is learnt from sessions, too: it asks for nothing else."""
    if _PLAIN.fullmatch(change.new[0]) is None:
        return False  # any text can say so, and a shell would read more than a word
    words = [change.new[0] if word == change.old[0] else word for word in typed.words]
    passed = Typed(tuple(words), typed.folder, typed.piped, typed.document)
    return correction_between(typed, passed, line) is not None


_VERB = re.compile(r"[a-z][a-z-]+")
_PLAIN = re.compile(r"[A-Za-z0-9@%+=:,./_-]+")


@functools.cache
def _option() -> re.Pattern[str]:
    return re.compile(
        r"(?i)\b(?:with|using|use|pass|add|specify|set)(?: the)? ['\"`]?(-{1,2}[a-z][\w-]{0,40})['\"`]?"
        r"(?: \(or ['\"`]?-{1,2}[a-z][\w-]{0,40}['\"`]?\))? (?:flag|option|switch)\b"
    )


def option_named(typed: Typed, output: str) -> Correction | None:
    """Return the change that adds the one option of which a program says that its command lacks it."""
    text = " ".join(output[-_READ:].split())
    named = {(_sentence_up_to(text, found.start()), found[1]) for found in _option().finditer(text)}
    said, option = named.pop() if len({option for _, option in named}) == 1 else ("", "")
    if re.search(r"(?i)\b(?:either|or)\b", said):
        return None  # which of two ways is meant is not said
    if not option or option in typed.words:
        return None
    from meshcore.knowledge.proposed import is_held_back  # few programs name an option

    if is_held_back(option):
        return None
    for part in typed.parts:
        verb = verb_of(part)
        if not is_set_up(part) and verb and part[0] in SPEAKING and may_be_added(option, part):
            return Correction(part[0], verb, (*verb, option))
    return None


def _sentence_up_to(text: str, at: int) -> str:
    """Return what stands in front of a place in its sentence."""
    return re.split(r"[.!?:;]\s", text[:at])[-1]


@functools.cache
def _unmatched() -> re.Pattern[str]:
    return re.compile(r"^\S*(?:zsh|\(eval\)):?\d*: no matches found: (\S{1,300})$", re.M)


def unquoted(typed: Typed, output: str) -> Correction | None:
    """Return the change that quotes a word which a shell took for a pattern though it is an address or a name."""
    found = _unmatched().search(output)
    if found is None or not _is_no_pattern(found[1]):
        return None
    for part in typed.parts:
        for at, word in enumerate(part):
            if at and word == found[1] and word not in OPERATORS and "'" not in word:
                return Correction(part[at - 1], (word,), (f"'{word}'",))
    return None


def _is_no_pattern(word: str) -> bool:
    """Tell whether `?` begins a query, or brackets hold the extras of a package."""
    if "*" in word:
        return False
    return ("?" in word and "=" in word.partition("?")[2]) or re.fullmatch(
        r"[\w.-]+\[[\w,.-]+\](?:[=<>~!]=?\S*)?", word
    ) is not None
