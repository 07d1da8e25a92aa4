"""Settings: option over environment over file over default; an unknown key in the file is an error that names it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from meshcore.errors import ConfigurationError
from meshcore.home import platform_folder, read_plain_file, refuse_another_users, user_name

if TYPE_CHECKING:
    from meshcore.model import Json, Mode

_T = TypeVar("_T")

OLD_BRIDGE = "~/.claude/claude_bridge_enhanced.db"
EXPECT_SECONDS = 600.0
COOLDOWN_DAYS = 7.0
NAME_LIMIT = 200  # characters
CHECK_SECONDS = INTERVAL_SECONDS = 300.0
LEAST_INTERVAL_SECONDS = 1.0
_HOST = r"(?:[\w.-]+|\[[\da-fA-F:]+\])?(?::\d+)?"
CHECK_KEYS = {"name", "argv", "timeout"}


@dataclass(frozen=True, slots=True)
class ConfiguredCheck:
    """A program that the monitor runs: exit code 0 means passed; after `timeout` seconds it is ended."""

    name: str
    argv: tuple[str, ...]
    timeout: float = CHECK_SECONDS


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, in days; None keeps them for ever. `meshtui maintenance` applies it."""

    outputs_days: float = 30.0
    """What commands printed, applied by whatever works on the home; incidents, outcomes, events and figures stay."""

    journal_days: float | None = None
    """Segments of the journal, and events of the store that the journal holds."""

    incidents_days: float | None = None
    """Closed incidents, counted from when they were closed; what standing rests on stays."""

    bridge_days: float | None = None
    """Summaries of incidents and outcomes that nothing rests on, at the bridge and as this home received them."""

    old_table_days: float | None = None
    """Delivered skill rows of the old table; the two counts that operators quote fall with them."""

    rotate_mib: float | None = None
    """The size at which the journal begins a new segment."""

    rotate_days: float | None = None
    """The age of its first line at which the journal begins a new segment."""


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """The monitor inside the runtime."""

    enabled: bool = True
    """Whether it runs at all."""

    interval_seconds: float = INTERVAL_SECONDS
    """Between two passes, at least 1."""

    checks: bool = False
    """Whether a pass runs the checks, too."""

    include_manifest: bool = False
    """Whether a pass keeps the manifest, too."""


@dataclass(frozen=True, slots=True)
class ValidatorSettings:
    """The validator inside the runtime."""

    enabled: bool = True
    """Whether it runs at all."""

    interval_seconds: float = INTERVAL_SECONDS
    """Between two full passes, at least 1."""

    runs_root: Path | None = None
    """The folder of run folders; None: `workflow_results/runs` where that is there at the start."""


@dataclass(frozen=True, slots=True)
class BridgeAddress:
    """Where the bridge is: a file of this host or a URL.

    `url` may hold a password: it goes to engines and to the environment of our own children, nowhere else. What is
    printed, logged, stored or put on a command line is `shown` or `pinned`.
    """

    scheme: str
    url: str
    path: Path | None = None
    """The file on this host, None where the bridge is none."""

    @classmethod
    def parse(cls, text: str, setting: str = "bridge") -> BridgeAddress:
        """Read a path, `sqlite:///path`, `memory:name` or another URL. Raises ConfigurationError for no path."""
        scheme, separator, rest = text.partition("://")
        if text.startswith("memory:"):
            return cls("memory", text)
        if separator and scheme.isidentifier() and scheme.lower() != "sqlite":
            return cls(scheme.lower(), text)
        if separator and scheme.lower() == "sqlite":
            from urllib.parse import unquote  # a hook has no time for it where a path was given

            text = unquote(rest)
        return cls.of(_path(text, setting))

    @classmethod
    def of(cls, path: Path) -> BridgeAddress:
        """Return the address of a file."""
        return cls("sqlite", str(path), path)

    @property
    def is_afar(self) -> bool:
        """Tell whether the bridge is reached over a network, for which no command waits unasked."""
        return self.scheme not in ("sqlite", "memory")

    @property
    def shown(self) -> str:
        """Return the address as people may see it: a path as it is, a URL without password and query."""
        scheme, separator, rest = self.url.partition("://")
        if not separator:
            return self.url
        # A password may hold any character: what is not plainly a URL is not shown at all.
        found = re.fullmatch(
            rf"(?:([\w.~+-]+)(?::[^@/?#]*)?(@))?({_HOST}(?:,{_HOST})*(?:/[^?#@]*)?)(?:[?#][^@]*)?", rest
        )
        return f"{scheme}://{''.join(part or '' for part in found.groups()) if found else '…'}"

    @property
    def is_secret(self) -> bool:
        """Tell whether the URL holds more than may be shown."""
        return self.shown != self.url

    def pinned(self, place: str) -> str:
        """Return the address for what others may read. Raises ConfigurationError for one that holds a secret."""
        if self.is_secret:
            raise ConfigurationError(
                f"{self.shown}: its URL holds a secret, which {place} would show; write it as bridge = … into"
                " config.toml or set MESHTUI_BRIDGE there, and leave --bridge out"
            )
        return self.url

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return f"BridgeAddress({self.shown!r})"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, resolved."""

    home: Path
    """This node's folder: key, store, journal, skills file."""

    operator: Path
    """The person's folder: key, config.toml, policy.toml, the HALT file."""

    bridge: BridgeAddress
    """Where the bridge is; a path is the old database file, and the mesh's own data live beside it."""

    agent: str
    """Who met the error, where nothing else says so: user@host."""

    host: str
    """The machine's name."""
    host_is_named: bool = True
    """Whether somebody gave it that name (MESHTUI_HOST), so that the name alone tells hosts apart."""

    mode: Mode | None = None
    """The ceiling that this person sets for what may happen unattended; None leaves it to the command."""

    fix_timeout_seconds: float = EXPECT_SECONDS
    """How long a fix may run before its whole process group is ended."""

    package_cooldown_days: float = COOLDOWN_DAYS
    """For how long a version of a package must have been published before it is installed unattended; 0: at once."""
    packs: bool = True
    """Whether what is known in general is offered where nothing learnt answers; also `MESHTUI_PACKS=off`."""

    on_approval: tuple[str, ...] = ()
    """A command to start when something new waits for approval: its words; the id is in MESHTUI_APPROVAL."""
    syslog: str = ""
    """The socket of the system's log, for example `/dev/log`, that decisions are also told to; "" for none."""
    homes: tuple[Path, ...] = ()
    """Other homes on this host whose approvals are shown beside this home's, and decided in them."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Free labels for reports, for example team or customer."""

    checks: tuple[ConfiguredCheck, ...] = ()
    """What the monitor runs beside its own checks: `[[checks]]` with name, argv and timeout (seconds)."""

    retention: Retention = field(default_factory=Retention)
    """How long things are kept: `[retention]`."""

    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    """The monitor inside the runtime: `[monitor]`."""

    validator: ValidatorSettings = field(default_factory=ValidatorSettings)
    """The validator inside the runtime: `[validator]`."""

    withhold: float = 0.0
    """The share of commands of which agents are told nothing, to measure what telling is worth: `[effect]`."""

    keys: Mapping[str, str] = field(default_factory=dict)
    """Other keys for the terminal's actions: `[keys]`, for example `"overview.now" = "0"`."""

    source: Path | None = None
    """The file that was read, None where there is none."""


