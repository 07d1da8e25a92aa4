"""A checkout of a project: its folder, whose project that is, and what a command's success there depends on.

Light: a hook asks. Only the first failure in a folder asks git, once, for the first commit.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache

from meshcore.knowledge.shell_words import bare, program_words
from meshcore.knowledge.typed import Typed, is_set_up
from meshcore.process.find_program import CannotStartError, find_program
from meshcore.process.git_root import git_root

GIT_SECONDS = 1.0
NONE = b"\0\0\0\0"
_LOCKS = (
    "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb", "uv.lock", "poetry.lock", "Cargo.lock",
    "go.sum", "Gemfile.lock", "composer.lock", "requirements.txt", "mise.toml", "package.json",
    "pyproject.toml", "Makefile",
)  # fmt: skip
_MAX_OPERANDS = 20
_SMALL = 4096
_MOST_OF_A_LOCK = 1 << 20  # bytes, the beginning


def root_of(folder: str) -> str:
    """Return the folder of the checkout that a folder belongs to; without a repository the project's, else itself."""
    if root := git_root(folder):
        return root
    from meshcore.healing.circumstances import project_root  # half a millisecond that most folders need not pay

    return project_root(folder) or os.path.normpath(folder)


_ALONE = "here:"  # what stands for a project that no other machine can have


def identity_of(root: str) -> str:
    """Return what stands for a project: a hash of its remote, keyed by its first commit, the same on every machine.

    Whoever has no clone cannot compute it. A folder without a repository, or a repository without a commit or a remote
    or with a cut-off history, is a project of its own.
    """
    remote = _remote(root)
    first = _first_commit(root) if remote else ""
    text = (remote if first else root).encode("utf-8", "surrogatepass")
    mark = hashlib.blake2b(text, key=first.encode()[:64], digest_size=16).hexdigest()
    return mark if first else _ALONE + mark


def is_shared(identity: str) -> bool:
    """Tell whether other machines may have the project that this stands for."""
    return identity != "" and not identity.startswith(_ALONE)


def _git_folder(root: str) -> str:
    """Return the folder in which git keeps what belongs to this checkout alone, "" where there is none."""
    path = f"{root}/.git"
    if os.path.isdir(path):  # noqa: PTH112
        return path
    said = _read(path)
    if not said.startswith("gitdir: "):
        return ""
    return os.path.normpath(os.path.join(root, said[8:].strip()))  # noqa: PTH118


def _common_folder(git: str) -> str:
    """Return the folder that the worktrees of a repository share."""
    said = _read(f"{git}/commondir").strip()
    return os.path.normpath(os.path.join(git, said)) if said else git  # noqa: PTH118


def _read(path: str, most: int = 16 * _SMALL) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return ""
    try:
        return os.read(descriptor, most).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def _remote(root: str) -> str:
    """Return where the repository comes from, without scheme, user and ending, "" where that is not said."""
    git = _git_folder(root)
    section = url = ""
    for line in _read(f"{_common_folder(git)}/config").splitlines() if git else ():
        text = line.strip()
        if text.startswith("["):
            section = text
        name, _, value = text.partition("=")
        if section.startswith('[remote "') and name.strip() == "url" and (not url or section == '[remote "origin"]'):
            url = value.strip()
    place = url.partition("://")[2] or url
    place = place.rpartition("@")[2] if "@" in place.partition("/")[0] else place
    return place.replace(":", "/").removesuffix("/").removesuffix(".git").lower()


def _first_commit(root: str) -> str:
    """Return the oldest commit, "" where git does not tell in time, or where the history is cut off."""
    import subprocess  # once for each checkout

    if os.path.lexists(f"{_common_folder(_git_folder(root))}/shallow"):
        return ""

    command = ["git", "-C", root, "-c", "core.fsmonitor=false", "rev-list", "--max-parents=0", "--first-parent", "HEAD"]
    environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    # A git before 2.39.4 does not know the first of these, and fetches a commit that is not there by the repository's
    # own settings, which may name any program.
    environment["GIT_ALLOW_PROTOCOL"] = ""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=GIT_SECONDS, check=False, env=environment, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("ascii", "replace").strip().rpartition("\n")[2] if done.returncode == 0 else ""


