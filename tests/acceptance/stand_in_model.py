"""A stand-in for the models of agents: it asks for one command after the other, then ends; every request is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Container, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class Model:
    """A server on 127.0.0.1 that speaks as much of four protocols as agents need to run commands.

    `aside`: which of them are asked for in the background. A call of any tool is its name and its arguments.
    """

    def __init__(self, *commands: str | tuple[str, dict[str, Any]], aside: Container[int] = ()) -> None:
        self.commands = commands
        self.aside = aside
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


_RESULTS = (
    '"type": "tool_result"',
    '"type": "function_call_output"',
    '"type": "local_shell_call_output"',
    '"role": "tool"',
    '"functionResponse": ',
)


def _said(request: dict[str, Any]) -> str:
    return json.dumps(request.get("messages") or request.get("input") or request.get("contents") or "")


def _have_run(request: dict[str, Any]) -> int:
    """Return how many commands have run by what a request tells of the conversation."""
    return sum(_said(request).count(mark) for mark in _RESULTS)


def _has_run(request: dict[str, Any]) -> bool:
    return _have_run(request) > 0


_SHELLS = (
    *("exec_command", "shell_command", "shell", "local_shell", "run_shell_command", "Bash", "bash", "Shell"),
    *("execute_command", "run_commands", "run_command", "run_terminal_cmd"),
)


def _call(tools: list[dict[str, Any]], request: dict[str, Any], model: Model) -> tuple[str, dict[str, Any]] | None:
    """Return the name of the shell tool and its arguments for the next command, None where there is nothing to run.

    `tools` are its name, and under `schema` what it takes.
    """
    tool = next((tool for tool in tools if tool.get("name") in _SHELLS), None)
    at = _have_run(request)
    if tool is None or at >= len(model.commands):
        return None
    command, schema = model.commands[at], tool.get("schema") or {}
    if not isinstance(command, str):
        return command
    properties = schema.get("properties", {})
    name = next((name for name in ("cmd", "command", "commands") if name in properties), "command")
    takes_list = properties.get(name, {}).get("type") == "array"
    shell = ["bash", "-lc", command] if name == "command" else [command]
    arguments: dict[str, Any] = {name: shell if takes_list else command}
    if at in model.aside:
        arguments["run_in_background"] = True
    for other in schema.get("required", ()):
        kind = properties.get(other, {}).get("type")
        arguments.setdefault(other, {"boolean": False, "number": 30_000, "integer": 30_000}.get(kind, "one command"))
    return str(tool["name"]), arguments


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
                self._answer(request, _anthropic(request, model))
            elif path.endswith("/responses"):
                model.requests.append(request)
                self._stream(_openai(request, model))
            elif path.endswith("/chat/completions"):
                model.requests.append(request)
                self._lines(_chat(request, model), request.get("stream"))
            elif "enerateContent" in path:
                model.requests.append(request)
                self._lines([_gemini(request, model)], path.endswith(":streamGenerateContent"))
            else:
                self._json({"input_tokens": 1, "totalTokens": 1})

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

        def _lines(self, events: list[dict[str, Any]], stream: object) -> None:
            if not stream:
                return self._json(events[0])
            end = "data: [DONE]\n\n" if "choices" in events[0] else ""
            body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + end
            return self._send(body.encode(), "text/event-stream")

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


def _anthropic(request: dict[str, Any], model: Model) -> list[tuple[str, dict[str, Any]]]:
    tools = [{**tool, "schema": tool.get("input_schema")} for tool in request.get("tools", [])]
    call = _call(tools, request, model)
    if call:
        block = {"type": "tool_use", "id": f"toolu_stand_in_{_have_run(request)}", "name": call[0], "input": {}}
        delta, reason = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}, "tool_use"
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


def _tools(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for tool in request.get("tools", []):
        yield tool
        yield from tool.get("tools", [])


def _openai(request: dict[str, Any], model: Model) -> list[tuple[str, dict[str, Any]]]:
    call = _call([{**tool, "schema": tool.get("parameters")} for tool in _tools(request)], request, model)
    item: dict[str, Any]
    if call:
        at = _have_run(request)
        item = {"type": "function_call", "id": f"fc_{at}", "call_id": f"call_stand_in_{at}", "name": call[0]}
        item["arguments"] = json.dumps(call[1])
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


# --- OpenAI: /v1/chat/completions -------------------------------------------------------------------------------------


def _chat(request: dict[str, Any], model: Model) -> list[dict[str, Any]]:
    functions = [tool.get("function", {}) for tool in request.get("tools", [])]
    call = _call([{**function, "schema": function.get("parameters")} for function in functions], request, model)
    said: dict[str, Any] = {"role": "assistant", "content": None if call else "done"}
    if call:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        said["tool_calls"] = [
            {"index": 0, "id": f"call_{_have_run(request)}", "type": "function", "function": function}
        ]
    reason = "tool_calls" if call else "stop"
    head = {"id": "chat_1", "created": 1, "model": "stand-in"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    if not request.get("stream"):
        choice = {"index": 0, "message": said, "finish_reason": reason}
        return [{**head, "object": "chat.completion", "choices": [choice], "usage": usage}]
    head["object"] = "chat.completion.chunk"
    first = {"index": 0, "delta": said, "finish_reason": None}
    last: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": reason}
    return [{**head, "choices": [first]}, {**head, "choices": [last], "usage": usage}]


# --- Gemini: generateContent ------------------------------------------------------------------------------------------


def _gemini(request: dict[str, Any], model: Model) -> dict[str, Any]:
    declared = [one for tool in request.get("tools", []) for one in tool.get("functionDeclarations", [])]
    tools = [{**one, "schema": one.get("parametersJsonSchema") or one.get("parameters")} for one in declared]
    call = _call(tools, request, model)
    part: dict[str, Any] = {"functionCall": {"name": call[0], "args": call[1]}} if call else {"text": "done"}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "stand-in"}
