"""A stand-in for the models of agents: it asks for one command, then ends; every request is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class Model:
    """A server on 127.0.0.1 that speaks as much of two vendors' protocols as their agents need to run one command."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Model:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def after_the_command(self) -> list[str]:
        """Return the requests, as text, that came once the command had run."""
        return [json.dumps(request) for request in self.requests if _has_run(request)]


def _has_run(request: dict[str, Any]) -> bool:
    text = json.dumps(request.get("messages", request.get("input", "")))
    return '"tool_result"' in text or '"function_call_output"' in text or '"local_shell_call_output"' in text


def _handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            model.paths.append(self.path)
            try:
                request = json.loads(data)
            except ValueError:
                request = {}
            path = self.path.partition("?")[0]
            if path.endswith("/messages"):
                model.requests.append(request)
                events = _anthropic(request, model.command)
                self._answer(request, events)
            elif path.endswith("/responses"):
                model.requests.append(request)
                self._stream(_openai(request, model.command))
            else:
                self._json({"input_tokens": 1})

        def do_GET(self) -> None:
            model.paths.append(self.path)
            self._json({"data": [], "models": []})

        def _answer(self, request: dict[str, Any], events: list[tuple[str, dict[str, Any]]]) -> None:
            if request.get("stream"):
                self._stream(events)
            else:
                self._json(_whole_message(events))

        def _stream(self, events: list[tuple[str, dict[str, Any]]]) -> None:
            body = "".join(f"event: {name}\ndata: {json.dumps(event)}\n\n" for name, event in events).encode()
            self._send(body, "text/event-stream")

        def _json(self, value: dict[str, Any]) -> None:
            self._send(json.dumps(value).encode(), "application/json")

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


# --- Anthropic: /v1/messages ------------------------------------------------------------------------------------------


def _anthropic(request: dict[str, Any], command: str) -> list[tuple[str, dict[str, Any]]]:
    names = [tool.get("name") for tool in request.get("tools", [])]
    if "Bash" in names and not _has_run(request):
        block = {"type": "tool_use", "id": "toolu_stand_in", "name": "Bash", "input": {}}
        said = json.dumps({"command": command, "description": "one command"})
        delta, reason = {"type": "input_json_delta", "partial_json": said}, "tool_use"
    else:
        block, delta, reason = {"type": "text", "text": ""}, {"type": "text_delta", "text": "done"}, "end_turn"
    usage = {"input_tokens": 1, "output_tokens": 1}
    end = {"stop_reason": reason, "stop_sequence": None}
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "stand-in",
        "content": [],
    }
    message |= {"stop_reason": None, "stop_sequence": None, "usage": usage}
    return [
        ("message_start", {"type": "message_start", "message": message}),
        ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}),
        ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}),
        ("content_block_stop", {"type": "content_block_stop", "index": 0}),
        (
            "message_delta",
            {"type": "message_delta", "delta": end, "usage": usage},
        ),
        ("message_stop", {"type": "message_stop"}),
    ]


def _whole_message(events: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    message: dict[str, Any] = dict(events[0][1]["message"])
    block = dict(events[1][1]["content_block"])
    delta = events[2][1]["delta"]
    block.update({"input": json.loads(delta["partial_json"])} if "partial_json" in delta else {"text": delta["text"]})
    return {**message, "content": [block], "stop_reason": events[4][1]["delta"]["stop_reason"]}


# --- OpenAI: /v1/responses --------------------------------------------------------------------------------------------

_SHELLS = ("exec_command", "shell_command", "shell", "local_shell")


def _tools(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for tool in request.get("tools", []):
        yield tool
        yield from tool.get("tools", [])


def _openai(request: dict[str, Any], command: str) -> list[tuple[str, dict[str, Any]]]:
    tool = next((tool for tool in _tools(request) if tool.get("name") in _SHELLS), None)
    item: dict[str, Any]
    if tool is not None and not _has_run(request):
        properties = tool.get("parameters", {}).get("properties", {})
        arguments = {"cmd": command} if "cmd" in properties else {"command": command}
        if properties.get("command", {}).get("type") == "array":
            arguments = {"command": ["bash", "-lc", command]}  # type: ignore[dict-item]
        item = {"type": "function_call", "id": "fc_1", "call_id": "call_stand_in", "name": tool["name"]}
        item["arguments"] = json.dumps(arguments)
    else:
        item = {
            "type": "message",
            "id": "m_1",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "done"}],
        }
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    response = {"id": "resp_1", "object": "response", "status": "completed", "output": [item], "usage": usage}
    return [
        ("response.created", {"type": "response.created", "response": {"id": "resp_1"}}),
        ("response.output_item.done", {"type": "response.output_item.done", "output_index": 0, "item": item}),
        ("response.completed", {"type": "response.completed", "response": response}),
    ]
