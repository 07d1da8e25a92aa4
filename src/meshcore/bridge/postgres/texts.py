"""What PostgreSQL stores as a text: no NUL character, and nothing longer than the mesh's limits."""

from __future__ import annotations

from meshcore.bridge.base import Publication
from meshcore.bridge.limits import check_text
from meshcore.errors import BadRecordError
from meshcore.model import Record


def storable(item: Publication) -> Record:
    """Return the record; what an old program wrote, which nobody signed, without the character that is no text here."""
    if item.origin == "legacy" and "\0" in item.record.text:
        return Record(item.record.text.replace("\0", "\ufffd"), item.record.key, item.record.sig)
    return item.record


def check(record: Record) -> None:
    """Raise BadRecordError for a record that is not stored."""
    check_text(record)
    if "\0" in record.text + record.key + record.sig:
        raise BadRecordError("a record with a NUL character was not published: PostgreSQL stores no such text")
