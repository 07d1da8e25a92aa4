"""A program of node that fails first thing is read, not believed: what could have done something before waits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from meshcore.healing.capture import make_incident
from meshcore.healing.first_thing_of_node import Lack, lacks_first
from meshcore.healing.places import Place
from meshcore.healing.rerun_ruling import rule_rerun
from meshcore.model import AgentInfo
from meshcore.policy.policy import Policy

NOW = 4_000_000_000.0
PATH = {"PATH": "/usr/bin:/bin"}
ENOENT = b"Error: ENOENT: no such file or directory, open 'public/a.json'\n"


def lack(folder: Path, text: str, *, file: str = "app.js", failed_at: float = NOW) -> Lack | None:
    (folder / file).write_text(text)
    return lacks_first(Place(("node", file), str(folder), PATH), failed_at)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "package.json").write_text('{"name": "shop"}\n')
    (tmp_path / "node_modules" / "there").mkdir(parents=True)
    (tmp_path / "send.js").write_text("require('fs').appendFileSync('sent', 'x')\n")
    (tmp_path / "rows.js").write_text("module.exports = { LIMIT: 3 }\n")
    (tmp_path / "deep.js").write_text("const gone = require('gone')\n")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "kind", "written"),
    [
        ("const gone = require('gone')\nsend()\n", "package", "gone"),
        ("#!/usr/bin/env node\n'use strict'\n/* a\n b */\nconst a = require('fs') // x\nrequire('gone').config()\n",
         "package", "gone"),
        ("const t = require('there'); const { x, y: z } = require('@acme/gone/part')\n", "package", "@acme/gone"),
        ("const PORT = process.env.PORT || 3000\nconst rows = require('./rows')\nrequire('gone')\n", "package", "gone"),
        ("const deep = require('./deep')\n", "package", "gone"),
        ("const conf = require('./conf.json')\n", "file", "./conf.json"),
        ("const fs = require('node:fs')\nconst conf = JSON.parse(fs.readFileSync('conf.json', 'utf8'))\n", "file",
         "conf.json"),
        ("require('fs').writeFileSync('public/a.json', JSON.stringify({ a: 1 }, null, 2))\n", "folder",
         "public/a.json"),
        ("const fs = require('fs')\nconst OUT = 'public/a.json'\nfs.writeFileSync(OUT, 'x')\n", "folder",
         "public/a.json"),
        ("const { mkdirSync } = require('fs')\nmkdirSync('a/b')\n", "folder", "a/b"),
        ("const fs = require('fs').promises\n", None, ""),
    ],
)  # fmt: skip
def test_what_a_program_asks_for_first_is_read(project: Path, text: str, kind: str | None, written: str) -> None:
    found = lack(project, text)
    assert (found and found.kind, found.written if found else "") == (kind, written)


def test_static_imports_are_looked_for_before_anything_runs(project: Path) -> None:
    text = "import there from 'there'\nimport gone from 'gone'\nsend()\nimport './send.js'\n"
    assert lack(project, text, file="a.mjs") == Lack("package", "gone")
    text = "import { writeFile } from 'node:fs/promises'\nawait writeFile('public/a.json', 'x')\n"
    assert lack(project, text, file="a.mjs") == Lack("folder", "public/a.json", str(project / "public"))


@pytest.mark.parametrize(
    "text",
    [
        # something was done, or may have been, before
        "console.log('mailed')\nrequire('gone')\n",
        "require('./send')\nrequire('gone')\n",
        "const a = require('there')()\nrequire('gone')\n",
        "const a = require('there')\n(send())\nrequire('gone')\n",
        "const a = 'x'\n[send()]\nrequire('gone')\n",
        "const a = 1 + send()\nrequire('gone')\n",
        "const { x = send() } = require('there')\nrequire('gone')\n",
        "const a = `${send()}`\nrequire('gone')\n",
        "if (send()) {}\nrequire('gone')\n",
        "const path = require('./rows')\nconst a = path.join(__dirname, 'x')\nrequire('gone')\n",
        "const fs = require('./send')\nfs.writeFileSync('public/a.json', 'x')\n",
        "const fs = require('fs')\nfs.writeFileSync('public/a.json', send())\n",
        "const fs = require('fs')\nfs.writeFileSync('public/a.json', JSON.stringify({ toJSON: send }))\n",
        "var fs = require('fs')\nvar fs = other\nfs.writeFileSync('public/a.json', 'x')\n",
        # what only looks like the beginning
        "// a \u2028send()\nrequire('gone')\n",
        "// a \rsend()\nrequire('gone')\n",
        "function require(name) { send() }\n",
        "const a = require('gone')\nfunction/* ( */require(name) { send(); throw name }\n",
        "const a = require('gone')\nfunction r\\u0065quire(name) { send() }\n",
        "`\nrequire('gone')\n`\nsend()\n",
        # it may have gone on
        "try { require('gone') } catch { send() }\n",
        "const gone = () => require('gone')\nsend()\n",
        "const fs = require('fs')\nfs.mkdirSync('a/b', { recursive: true })\n",
        "const fs = require('fs')\nfs.readFileSync('conf.json', { flag: 'a+' })\n",
        "const fs = require('fs')\nfs.writeFile('public/a.json', 'x', send)\n",
        "import('gone').catch(send)\n",
        # the project itself says what a name means
        "require('shop')\n",
        "require('#gone')\n",
        "import fs from 'fs'\nfs.writeFileSync('public/a.json', 'x')\nimport './send.js'\n",
        "export { a } from './send.js'\nrequire('gone')\n",
        "",
    ],
)  # fmt: skip
def test_what_may_have_done_something_is_not_read(project: Path, text: str) -> None:
    assert lack(project, text) is None


def test_a_file_that_was_changed_since_is_not_what_ran(project: Path) -> None:
    assert lack(project, "require('gone')\n", failed_at=0.0) is None


@pytest.mark.parametrize(
    "argv", [("node", "-r", "./send.js", "app.js"), ("node", "-e", "x"), ("node",), ("npm", "app.js")]
)
def test_only_a_file_alone_is_read(project: Path, argv: tuple[str, ...]) -> None:
    (project / "app.js").write_text("require('gone')\n")
    assert lacks_first(Place(argv, str(project), PATH), NOW) is None


@pytest.mark.parametrize("text", ["/*" * 40_000, "const a = {a:" + "xx:" * 20_000, "'use strict' " * 7_000])
def test_no_text_takes_long(project: Path, text: str) -> None:
    assert lack(project, text) is None


def test_its_rerun_is_a_first_run_where_the_failure_is_that_one(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    programs = tmp_path_factory.mktemp("bin")
    (programs / "node").symlink_to("/bin/true")
    variables = {"PATH": f"{programs}:/usr/bin:/bin"}
    (project / "app.js").write_text("require('fs').writeFileSync('public/a.json', '{}')\nsend()\n")
    incident = make_incident(
        ENOENT,
        ("node", "app.js"),
        cwd=str(project),
        env=variables,
        agent=AgentInfo("a"),
        exit_code=1,
        opened="2100-01-01T00:00:00.000000Z",
    )
    policy = Policy.load(None)
    assert rule_rerun(policy, incident, variables).decision == "run"
    for other in (replace(incident, exit_code=3), replace(incident, excerpt="Error: mail refused\n")):
        assert rule_rerun(policy, other, variables).decision == "approve"
    assert rule_rerun(policy, incident, {**variables, "NODE_OPTIONS": "-r ./send.js"}).decision == "approve"
    (project / "public").mkdir()
    assert rule_rerun(policy, incident, variables).decision == "approve"
