"""Commands that are usually typed with a word more, another word, or something in front: facts of programs, as rows.

A row holds where the program says it of its own command, and where the command has the words that the row is about.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from meshcore.healing.ground import Case, Change
from meshcore.knowledge.corrections import Correction
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import bare, program_words
from meshcore.knowledge.text import word_set

_OF_A_FOLDER = "it is a folder"
_MYSQL = "mysql mysqldump mysqladmin mysqlimport mariadb mariadb-dump mariadb-admin"
_POSTGRES = "psql pg_dump pg_dumpall pg_restore createdb createuser vacuumdb reindexdb pg_isready"


class Lacking(NamedTuple):
    """Words that a command wants: programs, its verbs ("" for any), what is said (group 1: a word of it), the words.

    `place`: in front of the word that is named, at the end, and otherwise behind program and verb.
    """

    programs: str
    verbs: str
    said: str
    words: str
    why: str
    place: str = ""


LACKING: tuple[Lacking, ...] = (
    Lacking("grep egrep fgrep", "", r"^[ef]?grep: ([^:\n]{1,200}): Is a directory$", "-r", _OF_A_FOLDER),
    Lacking("cp", "", r"^cp: (?:-r not specified; )?omitting directory ['‘`]?([^\n'’]{1,200}?)['’]?$", "-r",
            _OF_A_FOLDER),
    Lacking("cp", "", r"^cp: ([^\n]{1,200}) is a directory \(not copied\)", "-r", _OF_A_FOLDER),
    Lacking("scp", "", r"^(?:scp: )?(?:local )?\"?([^:\"\n]{1,200})\"?(?::| is) not a regular file$", "-r",
            _OF_A_FOLDER),
    Lacking("git", "rm", r"^fatal: not removing '([^'\n]{1,200})' recursively without -r", "-r", _OF_A_FOLDER),
    Lacking("ln", "", r"^ln: ['‘]?([^:\n'’]{1,200})['’]?: hard link not allowed for directory", "-s", _OF_A_FOLDER),
    Lacking("mkdir", "", r"^mkdir: (?:cannot create directory )?['‘]?([^:\n'’]{1,200})['’]?: No such file", "-p",
            "a folder above it is not there"),
    Lacking("rsync", "", r"^rsync: \[Receiver\] mkdir \"([^\"\n]{1,200})\" failed: No such file or directory",
            "--mkpath", "a folder above it is not there"),
    Lacking("ag", "", r"If you meant to search for a literal string, run ag with -Q$", "-Q", "ag says so"),
    Lacking("git", "diff", r"^usage: git diff \[?--no-index\b", "--no-index", "this is no repository"),
    Lacking("git", "commit", r"^no changes added to commit .{0,40}\"git commit -a\"", "-a", "git says so"),
    Lacking("git", "revert cherry-pick", r"is a merge but no -m option was given", "-m 1",
            "it is a merge, of which the first side is mostly meant"),
    Lacking("kubectl oc", "apply create replace", r"^error: Unexpected args: \[([^\]\s]{1,200})\]$", "-f",
            "it takes files by that option", "before"),
    Lacking("docker podman nerdctl", "pull run create", r"no matching manifest for linux/arm64",
            "--platform linux/amd64", "the image is there for that platform only, which this machine emulates"),
    Lacking(_MYSQL, "", r"ERROR 1045 .{0,100}\(using password: NO\)", "-p", "the server wants a password", "end"),
)  # fmt: skip


def _lacking(case: Case) -> Change | None:
    """The program does it with some words more."""
    for part in case.typed.parts:
        plain = program_words(part)
        plain = plain[1:] if plain[0] == "sudo" and len(plain) > 1 else plain
        verb = plain[1] if len(plain) > 1 else ""
        for row in LACKING:
            new = tuple(row.words.split())
            if program_name(plain[0]) not in row.programs.split() or new[0] in plain:
                continue
            if row.verbs and verb not in row.verbs.split():
                continue
            found = re.search(row.said, case.output, re.M)
            named = (found[1] if found.groups() else "") if found else ""
            at = next((i for i, word in enumerate(part) if i and named and _is_in(bare(word), named)), 0)
            if found and (not named or at):
                after = verb if row.verbs else plain[0]
                if row.place == "end":
                    return Correction(part[-2] if len(part) > 1 else "", part[-1:], (part[-1], *new)), row.why, ""
                after = part[at - 1] if row.place else after
                return Correction(after, (), new), row.why, ""
    return None


def _is_in(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or lies in it, however they end, on this host or on another."""
    return f"{path.rpartition(':')[2].rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