_FILE_KEYS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("home", "bridge", "agent", "mode", "syslog"), str),
    **dict.fromkeys(("fix_timeout_seconds", "package_cooldown_days"), (int, float)),
    "packs": bool,
    **dict.fromkeys(("on_approval", "checks", "homes"), list),
    **dict.fromkeys(("labels", "retention", "monitor", "validator", "effect", "keys"), dict),
}


def load(
    *,
    home: str | None = None,
    bridge: str | None = None,
    agent: str | None = None,
    config: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Resolve all settings. Raises ConfigurationError with file and key where something does not fit."""
    env = os.environ if environment is None else environment
    operator = operator_folder(env)
    path = Path(config) if config else operator / "config.toml"
    found = _read(path, must_exist=bool(config))
    values = found or {}

    def pick(option: str | None, variable: str, key: str, default: str) -> str:
        return option or env.get(variable) or str(values.get(key) or "") or default

    host = _name(env.get("MESHTUI_HOST") or os.uname().nodename or "localhost", "MESHTUI_HOST")
    mode, seconds = values.get("mode"), float(values.get("fix_timeout_seconds", EXPECT_SECONDS))
    if mode is not None:
        from meshcore.model import MODES  # takes a while to import, and is seldom needed here

        if mode not in MODES:
            raise ConfigurationError(f"{path}: mode = {mode!r} is none of {', '.join(MODES)}; correct it")
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(f"{path}: fix_timeout_seconds = {seconds:g} is no time to wait; name seconds above 0")
    days = float(values.get("package_cooldown_days", COOLDOWN_DAYS))
    if not 0 <= days <= 3650:
        raise ConfigurationError(f"{path}: package_cooldown_days = {days:g}: name 0 to 3650 days")
    for key, example in ("on_approval", "notify"), ("homes", "~/agents/ci"):
        if not all(isinstance(word, str) and word and "\0" not in word for word in values.get(key, [])):
            raise ConfigurationError(f'{path}: {key} is a list of texts, for example ["{example}"]')
    own = _path(pick(home, "MESHTUI_HOME", "home", "") or platform_folder("data", env), "home")
    refuse_another_users(own, env)
    return Settings(
        home=own,
        operator=operator,
        bridge=BridgeAddress.parse(pick(bridge, "MESHTUI_BRIDGE", "bridge", OLD_BRIDGE)),
        agent=_name(pick(agent, "MESHTUI_AGENT", "agent", "") or f"{user_name(env)}@{host}", "agent"),
        host=host,
        host_is_named=bool(env.get("MESHTUI_HOST")),
        mode=mode,
        fix_timeout_seconds=seconds,
        package_cooldown_days=days,
        packs=env.get("MESHTUI_PACKS", "").lower() not in ("off", "0", "no") and bool(values.get("packs", True)),
        on_approval=tuple(values.get("on_approval", [])),
        syslog=str(values.get("syslog", "")),
        homes=tuple(dict.fromkeys(there for name in values.get("homes", []) if (there := _path(name, "homes")) != own)),
        labels={str(k): str(v) for k, v in values.get("labels", {}).items()},
        checks=_checks(values.get("checks", []), path),
        retention=_table(Retention, values.get("retention", {}), f"{path}: [retention]"),
        monitor=_table(MonitorSettings, values.get("monitor", {}), f"{path}: [monitor]"),
        validator=_table(ValidatorSettings, values.get("validator", {}), f"{path}: [validator]"),
        withhold=_share(values.get("effect", {}), path),
        keys={str(k): str(v) for k, v in _flat(values.get("keys", {})).items()},
        source=path if found is not None else None,
    )


def operator_folder(environment: Mapping[str, str]) -> Path:
    """Return the person's folder, which no file names: a broken one hides no HALT. Raises ConfigurationError."""
    named = environment.get("MESHTUI_OPERATOR_DIR") or platform_folder("config", environment)
    return _path(named, "MESHTUI_OPERATOR_DIR")


def _read(path: Path, *, must_exist: bool) -> dict[str, Json] | None:
    try:
        text = read_plain_file(path, 1 << 20).decode()
        import tomllib  # a hook has no time for it where there is no file

        values = tomllib.loads(text)
    except FileNotFoundError as error:
        if must_exist:
            raise ConfigurationError(f"{path}: no such file; leave --config out or name another") from error
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read as TOML ({error}); correct it") from error
    for key, value in values.items():
        if key not in _FILE_KEYS:
            raise ConfigurationError(f"{path}: unknown key {key!r}; known are {', '.join(sorted(_FILE_KEYS))}")
        if not isinstance(value, _FILE_KEYS[key]) or isinstance(value, bool) != (_FILE_KEYS[key] is bool):
            raise ConfigurationError(f"{path}: {key} has a value of the wrong type; see the settings in docs/guide.md")
    return values


def _share(table: Mapping[str, Json], path: Path) -> float:
    value = table.get("withhold", 0.0)
    if table.keys() - {"withhold"} or not isinstance(value, int | float) or not 0 <= value <= 0.5:
        raise ConfigurationError(f"{path}: [effect] holds withhold, a share from 0 to 0.5, and nothing else")
    return float(value)


def _flat(table: Mapping[str, Json], prefix: str = "") -> dict[str, Json]:
    """Return a table with dotted names: in TOML `app.find = "f"` without quotes is a table in a table."""
    found: dict[str, Json] = {}
    for name, value in table.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def _checks(tables: list[Json], path: Path) -> tuple[ConfiguredCheck, ...]:
    checks = tuple(_check(table, f"{path}: checks[{number}]") for number, table in enumerate(tables))
    names = [check.name for check in checks]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{path}: two checks are called {name!r}; rename one")
    return checks


def _check(table: Json, place: str) -> ConfiguredCheck:
    if not isinstance(table, dict) or not CHECK_KEYS >= table.keys() >= {"name", "argv"}:
        raise ConfigurationError(f"{place}: a check has a name, an argv and perhaps a timeout, and nothing else")
    name, argv, timeout = table["name"], table["argv"], table.get("timeout", CHECK_SECONDS)
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"{place}: name must be a text; give it one")
    if not isinstance(argv, list) or not argv or not all(isinstance(a, str) and "\0" not in a for a in argv):
        raise ConfigurationError(f'{place}: argv must be a list of texts such as ["make", "test"]')
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 0 < timeout < float("inf"):
        raise ConfigurationError(f"{place}: timeout must be seconds above 0")
    return ConfiguredCheck(_name(name, f"{place}: name"), tuple(argv), float(timeout))


