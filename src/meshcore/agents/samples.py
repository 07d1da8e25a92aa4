"""A failed command as each agent program reports it: for trying out a connection, in the form of recorded payloads."""

from __future__ import annotations

import json
from pathlib import Path

from meshcore.errors import UsageError
from meshcore.model import Json


def failed_call(agent: str, command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return the payload of a command that failed with exit code 1; `scratch` is where a session file may be put.

    Raises UsageError for an unknown agent.
    """
    session = "meshtui-sample"
    claude = {"session_id": session, "cwd": cwd, "tool_name": "Bash", "tool_input": {"command": command}}
    if agent == "claude-code":
        said = {"error": f"Exit code 1\n{output}", "is_interrupt": False, "tool_use_id": call}
        return {**claude, "hook_event_name": "PostToolUseFailure", **said}
    if agent == "codex":
        item = {"type": "CommandExecution", "id": call, "exit_code": 1, "aggregated_output": output}
        rollout = scratch / f"rollout-{call}.jsonl"
        line = {"type": "event_msg", "payload": {"type": "item_completed", "item": item}}
        rollout.write_text(json.dumps(line) + "\n")
        said = {"tool_response": output, "tool_use_id": call, "transcript_path": str(rollout)}
        return {**claude, "hook_event_name": "PostToolUse", **said}
    if agent == "gemini":
        content = f"<untrusted_context>\nOutput: {output}\nExit Code: 1\nProcess Group PGID: 1\n</untrusted_context>"
        said = {"tool_name": "run_shell_command", "tool_response": {"llmContent": content}, "timestamp": call}
        return {**claude, "hook_event_name": "AfterTool", **said}
    if agent == "copilot":
        result = {"resultType": "success", "textResultForLlm": f"{output}\n<shellId: 0 completed with exit code 1>"}
        head = {"sessionId": session, "timestamp": call, "cwd": cwd, "toolName": "bash"}
        return {**head, "toolArgs": {"command": command}, "toolResult": result}
    if agent == "opencode":
        called = {"tool": "bash", "sessionID": session, "callID": call, "args": {"command": command}}
        return {"directory": cwd, "input": called, "output": {"metadata": {"output": output, "exit": 1}}}
    if agent == "cursor":
        said = {"error_message": output, "is_interrupt": False, "conversation_id": session, "tool_use_id": call}
        return {**claude, "hook_event_name": "postToolUseFailure", "tool_name": "Shell", **said}
    raise UsageError(f"no agent program {agent!r} is known")