class Instead(NamedTuple):
    """Other words: programs, the words behind the program, what is said (group 1: a word of the command), the words."""

    programs: str
    old: str
    said: str
    new: str
    why: str


INSTEAD: tuple[Instead, ...] = (
    Instead("git", "remote set-url", r"(?i)^(?:error|fatal): No such remote:? '?([\w./-]{1,60}?)'?$", "remote add",
            "there is no such remote"),
    Instead("git", "checkout -b", r"(?i)^fatal: a branch named '([\w./-]{1,200})' already exists", "checkout",
            "the branch exists"),
    Instead("git", "switch -c", r"(?i)^fatal: a branch named '([\w./-]{1,200})' already exists", "switch",
            "the branch exists"),
    Instead("helm", "install", r"^Error: INSTALLATION FAILED: cannot re-use a name that is still in use", "upgrade",
            "a release of that name is installed"),
    *(Instead("tmux", f"{verb} -t", r"^(?:no sessions|can't find session: ([\w-]{1,60}))$", "new -s",
              "there is no such session") for verb in ("attach", "attach-session", "a", "at")),
    *(Instead("screen", option, r"^There is no screen to be (?:resumed|attached) matching ([\w-]{1,60})\.$", "-S",
              "there is no such session") for option in ("-r", "-x")),
)  # fmt: skip


def _instead(case: Case) -> Change | None:
    """The program does it by other words."""
    for part in case.typed.parts:
        for row in INSTEAD:
            old = tuple(row.old.split())
            if program_name(part[0]) not in row.programs.split() or part[1 : 1 + len(old)] != old:
                continue
            found = re.search(row.said, case.output, re.M)
            named = (found[1] if found.groups() else "") if found else ""
            if found and len(part) > 1 + len(old) and (not named or named in map(bare, part)):
                return Correction(part[0], old, tuple(row.new.split())), row.why, ""
    return None


def _lock_that_is_old(case: Case) -> Change | None:
    """A lock was to stay as it is, and no longer fits what the project asks for: without that, it is brought along."""
    for part in case.typed.parts:
        for at, word in enumerate(part):
            if at and word in _LOCKS and re.search(rf"{_OLD_LOCK}(?![\w-])", case.output):
                named = re.search(rf"(?<![\w-])(?:--)?{word[2:]}(?![\w-])|is explicitly forbidden", case.output)
                whole = " ".join(one for one in part if one != word) if len(case.typed.parts) == 1 else ""
                if named and whole:
                    return Correction(part[at - 1], (word,), ()), "the lock is older than what is asked for", whole
    return None


_LOCKS = word_set("--frozen-lockfile --frozen --locked --immutable")
_OLD_LOCK = (
    r"(?i)lock ?file\b[^\n]{0,80}\b(?:needs to be updated|is (?:not up[ -]to[ -]date|out of date|frozen)|"
    r"would have been modified|had changes)|(?:lock|\.lock|lock\.yaml)[`'\"]? (?:file )?"
    r"(?:needs to be updated|is not up to date|is out of date)"
)


class InFront(NamedTuple):
    """Words that go in front: programs ("" for any), what is said, the words, and those that are left out for them."""

    programs: str
    said: str
    front: str
    why: str
    without: tuple[tuple[str, ...], ...] = ()


