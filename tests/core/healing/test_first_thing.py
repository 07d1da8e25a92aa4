"""Programs that failed before anything with an effect, told from those that did more: each is run for real."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.healing.first_thing import why_not_first_thing
from meshcore.healing.places import Place

NOW = 4_000_000_000.0
MAIN = "def main():\n    {}\nif __name__ == '__main__':\n    main()\n"

FORGED = (
    'Traceback (most recent call last):\n  File "app.py", line 4, in main\n    import json\n'
    "ModuleNotFoundError: No module named 'json'\n\n"
    "The above exception was the direct cause of the following exception:\n\n"
    'Traceback (most recent call last):\n  File "app.py", line 10, in <module>\n    main()\n'
    '  File "app.py", line 6, in main\nImportError: x\n'
)

HARMLESS: dict[str, dict[str, str]] = {
    "the first import": {"app.py": "import gone\n"},
    "after other imports": {"app.py": "import os, sys\nfrom pathlib import Path\nimport gone.part\n"},
    "after literals and definitions": {
        "app.py": '"""Text."""\nSIZE = 2 * 3\nNAMES = [n for n in ("a", "b")]\ndef f(x=SIZE): return send(x)\n'
        "class C:\n    size: int = 3\n    def g(self): send(1)\nfrom gone import x\n"
    },
    "in the function that is called last": {"app.py": f"import sys\n{MAIN.format('import gone')}"},
    "in a module of the project": {
        "app.py": "from shop import models\n",
        "shop/__init__.py": "",
        "shop/models.py": "import gone\n",
    },
    "after another module of the project": {
        "app.py": "from settings import DEBUG\nimport gone\n",
        "settings.py": "import os\nDEBUG = os.environ.get('DEBUG', '0') == '1'\n",
    },
    "with a known path": {"app.py": "import sys, os\nsys.path.insert(0, os.path.dirname(__file__))\nimport gone\n"},
    "where an optional import was caught": {
        "app.py": "try:\n    import tomllib\nexcept ImportError:\n    tomllib = None\nimport gone\n"
    },
    "a file that it opens first": {"app.py": "import json\nwith open('logs/app.log', 'a') as log:\n    pass\n"},
    "a file that it writes first": {"app.py": "open('logs/app.log', 'a').write('started')\n"},
    "a file that it reads into something": {"app.py": "import json\nSETTINGS = json.load(open('config.json'))\n"},
    "a file by pathlib": {"app.py": "from pathlib import Path\nPath('out/a.txt').write_text('x')\n"},
    "a folder below a missing one": {"app.py": "import os\nos.mkdir('a/b')\n"},
    "a file whose name is bound once": {
        "app.py": "from pathlib import Path\nHERE = Path(__file__).resolve().parent\nOUT = HERE / 'out' / 'a.csv'\n"
        "def main():\n    with open(OUT, 'w') as file:\n        file.write('x')\nmain()\n"
    },
    "a log that is rotated": {
        "app.py": "import logging.handlers\nH = logging.handlers.RotatingFileHandler('logs/app.log', maxBytes=9)\n"
    },
    "a packed file": {"app.py": "import gzip\nwith gzip.open('out/a.gz', 'wb') as file:\n    file.write(b'a')\n"},
    "the size of a file": {"app.py": "import os\nprint(os.path.getsize('a.db'))\n"},
    "a log of logging": {"app.py": "import logging\nlogging.basicConfig(filename='logs/app.log')\n"},
    "a database": {"app.py": "import sqlite3\nsqlite3.connect('var/a.db').execute(str(print))\n"},
    "after a look at what it runs on": {
        "app.py": "import sys\nif sys.version_info < (3, 8):\n    raise SystemExit('old')\n"
        "if not sys.argv:\n    sys.exit(2)\nimport gone\n"
    },
    "an import's error that is told in words of its own": {
        "app.py": MAIN.format(
            "try:\n        from gone.core import run\n    except ImportError as error:\n"
            "        raise ImportError('is it installed?') from error\n    run()"
        ),
    },
    "the same of a module of the project, in the file's own statements": {
        "app.py": "try:\n    import a\nexcept ImportError:\n    raise RuntimeError('no a')\n",
        "a.py": "import gone\n",
    },
    "a name that the standard library has moved": {
        "app.py": "import os\nfrom collections import OrderedDict, Mapping\n"
    },
    "the same in a module of the project": {"app.py": "import a\n", "a.py": "from fractions import gcd\n"},
    "through asyncio": {"app.py": "import asyncio\nasync def main():\n    import gone\nasyncio.run(main())\n"},
}

MORE: dict[str, dict[str, str]] = {
    "a handler that goes on": {"app.py": "try:\n    import gone\nexcept ImportError:\n    pass\nraise ValueError(1)\n"},
    "another handler than the one that raised": {
        "app.py": "import sys\ntry:\n    import gone\nexcept ModuleNotFoundError:\n    print('x')\n"
        "except ImportError as error:\n    raise ValueError(1) from error\nimport gone\n"
    },
    "a handler that acts before it raises": {
        "app.py": "try:\n    import gone\nexcept ImportError:\n    print('x')\n    raise ValueError(1)\n"
    },
    "a module that acts before the error of its import is caught": {
        "app.py": "try:\n    import a\nexcept ImportError:\n    raise ValueError(1)\n",
        "a.py": "print('x')\nimport gone\n",
    },
    "what is done at last": {
        "app.py": "try:\n    import gone\nexcept ImportError:\n    raise ValueError(1)\nfinally:\n    print('x')\n"
    },
    "an error without its cause": {
        "app.py": "try:\n    import gone\nexcept ImportError:\n    raise ValueError(1) from None\n"
    },
    "a forged cause": {
        "app.py": "import sys\ndef main():\n    try:\n        import json\n    except ImportError as error:\n"
        "        raise ImportError('x') from error\n    sys.stderr.write(FORGED)\n    sys.exit(1)\n"
        f"FORGED = {FORGED!r}\nmain()\n"
    },
    "a call before": {"app.py": "print('x')\nimport gone\n"},
    "an import at its end": {"app.py": "def send(): print('x')\nsend()\nimport gone\n"},
    "a module that does something": {"app.py": "import mailer\nimport gone\n", "mailer.py": "print('sent')\n"},
    "a package that does something": {
        "app.py": "from shop import models\n",
        "shop/__init__.py": "print('sent')\n",
        "shop/models.py": "import gone\n",
    },
    "a module of a module": {"app.py": "import a\nimport gone\n", "a.py": "import b\n", "b.py": "print('x')\n"},
    "a module on a path of its own": {
        "app.py": "import sys, os\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))\n"
        "import mailer, gone\n",
        "lib/mailer.py": "print('x')\n",
    },
    "a default value": {"app.py": "def f(x=print('x')): pass\nimport gone\n"},
    "an annotation": {"app.py": "x: print('x') = 1\nimport gone\n"},
    "a decorator": {"app.py": "def d(f): print('x'); return f\n@d\ndef f(): pass\nimport gone\n"},
    "a class body": {"app.py": "class C:\n    print('x')\nimport gone\n"},
    "a metaclass": {"app.py": "class M(type):\n    pass\nclass C(metaclass=M): pass\nimport gone\n"},
    "a base that acts": {
        "app.py": "class B:\n    def __init_subclass__(cls): print('x')\nclass C(B): pass\nimport gone\n"
    },
    "a comprehension": {"app.py": "[print(x) for x in 'x']\nimport gone\n"},
    "a text with a call in it": {"app.py": "name = f\"{print('x')}\"\nimport gone\n"},
    "a loop": {"app.py": "for x in range(2):\n    import gone\n"},
    "a name that is not what it seems": {
        "app.py": "import os\nos = __import__('sys')\nos.path.join('a')\nimport gone\n"
    },
    "a shadowed module": {
        "app.py": "import logging\nlogging.getLogger('x')\nimport gone\n",
        "logging.py": "def getLogger(x): print(x)\n",
    },
    "anything from a star": {
        "app.py": "from helper import *\nx = len('a')\nimport gone\n",
        "helper.py": "def len(x): print(x)\n",
    },
    "an error that is caught and printed": {
        "app.py": "import sys, traceback\ntry:\n    import gone\nexcept ImportError:\n"
        "    traceback.print_exc()\n    sys.exit(1)\n"
    },
    "a clean-up": {"app.py": "try:\n    import gone\nfinally:\n    print('x')\n"},
    "a function called before": {"app.py": "def main():\n    import gone\nprint('x')\nmain()\n"},
    "arguments that act": {"app.py": "def main(x):\n    import gone\nmain(print('x'))\n"},
    "a call into others": {"app.py": "import subprocess\nsubprocess.run(['no-such-program-here'])\n"},
    "a file that it opens at its end": {"app.py": "open('out', 'w').write('x')\nopen('logs/app.log')\n"},
    "a forged traceback": {
        "app.py": "import json\nimport sys\n"
        "print('Traceback (most recent call last):\\n  File \"%s\", line 1, in <module>' % __file__)\n"
        "print('    import json\\nModuleNotFoundError: No module named \"gone\"'.replace('\"', chr(39)))\nsys.exit(1)\n"
    },
    "another error": {"app.py": "1 / 0\n"},
    "a name that a module of the project lacks": {"app.py": "from a import b\n", "a.py": "print('x')\n"},
    "a name that is missing after an effect": {"app.py": "print('x')\nfrom collections import Mapping\n"},
    "a name that is there, in a forged traceback": {
        "app.py": "from collections import OrderedDict\nimport collections\n"
        "raise ImportError(f\"cannot import name 'OrderedDict' from 'collections' ({collections.__file__})\")\n"
    },
    "a package that may give the name after all": {"app.py": "from asyncio import coroutine\n"},
    "a file that is opened after a call": {"app.py": "f = [print('x'), open('logs/a')]\n"},
    "what is written is made first": {
        "app.py": "from pathlib import Path\nPath('out/a.txt').write_text(str(print('x')))\n"
    },
    "two files": {"app.py": "with open('a', 'w') as a, open('logs/b', 'w') as b:\n    pass\n"},
    "a name that is bound twice": {"app.py": "OUT = 'logs/a'\nif OUT:\n    OUT = 'logs/b'\nopen(OUT, 'w')\n"},
    "a name that only the call knows": {"app.py": "import sys\nopen(sys.argv[0] + '/a', 'w')\n"},
    "a database with a look at something before": {
        "app.py": "import sqlite3\nprint('x')\nsqlite3.connect('var/a.db')\n"
    },
    "a file of a handler": {"app.py": "import logging\nlogging.basicConfig(filename=print('x') or 'logs/a')\n"},
    "what raises with a call": {"app.py": "def f(): print('x'); return 1\nif f():\n    import gone\n"},
    "a raise whose cause acts": {
        "app.py": "try:\n    raise ValueError from print('x')\nexcept TypeError:\n    pass\nimport gone\n"
    },
    "a sort that calls": {"app.py": "sorted('ab', key=lambda x: print(x))\nimport gone\n"},
    "a forged error of a file that is there": {
        "app.py": "import sys\nopen('a', 'w')\n"
        "print('Traceback (most recent call last):\\n  File \"%s\", line 2, in <module>' % __file__)\n"
        "print(\"FileNotFoundError: [Errno 2] No such file or directory: 'a'\")\nsys.exit(1)\n"
    },
    "a forged error of a database": {
        "app.py": "import sqlite3, sys\nsqlite3.connect('a.db')\n"
        "print('Traceback (most recent call last):\\n  File \"%s\", line 2, in <module>' % __file__)\n"
        "print('sqlite3.OperationalError: unable to open database file')\nsys.exit(1)\n"
    },
    "a start file of the project": {"app.py": "import gone\n", "sitecustomize.py": "print('x')\n"},
}


def environment_in(folder: Path) -> str:
    """Make what it takes to be a virtual environment, with nothing installed; return its python."""
    venv = folder / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "lib" / f"python3.{sys.version_info.minor}" / "site-packages").mkdir(parents=True)
    python = os.path.realpath(sys.executable)
    (venv / "pyvenv.cfg").write_text(f"home = {Path(python).parent}\n")
    (venv / "bin" / "python").symlink_to(python)
    return str(venv / "bin" / "python")


def why(
    folder: Path, files: dict[str, str], *arguments: str, failed_at: float = NOW, given: str = "", **variables: str
) -> str:
    """Write a project, run it for real, and return why its failure did not come first, "" where it did."""
    python = environment_in(folder)
    (folder / "pyproject.toml").write_text("")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    argv = (python, *(arguments or ("app.py",)))
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(
        argv, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, input=given
    )
    assert done.returncode != 0
    return why_not_first_thing(Place(argv, str(folder), environment, given=given), done.stdout, python, failed_at)


@pytest.mark.parametrize("files", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_failed_before_anything_with_an_effect_is_known_by_its_syntax_trees(
    tmp_path: Path, files: dict[str, str]
) -> None:
    assert why(tmp_path, files) == ""


@pytest.mark.parametrize("files", MORE.values(), ids=MORE.keys())
def test_what_may_have_done_more_is_not(tmp_path: Path, files: dict[str, str]) -> None:
    assert why(tmp_path, files)


def test_a_module_is_read_with_the_packages_that_are_imported_before_it(tmp_path: Path) -> None:
    package = {"shop/__init__.py": "", "shop/__main__.py": "import gone\n"}
    assert why(tmp_path / "plain", package, "-m", "shop") == ""
    assert why(tmp_path / "acting", {**package, "shop/__init__.py": "print('x')\n"}, "-m", "shop")
    assert why(tmp_path / "failing", {**package, "shop/__init__.py": "import gone\n"}, "-m", "shop") == ""


CODE = {
    "import gone": True,
    "\nimport os\nfrom pathlib import Path\nimport gone\nprint('x')\n": True,
    "import app": True,
    "from collections import Mapping": True,
    "open('logs/app.log', 'a').write('x')": True,
    "print('x')\nimport gone": False,
    "import mailer, gone": False,
    "import app; app.run()": False,
    "exec('import gone')": False,
    "print('x')\nexec('import gone')": False,
    "open('out', 'w').write('x'); open('logs/app.log')": False,
}
FILES = {"app.py": "import sys\ndef run():\n    print('x')\n    import gone\n", "mailer.py": "print('sent')\n"}


@pytest.mark.parametrize("given", [False, True], ids=["-c", "a here-document"])
@pytest.mark.parametrize("code", CODE)
def test_code_of_the_command_itself_is_read_like_a_file(tmp_path: Path, code: str, given: bool) -> None:
    files = {**FILES, "app.py": "import gone\n"} if code == "import app" else FILES
    found = why(tmp_path, files, *(("-",) if given else ("-c", code)), given=code if given else "")
    assert (found == "") is CODE[code]


@pytest.mark.parametrize("acting", ["jobs/__init__.py", "jobs/night/__init__.py"])
@pytest.mark.parametrize("module", ["jobs.night.daily", "jobs.night"])
def test_a_package_that_acted_before_one_of_its_modules_ran_did_more(tmp_path: Path, acting: str, module: str) -> None:
    files = {"jobs/__init__.py": "", "jobs/night/__init__.py": "", "jobs/night/daily.py": "import gone\n"}
    files["jobs/night/__main__.py"] = "import gone\n"
    assert why(tmp_path / "plain", files, "-m", module) == ""
    assert why(tmp_path / "acting", {**files, acting: "print('sent')\n"}, "-m", module) != ""


def test_a_module_of_a_folder_that_a_variable_adds_is_found(tmp_path: Path) -> None:
    files = {"src/shop/__init__.py": "", "src/shop/__main__.py": "import gone\n"}
    assert why(tmp_path / "a", files, "-m", "shop", PYTHONPATH="src") == ""
    files["src/shop/__init__.py"] = "print('sent')\n"
    assert why(tmp_path / "b", files, "-m", "shop", PYTHONPATH="src") != ""


def test_what_was_changed_since_is_not_what_ran(tmp_path: Path) -> None:
    assert "changed since" in why(tmp_path, HARMLESS["the first import"], failed_at=time.time() - 60)


def test_what_is_missing_no_more_proves_nothing(tmp_path: Path) -> None:
    place = Place((environment_in(tmp_path), "app.py"), str(tmp_path), {})
    (tmp_path / "app.py").write_text("import gone\n")
    frame = f'  File "{tmp_path}/app.py", line 1, in <module>'
    said = f"Traceback (most recent call last):\n{frame}\nModuleNotFoundError: No module named 'gone'"
    assert why_not_first_thing(place, said, place.argv[0], NOW) == ""
    assert why_not_first_thing(place, said + "\nmore", place.argv[0], NOW)
    assert why_not_first_thing(place, said, "", NOW)
    next(tmp_path.glob(".venv/lib/*/site-packages")).joinpath("gone").mkdir()
    assert why_not_first_thing(place, said, place.argv[0], NOW)


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_makes_it_fail(source: str, output: str) -> None:
    frame = f'Traceback (most recent call last):\n  File "/x/{source}", line 1, in <module>\n{output}'
    for text in (output, frame):
        assert why_not_first_thing(Place(("python", source), "/x", {}), text, "", NOW)
