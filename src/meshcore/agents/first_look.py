"""The payloads that `hook.gate` can judge without loading a program's module: whose, and the names in them."""

from __future__ import annotations

PROGRAMS = frozenset({"claude-code"})
BEFORE, DONE, SHELL = "PreToolUse", "PostToolUse", "Bash"
EDITS = ("Edit", "MultiEdit", "Write", "NotebookEdit")
PROMPT, NOTE = "UserPromptSubmit", "<task-notification>"
"""The event of a prompt, and how one begins that no person typed: a command in the background has ended."""
