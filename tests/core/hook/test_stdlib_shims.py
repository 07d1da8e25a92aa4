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
if sys.argv[2] == "light":
    from meshcore.hook.stdlib_shims import install
    install()
import meshcore.hook.call, meshcore.agents.codex, meshcore.agents.copilot, meshcore.agents.gemini
from dataclasses import replace
found = {}
classes = [
    value
    for name, module in sorted(sys.modules.items()) if name.startswith("meshcore.")
    for value in vars(module).values()
    if isinstance(value, type) and hasattr(value, "__dataclass_fields__") and value.__module__ == name
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


def test_every_class_of_the_light_modules_behaves_as_the_real_dataclass_makes_it() -> None:
    real, light = json.loads(run("real")), json.loads(run("light"))
    assert len(real) > 30
    assert light == real


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
        " if type(sys.modules[name]).__name__ != '_StandIn'])"
    )
    assert run("", script) == "[]\n[]\n"


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
