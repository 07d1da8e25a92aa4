"""What package managers must not be asked to do: code from an address, foreign sources, publishing."""

from __future__ import annotations

import re

from meshcore.knowledge.text import word_set
from meshcore.policy.command_parser import program
from meshcore.policy.denylist.refusal import Check, Refusal, destroys, has, injects, verbs_of
from meshcore.policy.plain_words import Argv

_ELSEWHERE = re.compile(
    r"^(?:git\+|hg\+|svn\+|bzr\+|git@|git:|github:|gitlab:|bitbucket:|gist:|file:|ssh:|\w{2,10}://)|://|\.(?:tgz|tar\.gz|whl|zip)$"
)


def pip(argv: Argv) -> Refusal | None:
    verb = (verbs_of(argv) or [""])[0]
    elsewhere = word_set(
        "--index-url --extra-index-url --find-links --global-option --config-settings --build-option --proxy --cert"
    )
    if verb in {"install", "download", "wheel", "i"}:
        if has(argv, *elsewhere) or any(re.match(r"-[if]", w) for w in argv[1:] if not w.startswith("--")):
            return Refusal("remote code", "pip takes packages from another place than the configured one")
        if any(_ELSEWHERE.search(w) or " @ " in w for w in argv[2:]):
            return Refusal("remote code", "pip installs from an address, not by a name")
        if has(argv, "--break-system-packages", "--target", "--root", "--prefix"):
            return Refusal("weakening", "pip writes outside of an environment")
    if verb == "config" and {"set", "edit", "unset"} & set(verbs_of(argv)):
        return Refusal("persistence", "pip's configuration decides where code comes from")
    return None


def _npm(argv: Argv) -> Refusal | None:
    name, verbs = program(argv[0]), verbs_of(argv)
    verb = verbs[0] if verbs else ""
    if verb in {"exec", "x", "dlx", "create", "explore", "edit"} or (verb in {"init", "innit"} and len(verbs) > 1):
        return Refusal("remote code", f"{name} {verb} runs code that it downloads")
    if verb in word_set("publish adduser login token owner access unpublish deprecate hook profile star"):
        return Refusal("data leaving", f"{name} {verb} acts under the user's name")
    if verb in {"config", "c", "set"} and ({"set", "delete", "edit"} & set(verbs) or verb == "set"):
        return Refusal("persistence", f"{name}'s configuration decides where code comes from")
    if any(_ELSEWHERE.search(w) for w in argv[2:]) or has(
        argv, "--registry", "--script-shell", "--node-options", "--prefix", "--global"
    ):
        return Refusal("remote code", f"{name} takes code from another place than the configured one, or for everybody")
    return Refusal("remote code", f"{name} -c runs a shell") if has(argv, "-c", "--call", "--package") else None


def _packages(argv: Argv) -> Refusal | None:
    """Check the other package managers: code from an address, publishing, foreign sources, scripts by option."""
    name, verbs = program(argv[0]), verbs_of(argv)
    verb = verbs[0] if verbs else ""
    if name == "uv" and verb in {"pip", "tool", "run"}:
        rest = argv[argv.index(verb) + 1 :] if verb in argv else ()
        if verb == "pip" and rest:
            return pip(("pip", *rest))
        if verb == "tool" or has(argv, "--with", "--from", "--index-url", "--index"):
            return Refusal("remote code", "uv runs code that it downloads")
    if verb in word_set("publish push login owner yank upload run-script signin trust") and name not in {"go", "apt"}:
        return Refusal("data leaving", f"{name} {verb} acts under the user's name")
    if any(_ELSEWHERE.search(w) for w in argv[2:]) or has(
        argv, "--git", "--index", "--index-url", "--source", "--registry", "--url"
    ):
        return Refusal("remote code", f"{name} takes code from an address")
    if name in {"apt", "apt-get", "aptitude"} and (
        has(argv, "-o", "--option", "-c", "--config-file") or "autoremove" in verbs or "purge" in verbs
    ):
        return injects(name, "runs programs by option, or removes packages")
    if name in {"add-apt-repository", "apt-key", "rpm-key", "apt-add-repository"} or verb in {
        "tap",
        "config-manager",
        "key",
        "addrepo",
    }:
        return Refusal("weakening", f"{name} trusts another source of packages")
    if (
        name in {"go"}
        and verb in {"run", "install", "get", "generate", "tool"}
        and any("@" in w or w.count("/") > 1 for w in argv[2:])
    ):
        return Refusal("remote code", f"go {verb} takes code from an address")
    if name in {"pipx"} and verb == "run":
        return Refusal("remote code", "pipx run runs code that it downloads")
    if verb in {"remove", "erase", "purge", "uninstall", "autoremove", "del"} and name in word_set(
        "apt apt-get dnf yum apk pacman zypper"
    ):
        return destroys(name, "removes packages of the host")
    if name in {"dpkg", "rpm", "installer", "snap"} and (
        has(argv, "-i", "-U", "-P", "-r", "-e", "--install", "--force-all", "--purge") or verb in {"install", "remove"}
    ):
        return Refusal("remote code", f"{name} installs a package file with its scripts, or removes one")
    return None


def _conda(argv: Argv) -> Refusal | None:
    return _packages(argv) or (
        Refusal("remote code", "conda run runs other commands")
        if verbs_of(argv)[:1] == ["run"] and len(argv) > 4
        else None
    )


PACKAGE_MANAGERS: dict[str, Check] = {
    **dict.fromkeys(
        word_set(
            "uv poetry pipenv pdm hatch cargo go gem bundle brew apt apt-get aptitude dnf yum apk pacman zypper "
            "dpkg rpm snap flatpak composer mix nix nix-env pixi add-apt-repository apt-key apt-add-repository "
            "twine rustup installer pipx cabal opam luarocks cpan cpanm port"
        ),
        _packages,
    ),
    **dict.fromkeys(word_set("npm pnpm yarn"), _npm),
    **dict.fromkeys(word_set("conda mamba micromamba"), _conda),
    "pip": pip,
}
