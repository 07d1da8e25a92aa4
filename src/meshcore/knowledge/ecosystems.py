"""To which ecosystem a program belongs: `pytest` to python, `npm` to node."""

from __future__ import annotations

_PROGRAMS = {
    "python": "python python2 python3 pip uv poetry pdm pipenv pytest py.test tox nox django-admin flask mypy ruff",
    "node": "node npm npx yarn pnpm bun tsc jest vite webpack eslint",
    "git": "git gh",
    "rust": "cargo rustc rustup",
    "go": "go gofmt",
    "java": "java javac mvn gradle",
    "ruby": "ruby gem bundle rake rails",
    "docker": "docker docker-compose podman",
    "system": "apt apt-get dpkg dnf yum apk pacman zypper systemctl service mount",
}
_OF = {program: name for name, programs in _PROGRAMS.items() for program in programs.split()}


def ecosystem_of(program: str) -> str:
    """Return the ecosystem of a program (its name without folder and version), empty where none is known."""
    return _OF.get(program, "")
