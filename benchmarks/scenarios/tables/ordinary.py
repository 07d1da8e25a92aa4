"""What is ordinary beyond installing a package by its name: environments, examples, scripts, names that differ."""

from __future__ import annotations

from benchmarks.scenarios.scenario import Scenario
from benchmarks.scenarios.tables.python import INTO, PROJECT, VENV

GIT = ("git",)
TRACKED = "git init -q && git add . && git -c user.name=x -c user.email=x@x.org commit -qm start"
READS = "import json\nimport pathlib\n\nRATES = json.loads(pathlib.Path('conf/rates.json').read_text())\nprint(RATES)\n"
YAML = {**PROJECT, "menu.py": "import yaml\n\nprint('loads', yaml.__version__)\n"}

ORDINARY = (
    Scenario(
        "a package of another name, seen by watching and confirmed",
        ".venv/bin/python menu.py",
        "unattended",
        files=YAML,
        environments=VENV,
        did=(".venv/bin/python -m pip install -q PyYAML",),
        confirmed=True,
        changes=INTO,
    ),
    Scenario(
        "a package of another name, seen by watching once",
        ".venv/bin/python menu.py",
        "approval",
        "nobody has verified or confirmed it yet",
        files=YAML,
        environments=VENV,
        did=("./.venv/bin/pip install pyyaml",),
        changes=INTO,
    ),
    Scenario(
        "all that the project asks for, seen by watching once",
        ".venv/bin/python menu.py",
        "approval",
        "nobody has verified or confirmed it yet",
        files={**YAML, "requirements.txt": "pyyaml\n"},
        environments=VENV,
        did=(".venv/bin/pip install -r requirements.txt",),
        changes=INTO,
    ),
    Scenario(
        "tests in an environment that is not there",
        "venv/bin/python -m unittest -q",
        "unattended",
        files={
            **PROJECT,
            "test_sum.py": "import unittest\n\n\nclass T(unittest.TestCase):\n    def test(self): pass\n",
        },
        taught="python3 -m venv venv",
        changes=("venv", "venv/*", "__pycache__", "__pycache__/*"),
        volatile=True,
    ),
    Scenario(
        "a script with the line ends of another system",
        "./nightly.sh",
        "unattended",
        files={**PROJECT, "nightly.sh": "#!/bin/sh\r\necho done\r\n"},
        taught="sed -i 's/\\r$//' nightly.sh",
        changes=("nightly.sh",),
    ),
    Scenario(
        "a script whose shell lies elsewhere",
        "./nightly.sh",
        "unattended",
        files={**PROJECT, "nightly.sh": "#!/usr/local/opt/bin/bash\necho done\n"},
        taught="sed -i '1s|.*|#!/usr/bin/env bash|' nightly.sh",
        changes=("nightly.sh",),
    ),
    Scenario(
        "rates that git ignores, from a sample in a folder",
        ".venv/bin/python price.py",
        "unattended",
        files={**PROJECT, "price.py": READS, "conf/rates.sample.json": "{}\n", ".gitignore": "rates.json\n.venv\n"},
        setup=TRACKED,
        environments=VENV,
        taught="cp conf/rates.sample.json conf/rates.json",
        changes=("conf/rates.json",),
        needs=GIT,
    ),
    Scenario(
        "an example whose file git does not ignore",
        ".venv/bin/python price.py",
        "approval",
        "git does not ignore conf/rates.json",
        files={**PROJECT, "price.py": READS, "conf/rates.sample.json": "{}\n", ".gitignore": ".venv\n"},
        setup=TRACKED,
        environments=VENV,
        taught="cp conf/rates.sample.json conf/rates.json",
        changes=("conf/rates.json",),
        needs=GIT,
    ),
)
