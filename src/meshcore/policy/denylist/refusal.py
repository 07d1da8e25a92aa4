"""What a refusal is, and the words that all its checks share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from meshcore.policy.command_parser import program
from meshcore.policy.plain_words import Argv


class Refusal(NamedTuple):
    """Why a command is refused: its class and the reason in words."""

    kind: str
    reason: str


Check = Callable[[Argv], "Refusal | None"]

SECRET_FILES = re.compile(
    r"(?:^|[/=@:~])\.(?:ssh|aws|gnupg|kube|azure|docker/config|config/(?:gcloud|gh|op|hub)|password-store|netrc"
    r"|git-credentials|pgpass|my\.cnf|npmrc|pypirc|vault-token|terraform\.d/credentials|env(?:$|\.(?!example|sample|template)))"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)(?!\.pub)|/etc/(?:shadow|gshadow|sudoers|krb5\.keytab|ssl/private)|/proc/(?:self|\d+|\*)/(?:environ|mem|maps)"
    r"|credentials(?:\.json|\.csv|\.db|$)|(?:^|/)secrets?\.(?:ya?ml|json|env|toml)|service[-_]account.{0,40}\.json|\.keytab$|\.p12$|\.pfx$"
    r"|(?:^|/)[\w.-]{0,40}(?:private|priv|server|client|tls)[\w-]{0,20}\.(?:key|pem)$"
    r"|Login Data|cookies\.sqlite|logins\.json|\.kdbx"
    r"|/var/run/secrets|/run/secrets|wallet\.dat|_history$|/dev/(?:mem|kmem|port|tcp|udp)\b|169\.254\.169\.254|metadata\.google"
    r"|fd00:ec2::254|169\.254\.170\.2|100\.100\.100\.200",
    re.IGNORECASE,
)


def shortened(word: str) -> str:
    return word if len(word) <= 60 else word[:59] + "…"


_WHOLE_WORDS_ONLY = frozenset(
    {"kubectl", "oc", "helm", "docker", "podman", "jq", "rg", "argocd", "gh", "npm", "go", "cargo"}
)


def has(argv: Argv, *options: str) -> bool:
    """Say whether one of the options stands there: `-x` also inside `-ax`, `--long` also shortened or with `=`."""
    name = program(argv[0]) if argv else ""
    for word in argv[1:]:
        if word == "--":
            return False
        for option in options:
            if option.startswith("--"):
                bare = word.split("=", 1)[0]
                if bare == option or (len(bare) > 4 and option.startswith(bare) and name not in _WHOLE_WORDS_ONLY):
                    return True
            elif len(option) == 2 and re.match(r"-[A-Za-z0-9]+", word) and not word.startswith("--"):
                letters = re.match(r"-([A-Za-z0-9]+)", word)
                if letters and option[1] in letters[1]:
                    return True
            elif word == option or word.startswith(option + "="):
                return True
    return False


def verbs_of(argv: Argv) -> list[str]:
    return [word.lower() for word in argv[1:] if not word.startswith("-")]


def destroys(name: str, what: str) -> Refusal:
    return Refusal("destruction", f"{name} {what}")


def injects(name: str, what: str) -> Refusal:
    return Refusal("argument injection", f"{name} {what}")


def refused_options(reason: str, *options: str) -> Check:
    """Return a check that refuses a program where one of the options stands."""

    def check(argv: Argv) -> Refusal | None:
        return injects(program(argv[0]), reason) if has(argv, *options) else None

    return check


def never(kind: str, reason: str) -> Check:
    """Return a check that refuses a program whatever its arguments."""
    return lambda argv: Refusal(kind, f"{program(argv[0])} {reason}")
