"""The stand-ins of a hook's process: light modules behave with them as with the real ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import meshcore

SOURCE = str(Path(meshcore.__file__).parent.parent)

SCRIPT = """
import json, sys
sys.path[0:0] = [sys.argv[1]]
from meshcore.hook import stdlib_shims
if sys.argv[2] == "light":
    stdlib_shims.install()
if sys.argv[2] == "light healing":
    stdlib_shims.install(patterns=False)
    stdlib_shims.uninstall(but="dataclasses")
if "healing" in sys.argv[2]:
    import meshtui.cli.after_run, meshcore.healing.command
else:
    import meshcore.hook.call, meshcore.agents.codex, meshcore.agents.copilot, meshcore.agents.gemini
from dataclasses import fields, replace
def is_made(value):
    try:
        return isinstance(value, type) and fields(value) is not None
    except (AttributeError, TypeError):
        return False
found = {}
classes = [
    value
    for name, module in sorted(sys.modules.items()) if name.startswith("meshcore.")
    for value in vars(module).values()
    if getattr(value, "__module__", "") == name and is_made(value)
]
for cls in classes:
    names = list(cls.__dataclass_fields__)
    values = [f"value {i}" for i in range(len(names))]
    one, same, other = cls(*values), cls(**dict(zip(names, values))), cls(*values[:-1], "other")
    def refused(do):
        try:
            do()
        except Exception as error:
            return type(error).__name__
        return ""
    needed = 0
    while needed < len(names) and refused(lambda: cls(*values[:needed])):
        needed += 1
    few = cls(*values[:needed])
    found[f"{cls.__module__}.{cls.__qualname__}"] = [
        names, repr(one), one == same, one == other, one == 3, repr(replace(one, **{names[0]: "new"})),
        refused(lambda: hash(one)), refused(lambda: hash(one) == hash(same) or 1 / 0),
        refused(lambda: setattr(one, names[0], 1)), refused(lambda: delattr(one, names[0])),
        refused(lambda: cls(*values, 1)), refused(lambda: cls(no_such_field=1)), needed, repr(few),
        bool(refused(lambda: setattr(one, "no_such_field", 1))), cls.__match_args__ == tuple(names),
    ]
