"""A script starts only where its interpreter does, and that is told without starting either."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshcore.process.find_program import CannotStartError, find_startable


@pytest.mark.parametrize(
    "first",
    ["#!/no/such/sh", "#!/bin/sh\r", "#! /no/such/sh -e", "#!\t/no/such/sh\t-e", "#!no-such-folder/sh", "#!/bin/sh/x"],
)
def test_a_script_whose_interpreter_is_not_there_cannot_be_started(tmp_path: Path, first: str) -> None:
    script = tmp_path / "run.sh"
    script.write_bytes(f"{first}\necho\n".encode())
    script.chmod(0o755)
    for name, cwd in (("./run.sh", str(tmp_path)), (str(script), None)):
        with pytest.raises(CannotStartError) as error:
            find_startable(name, {}, cwd)
        assert (error.value.exit_code, "bad interpreter" in error.value.message) == (127, True)


@pytest.mark.parametrize(
    "first", ["#!/bin/sh", "#! /bin/sh -e", "#!/usr/bin/env no-such-python", "echo", "", "#!", "#! "]
)
def test_any_other_script_can(tmp_path: Path, first: str) -> None:
    script = tmp_path / "run.sh"
    script.write_text(f"{first}\n")
    script.chmod(0o755)
    assert find_startable(str(script), {}) == str(script)
    script.chmod(0o111)
    assert find_startable(str(script), {}) == str(script)
