"""What a project can change about a command that may be repeated: the program, its variables, its settings.

A form of the rerun list says what a command means, and this says where a project has given it another meaning.
Settings are read more widely than their program reads them: what looks as if it counted makes the command wait.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from meshcore.home import read_plain_file
from meshcore.knowledge.program import program_name
from meshcore.policy.argv_patterns import Form, is_kind

_LIMIT: Final = 1 << 20  # bytes of a file of settings
_LAUNCHER: Final = 4096  # bytes
_SYSTEM: Final = frozenset({"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"})
_BINARY: Final = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_MODULES: Final = {"py.test": "pytest", "pip3": "pip"}
_PACKAGES: Final = {"tsc": "typescript"}
_LOADS: Final = {"pytest": "coverage"}

_HARMLESS: Final = re.compile(
    r"LANG|LANGUAGE|LC_\w+|TZ|TERM|CI|NO_COLOR|FORCE_COLOR|CLICOLOR\w*|COLUMNS|LINES|PATH|VIRTUAL_ENV|_OLD_VIRTUAL_PATH|PWD|OLDPWD"
    r"|PYTHON(?:UNBUFFERED|DONTWRITEBYTECODE|HASHSEED|IOENCODING|UTF8|FAULTHANDLER)|RUST_BACKTRACE"
)
"""Variables that a command may set for what it runs. Any other may tell that where to send or what to write."""

_CHANGING: Final = re.compile(
    r"LD_\w+|DYLD_\w+|GCONV_PATH|BASH_ENV|ENV|BASH_FUNC_.*"
    r"|PYTHON(?:HOME|INSPECT|BREAKPOINT|USERBASE|PLATLIBDIR|CASEOK|EXECUTABLE|PYCACHEPREFIX|WARNINGS|USERBASE)"
    r"|PYTEST_(?:ADDOPTS|PLUGINS)|COVERAGE_PROCESS_\w+|COV_CORE_\w+|MYPYPATH|MYPY_\w+|RUFF_\w+|PYLINT\w*|ISORT_\w+"
    r"|NODE_(?:OPTIONS|PATH)|JEST_\w+|VITEST\w*|MOCHA_\w+|TS_NODE_\w+|PERL5\w+|PERLLIB|RUBY(?:OPT|LIB)|SPEC_OPTS"
    r"|PHPRC|PHP_INI_SCAN_DIR|_JAVA_OPTIONS|JAVA_TOOL_OPTIONS|JDK_JAVA\w+|CLASSPATH|GO(?:FLAGS|TOOLCHAIN|ENV|WORK)"
    r"|CGO_\w+|PKG_CONFIG\w*|CC|CXX|AR|RUSTC\w*|RUSTDOC\w*|RUSTFLAGS|RUSTUP_TOOLCHAIN|GCC_\w+|COMPILER_PATH|TAR_OPTIONS|GREP_OPTIONS"
    r"|CARGO_(?:BUILD|TARGET|ALIAS|ENCODED|PROFILE|UNSTABLE)_\w+"
)
"""Variables by which a program does something else than its command says, wherever they come from."""

_Settings = tuple[tuple[str, str], ...]
_CODE: Final = ""  # whatever such a file holds counts
_PYTHON_FILES: Final = ("pyproject.toml", "setup.cfg", "tox.ini")


def _keys(keys: str, *files: str) -> _Settings:
    return tuple((file, keys) for file in (*_PYTHON_FILES, *files))


def _files(*patterns: str) -> _Settings:
    return tuple((pattern, _CODE) for pattern in patterns)


_SETTINGS: Final[Mapping[str, _Settings]] = {
    "pytest": _keys(
        "addopts|python-files|testpaths|filterwarnings|log-file|cache-dir|plugins",
        *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", ".coveragerc"),
    ),
    "mypy": _keys(
        r"plugins|install-types|python-executable|cache-dir|junit-xml|[\w-]+-report|[\w-]+-report-dir",
        "mypy.ini",
        ".mypy.ini",
    ),
    "flake8": _keys("local-plugins|extension|report|output-file|tee|paths|require-plugins", ".flake8"),
    "pylint": _keys(
        "load-plugins|init-hook|extension-pkg-[a-z-]+|unsafe-load-any-extension|output|output-format|reports-output",
        *("pylintrc", ".pylintrc", "pylintrc.toml", ".pylintrc.toml"),
    ),
    "ruff": _keys("fix|fix-only|unsafe-fixes|extend|output-file", "ruff.toml", ".ruff.toml"),
    "bandit": _files(".bandit"),
    "jest": _files("jest.config.*", "package.json#jest"),
    "vitest": _files("vitest.config.*", "vitest.workspace.*", "vite.config.*"),
    "mocha": _files(".mocharc*", "package.json#mocha"),
    "rspec": _files(".rspec*"),
    "phpunit": _files("phpunit.*"),
    "cargo": (*_files(".cargo/config", ".cargo/config.toml", "rust-toolchain"), ("rust-toolchain.toml", "path")),
    "rustc": (*_files("rust-toolchain"), ("rust-toolchain.toml", "path")),
    "javac": _files("META-INF/services/javax.annotation.processing.Processor"),
}
"""For each program the files in which a project can name code, other files or effects for it, and by which settings."""


def find(word: str, cwd: str, environment: Mapping[str, str]) -> str:
    """Return the path of the file that a command starts, "" where there is none."""
    where = word if "/" in word else shutil.which(word, path=environment.get("PATH"))
    path = Path(cwd, where) if where else None
    return str(path) if path and path.is_file() else ""


def program_doubt(word: str, cwd: str, environment: Mapping[str, str], project: str) -> str:
    """Return why a program need not be what its name says, "" where it is, or where a shell does it itself.

    What was called by a path, or lies in the project, is believed in a folder of the system, outside of the project as
    a binary or in a virtual environment, and inside where it starts the package of its name there or in `node_modules`.
    """
    if not (where := find(word, cwd, environment)):
        return ""
    folder, name = Path(where).parent, Path(where).name
    real, root = os.path.realpath(where), os.path.realpath(project) if project else ""
    is_ours = _is_below(real, root)
    inside = is_ours or _is_below(os.path.normpath(where), project) or ("/" in word and not word.startswith("/"))
    if not inside and ("/" not in word or str(folder) in _SYSTEM or (folder.parent / "pyvenv.cfg").is_file()):
        return ""
    if not is_ours and (real.startswith(tuple(f"{one}/" for one in _SYSTEM)) or _is_binary(real)):
        return "" if program_name(name) == program_name(Path(real).name) else f"{word:.60} is a link"
    if any(_is_launcher(Path(path), name) for path in (os.path.normpath(where), real)):
        return ""
    if f"/node_modules/{_PACKAGES.get(name, name)}/" in real and folder.name == ".bin":
        return ""
    return f"{word:.60} is a file that a project may have made"


def variable_doubt(environment: Mapping[str, str], typed: Mapping[str, str], project: str) -> str:
    """Return which variable may give a command another meaning, "" where none does.

    `environment` is what the command sees, `typed` what the whole command was given: the rest it has set itself.
    """
    for name, value in environment.items():
        if value and (_CHANGING.fullmatch(name) or name == "PYTHONPATH"):
            return f"{name} may change what it does"
    return set_doubt(environment, typed) or path_doubt(environment, project)


def set_doubt(environment: Mapping[str, str], typed: Mapping[str, str]) -> str:
    """Return which variable the command has set itself that may tell it where to send or what to write, or ""."""
    own = (name for name, value in environment.items() if value != typed.get(name) and not _HARMLESS.fullmatch(name))
    return next((f"it sets {name:.60}" for name in own), "")


def interpreter_doubt(environment: Mapping[str, str]) -> str:
    """Return which variable changes what an interpreter runs before its program, "" where none does."""
    changing = next((name for name, value in environment.items() if value and _CHANGING.fullmatch(name)), "")
    return f"{changing} may change what it does" if changing else ""


def path_doubt(environment: Mapping[str, str], project: str) -> str:
    """Return which folder of PATH lets a project stand in for other programs, "" where none does."""
    for folder in filter(None, environment.get("PATH", "").split(":")):
        made = Path(folder).name == ".bin" or Path(folder, "..", "pyvenv.cfg").is_file()
        if not folder.startswith("/") or (_is_in(folder, project) and not made):
            return f"PATH has {folder:.60} of the project"
    return ""


def settings_doubt(argv: tuple[str, ...], cwd: str, project: str, forms: Iterable[Form]) -> str:
    """Return which file of the project gives a command of the list another meaning, "" where none does."""
    at = 2 if argv[1:2] == ("-m",) else 0
    name = _MODULES.get(argv[at], argv[at])
    if not (wanted := _SETTINGS.get(name)):
        return ""
    own = [form for form in forms if name in form.literals[0]]
    here, top = Path(cwd), Path(project)
    for folder in (here, *here.parents):
        for pattern, keys in wanted:
            if why := _found(folder, pattern, keys, name, own):
                return why
        if folder == top or not _is_in(str(folder), project):
            return ""
    return ""


def _found(folder: Path, pattern: str, keys: str, name: str, forms: list[Form]) -> str:
    pattern, _, key = pattern.partition("#")
    for path in sorted(folder.glob(pattern)) if "*" in pattern else [folder / pattern]:
        if not os.path.lexists(path):
            continue
        if not keys and not key:
            return f"{path.name} may say what {name} does"
        try:
            text = read_plain_file(path, _LIMIT).decode("utf-8")
            settings = list(_settings(path.name, text, name))
        except (OSError, ValueError, RecursionError):
            return f"{path.name} cannot be read"
        if key and f'"{key}"' in text:
            return f"{path.name} may say what {name} does"
        for setting, value in settings:
            if keys and re.fullmatch(keys, setting) and not (name == "pytest" and _is_plain(setting, value, forms)):
                return f"{path.name} sets {setting}, which may change what {name} does"
    return ""


def _settings(file: str, text: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield names and values of settings, names in lower case with dashes; those of sections too."""
    if file.endswith(".toml"):
        data: Any = tomllib.loads(text)
        tools = data.get("tool", {}) if file == "pyproject.toml" else {}
        for table in (tools.get(name, {}), tools.get(_LOADS.get(name, ""), {})) if tools else (data,):
            yield from _flat(table)
        return
    for section in re.findall(r"(?m)^\[([^\]\n]*)", text):
        yield from ((_plain(part), "") for part in section.split(":"))
    for line in re.finditer(r"(?m)^[ \t]*([\w.-]+)[ \t]*[:=](.*(?:\n[ \t]+.*|\n[ \t]*(?:[#;].*)?(?=\n))*)", text):
        yield _plain(line[1]), line[2]


