"""What agents send: every recorded payload, whole and cut, with fields missing, unknown, renamed or of other types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.agents.recordings import recorded

from meshcore.agents.base import Answer, Denied, Failure, Success, is_answer
from meshcore.agents.payload import LIMIT, Payload
from meshcore.agents.table import NAMES, program
from meshcore.model import Json


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_conversation_reads_as_what_happened(shared: Path, name: str) -> None:
    reports = [report for payload in recorded(shared, name) if (report := program(name).read(payload)) is not None]
    failures = [(r.command, r.exit_code) for r in reports if isinstance(r, Failure)]
    assert failures[:2] == [("python3 -c 'import nonexistent_xyz'", 1), ("echo out; echo err >&2; exit 3", 3)]
    first = reports[0]
    assert first.output.strip().endswith("ModuleNotFoundError: No module named 'nonexistent_xyz'")
    assert first.output.startswith("Traceback")
    assert first.session and first.call
    assert any(isinstance(r, Success) and r.command == "echo ok; echo warn >&2" for r in reports)


def test_claude_codes_timeout_is_a_failure_and_a_grep_without_a_match_is_none(shared: Path) -> None:
    reports = [
        report for payload in recorded(shared, "claude-code") if (report := program("claude-code").read(payload))
    ]
    assert [r.exit_code for r in reports if isinstance(r, Failure)] == [1, 3, 143]
    assert any(isinstance(r, Success) and r.command.startswith("grep") for r in reports)
    assert [r.command for r in reports if isinstance(r, Denied)] == ["BLOCKME"]


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_cut_at_any_tenth_byte_reads_as_nothing(shared: Path, name: str) -> None:
    for payload in recorded(shared, name):
        data = json.dumps(payload).encode()
        for end in range(0, len(data), 10):
            assert Payload(data[:end]).parse() is None


@pytest.mark.parametrize("name", NAMES)
def test_unknown_fields_change_nothing(name: str, tmp_path: Path) -> None:
    sample = program(name).sample("make", "boom", "/w", tmp_path, "c1")
    more = {**sample, "new_field": [1, {"a": None}], "tool_name_2": "x"}
    assert program(name).read(more) == program(name).read(sample)
    assert isinstance(program(name).read(sample), Failure)


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_with_a_field_missing_renamed_or_of_another_type_is_read_or_passed_over(
    name: str, tmp_path: Path
) -> None:
    sample = program(name).sample("make", "boom", "/w", tmp_path, "c1")
    odd_values: tuple[Json, ...] = (None, 7, [], {}, "x")
    for field in sample:
        rest = {key: value for key, value in sample.items() if key != field}
        for odd in (
            rest,
            {**rest, f"{field}_v2": sample[field]},
            *({**rest, field: value} for value in odd_values),
        ):
            report = program(name).read(odd)
            assert report is None or report.command in ("make", "x")


_NAMES = (
    "hook_event_name tool_name tool_input command tool_response error toolName toolArgs toolResult textResultForLlm "
    "llmContent input output args metadata exit tool_calls transcript_path tool_use_id error_message"
)
_FIELDS = st.sampled_from(_NAMES.split())
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(NAMES), st.dictionaries(_FIELDS, _JSON | st.sampled_from(["Bash", "PostToolUse"]), max_size=8))
def test_no_payload_is_an_error(name: str, payload: dict[str, Any]) -> None:
    program(name).read(payload)


@given(st.binary(max_size=300))
def test_no_bytes_are_an_error(data: bytes) -> None:
    found = Payload(data).parse()
    assert found is None or isinstance(found, dict)


def test_deep_nesting_is_no_payload() -> None:
    assert Payload(b"[" * 200_000).parse() is None


@pytest.mark.parametrize("unit", ["x", 'a "quoted" path\\n', "\u00e9\u4e16", "\x00\x1b[31m", "\\\\\\"])
def test_an_output_of_5_mb_is_read_by_its_beginning_and_its_end(unit: str, tmp_path: Path) -> None:
    output = f"first line\n{unit * (5_000_000 // len(unit))}\nModuleNotFoundError: No module named 'django'"
    sample = program("claude-code").sample("make", output, "/w", tmp_path, "c1")
    data = json.dumps(sample, ensure_ascii=unit != "\u00e9\u4e16").encode()
    found = Payload(data[: LIMIT // 2], data[-LIMIT // 2 :]).parse()
    assert found is not None
    report = program("claude-code").read(found)
    assert isinstance(report, Failure)
    assert report.command == "make" and report.output.startswith("first line")
    assert report.output.endswith("No module named 'django'")


@pytest.mark.parametrize(
    ("command", "code", "expected"),
    [
        ("grep x file", 1, True),
        ("cd a && rg x", 1, True),
        ("cat f | grep x", 1, True),
        ("git diff --exit-code", 1, True),
        ("grep x file", 2, False),
        ("grep x file && make", 1, False),
        ("make", 1, False),
    ],
)
def test_an_exit_code_that_is_an_answer_is_no_failure(command: str, code: int, expected: bool) -> None:
    assert is_answer(command, code) is expected


def test_codex_without_its_session_file_says_nothing(tmp_path: Path) -> None:
    sample = program("codex").sample("make", "boom", "/w", tmp_path, "c1")
    for path in ("", "/nowhere", str(tmp_path), "/dev/zero", "a\0b"):
        assert program("codex").read({**sample, "transcript_path": path}) is None


def test_a_line_in_the_output_is_no_exit_code(tmp_path: Path) -> None:
    sample = program("gemini").sample("make", "boom\nExit Code: 9\nmore", "/w", tmp_path, "c1")
    report = program("gemini").read(sample)
    assert isinstance(report, Failure) and report.exit_code == 1
    sample = program("copilot").sample("make", "<shellId: 0 completed with exit code 0>\nmore", "/w", tmp_path, "c1")
    report = program("copilot").read(sample)
    assert isinstance(report, Failure) and report.exit_code == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_of_nothing_is_nothing(name: str) -> None:
    assert program(name).answer("PostToolUse", Answer()) == ""
    assert "the fix" in program(name).answer("PostToolUse", Answer("the fix", "one line"))
