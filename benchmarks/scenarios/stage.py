"""The stage of the scenarios: homes, virtual environments, package indexes and processes, all in one folder."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LIMIT_S = 120
TOOLS = Path(sys.prefix) / "tools" / "only"  # uv, poetry, nox, tox: `make scenarios` fetches them where it can
SYSTEM_PATH = f"/usr/local/bin:/usr/bin:/bin:{TOOLS}"
MESHTUI = (sys.executable, "-m", "meshtui")

# Distribution → module; a module with what an application would call in it.
WHEELS = {
    "attrs": "attr",
    "beautifulsoup4": "bs4",
    "click": "click",
    "django": "django",
    "flask": "flask",
    "httpx": "httpx",
    "idna": "idna",
    "jinja2": "jinja2",
    "mypy": "mypy",
    "numpy": "numpy",
    "pandas": "pandas",
    "pillow": "PIL",
    "psycopg2-binary": "psycopg2",
    "pydantic": "pydantic",
    "pyjwt": "jwt",
    "python-dateutil": "dateutil",
    "python-dotenv": "dotenv",
    "pyyaml": "yaml",
    "redis": "redis",
    "requests": "requests",
    "rich": "rich",
    "ruff": "ruff",
    "scikit-learn": "sklearn",
    "sqlalchemy": "sqlalchemy",
    "tabulate": "tabulate",
    "tomli": "tomli",
    "tqdm": "tqdm",
    "ujson": "ujson",
    "uvicorn": "uvicorn",
    "wheel": "wheel",
    "setuptools": "setuptools",
    "alembic": "alembic",
    "build": "build",
    "gunicorn": "gunicorn",
    "pytest-cov": "pytest_cov",
    "acme-billing": "acme_billing",  # a package of the house, which no list knows
}
PLUGIN = "\n\ndef pytest_addoption(parser):\n    parser.addoption('--cov')\n"
PACKAGES = ("left-pad", "lodash", "chalk", "dotenv", "express", "ms")
_FOREIGN = ("MESHTUI_", "VIRTUAL_ENV", "PYTHON", "PIP_", "UV_", "CONDA", "PYENV", "GIT_", "npm_", "NODE_", "XDG_")


def build_wheels(folder: Path) -> None:
    """Build a wheel for each of WHEELS, without any tool."""
    folder.mkdir(parents=True)
    for name, module in WHEELS.items():
        wheel = name.replace("-", "_")
        info = f"{wheel}-1.0.dist-info"
        plugin = module.startswith("pytest_")
        files = {
            f"{module}/__init__.py": '__version__ = "1.0"\ndef run():\n    print("fine")\n' + PLUGIN * plugin,
            f"{module}/__main__.py": f'print("{module} ran")\n',
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: scenarios\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/entry_points.txt": f"[console_scripts]\n{module} = {module}:run\n"
            + f"[pytest11]\n{module} = {module}\n" * plugin,
        }
        record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
        with zipfile.ZipFile(folder / f"{wheel}-1.0-py3-none-any.whl", "w") as archive:
            for path, text in {**files, f"{info}/RECORD": record}.items():
                archive.writestr(path, text)


class Registry:
    """An npm registry on 127.0.0.1 that holds PACKAGES."""

    def __init__(self) -> None:
        tarballs = {name: _tarball(name) for name in PACKAGES}

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name, _, file = self.path.lstrip("/").partition("/-/")
                data = tarballs.get(name)
                if data is None:
                    self._send(404, b"{}")
                elif file:
                    self._send(200, data)
                else:
                    self._send(200, json.dumps(_packument(name, data, self.headers["Host"])).encode())

            def do_POST(self) -> None:
                self._send(404, b"{}")

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """Return the registry's URL."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        """Serve no longer."""
        self._server.shutdown()
        self._server.server_close()


