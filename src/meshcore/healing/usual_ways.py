"""A command that is usually typed in another way, by what the shell and the host's own programs say of it."""

from __future__ import annotations

import os
import re

from meshcore.healing.ground import Case, Change
from meshcore.healing.usual_words import may_use_sudo
from meshcore.knowledge.corrections import Correction
from meshcore.knowledge.missing import SPEAKING
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import bare, program_words
from meshcore.knowledge.slips import closest
from meshcore.knowledge.text import word_set


def _pattern_behind_the_path(case: Case) -> Change | None:
    """What searches was given a path as its pattern: it is there, and what stands in the place of a path is not."""
    found = re.search(r"(?m)^[ef]?grep: ([^:\n]{1,200}): No such file or directory$", case.output)
    part = case.part
    at = [i for i, word in enumerate(part) if i and not word.startswith("-")]
    if not found or program_name(part[0]) not in _GREPS or len(at) != 2 or len(case.typed.parts) > 1:
        return None
    path, pattern = (bare(part[i]) for i in at)
    if pattern != found[1] or case.ground.exists(f"{case.folder}/{pattern}"):
        return None
    if not case.ground.exists(os.path.join(case.folder, path)):  # noqa: PTH118
        return None
    words = [word for i, word in enumerate(part) if i != at[0]]
    words.append(part[at[0]])
    return Correction("", part, tuple(words)), f"`{path}` is the path here, not the pattern", " ".join(words)


_GREPS = word_set("grep egrep fgrep rg ag")


def _end_of_a_substitution(case: Case) -> Change | None:
    """The command that sed was given lacks its last delimiter."""
    if "unterminated `s' command" not in case.output:
        return None
    for part in case.typed.parts:
        for at, word in enumerate(part):
            quote = word[-1] if word[:1] in ("'", '"') and word[-1:] == word[:1] and len(word) > 1 else ""
            text = word[1:-1] if quote else word
            found = re.fullmatch(r"s([/|,#@!])(?:(?!\1).){1,200}\1(?:(?!\1).){0,200}", text)
            if at and program_name(part[0]) == "sed" and found and not text.endswith("\\"):
                return Correction(part[at - 1], (word,), (f"{quote}{text}{found[1]}{quote}",)), "it ends so", ""
    return None


def _another_quote(case: Case) -> Change | None:
    """What is quoted begins with one sign and ends with the other."""
    text = case.command
    open_end = "looking for matching" in case.output or "nmatched" in case.output or "nterminated quoted" in case.output
    if not open_end or (text.count("'"), text.count('"')) != (1, 1) or "\\" in text or "$" in text or "`" in text:
        return None
    whole = text.replace("'", '"')
    return Correction("", case.typed.words, (whole,)), "its quotes are not the same", whole


def _space_that_is_none(case: Case) -> Change | None:
    """A space that does not break stands between words, and the shell takes it for a letter."""
    whole = case.command.replace("\u00a0", " ")
    if whole == case.command or "not found" not in case.output:
        return None
    return Correction("", case.typed.words, (whole,)), "a space of it is one that joins words", whole


def _said_twice(case: Case) -> Change | None:
    """The beginning of a command was typed, or copied, a second time."""
    part = case.part
    for size in (2, 1):
        begun = part[:size]
        if len(part) > 2 * size and begun == part[size : 2 * size] and begun[-1][:1] != "-":
            named = f"'{part[0]}' is not a " in case.output or "oo many arguments" in case.output
            if named and program_name(part[0]) in SPEAKING:
                words = " ".join(part[size:])
                return Correction(part[0], begun, ()), "it is typed twice", words if len(case.typed.parts) == 1 else ""
    return None


def _verb_behind_the_unit(case: Case) -> Change | None:
    """`systemctl` wants the verb first."""
    found = re.search(r"(?m)^Unknown (?:operation|command verb) '?([\w@.:-]{1,100}?)'?\.$", case.output)
    if not found:
        return None
    from meshcore.knowledge.subcommands import subcommands

    for part in case.typed.parts:
        words = tuple(word for word in program_words(part) if word != "sudo")
        is_turned = words[:1] == ("systemctl",) and len(words) == 3 and words[1] == found[1]
        if is_turned and words[2] in subcommands(words[:1]):
            return Correction("systemctl", words[1:], (words[2], words[1])), "its verb comes first", ""
    return None