_ROOTS = (
    "apt apt-get dpkg dnf yum microdnf zypper pacman apk snap systemctl service mount umount ufw useradd usermod "
    "groupadd adduser addgroup sysctl hostnamectl timedatectl modprobe certbot ldconfig update-alternatives "
    "update-ca-certificates netplan tcpdump dmesg nginx apachectl swapon"
)
_AS_ROOT = (
    r"(?i)^(?! ).{0,200}?(?:\bare you root\?|must be (?:run as )?(?:root|superuser)|(?:superuser|root) privileges"
    r"|requires? root\b|only root (?:can|may)|unless you are root|need to be root|run (?:this command )?as root"
    r"|interactive authentication required|access denied \(try with sudo\))"
    r"|^(?:\w[\w-]{1,30}|error): .{0,200}(?:permission denied|operation not permitted|don't have permission to)"
)
_RELAYING = word_set("cat exec list-units log logs run show status")
"""Verbs that print what others say, and so nothing of their own about who may do it."""
_OF_THE_SYSTEM = r"['‘\" ]/(?:etc|lib|opt|root|srv|usr|var)/[^\n:]{0,200}?['’\"]?: Permission denied$"

IN_FRONT: tuple[InFront, ...] = (
    InFront(_ROOTS, _AS_ROOT, "sudo", "only root may do that"),
    InFront("mkdir touch cp ln install cat head tail ls less", _OF_THE_SYSTEM, "sudo", "only root may do that there"),
    InFront("gem", r"You don't have write permissions for the /(?:usr|var)/", "sudo", "only root may install there"),
    InFront("ssh-add", r"^Could not open a connection to your authentication agent\.", 'eval "$(ssh-agent -s)" &&',
            "no agent runs that would hold the key"),
    InFront("docker", r"(?i)permission denied while trying to connect to the docker (?:daemon|API)", "sudo",
            "only root, and the group docker, may speak to the daemon"),
    InFront(_MYSQL, r"^ERROR 1698 .{0,40}Access denied for user 'root'@'localhost'", "sudo",
            "the server lets the system's root in, without a password"),
    InFront(_POSTGRES, r"^\w+: (?:error: )?.{0,200}FATAL: +Peer authentication failed for user \"postgres\"",
            "sudo -u postgres", "the server lets the system's user of that name in",
            (("-U", "postgres"), ("-Upostgres",))),
    InFront("", r"Prepending `bundle exec` to your command may solve this", "bundle exec", "the program says so"),
    InFront("", r"JavaScript heap out of memory", "NODE_OPTIONS=--max-old-space-size=4096",
            "node's own limit was reached"),
)  # fmt: skip
_DELETING = word_set("autoremove delete destroy erase prune purge remove rm uninstall wipe")


def _in_front(case: Case) -> Change | None:
    """The command is done with something in front of it."""
    part = case.typed.words
    if len(case.typed.parts) != 1 or not part or part != case.typed.parts[0]:
        return None
    for row in IN_FRONT:
        front = tuple(row.front.split())
        if row.programs and program_name(part[0]) not in row.programs.split():
            continue
        if part[: len(front)] == front or any(word.startswith(front[0].partition("=")[0]) for word in part):
            continue
        if front[0] == "sudo" and (_DELETING | _RELAYING) & set(part[1:]):
            continue
        if re.search(row.said, case.output, re.M):
            if front[0] == "sudo" and not may_use_sudo(case, part):
                return None
            rest = list(part)
            for words in row.without:
                at = next((i for i in range(len(rest)) if tuple(rest[i : i + len(words)]) == words), -1)
                rest = rest if at < 0 else rest[:at] + rest[at + len(words) :]
            return Correction("", (), front, front=True), row.why, " ".join((*front, *rest))
    return None


def may_use_sudo(case: Case, argv: tuple[str, ...]) -> bool:
    """Tell whether root's rights may be told of: a program lends them, and policy refuses the command to nobody.

    Who is root was refused elsewhere than here.
    """
    if not case.ground.is_root() and not case.ground.program("sudo", case.folder):
        return False
    from meshcore.policy.denylist.denylist import refusal  # few failures come so far

    return refusal((tuple(map(bare, argv)),), "own") is None


USUAL_WORDS = (_lacking, _instead, _lock_that_is_old, _in_front)