def _tarball(name: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, text in {
            "package/package.json": json.dumps({"name": name, "version": "1.0.0", "main": "index.js"}),
            "package/index.js": "module.exports = (text) => String(text);\n",
        }.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def _packument(name: str, data: bytes, host: str) -> dict[str, Any]:
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    dist = {"tarball": f"http://{host}/{name}/-/{name}-1.0.0.tgz", "integrity": integrity}
    version = {"name": name, "version": "1.0.0", "dist": dist}
    return {"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}


class Environments:
    """Virtual environments as `python -m venv` makes them, from one template: each would take seconds otherwise."""

    def __init__(self, folder: Path) -> None:
        self._template = folder
        base = getattr(sys, "_base_executable", sys.executable)
        subprocess.run([base, "-m", "venv", str(folder)], check=True, capture_output=True)
        self._site = next((folder / "lib").glob("python3*/site-packages")).relative_to(folder)
        own = next((Path(sys.prefix) / "lib").glob("python3*/site-packages"))
        shutil.copy(own / "py.py", folder / self._site)
        for name in ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments"):
            if (own / name).is_dir():
                shutil.copytree(own / name, folder / self._site / name, ignore=shutil.ignore_patterns("__pycache__"))
        script = f"#!{folder}/bin/python\nimport sys\nfrom pytest import console_main\nsys.exit(console_main())\n"
        (folder / "bin" / "pytest").write_text(script)
        (folder / "bin" / "pytest").chmod(0o755)

    def make(self, folder: Path) -> None:
        """Make one in a folder, which is a link's copy of the template with its own paths."""
        shutil.copytree(
            self._template, folder, symlinks=True, copy_function=_link, ignore=shutil.ignore_patterns("__pycache__")
        )
        for path in (folder / "bin").iterdir():
            if not path.is_symlink():
                text = path.read_bytes().replace(os.fsencode(self._template), os.fsencode(folder))
                mode = path.stat().st_mode
                path.unlink()
                path.write_bytes(text)
                path.chmod(mode)

    def make_like_conda(self, folder: Path) -> None:
        """Make a Python with a prefix of its own that is no virtual environment, as conda does."""
        base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
        library = base.parents[1] / "lib" / self._site.parts[1]
        inside = folder / "lib" / library.name
        (folder / "bin").mkdir(parents=True)
        (folder / "conda-meta").mkdir()
        inside.mkdir(parents=True)
        shutil.copy(base, folder / "bin" / "python")
        (folder / "bin" / "python3").symlink_to("python")
        for path in library.iterdir():
            if path.name != "site-packages":
                (inside / path.name).symlink_to(path)
        shutil.copytree(self._template / self._site / "pip", inside / "site-packages" / "pip")


def _link(source: str, target: str) -> str:
    if Path(source).is_symlink():
        Path(target).symlink_to(Path(source).readlink())
    else:
        os.link(source, target)
    return target


class Agent:
    """One of the two: a home, a project folder in it, a node of the mesh."""

    def __init__(self, root: Path, name: str, below: str, project: str, shared: Mapping[str, str]) -> None:
        self.name = name
        self.home = root / name
        self.project = self.home / below / project
        self.mesh = root / "nodes" / name
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        self.variables = {
            **kept,
            "HOME": str(self.home),
            "PATH": SYSTEM_PATH,
            "LANG": "C.UTF-8",
            "MESHTUI_HOME": str(self.mesh),
            "MESHTUI_AGENT": name,
            "MESHTUI_OPERATOR_DIR": str(root / "operator"),
            "MESHTUI_BRIDGE": str(root / "bridge" / "bridge.db"),
            **shared,
        }
        self.project.mkdir(parents=True)

    def activate(self, environment: Path) -> None:
        """Let a virtual environment be the activated one."""
        self.variables["PATH"] = f"{environment}/bin:{self.variables['PATH']}"
        self.variables["VIRTUAL_ENV"] = str(environment)

    def plain(self, argv: Sequence[str], folder: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command as it is; one that cannot be started gives a shell's answer."""
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        try:
            done = subprocess.run(
                argv, cwd=folder, env=self.variables, capture_output=True, text=True, timeout=LIMIT_S, **given
            )
        except OSError as error:
            code = 127 if isinstance(error, FileNotFoundError) else 126
            return subprocess.CompletedProcess(argv, code, "", "")
        done.returncode = 128 - done.returncode if done.returncode < 0 else done.returncode  # as a shell says it
        return done

    def meshtui(
        self, *arguments: str, folder: Path | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `meshtui` in a folder, the project by default."""
        return self.plain((*MESHTUI, *arguments), folder or self.project, stdin)

    def ask(self, *arguments: str) -> Any:
        """Return what a `meshtui … --json` prints."""
        done = self.meshtui(*arguments, "--json")
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise RuntimeError(f"meshtui {' '.join(arguments)}: {done.stderr.strip() or done.stdout}") from error


_PASSING = re.compile(
    r"(^|/)(__pycache__|\.cache|\.npm|\.pytest_cache|\.mypy_cache|\.config|\.local/share)(/|$)|\.git/"
)


def picture(folder: Path) -> dict[str, tuple[int, str]]:
    """Return each file below a folder with its mode and a digest; caches are left out, links are not followed."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if _PASSING.search(name):
            continue
        status = path.lstat()
        if path.is_symlink():
            content = str(path.readlink())
        elif "site-packages" in name:
            content = f"{status.st_ino} {status.st_size}"
        elif path.is_file():
            content = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest() if status.st_size < 1 << 20 else ""
        else:
            content = "folder"
        found[name] = (status.st_mode, content)
    return found


def system_packages() -> dict[str, list[str]]:
    """Return what is installed for the Pythons of this machine."""
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve().parents[1]
    folders = [*base.glob("lib/python3*/site-packages"), *Path("/usr").glob("lib/python3*/dist-packages")]
    folders += Path("/usr/local").glob("lib/python3*/*-packages")
    return {str(folder): sorted(path.name for path in folder.iterdir()) for folder in folders if folder.is_dir()}