def _unit_without_slip(case: Case) -> Change | None:
    """A unit of systemd goes by that name but for a slip: on this host, or on most."""
    found = re.search(r"(?m)\bUnit ([\w@.-]{3,60}?)(?:\.service)? (?:not found|could not be found)", case.output)
    if not found:
        return None
    from meshcore.knowledge.subcommands import subcommands

    folders = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
    here = {name.removesuffix(".service") for one in folders for name in case.ground.names(one)}
    usual = subcommands(("systemctl", "unit"))
    meant = closest(found[1], here) or ("" if found[1] in usual else closest(found[1], usual))
    for part in case.typed.parts if meant else ():
        for at, word in enumerate(part):
            if at and "systemctl" in part[:at] and word.removesuffix(".service") == found[1]:
                return Correction(part[at - 1], (word,), (word.replace(found[1], meant),)), f"there is `{meant}`", ""
    return None


_IN_THE_CACHE = word_set("search show showpkg showsrc policy depends rdepends madison pkgnames")


def _of_apts_cache(case: Case) -> Change | None:
    """What looks into apt's lists is another program."""
    found = re.search(r"(?m)^E: Invalid operation (\w{1,40})$", case.output)
    for part in case.typed.parts if found else ():
        if found and "apt-get" in part[:2] and found[1] in part and found[1] in _IN_THE_CACHE:
            front = part[: part.index("apt-get") + 1]
            return Correction("", front, ("apt-cache",)), "apt-get has no such verb, apt-cache has", ""
    return None


def _not_as_root(case: Case) -> Change | None:
    """A program refuses to run as root."""
    said = re.search(
        r"(?i)\b(?:cannot|can't|do not|don't|must not|should not|refus\w+ to) [^\n]{0,60}\bas root\b", case.output
    )
    part = case.part
    if not said or len(case.typed.parts) != 1 or part[:1] != ("sudo",) or len(part) < 2 or part[1].startswith("-"):
        return None
    return Correction("", ("sudo",), ()), "it refuses to run as root", " ".join(part[1:])


_OF_COMPRESSION = {"gzip: stdin: not in gzip": "z", "not a bzip2 file": "j", "File format not recognized": "J"}


def _archive_as_it_is(case: Case) -> Change | None:
    """An archive is packed otherwise than the letter says; without one, tar sees for itself."""
    letter = next((one for said, one in _OF_COMPRESSION.items() if said in case.output), "")
    for part in case.typed.parts if letter else ():
        options = part[1] if len(part) > 2 else ""
        if (
            program_name(part[0]) == "tar"
            and letter in options
            and "x" in options
            and options.removeprefix("-").isalpha()
        ):
            return Correction(part[0], (options,), (options.replace(letter, ""),)), "tar sees how it is packed", ""
    return None


def _name_of_the_archive_last(case: Case) -> Change | None:
    """The letter behind which tar takes the archive's name is not its last one: the next letters are that name."""
    for part in case.typed.parts:
        options = part[1] if len(part) > 2 and program_name(part[0]) == "tar" else ""
        if re.fullmatch(r"-?[a-eg-zA-Z]*f[a-zA-Z]+", options) and ": Cannot stat: No such file" in case.output:
            new = f"{options.replace('f', '', 1)}f"
            return Correction(part[0], (options,), (new,)), "the archive's name stands behind the letter f", ""
    return None


def _pattern_for_find(case: Case) -> Change | None:
    """The shell filled in a pattern that find was to have."""
    if "find: paths must precede expression" not in case.output:
        return None
    for part in case.typed.parts:
        for at, word in enumerate(part):
            is_open = re.fullmatch(r"[\w.?*-]{1,100}", word) and set("*?") & set(word)
            if is_open and part[at - 1] in _OF_NAMES and program_name(part[0]) == "find":
                return Correction(part[at - 1], (word,), (f"'{word}'",)), "the shell took the word for a pattern", ""
    return None


_OF_NAMES = word_set("-name -iname -path -ipath -wholename")


