"""What single programs must not be asked to do: options and verbs that destroy, run other code or leave the host."""

from __future__ import annotations

import re

from meshcore.knowledge.text import word_set
from meshcore.policy.command_parser import program
from meshcore.policy.denylist.clusters import INFRASTRUCTURE
from meshcore.policy.denylist.interpreters import CODE
from meshcore.policy.denylist.network import NETWORK
from meshcore.policy.denylist.package_managers import PACKAGE_MANAGERS
from meshcore.policy.denylist.refusal import (
    SECRET_FILES,
    Check,
    Refusal,
    destroys,
    has,
    injects,
    never,
    refused_options,
    shortened,
    verbs_of,
)
from meshcore.policy.plain_words import Argv


def _rm(argv: Argv) -> Refusal | None:
    recursive = has(argv, "-r", "-R", "--recursive")
    forced = has(argv, "-f", "--force") or any(w.startswith("--interactive=n") for w in argv)
    if recursive and forced:
        return destroys("rm", "deletes whole folders without asking")
    for word in argv[1:]:
        if word in {"*", ".", "..", "./*", "/*", "~", "/", "./", "../"} or "*" in word or "$" in word or "/.." in word:
            return destroys("rm", f"deletes {shortened(word)}")
        if word.rstrip("/").endswith(".git"):
            return destroys("rm", "deletes a repository's history")
    return None


def _chmod(argv: Argv) -> Refusal | None:
    for word in argv[1:]:
        if re.fullmatch(r"[0-7]{3,5}", word):
            if len(word) > 3 and word[-4] in "246":
                return Refusal("privilege", "chmod sets a program to run as its owner")
            if word[-1] in "2367":
                return Refusal("weakening", "chmod lets everyone write")
        if re.search(r"[ug+]+[+=][rwx]*s|^\+s", word):
            return Refusal("privilege", "chmod sets a program to run as its owner")
        if re.search(r"(?:^|[oa,+])[oa]?[+=][rx]*w", word) and not re.match(r"[ug]+[+=]", word):
            return Refusal("weakening", "chmod lets everyone write")
    recursive = has(argv, "-R", "--recursive")
    return (
        destroys("chmod", "changes a whole tree")
        if recursive and verbs_of(argv)[-1:] in (["/"], ["."], ["~"])
        else None
    )


def _kill(argv: Argv) -> Refusal | None:
    targets = [w for w in argv[1:] if re.fullmatch(r"-?\d+", w)]
    if any(w in {"1", "-1", "0"} for w in targets[-1:]) or any("$(" in w or "`" in w for w in argv):
        return destroys("kill", "ends every process, or the first one")
    return None


def _find(argv: Argv) -> Refusal | None:
    for word in argv[1:]:
        if re.match(r"-(?:exec|execdir|ok|okdir|delete|fls|fprint\w*)$", word):
            return injects("find", f"{word} runs, deletes or writes")
    return None


_SED_RUNS = re.compile(
    r"(?:^|[;{}\n]|[\d$/,!])\s*[eEwWrR](?:\s|$)|s(.)(?:\\.|(?!\1).){0,500}\1(?:\\.|(?!\1).){0,500}\1[gGiImMpP\d]{0,8}[ewEW]"
)


def _sed(argv: Argv) -> Refusal | None:
    if has(argv, "-f", "--file") or any(
        _SED_RUNS.search(w.split("=", 1)[-1]) for w in argv[1:] if not re.match(r"-[nErzs]+$", w)
    ):
        return injects("sed", "can run programs and read or write files by its script")
    return None


def _awk(argv: Argv) -> Refusal | None:
    if any(re.search(r"system\s*\(|getline|\||>|@load|ENVIRON", w) for w in argv[1:]) or has(
        argv, "-f", "--file", "-i", "-l", "-E"
    ):
        return injects("awk", "can run programs and write files by its script")
    return None


_CHANGES_DATA = re.compile(
    r"\b(?:drop|delete|truncate|update|insert|alter|grant|revoke|create|replace|attach|copy|load_file|outfile|dumpfile"
    r"|pg_read_file|flushall|flushdb|eval|shutdown|config|slaveof|replicaof|debug|module|migrate|script|acl|save|bgsave"
    r"|dropDatabase|remove|deleteMany|h?del|unlink|source|system)\b|\\!|\\copy"
    r"|\.(?:shell|system|import|load|output|once|open|excel|save|backup|restore)\b",
    re.IGNORECASE,
)


_ADDS_DATA = frozenset({"create", "insert"})


