"""A fix is shut in while it runs, where bubblewrap is there and works: what it may not write it cannot write."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from meshcore.errors import ConfigurationError
from meshcore.policy.denylist.refusal import SECRET_FILES
from meshcore.policy.question import PlannedStep, given_name
from meshcore.process import on_paths
from meshcore.process.certificates import NAMED_BY, certificates

SETTING = "MESHTUI_CONTAINMENT"
SEARCHED = "/usr/bin:/bin:/usr/local/bin"
"""Where bubblewrap is looked for: the system's folders, whatever PATH says."""

_PROBE_TIMEOUT_S = 5.0
_FAULT_LASTS_S = 300.0
_CACHE = "containment.json"
_LONGEST_PATH = 4096
_MOST_LINKS = 40
_NOT_INPUTS = frozenset({"PATH", "HOME", "TMPDIR", "PWD", "XDG_CONFIG_HOME", *NAMED_BY})
_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  named to be replaced by private ones
_HOMES = ("/home", "/root", "/Users")
_OF_A_PREFIX = ("bin", "lib", "lib64", "libexec", "include", "pyvenv.cfg")
_NAMESPACES = (
    "--die-with-parent",
    "--new-session",
    "--unshare-user-try",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--cap-drop",
    "ALL",
)
_SHOWN = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store", "/sys"),
    *("/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt", "/var/lib/rpm"),
)
"""What of the system is in sight: programs, libraries, and what is installed."""
_SHOWN_OF_ETC = (
    *(
        "alternatives",
        "ca-certificates",
        "ca-certificates.conf",
        "crypto-policies",
        "debian_version",
        "dpkg",
        "gai.conf",
    ),
    *(
        "apt/sources.list",
        "apt/sources.list.d",
        "apt/apt.conf.d",
        "gitconfig",
        "group",
        "host.conf",
        "hostname",
        "hosts",
    ),
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "localtime", "machine-id", "magic", "mime.types"),
    *("networks", "nsswitch.conf", "os-release", "passwd", "pip.conf", "pki/ca-trust", "pki/tls/certs", "protocols"),
    *("python3", "resolv.conf", "rpc", "services", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone"),
    *("ssl/ca-bundle.pem", "ssl/cert.pem", "xdg/pip/pip.conf", "xdg/uv/uv.toml", "uv/uv.toml"),
)
_OUT_OF_SIGHT = ("/run", "/proc", "/dev", "/sys")
_OF_JAVA = sorted(map(str, Path("/etc").glob("java-*-openjdk/security")))  # without it no program of Java starts
_ETC = (*(f"/etc/{name}" for name in _SHOWN_OF_ETC), *_OF_JAVA)
_SYSTEM = (
    *(word for path in (*_SHOWN, *_ETC) for word in ("--ro-bind-try", path, path)),
    *("--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--tmpfs", "/run"),  # noqa: S108
)


@dataclass(frozen=True, slots=True)
class Containment:
    """How fixes are shut in: `program` is bubblewrap's path, empty where there is none; `detail` says why, for people.

    `required`: the user has asked for it, so without it nothing is to be executed.
    """

    program: str = ""
    detail: str = ""
    required: bool = False

    @property
    def name(self) -> str:
        """Return `bubblewrap`, or empty where fixes run uncontained."""
        return "bubblewrap" if self.program else ""

    def shuts_in(self, step: PlannedStep) -> bool:
        """Say whether a step runs shut in: all but what is done through descriptors, or to the host's processes."""
        return bool(self.program) and not step.place and not step.host

    def wrap(
        self, step: PlannedStep, *, cwd: str, env: Mapping[str, str], hidden: Iterable[str] = (), info_fd: int = 0
    ) -> tuple[str, ...]:
        """Return the argv that runs a step shut in; where there is no containment, its own, or that of `on_paths`.

        At the descriptor `info_fd`, if given, it names the first process inside.

        Everything is read-only but `step.writable` and private temporary folders; only `step.network` leaves the
        network. In sight are programs and libraries of the system, the folder of the command, what it and its
        environment name outside the `hidden` folders, and what an installer needs; nothing else of any home, of /run
        or of /etc, and no other process.
        """
        if step.place:
            # A mount is made by its path, and would follow a link that came since.
            return on_paths.command(step.argv, step.place)
        if not self.program or step.host:
            return step.argv
        mounts: list[tuple[str, int, tuple[str, ...]]] = []  # place, rank, words
        homes = _homes(env)
        never = [os.path.realpath(folder) for folder in hidden]
        mounts += [(folder, 1, ("--tmpfs", folder)) for folder in (*homes, *never)]
        mounts = [mount for mount in mounts if Path(mount[0]).is_dir()]
        if step.network:
            mounts += [(folder, 1, ("--ro-bind", folder, folder)) for folder in _name_service_folders()]
        writable = _real(step.writable)
        trusted = certificates(env, in_sight=(*_SHOWN, *_ETC))
        settings = (env.get("PIP_CONFIG_FILE", ""), *env.get("PIP_CONSTRAINT", "").split())
        of_etc = _real((*trusted, *(path for path in settings if Path(path).is_file())))
        wanted = [cwd, *named_paths(step.argv, env), *_for_installers(env), *trusted]
        given = given_name(step.given) if step.given else ""
        wanted = [path for path in wanted if Path(path).name == given or not _is_in(os.path.realpath(path), never)]
        read_only = [place for place in _real(wanted) if _may_be_shown(place, homes, of_etc)]
        shown = {*read_only, *writable, *_SHOWN, *_ETC, *_OUT_OF_SIGHT}
        hiding = list(_hidden_in_home(env, shown))
        covered = {mount[0] for mount in hiding}
        links = {place: target for path in (*wanted, *step.writable) for target, place in _links(path)}
        mounts += [(p, 2, ("--ro-bind", p, p)) for p in read_only if not _in_sight(p, shown, covered)]
        mounts += [(p, 3, ("--bind", p, p)) for p in writable]
        mounts += [(p, 2, ("--symlink", links[p], p)) for p in {*links} - shown if not _in_sight(p, shown, covered)]
        mounts += hiding
        mounts.sort(key=lambda mount: (mount[0].count("/"), mount[1]))  # a folder before what is inside it
        words = [self.program, *_NAMESPACES, *(() if step.network else ("--unshare-net",)), *_SYSTEM]
        words += [word for mount in mounts for word in mount[2]]
        words += ["--remount-ro", "/"]
        words += ["--info-fd", str(info_fd)] if info_fd else []
        return (*words, "--chdir", cwd, "--", *step.argv)


