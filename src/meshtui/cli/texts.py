"""Reading what a user gives as text: an option, a file, or standard input."""

from __future__ import annotations

import sys

from meshcore.errors import UsageError

TEXT_LIMIT_BYTES = 16 * 1024 * 1024


def error_text(text: str | None, file: str | None) -> str:
    """Return the error text from exactly one of the two. Raises UsageError."""
    if (text is None) == (file is None):
        raise UsageError("give the error as --error TEXT or as --error-file FILE (- reads standard input)")
    if text is not None:
        return text
    try:
        if file == "-":
            data = sys.stdin.buffer.read(TEXT_LIMIT_BYTES)
        else:
            with open(str(file), "rb") as opened:  # noqa: PTH123 - a FIFO or /dev/fd/N is fine here
                data = opened.read(TEXT_LIMIT_BYTES)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); name another file") from error
    return data.decode("utf-8", "replace")