def _database(argv: Argv) -> Refusal | None:
    found = {word.lower() for word in _CHANGES_DATA.findall(" ".join(argv[1:]))}
    if found and found <= _ADDS_DATA:
        return Refusal("data added", f"{program(argv[0])} adds data")
    return destroys(program(argv[0]), "changes data or runs code") if found else None


_STOPS = word_set(
    "stop disable mask kill edit enable link unmask set-property set-environment import-environment isolate poweroff "
    "reboot halt kexec emergency rescue suspend hibernate revert add-wants add-requires preset preset-all switch-root "
    "exit daemon-reexec default set-default cat bind"
)


def _systemctl(argv: Argv) -> Refusal | None:
    found = next((v for v in verbs_of(argv) if v in _STOPS), "")
    if found:
        return destroys(program(argv[0]), f"{found} stops a service, or starts one for good")
    return None


def _tar(argv: Argv) -> Refusal | None:
    if has(
        argv,
        "--checkpoint-action",
        "--to-command",
        "--use-compress-program",
        "--rsh-command",
        "--info-script",
        "--new-volume-script",
        "--rmt-command",
        "--overwrite",
    ):
        return injects("tar", "runs programs by option, or overwrites")
    if has(argv, "-I", "-F", "-P", "--absolute-names", "--remove-files", "--unlink-first", "--recursive-unlink") or any(
        w in {"/", "~"} for w in argv[1:]
    ):
        return injects("tar", "runs programs by option, or leaves its folder")
    return None


def _make(argv: Argv) -> Refusal | None:
    if any(re.match(r"(?:SHELL|\.SHELLFLAGS|MAKEFLAGS|CC|CXX|LD|AR)=", w) for w in argv[1:]) or has(
        argv, "--eval", "-E"
    ):
        return injects("make", "is told which shell or compiler to run")
    for at, word in enumerate(argv[1:], 1):
        target = argv[at + 1] if word in {"-f", "-C", "-I", "--file", "--directory"} and at + 1 < len(argv) else word
        if re.match(r"(?:-[fCI]|--file=|--makefile=|--directory=)?(?:/|~|\.\.)", target):
            return injects("make", "takes its rules from outside of the project")
    return None


def _grep(argv: Argv) -> Refusal | None:
    hunts = re.compile(
        r"AKIA|ASIA|passw|secret|BEGIN.{0,30}PRIVATE|api_?key|token|ghp_|xox[bp]|credential", re.IGNORECASE
    )
    outside = any(re.match(r"(?:/|~|\.\.)", w) for w in argv[1:])
    if outside and any(hunts.search(w) for w in argv[1:]):
        return Refusal("secrets", "it looks for secrets outside of the project")
    name = program(argv[0])
    if name == "rg" and has(argv, "--pre", "--hostname-bin", "--search-zip-program"):
        return injects("rg", "runs a program by option")
    return (
        Refusal("secrets", f"{name} reads a file of secrets") if any(SECRET_FILES.search(w) for w in argv[2:]) else None
    )


def _jq(argv: Argv) -> Refusal | None:
    if any(re.search(r"\benv\b|\$ENV|input_filename|\b(?:import|include)\b|getpath\(\[.env", w) for w in argv[1:]):
        return Refusal("secrets", "jq reads the environment or other files by its filter")
    return refused_options(
        "reads other files by option",
        "--rawfile",
        "--slurpfile",
        "--from-file",
        "-f",
        "-L",
        "--argfile",
        "--library-path",
    )(argv)


def _sort(argv: Argv) -> Refusal | None:
    return refused_options(
        "runs a program or writes a file by option", "--compress-program", "-o", "--output", "--files0-from"
    )(argv)


def _hostname(argv: Argv) -> Refusal | None:
    changes = [w for w in argv[1:] if not w.startswith("-")]
    return destroys("hostname", "renames the host") if changes or has(argv, "-F", "-b", "--file") else None


def _date(argv: Argv) -> Refusal | None:
    return destroys("date", "sets the clock, or reads any file") if has(argv, "-s", "--set", "-f", "--file") else None


def _sysctl(argv: Argv) -> Refusal | None:
    writes = has(argv, "-w", "-p", "--write", "--load", "--system") or any("=" in w for w in argv[1:])
    return Refusal("weakening", "sysctl changes the kernel") if writes else None


def _chown(argv: Argv) -> Refusal | None:
    return (
        Refusal("privilege", f"{program(argv[0])} gives files to the superuser")
        if re.search(r"(?:^| )(?:root|0)(?::|$| )", " ".join(argv[1:]))
        else None
    )


