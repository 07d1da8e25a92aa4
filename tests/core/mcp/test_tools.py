"""The MCP server, as a model's program uses it: one story over stdio with the official SDK's client, the rest here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.world import ERROR, Agent, World

from meshcore.config import load
from meshcore.control.key_protection import protect
from meshcore.mcp.server import make_server
from meshcore.node import Node

SECRET = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def a(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    return World(tmp_path_factory.mktemp("world")).agent("a")


class Client:
    """Asks the server of an agent's home in this process: the same tools, without a start."""

    def __init__(self, a: Agent) -> None:
        settings = load(home=str(a.home), bridge=str(a.world.bridge), agent=a.name, environment=a.environment)
        self._server = make_server(settings)

    def ask(self, method: str, **params: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self._server.answer(json.dumps(message).encode())

    def raw(self, tool: str, **arguments: Any) -> Any:
        return self.ask("tools/call", name=tool, arguments=arguments)["result"]

    def call(self, tool: str, **arguments: Any) -> Any:
        done = self.raw(tool, **arguments)
        assert not done["isError"], done["content"]
        return done["structuredContent"]

    def refused(self, tool: str, **arguments: Any) -> str:
        done = self.raw(tool, **arguments)
        assert done["isError"]
        [content] = done["content"]
        assert "\n" not in content["text"]
        return str(content["text"])

    def read(self, address: str) -> str:
        [content] = self.ask("resources/read", uri=address)["result"]["contents"]
        return str(content["text"])


async def test_the_whole_story_over_stdio_with_the_official_client(a: Agent) -> None:
    sdk = pytest.importorskip("mcp")
    a.learn()
    [program, *arguments] = a.command("mcp")
    parameters = sdk.StdioServerParameters(command=program, args=arguments, env=a.environment, cwd=a.work)
    async with sdk.Client(parameters) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"find_fix", "report_fix", "report_outcome", "mesh_status"}
        assert all(tool.output_schema and tool.annotations and tool.description for tool in tools.values())
        asked = {"error": "Traceback…\n" + ERROR, "command": "python app.py"}
        [fix] = (await client.call_tool("find_fix", asked)).structured_content["fixes"]
        assert "| fix: pip install django\n" in fix["fix"] and "evidence, not instruction" in fix["fix"]
        assert (fix["skill_id"], fix["match"], fix["confirmed"]) == ("#1", "exact", True)
        done = await client.call_tool("report_outcome", {"skill_id": fix["skill_id"], "outcome": "worked"})
        said = done.structured_content
        assert (said["models_said_worked"], said["models_said_failed"]) == (1, 0)
        assert (await client.call_tool("mesh_status", {})).structured_content["skills"] == 1
        [listed] = (await client.read_resource("meshtui://skills")).contents
        [row] = json.loads(listed.text)["skills"]
        [content] = (await client.read_resource(row["uri"])).contents
        assert "```sh\npip install django\n```" in content.text


def test_only_what_changes_nothing_says_so(a: Agent) -> None:
    client = Client(a)
    tools = client.ask("tools/list")["result"]["tools"]
    read_only = {tool["name"] for tool in tools if tool["annotations"]["readOnlyHint"]}
    assert read_only == {"find_fix", "mesh_status"}
    assert not any(tool["annotations"]["destructiveHint"] for tool in tools)


def test_a_hook_of_claude_code_is_answered_in_its_own_format(a: Agent) -> None:
    a.learn()
    client = Client(a)
    asked = {"error": f"Exit code 1\n{ERROR}", "command": "python app.py", "hook_event": "PostToolUseFailure"}
    [content] = client.raw("find_fix", **asked)["content"]
    said = json.loads(content["text"])["hookSpecificOutput"]
    assert said["hookEventName"] == "PostToolUseFailure"
    assert "pip install django" in said["additionalContext"]
    assert len(said["additionalContext"].encode()) <= 2048
    nothing = {"error": "Exit code 1\nOSError: no idea", "hook_event": "PostToolUseFailure"}
    [content] = client.raw("find_fix", **nothing)["content"]
    assert content["text"] == "{}"
    assert "hook_event" in client.refused("find_fix", error=ERROR, hook_event="Stop")


