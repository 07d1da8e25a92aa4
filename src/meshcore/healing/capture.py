"""From a failed run to an incident: redacted and made visible before anything else sees it, then given a signature."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meshcore.healing.circumstances import (
    circumstances,
    environment_of,
    environment_python,
    failed_inside,
    project_root,
)
from meshcore.healing.places import Place
from meshcore.knowledge.signature import read
from meshcore.knowledge.text import HEAD, TAIL
from meshcore.model import AgentInfo, Incident, StepResult
from meshcore.safety.redaction import redact, redact_argv, storable_argv
from meshcore.safety.secret_names import is_secret_name
from meshcore.safety.visible_text import strip_ansi, visible

if TYPE_CHECKING:
    from meshcore.process.passthrough import Passed

EXCERPT_LIMIT = 4 * 1024  # characters of output that an incident keeps
_LONGEST_SECRET = 8 * 1024
_NEVER_CUT = 1 << 30

KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "CI",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPATH",
    "DJANGO_SETTINGS_MODULE",
    "NODE_ENV",
    "NODE_PATH",
    "GOPATH",
    "JAVA_HOME",
    "CARGO_HOME",
)
"""Variables that an incident records, beside `LC_*`, so that its command can be run again in another process."""

__all__ = [
    "KEPT_VARIABLES",
    "capture_incident",
    "environment_python",
    "kept_environment",
    "make_incident",
    "next_incident",
    "project_root",
    "readable",
    "step_result",
]


def capture_incident(
    passed: Passed,
    argv: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    agent: AgentInfo,
    error_type: str = "",
) -> Incident:
    """Build the incident of a run that failed; `cwd` is absolute, `env` the command's own environment."""
    return make_incident(
        passed.output,
        argv,
        cwd=cwd,
        env=env,
        agent=agent,
        error_type=error_type,
        exit_code=passed.exit_code,
        opened=passed.ended,
        truncated=passed.truncated,
        stdin=passed.stdin,
    )


def make_incident(
    output: bytes,
    argv: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    agent: AgentInfo,
    exit_code: int | None,
    opened: str,
    incident_id: str = "",
    truncated: bool = False,
    stdin: str = "",
    error_type: str = "",
) -> Incident:
    """Build the incident of a command that failed, whoever saw it: `opened` is when (UTC), `output` what it said.

    `truncated`: the beginning of the output was cut off. Without an `incident_id` it gets a new one.
    """
    text = readable(_telling_parts(output), truncated=truncated)
    clean_argv, changed = storable_argv(argv)
    failed = failed_inside(argv, cwd, env, text)
    python = environment_of(failed, text).python
    inner = failed.one or Place(tuple(argv), cwd, env)
    inner_argv, _ = storable_argv(inner.argv)
    return Incident(
        incident_id=incident_id or os.urandom(8).hex(),
        opened=opened,
        agent=agent,
        argv=clean_argv,
        cwd=cwd,
        exit_code=exit_code,
        signature=read(text, error_type=error_type, command=shlex.join(inner_argv)),
        excerpt=text[-EXCERPT_LIMIT:],
        circumstances=circumstances(inner.argv, inner.cwd, python),
        argv_redacted=changed or clean_argv != tuple(argv),
        environment=kept_environment(env),
        stdin=stdin,
    )


def next_incident(incident: Incident, again: StepResult, env: Mapping[str, str], opened: str) -> Incident:
    """Build the incident of a command that failed once more when it was run again; its argv is the command's own."""
    found = make_incident(
        again.output.encode(errors="replace"),
        incident.argv,
        cwd=incident.cwd,
        env=env,
        agent=incident.agent,
        exit_code=again.exit_code,
        opened=opened,
        stdin=incident.stdin,
    )
    return replace(found, follows=incident.incident_id)


def readable(output: bytes, *, truncated: bool = False) -> str:
    """Return captured output as text that may be stored and drawn: no secrets, no control characters but line feeds.

    Where the beginning was cut off, its half line is left out: half a secret has no form to know it by.
    """
    if truncated:
        output = output.partition(b"\n")[2] or output[_LONGEST_SECRET:]
    text = strip_ansi(output.decode(errors="replace")).replace("\r\n", "\n").replace("\r", "\n")
    return visible(redact(text), limit=_NEVER_CUT)


def _telling_parts(output: bytes) -> bytes:
    """Return the beginning and the end of a long output, whole lines: more of it is not read for a signature."""
    if len(output) <= HEAD + TAIL:
        return output
    head = output[:HEAD].rpartition(b"\n")[0]
    tail = output[-TAIL:].partition(b"\n")[2] or output[_LONGEST_SECRET - TAIL :]
    return head + b"\n" + tail


def step_result(argv: Sequence[str], passed: Passed) -> StepResult:
    """Return what a rerun did, with as much of what it said as an incident is read from."""
    output = readable(_telling_parts(passed.output), truncated=passed.truncated)
    return StepResult(redact_argv(argv)[0], passed.exit_code, passed.seconds, output)


def kept_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that an incident records; one whose value holds a secret is left out."""
    return {
        name: value
        for name, value in env.items()
        if (name in KEPT_VARIABLES or name.startswith("LC_")) and not is_secret_name(name) and _is_plain(value)
    }


def _is_plain(value: str) -> bool:
    return redact(value) == value and visible(value, keep_newlines=False) == value
