"""The Model Context Protocol as far as a server of tools and resources needs it: JSON-RPC 2.0, one object a line.

Not the official SDK: importing that takes longer than an agent should wait for a server. Light: what a tool needs is
imported when the first one is called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import IO, Any, Literal, get_args, get_origin, get_type_hints

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
LINE_LIMIT = 4 << 20  # bytes of one message

_PARSE_ERROR, _INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS, _INTERNAL = -32700, -32600, -32601, -32602, -32603
_NO_RESOURCE = -32002
_TYPES = {str: "string", int: "integer", bool: "boolean"}

Object = dict[str, Any]


class ToolError(Exception):
    """A call cannot be answered; the message is one line that says what to send instead."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One text that a tool takes: at most `limit` characters, one of `choices` where there are any."""

    name: str
    description: str
    limit: int
    required: bool = False
    choices: tuple[str, ...] = ()

    @property
    def schema(self) -> Object:
        """Return its JSON schema."""
        choices: Object = {"enum": list(self.choices)} if self.choices else {}
        return {"type": "string", "description": self.description, "maxLength": self.limit, **choices}

    def checked(self, value: object) -> str:
        """Return a value of it. Raises ToolError."""
        if value is None and not self.required:
            return ""
        if not isinstance(value, str):
            raise ToolError(f"{self.name} is a text, not {type(value).__name__}")
        if len(value) > self.limit:
            raise ToolError(f"{self.name} has {len(value):,} characters; send at most {self.limit:,}")
        if self.choices and value not in self.choices:
            raise ToolError(f"{self.name} is one of {', '.join(self.choices)}")
        if "\0" in value:
            raise ToolError(f"{self.name} holds a NUL character; send plain text")
        return value


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: when to call it in `description`, what it returns in the fields of the dataclass `returns`.

    `call` takes the parameters by name and returns such a dataclass, and what stands for it as text ("": its JSON).
    """

    name: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    returns: type
    call: Callable[..., tuple[Any, str]]
    reads: bool = False
    repeatable: bool = True

    @property
    def listed(self) -> Object:
        """Return the tool as a client lists it."""
        inputs: Object = {
            "type": "object",
            "properties": {one.name: one.schema for one in self.parameters},
            "required": [one.name for one in self.parameters if one.required],
            "additionalProperties": False,
        }
        hints = {"destructiveHint": False, "idempotentHint": self.repeatable, "openWorldHint": False}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": inputs,
            "outputSchema": schema_of(self.returns),
            "annotations": {"title": self.title, "readOnlyHint": self.reads, **hints},
        }

    def run(self, arguments: object) -> Object:
        """Return the result of a call; a mistake in it is one line that says so."""
        try:
            if not isinstance(arguments, dict):
                raise ToolError("arguments are a JSON object")
            names = [one.name for one in self.parameters]
            if unknown := [str(name)[:40] for name in arguments if name not in names]:
                raise ToolError(f"{self.name} takes {', '.join(names) or 'nothing'}; it does not know {unknown[0]!r}")
            if lacking := [one.name for one in self.parameters if one.required and arguments.get(one.name) is None]:
                raise ToolError(f"{self.name} needs {', '.join(lacking)}")
            given = {one.name: one.checked(arguments.get(one.name)) for one in self.parameters}
            found, text = self.call(**given)
        except ToolError as error:
            said = " ".join(str(error).split())
            return {"content": [{"type": "text", "text": said}], "isError": True}
        value = asdict(found)
        content = [{"type": "text", "text": text or json.dumps(value, ensure_ascii=False)}]
        return {"content": content, "structuredContent": value, "isError": False}


@dataclass(frozen=True, slots=True)
class Resource:
    """What can be read under an address: one, or where `address` ends with a `{name}` one for each name.

    `read` takes the name ("" where there is none) and returns the text, None where there is nothing of that name.
    """

    address: str
    title: str
    description: str
    mime_type: str
    read: Callable[[str], str | None]

    @property
    def _stem(self) -> str:
        return self.address.partition("{")[0]

    @property
    def is_template(self) -> bool:
        """Tell whether it stands for many."""
        return "{" in self.address

    @property
    def listed(self) -> Object:
        """Return the resource as a client lists it."""
        key = "uriTemplate" if self.is_template else "uri"
        named = {"name": self.title, "title": self.title, "description": self.description}
        return {key: self.address, **named, "mimeType": self.mime_type}

    def name_in(self, address: str) -> str | None:
        """Return the name that an address holds, None where the address is of something else."""
        if not self.is_template:
            return "" if address == self.address else None
        return address.removeprefix(self._stem) if address.startswith(self._stem) else None


@dataclass(slots=True)
class Server:
    """What is served, answered one message at a time."""

    name: str
    version: str
    instructions: str
    tools: Sequence[Tool]
    resources: Sequence[Resource] = field(default_factory=tuple)

    def answer(self, line: bytes) -> Object | None:
        """Return the answer to a message, None where it asks for none. What is wrong with a message is its answer."""
        if len(line) > LINE_LIMIT:
            return _error(None, _INVALID_REQUEST, f"a message has at most {LINE_LIMIT >> 20} MiB")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return _error(None, _PARSE_ERROR, "not one JSON object a line")
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            is_reply = isinstance(message, dict) and ("result" in message or "error" in message)
            return None if is_reply else _error(None, _INVALID_REQUEST, "no JSON-RPC request")
        number, method = message.get("id"), message["method"]
        if "id" not in message:
            return None  # a notification
        params = message.get("params")
        try:
            result = self._result(method, params if isinstance(params, dict) else {})
        except _RefusedError as refused:
            return _error(number, refused.code, str(refused))
        except Exception as error:
            return _error(number, _INTERNAL, f"meshtui failed: {type(error).__name__}; see `meshtui doctor`")
        return {"jsonrpc": "2.0", "id": number, "result": result}

    def _result(self, method: str, params: Mapping[str, Any]) -> Object:
        if method == "initialize":
            return self._start(params.get("protocolVersion"))
        if method == "ping":
            return {}
        if method == "tools/list":
            return {"tools": [tool.listed for tool in self.tools]}
        if method == "tools/call":
            found = next((tool for tool in self.tools if tool.name == params.get("name")), None)
            if found is None:
                names = ", ".join(tool.name for tool in self.tools)
                raise _RefusedError(_INVALID_PARAMS, f"no such tool; there are {names}")
            return found.run({} if params.get("arguments") is None else params["arguments"])
        if method == "resources/list":
            return {"resources": [one.listed for one in self.resources if not one.is_template]}
        if method == "resources/templates/list":
            return {"resourceTemplates": [one.listed for one in self.resources if one.is_template]}
        if method == "resources/read":
            return self._read(params.get("uri"))
        raise _RefusedError(_NO_METHOD, "no such method")

    def _start(self, asked: object) -> Object:
        return {
            "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {}, "resources": {}},
            "serverInfo": {"name": self.name, "title": self.name, "version": self.version},
            "instructions": self.instructions,
        }

    def _read(self, address: object) -> Object:
        for one in self.resources if isinstance(address, str) and len(address) < 300 else ():
            name = one.name_in(str(address))
            text = one.read(name) if name is not None else None
            if text is not None:
                return {"contents": [{"uri": address, "mimeType": one.mime_type, "text": text}]}
        raise _RefusedError(_NO_RESOURCE, "no such resource; meshtui://skills lists what there is")

    def serve(self, source: IO[bytes], sink: IO[bytes]) -> None:
        """Serve until the source ends, or nobody reads the answers any more."""
        while line := source.readline(LINE_LIMIT + 1):
            rest = line
            while len(rest) > LINE_LIMIT and not rest.endswith(b"\n"):
                rest = source.readline(LINE_LIMIT + 1)
            if not line.strip():
                continue
            answer = self.answer(line)
            if answer is not None:
                try:
                    sink.write(json.dumps(answer).encode() + b"\n")
                    sink.flush()
                except BrokenPipeError:
                    return


class _RefusedError(Exception):
    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def _error(number: object, code: int, why: str) -> Object:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": why}}


def schema_of(shape: type) -> Object:
    """Return the JSON schema of a dataclass; a field may say what it is under `description` of its metadata."""
    hints = get_type_hints(shape)
    properties = {
        one.name: {**_schema(hints[one.name]), **({"description": said} if (said := _said(one.metadata)) else {})}
        for one in fields(shape)
    }
    required = [one.name for one in fields(shape) if one.default is MISSING and one.default_factory is MISSING]
    return {"type": "object", "properties": properties, "required": required}


def _said(metadata: Mapping[str, Any]) -> str:
    return str(metadata.get("description", ""))


def _schema(hint: Any) -> Object:
    if get_origin(hint) is Literal:
        return {"type": "string", "enum": list(get_args(hint))}
    if get_origin(hint) is list:
        return {"type": "array", "items": _schema(get_args(hint)[0])}
    return schema_of(hint) if is_dataclass(hint) and isinstance(hint, type) else {"type": _TYPES[hint]}