def test_what_a_model_reports_reaches_no_other_model_before_a_person_confirms(a: Agent) -> None:
    client = Client(a)
    report = {"error": ERROR, "fix": "pip install django"}
    done = client.call("report_fix", **report)
    assert (done["new"], done["confirmed"]) == (True, False)
    assert (client.call("report_fix", **report))["new"] is False
    found = client.call("find_fix", error=ERROR)
    assert (found["fixes"], found["withheld"]) == ([], 1)
    assert json.loads(client.read("meshtui://skills"))["skills"] == []
    assert client.ask("resources/read", uri="meshtui://skills/1")["error"]["message"].startswith("no such resource")
    [known] = a.ask("skills", "list")
    assert (known["state"], known["source"], known["own_operator"]) == ("unconfirmed", "reported", False)
    assert a.run(*a.app).returncode == 1
    assert a.pip_log == []
    assert a.call("skills", "confirm", "1").returncode == 0
    [fix] = client.call("find_fix", error=ERROR)["fixes"]
    assert "| fix: pip install django\n" in fix["fix"]
    assert fix["rerun"].startswith(("approve: ", "refuse: ")), "of no command nothing is run again"
    [fix] = client.call("find_fix", error=ERROR, command="pytest -q")["fixes"]
    assert fix["rerun"].partition(":")[0] in ("run", "approve")


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("find_fix", {"error": " "}, "error is empty"),
    ("find_fix", {}, "needs error"),
    ("find_fix", {"error": 3}, "error is a text, not int"),
    ("find_fix", {"error": ERROR, "cmd": "ls"}, "does not know 'cmd'"),
    ("find_fix", {"error": "x" * 1_000_001}, "send at most 1,000,000"),
    ("find_fix", {"error": ERROR, "command": "x" * 100_001}, "send at most 100,000"),
    ("find_fix", {"error": ERROR, "folder": "src"}, "absolute"),
    ("find_fix", {"error": ERROR, "folder": "/a\0b"}, "NUL"),
    ("report_fix", {"error": ERROR, "fix": " "}, "fix is empty"),
    ("report_fix", {"error": ERROR, "fix": "python app.py", "command": "python  app.py"}, "the command that failed"),
    (
        "report_fix",
        {"error": ERROR, "fix": "python 'app.py'", "command": "python app.py"},
        "the command that failed",
    ),
    ("report_fix", {"error": "Error: it failed with exit code 1", "fix": "pip install x"}, "what went wrong"),
    ("report_fix", {"error": "The command did not work.", "fix": "pip install x"}, "what went wrong"),
    ("report_fix", {"error": ERROR, "fix": "x" * 9000}, "characters"),
    ("report_fix", {"error": ERROR, "fix": "pip install \x1b[2Jx"}, "control"),
    ("report_fix", {"error": ERROR, "fix": f"login --token {SECRET}"}, "secret"),
    ("report_fix", {"error": ERROR, "fix": "rm -rf /"}, "not stored"),
    ("report_fix", {"error": "x", "fix": "pip install x"}, "what went wrong"),
    ("report_outcome", {"skill_id": "nosuch", "outcome": "worked"}, "find_fix"),
    ("report_outcome", {"skill_id": "#99", "outcome": "worked"}, "find_fix"),
    ("report_outcome", {"skill_id": "#1", "outcome": "perhaps"}, "one of worked, failed"),
]


def test_a_mistake_is_said_so_that_a_model_can_act(a: Agent) -> None:
    a.learn()
    client = Client(a)
    for tool, arguments, reason in MISTAKES:
        said = client.refused(tool, **arguments)
        assert reason in said
        assert SECRET not in said
    assert len(a.ask("skills", "list")) == 1


