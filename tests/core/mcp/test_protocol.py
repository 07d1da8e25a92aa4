"""The protocol by itself: each message one answer or none, whatever is in it, and nothing that stops the server."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import pytest

from meshcore.mcp.protocol import LINE_LIMIT, VERSIONS, Parameter, Server, Tool


@dataclass(frozen=True, slots=True)
class Said:
    words: str


def _say(words: str) -> tuple[Said, str]:
    if words == "break":
        raise RuntimeError("a fault of ours\nwith a secret in it")
    return Said(words), ""


SAY = Tool("say", "Say", "Call this to say.", (Parameter("words", "What.", 10, required=True),), Said, _say)
SERVER = Server("meshtui", "1", "Say something.", (SAY,))


def served(*lines: bytes) -> list[Any]:
    sink = io.BytesIO()
    SERVER.serve(io.BytesIO(b"".join(line + b"\n" for line in lines)), sink)
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def asked(method: str, params: Any = None, number: Any = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


@pytest.mark.parametrize("version", [*VERSIONS, "1999-01-01", None, 3])
def test_a_client_gets_the_version_that_it_asks_for_or_the_newest(version: Any) -> None:
    [answer] = served(asked("initialize", {"protocolVersion": version}))
    assert answer["result"]["protocolVersion"] == (version if version in VERSIONS else VERSIONS[0])
    assert answer["result"]["instructions"]


BROKEN = [
    (b"{", -32700),
    (b"[]", -32600),
    (b"7", -32600),
    (b'{"id": 1}', -32600),
    (b'{"id": 1, "method": 3}', -32600),
    (asked("no/such"), -32601),
    (asked("server/discover"), -32601),
    (asked("tools/call", {"name": "x"}), -32602),
    (asked("tools/call", []), -32602),
    (asked("resources/read", {"uri": ["x"]}), -32002),
    (b"[" * 100_000, -32700),
    (b"\xff\xfe", -32700),
    (b'"' + b"x" * LINE_LIMIT + b'"', -32600),
    (asked("tools/call", {"name": "say", "arguments": {"words": "break"}}), -32603),
]


@pytest.mark.parametrize(("line", "code"), BROKEN)
def test_a_broken_message_is_answered_in_one_line_and_the_next_one_as_ever(line: bytes, code: int) -> None:
    broken, pong = served(line, asked("ping", number="after"))
    assert broken["error"]["code"] == code
    assert "\n" not in broken["error"]["message"] and "secret" not in broken["error"]["message"]
    assert pong == {"jsonrpc": "2.0", "id": "after", "result": {}}


def test_what_asks_for_no_answer_gets_none() -> None:
    notes = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}', b'{"id": 5, "result": {}}', b"", b"  "
    assert served(*notes) == []


def test_a_tool_answers_as_its_schema_says() -> None:
    listed, done = served(asked("tools/list"), asked("tools/call", {"name": "say", "arguments": {"words": "é"}}))
    [tool] = listed["result"]["tools"]
    assert tool["outputSchema"] == {
        "type": "object",
        "properties": {"words": {"type": "string"}},
        "required": ["words"],
    }
    assert done["result"]["structuredContent"] == json.loads(done["result"]["content"][0]["text"]) == {"words": "é"}
