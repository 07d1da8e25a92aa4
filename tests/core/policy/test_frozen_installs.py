"""What a lock pins comes into an empty node_modules without a script; all else waits, as it was taught."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.core.policy.test_policy import POLICY, question

from meshcore.clock import SystemClock
from meshcore.healing.executor import Executor
from meshcore.model import Slot
from meshcore.policy.frozen_installs import OWN_INDEXES
from meshcore.policy.question import PolicyVerdict
from meshcore.process.sandbox import detect

WORKING = detect({})
NPM = shutil.which("npm", path="/usr/local/bin:/usr/bin:/bin")
SLOTS = (Slot("identifier", "pad"),)


def packed(mark: Path) -> bytes:
    """Return a package that would leave a mark if any script of it ran."""
    scripts = dict.fromkeys(("preinstall", "install", "postinstall", "prepare"), f"touch {mark}")
    package = json.dumps(
        {"name": "pad", "version": "1.0.0", "main": "i.js", "scripts": scripts, "bin": {"pad": "i.js"}}
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in (("package/package.json", package), ("package/i.js", "module.exports = 'padded'\n")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0)


INDEX = f"registry.{OWN_INDEXES[0]}"


def lock_of(data: bytes, **other: Any) -> dict[str, Any]:
    digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
    entry: dict[str, Any] = {"version": "1.0.0", "resolved": f"https://{INDEX}/pad/-/pad-1.0.0.tgz"}
    entry |= {"integrity": f"sha512-{digest}", "bin": {"pad": "i.js"}, **other}
    root = {"name": "shop", "version": "1.0.0", "dependencies": {"pad": "1.0.0"}}
    packages = {"": root, "node_modules/pad": {key: value for key, value in entry.items() if value is not None}}
    return {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": packages}


PACKAGE = {"name": "shop", "version": "1.0.0", "dependencies": {"pad": "1.0.0"}}


def tracked(root: Path, content: object, name: str = "package-lock.json") -> None:
    (root / name).write_text(content if isinstance(content, str) else json.dumps(content))
    subprocess.run(("git", "add", "-f", "."), cwd=root, check=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(("git", "init", "-q"), cwd=root, check=True)
    (root / "package.json").write_text(json.dumps(PACKAGE))
    (root / "package-lock.json").write_text(json.dumps(lock_of(packed(tmp_path / "pwned"))))
    subprocess.run(("git", "add", "."), cwd=root, check=True)
    return root


def ruled(project: Path, text: str = "npm ci", *, contained: bool = True) -> PolicyVerdict:
    return POLICY.decide(question(project, tuple(text.split()), slots=SLOTS), contained=contained)


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshcore.policy.renderers.trusted_program", lambda name: f"/usr/bin/{name}")


@pytest.mark.usefixtures("npm")
class TestBounds:
    @pytest.mark.parametrize(
        "text", ["npm ci", "npm i", "npm install", "npm clean-install --ignore-scripts", "npm ci --no-audit -q"]
    )
    def test_what_a_tracked_lock_pins_is_installed_without_a_script(self, project: Path, text: str) -> None:
        ruling = ruled(project, text)
        (step,) = ruling.plan
        assert (ruling.decision, ruling.action_type) == ("run", "install_frozen")
        assert step.argv[:3] == ("/usr/bin/npm", "ci", "--ignore-scripts")
        assert f"--prefix={project}" in step.argv and "--userconfig=/dev/null" in step.argv
        assert step.writable == (str(project),)

    def test_uncontained_it_waits(self, project: Path) -> None:
        assert ruled(project, contained=False).decision == "approve"

    @pytest.mark.parametrize("name", [".npmrc", "npm-shrinkwrap.json", "binding.gyp", "node_modules"])
    @pytest.mark.parametrize("dangling", [False, True])
    def test_a_project_with_settings_or_modules_waits_for_just_what_was_taught(
        self, project: Path, name: str, dangling: bool
    ) -> None:
        (project / name).symlink_to("/nowhere" if dangling else "/etc/hostname")
        ruling = ruled(project)
        assert ruling.decision == "approve" and name in " ".join(ruling.reasons)
        assert ruling.plan[0].argv == ("/usr/bin/npm", "ci")

    @pytest.mark.parametrize("name", ["package.json", "package-lock.json"])
    def test_a_file_that_is_changed_new_or_a_link_waits(self, project: Path, name: str) -> None:
        text = (project / name).read_text()
        (project / name).write_text(text + "\n")
        assert ruled(project).decision == "approve"
        (project / name).write_text(text)
        assert ruled(project).decision == "run"
        (project / name).rename(project / "other")
        (project / name).symlink_to("other")
        assert ruled(project).decision == "approve"
        (project / name).unlink()
        assert ruled(project, "npm install").decision == "approve"

    def test_a_project_without_a_repository_waits(self, project: Path) -> None:
        shutil.rmtree(project / ".git")
        assert ruled(project).decision == "approve"

    @pytest.mark.parametrize(
        "entry",
        [
            {"resolved": "https://evil.example/pad.tgz"},
            {"resolved": f"http://{INDEX}/pad/-/pad-1.0.0.tgz"},
            {"resolved": f"https://{INDEX}.evil.example/pad/-/pad-1.0.0.tgz"},
            {"resolved": f"https://{INDEX}@evil.example/pad/-/pad-1.0.0.tgz"},
            {"resolved": f"https://{INDEX}:99/pad-1.0.0.tgz"},
            {"resolved": "git+ssh://git@github.com/a/b.git#abc"},
            {"resolved": "file:../outside"},
            {"resolved": "../outside", "link": True},
            {"resolved": None},
            {"resolved": 3},
            {"integrity": None},
            {"integrity": "sha1-abc="},
            {"integrity": []},
            {"hasInstallScript": True},
            {"hasInstallScript": True, "optional": True, "os": ["linux"]},
        ],
    )
    def test_a_package_from_elsewhere_or_with_a_script_waits(self, project: Path, entry: dict[str, Any]) -> None:
        lock = lock_of(b"x", **entry)
        tracked(project, lock)
        assert ruled(project).decision == "approve"

    @pytest.mark.parametrize(
        "place",
        ["../outside", "packages/web", "node_modules/../../x", "/etc/x", "node_modules/.bin", "node_modules/@evil",
         "node_modules/a/../../../b", "node_modules//x", "x/node_modules/pad", "node_modules/pad/",
         "node_modules/.pad"],
    )  # fmt: skip
    def test_a_place_outside_of_the_modules_waits(self, project: Path, place: str) -> None:
        lock = lock_of(b"x")
        lock["packages"][place] = lock["packages"]["node_modules/pad"]
        tracked(project, lock)
        assert ruled(project).decision == "approve"

    @pytest.mark.parametrize(
        "place", ["node_modules/@scope/pad", "node_modules/a/node_modules/b", "node_modules/JSONStream"]
    )
    def test_a_nested_or_scoped_package_is_one_of_the_modules(self, project: Path, place: str) -> None:
        lock = lock_of(b"x")
        lock["packages"][place] = lock["packages"]["node_modules/pad"]
        tracked(project, lock)
        assert ruled(project).decision == "run"

    def test_what_is_for_another_system_does_not_count(self, project: Path) -> None:
        tracked(project, lock_of(b"x", hasInstallScript=True, optional=True, os=["darwin"]))
        assert ruled(project).decision == "run"

    def test_a_lock_that_does_not_fit_package_json_waits(self, project: Path) -> None:
        tracked(project, PACKAGE | {"dependencies": {"pad": "1.0.0", "other": "1"}}, "package.json")
        assert "does not fit" in " ".join(ruled(project).reasons)

    @pytest.mark.parametrize(
        "changes", [{"workspaces": ["web"]}, {"scripts": {"postinstall": "make"}}, {"scripts": {"preinstall": "x"}}]
    )
    def test_a_project_that_does_something_when_it_is_installed_waits(
        self, project: Path, changes: dict[str, Any]
    ) -> None:
        tracked(project, PACKAGE | changes, "package.json")
        assert ruled(project).decision == "approve"

    @pytest.mark.parametrize(
        "text",
        ["", "[]", "{}", "null", "3", '{"lockfileVersion": 1, "packages": {}}', '{"lockfileVersion": 3}',
         pytest.param("[" * 5000, id="deep")],
    )  # fmt: skip
    def test_a_lock_that_is_none_waits(self, project: Path, text: str) -> None:
        tracked(project, text)
        assert ruled(project).decision == "approve"

    @pytest.mark.parametrize(
        "text",
        ["npm ci --prefix ../x", "npm ci --registry=http://x", "npm install --force", "npm ci --script-shell=./x",
         "npm ci --ignore-scripts=false", "npm install -g", "npm rebuild", "npm update"],
    )  # fmt: skip
    def test_no_other_form_goes_unattended(self, project: Path, text: str) -> None:
        assert ruled(project, text).decision != "run"

    @pytest.mark.parametrize(
        "text",
        ["pnpm install --frozen-lockfile", "yarn install --immutable", "yarn", "bun install --frozen-lockfile",
         "uv sync --frozen", "uv sync --locked"],
    )  # fmt: skip
    def test_the_others_wait_for_just_what_was_taught(self, project: Path, text: str) -> None:
        ruling = ruled(project, text)
        assert (ruling.decision, ruling.action_type) == ("approve", "install_frozen_by_others")
        assert ruling.plan[0].argv[0] == f"/usr/bin/{text.split()[0]}"


class Registry(BaseHTTPRequestHandler):
    """Serves one package under any path."""

    data = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.data)))
        self.end_headers()
        self.wfile.write(self.data)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    handler = type("OneRegistry", (Registry,), {"data": packed(tmp_path / "project/pwned")})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(not NPM or not WORKING.program, reason="npm or bubblewrap is not here")
class TestNpm:
    def test_it_installs_what_is_pinned_and_runs_nothing_whatever_lies_in_the_folder_or_above(
        self, project: Path, registry: str
    ) -> None:
        tracked(project, lock_of(packed(project / "pwned")))
        above = project.parent
        (above / "package.json").write_text('{"name": "above", "workspaces": ["project"]}')
        (above / ".npmrc").write_text(
            f"ignore-scripts=false\nregistry=http://127.0.0.1:1/\nscript-shell={above}/evil\n"
        )
        (project / "etc").mkdir()
        (project / "etc/npmrc").write_text("ignore-scripts=false\nregistry=http://127.0.0.1:1/\n")
        ruling = ruled(project)
        (step,) = ruling.plan
        assert ruling.decision == "run"
        # npm asks the index that is set for what is pinned to its own: here a server of this test's.
        step = replace(step, argv=(*step.argv, f"--registry={registry}"))
        executor = Executor(SystemClock(), above / "state", WORKING)
        environment = {"HOME": str(above), "PATH": "/usr/bin:/bin"}
        done = executor.apply([step], cwd=str(project), environment=environment).steps[0]
        assert done.exit_code == 0, done.output
        assert (project / "node_modules/pad/i.js").read_text() == "module.exports = 'padded'\n"
        assert not (project / "pwned").exists()
        assert sorted(path.name for path in above.iterdir()) == [".npmrc", "package.json", "project"]

    def test_a_package_that_is_not_what_was_pinned_is_not_installed(self, project: Path, registry: str) -> None:
        tracked(project, lock_of(b"another"))
        (step,) = ruled(project).plan
        step = replace(step, argv=(*step.argv, f"--registry={registry}", "--fetch-retries=0"))
        executor = Executor(SystemClock(), project.parent / "state", WORKING)
        done = executor.apply([step], cwd=str(project), environment={"HOME": "/nowhere", "PATH": "/usr/bin:/bin"})
        assert done.steps[0].exit_code != 0 and "EINTEGRITY" in done.steps[0].output


LOCKS = {
    "pnpm": ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n"),
    "yarn": ("yarn.lock", "# yarn lockfile v1\n"),
    "bun": ("README", ""),
    "uv": (
        "uv.lock",
        'version = 1\nrequires-python = ">=3.11"\n\n[[package]]\nname = "shop"\nversion = "1"\n'
        'source = { virtual = "." }\n',
    ),
}


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.skipif(not WORKING.program, reason="no containment here")
def test_what_a_person_approves_works_contained_with_the_program_of_the_user(project: Path, name: str) -> None:
    path = f"{os.environ['PATH']}:{sys.prefix}/tools/only"
    if shutil.which(name, path=path) is None:
        pytest.skip(f"{name} is not installed here")
    (project / "package-lock.json").unlink()
    (project / "package.json").write_text('{"name": "shop", "version": "1.0.0"}')
    (project / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n')
    (project / LOCKS[name][0]).write_text(LOCKS[name][1])
    asked = question(project, (name, "sync", "--frozen") if name == "uv" else (name, "install", "--frozen-lockfile"))
    asked = replace(asked, incident=replace(asked.incident, environment={"PATH": path}))
    ruling = POLICY.decide(asked, contained=True)
    assert ruling.decision == "approve" and Path(ruling.plan[0].argv[0]).name == name
    executor = Executor(SystemClock(), project.parent / "state", WORKING)
    environment = {"HOME": os.environ.get("HOME", "/"), "PATH": path}
    done = executor.apply(ruling.plan, cwd=str(project), environment=environment)
    assert [step.exit_code for step in done.steps] == [0], done