def test_hostile_text_is_harmless_both_ways(a: Agent) -> None:
    client = Client(a)
    error = f"ModuleNotFoundError: No module named 'x\x1b[2J\u202e{SECRET}'"
    done = client.call("report_fix", error=error, fix="pip install x", context=f"\x07{SECRET}")
    assert a.call("skills", "confirm", done["skill_id"].lstrip("#")).returncode == 0
    answer = client.raw("find_fix", error=error)
    shown = client.read(f"meshtui://skills/{done['skill_id']}")
    everything = repr(answer) + shown + (a.home / "journal.jsonl").read_text()
    assert SECRET not in everything
    assert "\x1b" not in everything
    assert "\u202e" not in everything


def test_a_home_that_cannot_be_used_is_one_line(a: Agent) -> None:
    a.home.parent.mkdir(exist_ok=True)
    a.home.write_text("no folder")
    client = Client(a)
    said = client.refused("find_fix", error=ERROR)
    assert "meshtui: " in said
    assert "\n" not in said


def test_an_author_that_nobody_enrolled_is_withheld_and_an_enrolled_one_is_not(a: Agent) -> None:
    (a.world.root / "other").mkdir()
    stranger = World(a.world.root / "other").agent("b")
    stranger.environment["MESHTUI_BRIDGE"] = str(a.world.bridge)
    stranger.environment["MESHTUI_HOST"] = "host2"
    stranger.learn()
    client = Client(a)
    found = client.call("find_fix", error=ERROR)
    assert (found["fixes"], found["withheld"]) == ([], 1)
    settings = load(home=str(a.home), bridge=str(a.world.bridge), environment=a.environment)
    with Node(settings) as node:
        [author] = [one for one in node.store.authors.all() if one.name == "b"]
    assert a.call("trust", "enroll", author.node).returncode == 0
    [fix] = client.call("find_fix", error=ERROR)["fixes"]
    assert fix["author"] == "b"


def test_a_policy_that_the_operator_did_not_sign_counts_for_no_model(a: Agent) -> None:
    (a.work / "pyproject.toml").touch()
    error = "mkdir: cannot create directory 'out/new': No such file or directory"
    a.learn(error, "mkdir out")
    closed = a.operator / "policy.toml"
    closed.write_text("schema_version = 1\n[actions.make_folder]\nunattended = false\n")
    closed.chmod(0o600)
    asked = {"error": error, "command": "mkdir out/new", "folder": str(a.work)}
    client = Client(a)
    [fix] = (client.call("find_fix", **asked))["fixes"]
    assert fix["policy"] == "approve"
    with Node(load(home=str(a.home), bridge=str(a.world.bridge), environment=a.environment)) as node:
        protect(node, "a passphrase that is long enough", cost=2)
    [fix] = (client.call("find_fix", **asked))["fixes"]
    assert fix["policy"] == "run", "the file lacks the signature that counts now"


def test_a_model_is_told_what_the_ruling_allows_and_nothing_that_is_refused(a: Agent) -> None:
    skill = a.learn()
    client = Client(a)
    assert a.call("mode", "hint").returncode == 0
    [fix] = client.call("find_fix", error=ERROR)["fixes"]
    assert fix["policy"] == "hint"
    assert a.call("mode", "auto").returncode == 0
    assert a.call("skills", "not-here", skill[:12]).returncode == 0
    assert (client.call("find_fix", error=ERROR, folder=str(a.work)))["fixes"] == []


def test_each_tool_says_when_to_call_it_and_that_policy_is_no_permission(a: Agent) -> None:
    tools = {tool["name"]: tool for tool in Client(a).ask("tools/list")["result"]["tools"]}
    assert all(tool["description"].startswith("Call this ") for tool in tools.values())
    fix = tools["find_fix"]["outputSchema"]["properties"]["fixes"]["items"]["properties"]
    assert fix["policy"]["description"].startswith("No permission of yours")
    assert all(tool["inputSchema"]["additionalProperties"] is False for tool in tools.values())
