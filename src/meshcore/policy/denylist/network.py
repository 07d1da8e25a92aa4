"""What programs that reach other hosts must not be asked to do, and those that change how this host is reached."""

from __future__ import annotations

import re

from meshcore.knowledge.text import word_set
from meshcore.policy.command_parser import program
from meshcore.policy.denylist.refusal import (
    Check,
    Refusal,
    destroys,
    has,
    injects,
    never,
    refused_options,
    verbs_of,
)
from meshcore.policy.plain_words import Argv


def _curl(argv: Argv) -> Refusal | None:
    name, text = program(argv[0]), " ".join(argv[1:])
    if re.search(r"(?:^|[ =@])(?:file|gopher|dict|ldap|scp|smb|tftp)://", text) or re.search(
        r"\d{1,3}(?:\.\d{1,3}){3}", text
    ):
        return Refusal("data leaving", f"{name} reads files, or talks to a bare address")
    sends = word_set(
        "--form -F -d --data -T --upload-file -K --config -o -O --output --remote-name -X --request -k -x --proxy"
    )
    more = word_set(
        "--netrc -n -b --cookie -c --cookie-jar -D --dump-header --unix-socket -u --user --engine --trace --json "
        "-E --cert"
    )
    fetches = word_set(
        "-O --output-document --post-data --post-file --body-data --body-file --method --use-askpass --execute -e "
        "-i --input-file --directory-prefix -P --mirror -r -m --config -a -o --password --load-cookies"
    )
    if has(argv, *(fetches if name == "wget" else (*sends, *more))) or name == "wget" or "$(" in text or "`" in text:
        return Refusal("data leaving", f"{name} writes a file, sends data, or takes its options from one")
    return None


def _ssh(argv: Argv) -> Refusal | None:
    name = program(argv[0])
    if name == "ssh-keygen":
        return (
            injects(name, "loads code or overwrites a key") if has(argv, "-D", "-f", "-y", "-p", "-N", "-w") else None
        )
    return Refusal("data leaving", f"{name} reaches another host")


def _rsync(argv: Argv) -> Refusal | None:
    if has(argv, "-e", "--rsh", "--rsync-path", "--delete", "--remove-source-files", "--daemon") or any(
        ":" in w for w in argv[1:]
    ):
        return Refusal("data leaving", "rsync runs a program by option, deletes, or reaches another host")
    return None


def _network(argv: Argv) -> Refusal | None:
    changing = word_set("add del delete flush set replace down up exec change netns off modify connection")
    changing &= set(verbs_of(argv))
    return (
        Refusal("weakening", f"{program(argv[0])} changes the network")
        if changing or has(argv, "-b", "-batch")
        else None
    )


def _gh(argv: Argv) -> Refusal | None:
    verbs = verbs_of(argv)
    if verbs[:1] in (
        ["auth"],
        ["secret"],
        ["ssh-key"],
        ["gpg-key"],
        ["api"],
        ["extension"],
        ["alias"],
        ["config"],
        ["codespace"],
    ):
        return Refusal("secrets", "gh hands out or changes access, or runs other code")
    bad = {"delete", "merge", "archive", "transfer", "upload", "close", "disable", "cancel", "run"} & set(verbs[1:2])
    return destroys("gh", f"{sorted(bad)[0]} acts under the user's name") if bad else None


def _openssl(argv: Argv) -> Refusal | None:
    if verbs_of(argv)[:1] in (["s_client"], ["s_server"], ["enc"], ["rsa"], ["pkey"], ["pkcs12"], ["ocsp"]):
        return Refusal("data leaving", "openssl reaches other hosts, or opens keys")
    return refused_options("loads code, or prints a key", "-engine", "-provider", "-text", "-passin")(argv)


def _ansible(argv: Argv) -> Refusal | None:
    return Refusal("inline code", f"{program(argv[0])} runs commands on other hosts")


_BY_NAMES: tuple[tuple[str, Check], ...] = (
    ("curl wget http https", _curl),
    ("aria2c axel", never("data leaving", "downloads files")),
    ("ssh ssh-keygen ssh-keyscan", _ssh),
    ("rsync", _rsync),
    ("ip ifconfig route tc nmcli resolvectl nft loadkeys", _network),
    ("ansible salt pdsh fab knife vagrant", _ansible),
    ("openssl", _openssl),
    ("gh glab", _gh),
)
NETWORK: dict[str, Check] = {name: check for names, check in _BY_NAMES for name in names.split()}
