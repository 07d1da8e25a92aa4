"""A mesh of real processes for the tests of the command line."""

from __future__ import annotations

import pytest
from tests.tui.pictures import Pictures


@pytest.fixture
def pictures(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    return Pictures(bool(pytestconfig.getoption("--keep-pictures")), tmp_path_factory.mktemp("pictures"))