def detect(
    environ: Mapping[str, str],
    cache: Path | None = None,
    *,
    path: str = SEARCHED,
    probe: bool = True,
    now: Callable[[], float] = time.time,
) -> Containment:
    """Find out whether bubblewrap is here and works: one short probe per boot, remembered in the folder `cache`.

    One that failed is made again after some minutes: a busy machine is no broken one.

    Without `probe` no process is started: what is not remembered is taken to work.
    `MESHTUI_CONTAINMENT` is `auto` (default), `off` or `bwrap` (required). Raises ConfigurationError for another value.
    """
    setting = environ.get(SETTING, "") or "auto"
    if setting not in ("auto", "off", "bwrap"):
        raise ConfigurationError(f"{SETTING} is {setting!r:.40}; set it to auto, off or bwrap")
    if setting == "off":
        return Containment(detail=f"switched off by {SETTING}")
    required = setting == "bwrap"
    program = shutil.which("bwrap", path=path)
    if program is None:
        return Containment(detail="bubblewrap is not installed", required=required)
    fault = _remembered(program, cache, now())
    if fault is None and probe:
        fault = _probe(program)
        _remember(program, cache, fault)
    if fault:
        return Containment(detail=f"bubblewrap does not work here: {fault}", required=required)
    return Containment(program, "bubblewrap", required)