print(json.dumps(found, sort_keys=True))
"""


def run(how: str, script: str = SCRIPT) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, SOURCE, how], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("which", "least"), [("", 30), (" healing", 120)])
def test_every_class_of_the_light_modules_and_of_what_heals_behaves_as_the_real_dataclass_makes_it(
    which: str, least: int
) -> None:
    real, light = json.loads(run("real" + which)), json.loads(run("light" + which))
    assert len(real) > least
    assert light == real


def test_a_class_that_wants_more_than_the_stand_in_can_is_made_by_the_real_module() -> None:
    script = (
        "import sys; sys.path[0:0] = [sys.argv[1]]\n"
        "from meshcore.hook import stdlib_shims; stdlib_shims.install(patterns=False)\n"
        "stdlib_shims.uninstall(but='dataclasses')\n"
        "from dataclasses import dataclass, field\n"
        "@dataclass(order=True)\nclass Ordered:\n    a: int\n    b: list = field(default_factory=list)\n"
        "@dataclass\nclass Counted:\n    a: int\n    b: int = field(init=False)\n"
        "    def __post_init__(self):\n        self.b = self.a + 1\n"
        "@dataclass(frozen=True)\nclass Plain:\n    a: int\n"
        "assert Ordered(1) < Ordered(2) and Ordered(1).b == [] and Counted(1).b == 2 and Plain(1) == Plain(1)\n"
        "print(type(sys.modules['dataclasses']).__name__)"
    )
    assert run("", script) == "StandIn\n"


def test_a_stand_in_gives_way_when_it_is_asked_for_more() -> None:
    script = (
        "import sys; sys.path[0:0] = [sys.argv[1]]\n"
        "from meshcore.hook.stdlib_shims import install; install()\n"
        "import typing, dataclasses, hashlib, datetime\n"
        "from typing import get_type_hints, NamedTuple\n"
        "from dataclasses import asdict\n"
        "from urllib.parse import quote\n"
        "from hashlib import md5\n"
        "class Pair(NamedTuple):\n    a: int\n    b: int = 2\n"
        "assert Pair(1) == (1, 2) and quote('a b') == 'a%20b'\n"
        "assert hashlib.sha256(b'x').hexdigest()[:8] == '2d711642'\n"
        "assert hashlib.blake2b(b'x', digest_size=4).hexdigest() and md5(b'').hexdigest()[:4] == 'd41d'\n"
        "import re, enum\n"
        "assert re.compile('A.b', re.I | re.S).flags & re.IGNORECASE and re.match('(?i)a', 'A')\n"
        "assert re.sub('b+', 'x', 'aBBc', flags=re.IGNORECASE) == 'axc' and re.RegexFlag(2).value == 2\n"
        "assert enum.Enum('E', 'a b').a.value == 1 and enum.IntFlag is not re.RegexFlag.__bases__[0]\n"
        "assert datetime.datetime.fromisoformat('2026-11-24T20:00:00.5Z').tzinfo is datetime.UTC\n"
        "print('fine')"
    )
    assert run("", script) == "fine\n"


def test_a_hook_s_process_loads_none_of_what_the_stand_ins_spare() -> None:
    script = (
        "import sys; sys.path[0:0] = [sys.argv[1]]\n"
        "from meshcore.hook.stdlib_shims import install; install()\n"
        "import meshcore.hook.call\n"
        "print(sorted({'inspect', 'ast', 'threading', 'socket', 'subprocess', 'tomllib', '_hashlib', 'random'}"
        " & {name for name, module in sys.modules.items() if module is not None}))\n"
        "print([name for name in ('dataclasses', 'datetime', 'hashlib', 'typing')"
        " if type(sys.modules[name]).__name__ != 'StandIn'])"
    )
    assert run("", script) == "[]\n[]\n"


CALLS = """
import sys; sys.path[0:0] = [sys.argv[1]]
from meshcore.hook.stdlib_shims import install; install()
import json, os
from meshcore.agents.payload import Payload
from meshcore.hook.main import handle
root = sys.argv[2]
os.makedirs(root + "/work/.git")
here = {"HOME": root, "MESHTUI_HOME": root + "/home", "MESHTUI_OPERATOR_DIR": root + "/operator", "PATH": "/usr/bin"}
here["MESHTUI_BRIDGE"] = root + "/bridge.db"
def call(number, event, command, **fields):
    said = {"hook_event_name": event, "session_id": f"s{number}", "cwd": root + "/work", "tool_name": "Bash"}
    said |= {"tool_use_id": str(number), "tool_input": {"command": command}, **fields}
    handle("claude-code", Payload(json.dumps(said).encode()), here, to_the_end=True)
ERRORS = ["No module named 'django'", "rm: cannot remove 'a': Permission denied", "error: unrecognized subcommand 'a'"]
for number, error in enumerate(ERRORS * 3):
    call(number, "PostToolUseFailure", "tool " + error[:2], error="Exit code 2\\n" + error, is_interrupt=False)
    call(number, "PreToolUse", "tool " + error[:2])
    call(number, "PostToolUse", "tool | tail", tool_response={"stdout": "", "stderr": "", "interrupted": False})
