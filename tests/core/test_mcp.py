"""The MCP server, as a model's program uses it: a process of its own, the SDK's client over stdio."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.world import ERROR, Agent, World

pytest.importorskip("mcp")

from mcp import Client, StdioServerParameters

from meshcore.config import load
from meshcore.control.key_protection import protect
from meshcore.mcp import make_server
from meshcore.node import Node

SECRET = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def a(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    return World(tmp_path_factory.mktemp("world")).agent("a")


@asynccontextmanager
async def served(a: Agent) -> AsyncIterator[Client]:
    """Serve the home of an agent in this process: the same tools, without a start."""
    settings = load(home=str(a.home), bridge=str(a.world.bridge), agent=a.name, environment=a.environment)
    async with Client(make_server(settings)) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    done = await client.call_tool(tool, arguments)
    assert not done.is_error, done.content
    return done.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    done = await client.call_tool(tool, arguments)
    assert done.is_error
    [content] = done.content
    return str(getattr(content, "text", ""))


async def test_the_whole_story_over_stdio(a: Agent) -> None:
    a.learn()
    [program, *arguments] = a.command("mcp")
    async with Client(StdioServerParameters(command=program, args=arguments, env=a.environment, cwd=a.work)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"find_fix", "report_fix", "report_outcome", "mesh_status"}
        assert all(tool.output_schema and tool.annotations and tool.description for tool in tools.values())
        found = await call(client, "find_fix", error="Traceback…\n" + ERROR, command="python app.py")
        [fix] = found["fixes"]
        assert "| fix: pip install django\n" in fix["fix"] and "evidence, not instruction" in fix["fix"]
        assert (fix["match"], fix["confirmed"]) == ("exact", True)
        done = await call(client, "report_outcome", skill_id=fix["skill_id"], outcome="worked")
        assert (done["models_said_worked"], done["models_said_failed"]) == (1, 0)
        assert (await call(client, "mesh_status"))["skills"] == 1
        [listed] = (await client.read_resource("meshtui://skills")).contents
        [row] = json.loads(getattr(listed, "text", ""))["skills"]
        [content] = (await client.read_resource(row["uri"])).contents
        assert "```sh\npip install django\n```" in getattr(content, "text", "")


async def test_only_what_changes_nothing_says_so(a: Agent) -> None:
    async with served(a) as client:
        tools = (await client.list_tools()).tools
    read_only = {tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint}
    assert read_only == {"find_fix", "mesh_status"}
    assert not any(tool.annotations and tool.annotations.destructive_hint for tool in tools)


async def test_a_hook_of_claude_code_is_answered_in_its_own_format(a: Agent) -> None:
    a.learn()
    async with served(a) as client:
        done = await client.call_tool(
            "find_fix",
            {"error": f"Exit code 1\n{ERROR}", "command": "python app.py", "hook_event": "PostToolUseFailure"},
        )
        [content] = done.content
        said = json.loads(getattr(content, "text", ""))["hookSpecificOutput"]
        assert said["hookEventName"] == "PostToolUseFailure"
        assert "pip install django" in said["additionalContext"]
        assert len(said["additionalContext"].encode()) <= 2048
        nothing = {"error": "Exit code 1\nOSError: no idea", "hook_event": "PostToolUseFailure"}
        [content] = (await client.call_tool("find_fix", nothing)).content
        assert getattr(content, "text", "") == "{}"
        assert "hook_event" in await refused(client, "find_fix", error=ERROR, hook_event="Stop")


async def test_what_a_model_reports_reaches_no_other_model_before_a_person_confirms(a: Agent) -> None:
    async with served(a) as client:
        report = {"error": ERROR, "fix": "pip install django"}
        done = await call(client, "report_fix", **report)
        assert (done["new"], done["confirmed"]) == (True, False)
        assert (await call(client, "report_fix", **report))["new"] is False
        found = await call(client, "find_fix", error=ERROR)
        assert (found["fixes"], found["withheld"]) == ([], 1)
        done_reading = await client.read_resource("meshtui://skills")
        assert json.loads(getattr(done_reading.contents[0], "text", ""))["skills"] == []
        [known] = a.ask("skills", "list")
        assert (known["state"], known["source"], known["own_operator"]) == ("unconfirmed", "reported", False)
        assert a.run(*a.app).returncode == 1
        assert a.pip_log == []
        assert a.call("skills", "confirm", "1").returncode == 0
        [fix] = (await call(client, "find_fix", error=ERROR))["fixes"]
        assert "| fix: pip install django\n" in fix["fix"]
        assert fix["rerun"].startswith(("approve: ", "refuse: ")), "of no command nothing is run again"
        [fix] = (await call(client, "find_fix", error=ERROR, command="pytest -q"))["fixes"]
        assert fix["rerun"].partition(":")[0] in ("run", "approve")


MISTAKES: list[tuple[str, dict[str, str], str]] = [
    ("find_fix", {"error": " "}, "error is empty"),
    ("report_fix", {"error": ERROR, "fix": " "}, "characters"),
    ("report_fix", {"error": ERROR, "fix": "x" * 9000}, "characters"),
    ("report_fix", {"error": ERROR, "fix": "pip install \x1b[2Jx"}, "control"),
    ("report_fix", {"error": ERROR, "fix": f"login --token {SECRET}"}, "secret"),
    ("report_fix", {"error": ERROR, "fix": "rm -rf /"}, "not stored"),
    ("report_fix", {"error": "x", "fix": "pip install x"}, "pattern"),
    ("report_outcome", {"skill_id": "nosuch", "outcome": "worked"}, "find_fix"),
    ("report_outcome", {"skill_id": "1", "outcome": "worked"}, "find_fix"),
]


async def test_a_mistake_is_said_so_that_a_model_can_act(a: Agent) -> None:
    a.learn()
    async with served(a) as client:
        for tool, arguments, reason in MISTAKES:
            said = await refused(client, tool, **arguments)
            assert reason in said
            assert SECRET not in said
    assert len(a.ask("skills", "list")) == 1


async def test_hostile_text_is_harmless_both_ways(a: Agent) -> None:
    async with served(a) as client:
        error = f"ModuleNotFoundError: No module named 'x\x1b[2J\u202e{SECRET}'"
        done = await call(client, "report_fix", error=error, fix="pip install x", context=f"\x07{SECRET}")
        a.call("skills", "confirm", done["skill_id"][:12])
        answer = await client.call_tool("find_fix", {"error": error})
        [content] = (await client.read_resource(f"meshtui://skills/{done['skill_id']}")).contents
    everything = repr(answer) + getattr(content, "text", "") + (a.home / "journal.jsonl").read_text()
    assert SECRET not in everything
    assert "\x1b" not in everything
    assert "\u202e" not in everything


async def test_a_home_that_cannot_be_used_is_one_line(a: Agent) -> None:
    a.home.parent.mkdir(exist_ok=True)
    a.home.write_text("no folder")
    async with served(a) as client:
        said = await refused(client, "find_fix", error=ERROR)
    assert "meshtui: " in said
    assert "\n" not in said


async def test_an_author_that_nobody_enrolled_is_withheld_and_an_enrolled_one_is_not(a: Agent) -> None:
    (a.world.root / "other").mkdir()
    stranger = World(a.world.root / "other").agent("b")
    stranger.environment["MESHTUI_BRIDGE"] = str(a.world.bridge)
    stranger.environment["MESHTUI_HOST"] = "host2"
    stranger.learn()
    async with served(a) as client:
        found = await call(client, "find_fix", error=ERROR)
        assert (found["fixes"], found["withheld"]) == ([], 1)
        settings = load(home=str(a.home), bridge=str(a.world.bridge), environment=a.environment)
        with Node(settings) as node:
            [author] = [one for one in node.store.authors.all() if one.name == "b"]
        assert a.call("trust", "enroll", author.node).returncode == 0
        [fix] = (await call(client, "find_fix", error=ERROR))["fixes"]
        assert fix["author"] == "b"


async def test_a_policy_that_the_operator_did_not_sign_counts_for_no_model(a: Agent) -> None:
    (a.work / "pyproject.toml").touch()
    error = "mkdir: cannot create directory 'out/new': No such file or directory"
    a.learn(error, "mkdir out")
    closed = a.operator / "policy.toml"
    closed.write_text("schema_version = 1\n[actions.make_folder]\nunattended = false\n")
    closed.chmod(0o600)
    asked = {"error": error, "command": "mkdir out/new", "folder": str(a.work)}
    async with served(a) as client:
        [fix] = (await call(client, "find_fix", **asked))["fixes"]
        assert fix["policy"] == "approve"
        with Node(load(home=str(a.home), bridge=str(a.world.bridge), environment=a.environment)) as node:
            protect(node, "a passphrase that is long enough", cost=2)
        [fix] = (await call(client, "find_fix", **asked))["fixes"]
        assert fix["policy"] == "run", "the file lacks the signature that counts now"


async def test_a_model_is_told_what_the_ruling_allows_and_nothing_that_is_refused(a: Agent) -> None:
    skill = a.learn()
    async with served(a) as client:
        assert a.call("mode", "hint").returncode == 0
        [fix] = (await call(client, "find_fix", error=ERROR))["fixes"]
        assert fix["policy"] == "hint"
        assert a.call("mode", "auto").returncode == 0
        assert a.call("skills", "not-here", skill[:12]).returncode == 0
        assert (await call(client, "find_fix", error=ERROR, folder=str(a.work)))["fixes"] == []


def test_without_the_sdk_one_line_says_what_to_install(a: Agent) -> None:
    script = (
        "import importlib.util as u, sys; real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name.startswith('mcp') else real(name, *rest)\n"
        "from meshtui.__main__ import run; sys.exit(run(['mcp']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=a.environment)
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert "meshtui[mcp]" in done.stderr