def _meshtui(argv: Argv) -> Refusal | None:
    looks = word_set(
        "status list show explain version help match report doctor incidents agents nodes skills deliveries "
        "journal check"
    )
    verbs = set(verbs_of(argv))
    if verbs and verbs <= looks and not has(argv, "--yes", "--fix", "--force"):
        return None
    return Refusal("the mesh itself", "a fix must not steer the mesh that brings it")


def _test(argv: Argv) -> Refusal | None:
    return (
        injects("test", "runs code in an index")
        if any("[" in w and "$(" in w for w in argv[1:]) or "-v" in argv[1:]
        else None
    )


def _printf(argv: Argv) -> Refusal | None:
    return injects("printf", "sets a variable, and runs code in its index") if "-v" in argv[1:] else None


def _redirect(argv: Argv) -> Refusal | None:
    target = argv[2] if len(argv) > 2 else ""
    if re.search(r"^/dev/(?:tcp|udp|sd|nvme|vd|mem|disk)", target):
        return Refusal("remote code", f"a redirection to {shortened(target)}")
    return None


def _endless(argv: Argv) -> Refusal | None:
    return destroys(program(argv[0]), "fills whatever it is written to") if len(argv) else None


def _cat(argv: Argv) -> Refusal | None:
    if any(re.match(r"/dev/(?:u?random|zero|full|sd|mem|nvme)", w) for w in argv[1:]):
        return destroys("cat", "reads a device without an end")
    return None


def _cp(argv: Argv) -> Refusal | None:
    if any(re.search(r"\b(?:bash|sh|sudo)$", w) for w in argv[1:2]) and program(argv[0]) == "ln":
        return Refusal("persistence", "a link puts a shell behind another name")
    return (
        injects(program(argv[0]), "overwrites and hides it in a backup") if has(argv, "--remove-destination") else None
    )


_JOURNAL_LOSES = ("--vacuum-time", "--vacuum-size", "--vacuum-files", "--rotate", "--flush", "-D", "--file")
_BY_NAMES: tuple[tuple[str, Check], ...] = (
    ("rm", _rm),
    ("chmod", _chmod),
    ("chown chgrp", _chown),
    ("kill", _kill),
    ("find", _find),
    ("sed gsed", _sed),
    ("awk gawk mawk nawk", _awk),
    ("systemctl service rc-service supervisorctl pm2 loginctl", _systemctl),
    ("tar bsdtar", _tar),
    ("make gmake", _make),
    ("grep egrep fgrep rg ag ack", _grep),
    ("jq yq", _jq),
    ("sort", _sort),
    ("hostname hostnamectl", _hostname),
    ("date", _date),
    ("sysctl", _sysctl),
    ("meshtui", _meshtui),
    ("test [ [[", _test),
    ("printf", _printf),
    ("redirect", _redirect),
    ("yes", _endless),
    ("cat", _cat),
    ("cp mv ln", _cp),
    ("vault", never("secrets", "hands out secrets")),
    ("exec", never("disguise", "puts another program in the shell's place")),
    (".", never("remote code", "runs a file inside the shell")),
    ("base64", refused_options("writes a file by option", "-o", "--output")),
    ("wc du", refused_options("reads files that another file names", "--files0-from")),
    ("diff", refused_options("reads any file by option", "--to-file", "--from-file")),
    ("man", refused_options("runs a program by option", "-P", "--pager", "-H", "--html", "-C")),
    ("dmesg", refused_options("clears or silences the log", "-c", "-C", "-D", "-n")),
    ("split", refused_options("runs a program by option", "--filter")),
    ("zip", refused_options("runs a program by option", "-T", "--unzip-command", "-TT", "-m")),
    ("gcc g++ cc clang", refused_options("runs a program by option", "-wrapper", "-B")),
    ("journalctl", refused_options("deletes or leaves the journal", *_JOURNAL_LOSES)),
    ("cmake", refused_options("runs other commands", "-E", "-P")),
    ("strings", refused_options("loads a plugin", "--plugin")),
    ("xxd", refused_options("writes a file", "-r")),
    (
        "redis-cli mysql mariadb psql sqlite3 sqlite mongo mongosh influx cqlsh clickhouse-client etcdctl consul",
        _database,
    ),
)
CHECKS: dict[str, Check] = {
    **CODE,
    **INFRASTRUCTURE,
    **NETWORK,
    **PACKAGE_MANAGERS,
    **{name: check for names, check in _BY_NAMES for name in names.split()},
}