def _table(kind: type[_T], table: Mapping[str, Json], place: str) -> _T:
    """Read a table into its dataclass, by the types of its fields. Raises ConfigurationError that names the key."""
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Json] = {}
    for key, value in table.items():
        if key not in known:
            raise ConfigurationError(f"{place}: unknown key {key!r}; known are {', '.join(known)}")
        values[key] = _value(str(known[key].type), value, f"{place}: {key}")
    return kind(**values)


def _value(kind: str, value: Json, place: str) -> Json:
    if kind == "bool":
        if not isinstance(value, bool):
            raise ConfigurationError(f"{place} must be true or false")
        return value
    if kind.startswith("Path"):
        if not isinstance(value, str) or not value or "\0" in value:
            raise ConfigurationError(f"{place} must be a folder as a text")
        return Path(value).expanduser().absolute()
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise ConfigurationError(f"{place} must be a number above 0; leave it out for the default")
    return float(value)


def _path(text: str, setting: str) -> Path:
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigurationError(f"{setting}: {text!r} names no home folder ({error}); write it out") from error
    if "\0" in text:
        raise ConfigurationError(f"{setting}: {text!r} is no path; correct it")
    return path


def _name(text: str, setting: str) -> str:
    if len(text) > NAME_LIMIT or not text.isprintable():
        raise ConfigurationError(f"{setting}: {text!r:.60} is no name; use at most {NAME_LIMIT} printable characters")
    return text
