"""Make `knowledge/errno_words.txt`: what a system says of files, connections and commands in several languages.

The words are those under which the C library and bash look their messages up in the catalogues of this machine.
"""

from __future__ import annotations

import argparse
import errno
import os
from pathlib import Path

from meshcore.knowledge import languages

LANGUAGES = ("de", "fr", "es", "zh_CN", "ja", "it", "pt_BR", "pl", "ru", "ko", "nl")
ERRNOS = (
    *("ENOENT", "EACCES", "EPERM", "EEXIST", "ENOTDIR", "EISDIR", "ENOTEMPTY", "ENOSPC", "EROFS", "ENOEXEC", "EBUSY"),
    *("EMFILE", "ETXTBSY", "EXDEV", "ELOOP", "EADDRINUSE", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EPIPE"),
)
TARGET = Path(__file__).parent.parent / "src" / "meshcore" / "knowledge" / "errno_words.txt"


def main() -> None:
    """Write the list."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    wanted = {os.strerror(getattr(errno, name)) for name in ERRNOS}
    rows = []
    for language in LANGUAGES:
        said = {
            english: other
            for english, other in languages._catalogue(language, "libc", languages.FOLDERS)
            if english in wanted
        }
        rows += [f"{language}\t{english}\t{said[english]}" for english in sorted(said)]
        for english, other in languages._catalogue(language, "bash", languages.FOLDERS):
            if english == "%s: command not found":
                rows.append(f"{language}\t{english.removeprefix('%s')}\t{other.removeprefix('%s')}")
    head = "# Language, English, other: made by scripts/errno_words.py from the C library's and bash's catalogues."
    TARGET.write_text("\n".join((head, *rows, "")), "utf-8")


if __name__ == "__main__":
    main()