def _flat(value: Any) -> Iterator[tuple[str, str]]:
    for key, one in value.items() if isinstance(value, dict) else ():
        yield _plain(key), " ".join(map(str, one)) if isinstance(one, list) else str(one)
        for part in one if isinstance(one, list) else [one]:
            yield from _flat(part)


def _plain(key: str) -> str:
    return key.strip().casefold().replace("_", "-")


def _is_plain(setting: str, value: str, forms: list[Form]) -> bool:
    """Say whether a setting of pytest is one that could have been typed, and has it run nothing but tests."""
    try:
        words = tuple(shlex.split(value, comments=True))
    except ValueError:
        return False
    if setting == "addopts":
        return any(form.fit(("pytest", *words)) is not None for form in forms)
    if setting == "testpaths":
        return all(is_kind("TESTFILE", word) for word in words)
    if setting == "python-files":
        return all("test" in word for word in words)
    # A category that is not built in is imported.
    return setting == "filterwarnings" and not any(re.search(r":\w*\.\w", word) for word in words)


def _is_launcher(path: Path, name: str) -> bool:
    """Say whether a file of a virtual environment starts the package of its name, or is a binary that was put there."""
    if path.parent.name != "bin" or not (path.parent.parent / "pyvenv.cfg").is_file():
        return False
    if _is_binary(str(path)):
        return True
    try:
        with path.open("rb") as file:
            text = file.read(_LAUNCHER).decode("utf-8")
    except (OSError, ValueError):
        return False
    imported = re.findall(r"(?m)^[ \t]*(?:from|import) ([\w.]+)", text)
    own = [one.partition(".")[0] for one in imported if one not in ("re", "sys")]
    return text.startswith("#!") and bool(own) and set(own) == {_MODULES.get(name, name)}


def _is_binary(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return file.read(4) in _BINARY
    except OSError:
        return False


def _is_in(path: str, folder: str) -> bool:
    """Say whether a path is in a folder, or the folder itself, once links are followed."""
    return bool(folder) and _is_below(os.path.realpath(path), os.path.realpath(folder))


def _is_below(path: str, folder: str) -> bool:
    """Say whether a path is in a folder, or the folder itself, as both are written."""
    return bool(folder) and (path == folder or path.startswith(f"{folder.rstrip('/')}/"))