names = ("contextlib", "dataclasses", "datetime", "functools", "hashlib", "json", "operator", "sqlite3", "typing")
print([name for name in names if type(sys.modules[name]).__name__ != "StandIn"])
"""


def test_no_call_of_an_agent_needs_more_than_the_stand_ins_have(tmp_path: Path) -> None:
    assert run(str(tmp_path), CALLS) == "[]\n"


def test_what_was_made_with_stand_ins_is_made_anew_once_they_are_gone() -> None:
    script = (
        "import sys; sys.path[0:0] = [sys.argv[1]]\n"
        "import meshcore.errors as before\n"
        "from meshcore.hook import stdlib_shims; stdlib_shims.install(patterns=False)\n"
        "import meshcore.process.passthrough as light\n"
        "assert 're' not in sys.modules or 're' in stdlib_shims._loaded_before\n"
        "stdlib_shims.uninstall(); stdlib_shims.uninstall()\n"
        "import dataclasses, typing, meshcore.process.passthrough as real, meshcore.errors as after\n"
        "assert before is after and real is not light\n"
        "assert dataclasses.is_dataclass(real.Passed) and hasattr(dataclasses, 'asdict') and typing.get_type_hints\n"
        "assert light.run_through(['true']).exit_code == 0\n"
        "print('fine')"
    )
    assert run("", script) == "fine\n"


@pytest.mark.parametrize("gone", ["stdlib_shims.uninstall()", "", "from urllib.parse import quote"])
def test_what_the_standard_library_took_of_a_stand_in_works_afterwards(gone: str) -> None:
    script = (
        "import sys; sys.path[0:0] = [sys.argv[1]]\n"
        "from meshcore.hook import stdlib_shims; stdlib_shims.install(patterns=False)\n"
        f"import pathlib\n{gone}\n"
        "print(pathlib.Path('/a b').as_uri())"
    )
    assert run("", script) == "file:///a%20b\n"


USED = """
import sys; sys.path[0:0] = [sys.argv[1]]
if sys.argv[2] == "light":
    from meshcore.hook.stdlib_shims import install
    install()
import collections, contextlib, functools, re, sqlite3
from typing import NamedTuple
said = []
def tried(do):
    try:
        said.append(repr(do()))
    except Exception as error:
        said.append(f"{type(error).__name__}")

class Pair(NamedTuple):
    one: int
    two: str = "b"
    def joined(self):
        return f"{self.one}{self.two}"

tried(lambda: (Pair(1), Pair(two="c", one=2), Pair(1)._replace(two="x"), Pair(3).joined(), Pair(1) == (1, "b")))
tried(lambda: (Pair._fields, Pair._make((1, "z")), Pair(1)._asdict(), Pair(1)[1], Pair(1).one, Pair.__match_args__))
for wrong in (lambda: Pair(), lambda: Pair(1, 2, 3), lambda: Pair(1, one=2), lambda: Pair(1, three=3)):
    tried(wrong)

@contextlib.contextmanager
def managed(what, seen):
    seen.append("in")
    try:
        yield what
    except ValueError:
        seen.append("caught")
    except KeyError as error:
        raise LookupError("another") from error
    finally:
        seen.append("out")

def inside(what, seen):
    with managed("x", seen) as x:
        if what is not None:
            raise what
        seen.append(x)
    return seen

for what in (None, ValueError("v"), KeyError("k"), OSError("o"), StopIteration("s"), RuntimeError("r")):
    seen = []
    tried(lambda: inside(what, seen))
    said.append(repr(seen))

@contextlib.contextmanager
def twice():
    yield 1
    yield 2

def run_twice():
    with twice():
        pass
tried(run_twice)

def suppressed(error):
    with contextlib.suppress(OSError, ValueError):
        raise error
    return "gone"
tried(lambda: suppressed(FileNotFoundError())), tried(lambda: suppressed(KeyError()))

class Thing:
    def close(self):
        said.append("closed")
with contextlib.closing(Thing()) as thing:
    said.append(type(thing).__name__)

@functools.lru_cache(maxsize=2)
def doubled(x, y=2):
    said.append(f"called {x}")
    return x * y
@functools.lru_cache
def plain(x): return x
@functools.cache
def once(): return said.append("once")
tried(lambda: [doubled(1), doubled(1), doubled(2), doubled(3), doubled(1), plain(5), once(), once()])
doubled.cache_clear(); tried(lambda: doubled(1))
tried(lambda: (functools.partial(int, base=2)("11"), functools.reduce(max, [1, 3, 2])))
tried(lambda: functools.wraps(doubled.__wrapped__)(lambda: 1).__name__)