def _end_of_what_find_runs(case: Case) -> Change | None:
    """What find is to run lacks its end."""
    part = case.part
    if "find: missing argument to `-exec'" not in case.output or "-exec" not in part or part[-1] != "{}":
        return None
    words = (*part, "\\;")
    return Correction("", part, words), "what find runs ends so", " ".join(words) if len(case.typed.parts) == 1 else ""


def _key_with_a_dash(case: Case) -> Change | None:
    """In a filter of jq a name with a dash is quoted: else it is one thing minus another."""
    found = re.search(r"^jq: error: (\w{1,60})/0 is not defined at", case.output, re.M)
    for part in case.typed.parts if found else ():
        for at, word in enumerate(part):
            name = bare(word)[1:]
            is_name = re.fullmatch(r"\.[A-Za-z_]\w*(?:-[A-Za-z_]\w*)+", bare(word)) and program_name(part[0]) == "jq"
            if at and is_name and found and found[1] in name.split("-"):
                return Correction(part[at - 1], (word,), (f"'.\"{name}\"'",)), "a name with a dash is quoted", ""
    return None


def _written_by_root(case: Case) -> Change | None:
    """The shell writes what a command prints, and has not the right: a program that root starts writes it."""
    found = re.fullmatch(
        r"((?:echo|printf|cat) [^|&;<>`$]{1,200}?) ?(>>?) ?(/(?:etc|opt|srv|sys|usr|var)/[\w@%+:,./-]+)",
        case.command.strip(),
    )
    if not found or not re.search(rf"{re.escape(found[3])}: Permission denied$", case.output, re.M):
        return None
    if not may_use_sudo(case, ("tee", found[3])):
        return None
    whole = f"{found[1]} | sudo tee {'-a ' if found[2] == '>>' else ''}{found[3]}"
    return Correction("", case.typed.words, (whole,)), "only root may write there", whole


def _another_archive(case: Case) -> Change | None:
    """What unpacks archives of one kind was given one of the other."""
    part = case.part
    names = [bare(word) for word in part[1:] if re.search(r"\.(?:zip|tar(?:\.\w{1,4})?|tgz)['\"]?$", word)]
    if len(names) != 1 or len(case.typed.parts) != 1 or not _PLAIN_NAME.fullmatch(names[0]):
        return None
    is_zip = names[0].endswith(".zip")
    plain = all(
        word[:1] == "-" or bare(word) == names[0] or (at == 0 and "x" in word) for at, word in enumerate(part[1:])
    )
    if is_zip and part[0] == "tar" and plain and "does not look like a tar archive" in case.output:
        new: tuple[str, ...] = ("unzip", names[0])
    elif not is_zip and part[0] == "unzip" and len(part) == 2 and "End-of-central-directory" in case.output:
        new = ("tar", "xf", names[0])
    else:
        return None
    return Correction("", part, new), f"`{names[0]}` is an archive of the other kind", " ".join(new)


_PLAIN_NAME = re.compile(r"[\w@%+:,./-]+")


def _setting_without_spaces(case: Case) -> Change | None:
    """A variable is set without spaces around the sign."""
    front = ("export",) if case.typed.words[:1] == ("export",) else ()
    words = case.typed.words[len(front) :]
    if len(words) != 3 or words[1] != "=" or not re.fullmatch(r"[A-Za-z_]\w{0,60}", words[0]):
        return None
    if f"{words[0]}: command not found" not in case.output and "not a valid identifier" not in case.output:
        return None
    whole = " ".join((*front, f"{words[0]}={words[2]}"))
    return Correction("", case.typed.words, (whole,)), "no space stands around the sign", whole


USUAL_WAYS = (
    _pattern_behind_the_path,
    _end_of_a_substitution,
    _another_archive,
    _setting_without_spaces,
    _another_quote,
    _space_that_is_none,
    _said_twice,
    _verb_behind_the_unit,
    _of_apts_cache,
    _unit_without_slip,
    _not_as_root,
    _archive_as_it_is,
    _name_of_the_archive_last,
    _pattern_for_find,
    _end_of_what_find_runs,
    _key_with_a_dash,
    _written_by_root,
)
