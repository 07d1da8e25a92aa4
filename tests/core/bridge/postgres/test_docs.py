"""The SQL and the settings of docs/many-hosts.md do what they say on a real server."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml
from tests.core.bridge.helpers import ALICE, publication
from tests.core.bridge.postgres.conftest import Mesh
from tests.core.bridge.postgres.test_stolen_login import ATTEMPTS

from meshcore.bridge.postgres.address import connection_parameters
from meshcore.config import BridgeAddress

PAGE = (Path(__file__).parents[4] / "docs" / "many-hosts.md").read_text("utf-8")


@pytest.mark.services
def test_the_sql_of_the_page_runs_as_the_reader_that_it_makes(mesh: Mesh) -> None:
    mesh.open(mesh.a).publish([publication(ALICE)])
    first, *questions = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    login = f"{mesh.database}_ops"
    mesh.execute(first.replace("mesh_reader", f"{mesh.database}_reader").replace("ops", login))
    members, missing = (mesh.execute(question, login) for question in questions)
    assert [(row[0], row[4]) for row in members] == [("node-a", 1), ("node-b", 1)]
    assert [row[:2] for row in missing] == [("skill", 1)]


def test_the_addresses_of_the_page_are_good_ones() -> None:
    found = set(re.findall(r"postgresql://[^\s`\";]+", PAGE))
    assert len(found) >= 4
    for url in found:
        assert connection_parameters(BridgeAddress.parse(url.rstrip(":.")), 5.0)["dbname"] == "mesh"


def test_the_page_counts_the_attempts_as_they_are() -> None:
    assert f"({len(ATTEMPTS)} attempts in the tests)" in PAGE


def test_the_compose_file_of_the_page_is_one() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    found = yaml.safe_load(text)
    assert set(found) == {"services", "secrets", "volumes"}
    (service,) = found["services"].values()
    assert set(service["secrets"]) <= set(found["secrets"])
    assert {one.partition(":")[0] for one in service["volumes"] if not one.startswith(".")} <= set(found["volumes"])
    settings = dict(one.split("=") for one in service["command"] if one != "-c")
    assert settings["ssl"] == "on"


def test_the_units_of_the_page_are_such_as_systemd_reads(tmp_path: Path) -> None:
    units = dict(re.findall(r"```ini\n# \S*/(\S+)\n(.*?)```", PAGE, re.DOTALL))
    assert set(units) == {"meshtui-maintenance.service", "meshtui-maintenance.timer"}
    for name, text in units.items():
        parser = ConfigParser(strict=True, interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(text)
        assert parser.has_section("Unit")
        program = parser.get("Service", "ExecStart", fallback="").replace("/usr/local/bin/meshtui", "/bin/true")
        (tmp_path / name).write_text(text.replace(parser.get("Service", "ExecStart", fallback="\0"), program))
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed; sections and keys were read")
    done = subprocess.run(
        [analyze, "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    assert "Unknown" not in done.stderr
    assert "Missing" not in done.stderr
