"""What an operator tells their hosts of brakes, one frozen value for each kind; see `bodies`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshcore.exchange.bodies import MOST_NODES
from meshcore.model import MODES, Json, SignedText
from meshcore.safety.fields import Fields, is_hex

if TYPE_CHECKING:
    from typing import Self


@dataclass(frozen=True, slots=True)
class CeilingBody:
    """A node of this operator sets how far others may go at most: a mode, "" to take its own word back.

    `only`: the nodes that it is for, empty for all. `mark` names it, and `signed` is the operator's word that raises
    what was under the mark before, where their key is protected.
    """

    kind = "ceiling"

    mode: str
    name: str = ""
    mark: str = ""
    only: tuple[str, ...] = ()
    signed: SignedText | None = None

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a ceiling. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        mode = fields.text("mode")
        if mode not in ("", *MODES):
            fields.refuse("mode", "that is none")
        texts = (mode, fields.text("name", ""), fields.text("mark", ""))
        return cls(*texts, fields.texts("only", MOST_NODES), fields.signed())

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        only = {"only": list(self.only)} if self.only else {}
        word = {} if self.signed is None else {"word": {"text": self.signed.text, "sig": self.signed.sig}}
        return {"mode": self.mode, "name": self.name, "mark": self.mark, **only, **word}


@dataclass(frozen=True, slots=True)
class DrillBody:
    """A halt drill: whoever hears it says so with the next sign of life, and stops nothing."""

    kind = "drill"

    mark: str
    name: str = ""

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a drill. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        mark = fields.text("mark")
        if not is_hex(mark, 16, 64):
            fields.refuse("mark", "that is none")
        return cls(mark, fields.text("name", ""))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {"mark": self.mark, "name": self.name}