tried(lambda: (re.search("B", "abc", re.I).start(), re.match(r"(?P<x>a)", "ab")["x"], re.fullmatch("a", "ab")))
tried(lambda: (re.sub("a", r"<\\g<0>>", "banana", count=2), re.split(",", "a,b", maxsplit=1), re.findall("a.", "abac")))
tried(lambda: (re.sub(r"(b)", lambda m: m[1].upper(), "abb"), re.escape("a.b"), re.compile("x", re.X | re.S).flags))
tried(lambda: re.compile("(")), tried(lambda: bool(re.compile(re.compile("a")).match("a")))
tried(lambda: re.error.__name__)
database = sqlite3.connect(":memory:", isolation_level=None)
database.row_factory = sqlite3.Row
tried(lambda: dict(database.execute("SELECT 1 AS a, ? AS b", ("x",)).fetchone()))
tried(lambda: database.execute("SELECT nothing"))
tried(lambda: sqlite3.SQLITE_BUSY), tried(lambda: sqlite3.sqlite_version_info[0])
import json
for text in ('[1, 2.5e3, "\\u00e9\\n", null, true, {"a": {"b": []}}] \\n', "", " ", "[1", "{'a': 1}", "[1] 2", "NaN",
             "\\ufeff[]", b'{"a": 1}', bytearray(b"[]"), "[" * 100_000, '"a\\x00"', 3):
    tried(lambda: json.loads(text))
tried(lambda: json.loads("[1.5]", parse_float=str))
tried(lambda: (json.loads("-Infinity"), json.loads('{"a": 1, "a": 2}')))
endless = []
endless.append(endless)
values = {"b": [1, 2.5, None, True], "a": "é\\n\\ud800"}, (1, 2), {1: 2, None: 3}, float("nan"), {1, 2}, endless, object
for value in (*values, 10**30):
    tried(lambda: json.dumps(value))
    tried(lambda: json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    tried(lambda: json.dumps(value, sort_keys=True, allow_nan=False))
    tried(lambda: json.dumps(value, indent=2, default=repr))
try:
    json.loads("[1")
except json.JSONDecodeError as error:
    said.append(str(error))
from collections.abc import Mapping
tried(lambda: (collections.deque([1, 2], 1), collections.Counter("aab")["a"], collections.abc.Mapping is Mapping))
from pathlib import Path, PurePosixPath
tried(lambda: (PurePosixPath("/a/b/../c.txt").suffix, PurePosixPath("/a").match("/*"), Path("/").exists()))
import enum, dataclasses, typing, tomllib, shlex, fnmatch, warnings, ntpath, string
class Colour(enum.Enum):
    RED = 1
tried(lambda: (Colour.RED.name, tomllib.loads("a = 1"), shlex.split("a 'b c'"), fnmatch.fnmatch("ab", "a*")))
tried(lambda: (ntpath.basename("a\\\\b"), string.Template("$x").substitute(x=1)))
tried(lambda: (typing.get_type_hints(Pair)["one"] is int))
print("\\n".join(said))
"""


def test_what_stands_in_does_the_same_as_the_real_thing() -> None:
    real, light = run("real", USED).splitlines(), run("light", USED).splitlines()
    assert len(real) > 40
    assert light == real


def test_a_look_before_a_command_loads_neither_the_model_nor_what_a_failure_needs() -> None:
    script = (
        "import sys; sys.path[0:0] = [sys.argv[1]]\n"
        "from meshcore.hook import main, aside, news\n"
        "from meshcore.store import control, hooks, habits, meta, tellings\n"
        "heavy = ('model', 'store.rows', 'store.queries', 'safety.redaction', 'knowledge.signature', 'hook.call')\n"
        "print([name for name in heavy if f'meshcore.{name}' in sys.modules])"
    )
    assert run("", script) == "[]\n"