# --- what a command depends on ----------------------------------------------------------------------------------------


def fingerprint(root: str, folder: str, part: Sequence[str], environment: dict[str, str]) -> bytes:
    """Return what a command depends on as far as that is cheap to know: four marks of 4 bytes, zeros for the unknown.

    In order: commit and branch, lock files, the program's file, the files that the command names.
    """
    words = program_words(tuple(part))
    marks = (
        _head(root),
        _stats(_lock_files(root, folder)),
        _program(words, folder, environment),
        _operands(words, folder),
    )
    return b"".join(marks)


def ground(root: str, folder: str) -> bytes:
    """Return what machines can compare: marks of the commit and of what lock files hold, b"" without a commit."""
    commit = _commit(root)[1]
    if not commit:
        return b""
    hashed = hashlib.blake2b(digest_size=4)
    for path in _lock_files(root, folder):
        hashed.update(_read(path, _MOST_OF_A_LOCK).encode("utf-8", "replace"))
    return _mark(commit) + hashed.digest()


def _mark(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest() if text else NONE


def _head(root: str) -> bytes:
    name, commit = _commit(root)
    return _mark(f"{name} {commit}".strip())


@lru_cache(maxsize=4)
def _commit(root: str) -> tuple[str, str]:
    """Return the branch and the commit of a checkout, "" for what it has not."""
    git = _git_folder(root)
    head = _read(f"{git}/HEAD").strip() if git else ""
    if not head.startswith("ref: "):
        return "", head
    name, common = head[5:], _common_folder(git)
    commit = _read(f"{common}/{name}").strip()
    if not commit:
        packed = _read(f"{common}/packed-refs").splitlines()
        commit = next((line.partition(" ")[0] for line in packed if line.endswith(" " + name)), "")
    return name, commit


def _lock_files(root: str, folder: str) -> list[str]:
    return [f"{place}/{name}" for place in dict.fromkeys((folder, root)) for name in _LOCKS]


def _program(words: Sequence[str], folder: str, environment: dict[str, str]) -> bytes:
    """Return the mark of the program's own file; that of nothing where there is no such program."""
    if not words:
        return NONE
    try:
        path = os.path.realpath(find_program(bare(words[0]), environment, folder))
    except CannotStartError:
        return _mark("no program")
    return _stats([path])


def _operands(words: Sequence[str], folder: str) -> bytes:
    names = [bare(word) for word in words[1 : _MAX_OPERANDS + 1] if not word.startswith("-")]
    return _stats([os.path.join(folder, name) for name in names if name and "\0" not in name])  # noqa: PTH118


def _stats(paths: Sequence[str]) -> bytes:
    """Return a mark of when these files were last written and how large they are; of those that are there."""
    seen = []
    for path in paths:
        try:
            found = os.stat(path)  # noqa: PTH116
        except (OSError, ValueError):
            continue
        if not (found.st_mode & 0o040000):
            seen.append(f"{path} {found.st_mtime_ns} {found.st_size}")
    return _mark("\n".join(seen))


def is_here(told: Typed, failed: Typed, environment: Mapping[str, str]) -> bool:
    """Tell whether what a told command adds exists: its programs, the folders it enters, the files it reads first."""
    known = {program_words(part)[0] for part in failed.parts}
    for part in told.parts:
        program = bare(program_words(part)[0])
        if is_set_up(part):
            paths = part[1:2] if program in ("cd", "pushd", "source", ".") else ()
            places = [os.path.join(told.folder, bare(path)) for path in paths if "$" not in path]  # noqa: PTH118
            if not all(map(os.path.exists, places)):
                return False
        elif program not in known:
            try:
                find_program(program, environment, told.folder)
            except CannotStartError:
                return False
    return True