def named_paths(argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """Return the existing absolute paths that a command and its environment name, and what its program lies with.

    Of the latter only what programs are made of: in `~/.local` keyrings lie beside them. A variable shows no secret.
    """
    program = Path(argv[0])
    prefixes = (program.parent.parent, program.resolve().parent.parent)
    found = [argv[0], *(str(prefix / name) for prefix in prefixes for name in _OF_A_PREFIX)]
    found += [path for text in argv[1:] for path in _existing(text)]
    named = (path for name, text in env.items() if name not in _NOT_INPUTS for path in _existing(text))
    return found + [path for path in named if not any(map(SECRET_FILES.search, (path, os.path.realpath(path))))]


def _existing(text: str) -> Iterator[str]:
    """Yield the absolute paths in a text that are there."""
    for word in re.split(r"[\s=]", text):
        path = unquote(urlsplit(word).path) if word.startswith("file://") else word
        if path.startswith("/") and len(path) < _LONGEST_PATH and "\0" not in path and os.path.lexists(path):
            yield path


def _for_installers(env: Mapping[str, str]) -> list[str]:
    """Return what of a home an installer needs, caches and where packages come from; nothing else of it is in sight."""
    home = env.get("HOME", "")
    settings = env.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return [*(f"{home}/{name}" for name in (".cache/pip", ".cache/uv", ".pip")), f"{settings}/pip", f"{settings}/uv"]


def _real(paths: Iterable[str]) -> list[str]:
    """Return what the paths mean, of those that are there."""
    return sorted({os.path.realpath(path) for path in paths if Path(path).exists()})


def _links(path: str) -> Iterator[tuple[str, str]]:
    """Yield (target, place) of each symbolic link on the way to what a path means, outermost first."""
    for _ in range(_MOST_LINKS):
        parts = Path(os.path.normpath(path)).parts
        for end in range(2, len(parts) + 1):
            place = os.path.join(*parts[:end])  # noqa: PTH118
            if os.path.islink(place):  # noqa: PTH114
                target = os.readlink(place)  # noqa: PTH115
                yield target, place
                path = os.path.join(os.path.dirname(place), target, *parts[end:])  # noqa: PTH118, PTH120
                break
        else:
            return


def _may_be_shown(place: str, homes: Sequence[str], of_etc: Collection[str]) -> bool:
    """Say whether a place may be shown: no home as a whole, nothing above one, and what is not in sight already.

    Of /etc only files for everybody, of those that an installer needs to reach an index.
    """
    if _is_in(place, ("/etc",)):
        return place in of_etc and bool(Path(place).stat().st_mode & stat.S_IROTH) and not _is_in(place, _ETC)
    whole = place in (*_HOMES, "/etc", "/var", *_TEMPORARY, *_OUT_OF_SIGHT, "/") or any(
        _is_in(home, (place,)) for home in homes
    )
    return not whole and (_is_in(place, _TEMPORARY) or not _is_in(place, (*_OUT_OF_SIGHT, *_SHOWN)))


def _in_sight(path: str, shown: Collection[str], covered: Collection[str]) -> bool:
    """Say whether the innermost folder around a path that is shown or covered is shown."""
    for parent in map(str, Path(path).parents):
        if parent in shown or parent in covered:
            return parent in shown
    return False


def _is_in(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)


def _homes(env: Mapping[str, str]) -> list[str]:
    """Return the folders that hold people's files, outermost ones first."""
    own = os.path.realpath(env["HOME"]) if env.get("HOME", "").startswith("/") else ""
    found = [folder for folder in (*_HOMES, own) if folder not in ("", "/") and Path(folder).is_dir()]
    return [folder for folder in dict.fromkeys(found) if not _is_in(folder, found)]


def _hidden_in_home(env: Mapping[str, str], shown: Collection[str]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Yield what hides the dot files of a home that is itself the command's folder; what is shown inside them stays."""
    own = os.path.realpath(env["HOME"]) if env.get("HOME", "").startswith("/") else ""
    if own not in shown:
        return
    for entry in os.scandir(own):
        needed = any(place == entry.path or _is_in(place, (entry.path,)) for place in shown)
        if not entry.name.startswith(".") or entry.name == ".git" or entry.is_symlink():
            continue
        if entry.is_dir():
            yield entry.path, 1, ("--tmpfs", entry.path)
        elif not needed:
            yield entry.path, 4, ("--ro-bind", os.devnull, entry.path)


def _name_service_folders() -> list[str]:
    """Return what finding a host by its name needs and a private /run would hide."""
    real = Path("/etc/resolv.conf").resolve()
    return [str(real.parent)] if real.is_relative_to("/run") and real.exists() else []


def _probe(program: str) -> str:
    """Run nothing, shut in; return what is wrong, empty if it worked."""
    argv = [program, *_NAMESPACES, "--unshare-net", *_SYSTEM, "--", "/bin/sh", "-c", ":"]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PROBE_TIMEOUT_S:.0f} s"
    except OSError as error:
        return error.strerror or str(error)
    if done.returncode == 0:
        return ""
    words = done.stderr.decode(errors="replace").strip().splitlines()
    return words[-1][:200] if words else f"exit code {done.returncode}"


def _mark(program: str) -> str | None:
    """Return what the answer of a probe holds for: this boot, this file, this user."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        file = Path(program).stat()
    except OSError:
        return None
    return f"{boot} {program} {file.st_mtime_ns} {file.st_ino} {os.geteuid()}"


def _remembered(program: str, cache: Path | None, now: float) -> str | None:
    if cache is None:
        return None
    try:
        known = json.loads((cache / _CACHE).read_text("utf-8"))
        age = now - (cache / _CACHE).stat().st_mtime
    except (OSError, ValueError):
        return None
    if isinstance(known, dict) and known.get("fault") and not 0 <= age < _FAULT_LASTS_S:
        return None
    usable = isinstance(known, dict) and known.get("mark") == _mark(program) and isinstance(known.get("fault"), str)
    return str(known["fault"]) if usable else None


def _remember(program: str, cache: Path | None, fault: str) -> None:
    mark = _mark(program)
    if cache is None or mark is None:
        return
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = cache / f".{_CACHE}.{os.getpid()}"
        scratch.write_text(json.dumps({"mark": mark, "fault": fault}), "utf-8")
        scratch.replace(cache / _CACHE)
    except OSError:
        return  # the next start probes again
