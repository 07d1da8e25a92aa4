"""What interpreters, test runners and git must not be asked to do: code from the command line or from elsewhere."""

from __future__ import annotations

import re

from meshcore.knowledge.text import word_set
from meshcore.policy.command_parser import INTERPRETERS, program
from meshcore.policy.denylist.package_managers import pip
from meshcore.policy.denylist.refusal import Check, Refusal, destroys, has, injects, shortened, verbs_of
from meshcore.policy.plain_words import Argv


def _interpreter(argv: Argv) -> Refusal | None:
    name = program(argv[0])
    inline = {
        "python": ("-c",),
        "perl": ("-e", "-E", "-M", "-n", "-p"),
        "ruby": ("-e", "-r", "-n", "-p"),
        "node": word_set("-e --eval -p --print -r --require --import --inspect --loader --experimental-loader"),
        "php": ("-r", "-B", "-R", "-E", "-d", "-S"),
        "lua": ("-e", "-l"),
        "r": ("-e",),
        "rscript": ("-e",),
        "deno": ("eval", "-A"),
        "bun": ("-e", "--eval", "-p"),
        "julia": ("-e", "-E"),
        "groovy": ("-e",),
        "scala": ("-e",),
        "ghc": ("-e",),
        "elixir": ("-e",),
    }
    base = re.sub(r"[\d.]+$", "", name).replace("nodejs", "node")
    options = inline.get(base, ("-c", "-i", "-s", "-o", "--rcfile", "--init-file", "--command"))
    first = next((w for w in argv[1:] if not w.startswith("-")), "")
    if base == "python" and "-m" in argv and argv.index("-m") + 1 < len(argv):
        return _python_module(argv[argv.index("-m") + 1 :])
    leading = argv[: argv.index(first) + 1] if first else argv
    if len(argv) > 1 and has(leading, *options):
        return Refusal("inline code", f"{name} runs code that is given on the command line")
    if base == "python" and first.endswith("setup.py") and {"upload", "register", "sdist"} & set(argv):
        return Refusal("data leaving", "setup.py publishes under the user's name")
    if first in {"-", "/dev/stdin"} or re.match(r"https?://|/tmp/|/dev/|/var/tmp/|<\(", first):
        return Refusal("remote code", f"{name} runs code from {shortened(first)}")
    if len(argv) == 1 and name not in {"python", "python3"} and base not in {"python", "node"}:
        return Refusal("inline code", f"{name} runs whatever its input says")
    return (
        Refusal("remote code", "deno runs code from an address") if base == "deno" and "://" in " ".join(argv) else None
    )


def _python_module(argv: Argv) -> Refusal | None:
    if argv[0] in {"pip", "pip3"}:
        return pip(argv)
    if argv[0] in word_set("http.server smtpd pdb code pty webbrowser ensurepip site trace timeit cProfile runpy"):
        return Refusal("inline code", f"python -m {argv[0]} serves or runs anything")
    return _pytest(argv) if argv[0] == "pytest" else None


_GIT_CODE_KEYS = re.compile(
    r"core\.(?:hookspath|fsmonitor|sshcommand|pager|editor|gitproxy|askpass|alternaterefscommand|worktree|attributesfile|excludesfile)"
    r"|alias\.|credential\.|filter\.|diff\.[^=]{0,60}(?:command|textconv|external)|difftool|mergetool|merge\.[^=]{0,60}driver|gpg\.|url\.|include(?:if)?\."
    r"|http\.|remote\.[^=]{0,60}(?:uploadpack|receivepack|proxy|vcs|url|pushurl)|pager\.|sequence\.editor|protocol\.|uploadpack\.|receive\.|ssh\."
    r"|interactive\.difffilter|submodule\.[^=]{0,60}(?:update|url)|init\.templatedir|sendemail\.|web\.browser|browser\.|man\.|trailer\.|extensions\.",
    re.IGNORECASE,
)


def _git(argv: Argv) -> Refusal | None:
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        if argv[at] in {"-c", "--config-env"} or argv[at].startswith(
            ("-c", "--exec-path", "--config-env", "--git-dir", "--upload")
        ):
            return injects("git", f"{argv[at]} can name a program to run")
        at += 2 if argv[at] in {"-C", "--work-tree", "--namespace"} else 1
    verb, rest = (argv[at].lower(), argv[at:]) if at < len(argv) else ("", ())
    verbs = verbs_of(rest)
    if verb == "config":
        if any(_GIT_CODE_KEYS.search(w) for w in rest[1:]) or has(rest, "-e", "--edit", "-f", "--file", "--system"):
            return Refusal("persistence", "this git option decides which programs git runs or whom it trusts")
        return None
    if has(
        rest,
        "--upload-pack",
        "--receive-pack",
        "--open-files-in-pager",
        "--ext-diff",
        "--textconv",
        "--exec",
        "--template",
    ):
        return injects("git", "takes the name of a program to run")
    if verb in {"clone", "init", "fetch", "pull", "remote", "submodule", "worktree"} and has(
        rest, "-c", "--config", "-u"
    ):
        return injects(f"git {verb}", "sets options that can name a program to run")
    if (
        has(rest, "--output", "--remote")
        or any(re.match(r"-O\S", w) for w in rest if verb == "grep")
        or any("ext::" in w for w in rest)
    ):
        return injects("git", "writes to any file, or runs a program")
    force = has(rest, "-f", "--force", "--force-with-lease", "--force-if-includes")
    loses = {
        "push": force
        or has(rest, "--mirror", "--delete", "-d", "--prune", "--all")
        or any(w.startswith(("+", ":")) for w in rest[1:]),
        "reset": has(rest, "--hard", "--merge"),
        "clean": force or has(rest, "-x", "-d", "-X"),
        "update-ref": True,
        "filter-branch": True,
        "filter-repo": True,
        "reflog": bool({"expire", "delete"} & set(verbs)),
        "gc": has(rest, "--prune", "--aggressive"),
        "prune": True,
        "checkout": force or "." in rest or "--" in rest,
        "restore": True,
        "switch": force or has(rest, "--discard-changes"),
        "stash": bool({"drop", "clear"} & set(verbs)),
        "branch": has(rest, "-D"),
        "tag": has(rest, "-d", "-f", "--delete"),
        "symbolic-ref": True,
        "replace": True,
        "worktree": bool({"remove", "prune"} & set(verbs)),
        "rm": force,
        "lfs": "prune" in verbs,
    }
    if loses.get(verb):
        return destroys(f"git {verb}", "can lose work")
    runs = word_set(
        "daemon instaweb credential bisect difftool mergetool send-email hook shell upload-pack receive-pack"
    )
    if (
        verb in runs
        or verb.startswith("credential-")
        or (verb == "submodule" and "foreach" in verbs)
        or (verb == "rebase" and has(rest, "-x", "-i"))
    ):
        return Refusal("inline code", f"git {verb} runs other programs or hands out credentials")
    return None


def _pytest(argv: Argv) -> Refusal | None:
    if (
        has(argv, "-c", "--confcutdir", "--rootdir", "--basetemp", "--pdb", "--pastebin", "--override-ini", "-o")
        or "-p" in argv[1:]
        or any(re.match(r"-p\w", w) for w in argv[1:])
    ):
        return injects("pytest", "loads a plugin or another configuration, or sends its report away")
    return None


CODE: dict[str, Check] = {
    **dict.fromkeys((*INTERPRETERS, *word_set("r rscript julia groovy scala elixir ts-node tsx")), _interpreter),
    "git": _git,
    "pytest": _pytest,
}
