"""Characters of a command that are not what they seem."""

from __future__ import annotations

_LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕԁԛԝһӏкмтвнАВЕКМНОРСТХІЈЅοανικρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ‐‑‒–—―−∕⁄⧸｜∣ǀ；“”„‟‘’‚‛ʼ",
    "aeopcyxijsdqwhlkmtbhABEKMHOPCTXIJSoavikptuxABEZHIKMNOPTYX-------///|||;\"\"\"\"'''''",
)


def disguises_in(text: str) -> tuple[str, ...]:
    """Return what hides in a text, in words, each once; () for plain printable ASCII."""
    if text.isascii() and text.isprintable():
        return ()
    import unicodedata  # a library, for what few commands hold

    found = []
    for char in text:
        kind = unicodedata.category(char)
        if char in "\t\n":
            continue
        if kind == "Cc":
            found.append("a control character")
        elif kind in {"Cf", "Cs", "Co", "Cn"} or char in "\u115f\u1160\u3164\uffa0\u034f":
            found.append("an invisible character")
        elif kind in {"Zs", "Zl", "Zp"} and char != " ":
            found.append("a space that is none")
        elif ord(char) > 127 and unveiled(char).isascii():
            found.append("a look-alike of an ASCII character")
        elif kind.startswith("M"):
            found.append("a combining mark")
    return tuple(dict.fromkeys(found))


def unveiled(text: str) -> str:
    """Return the text as a reader would take it: look-alikes as ASCII, nothing invisible, plain spaces."""
    import unicodedata

    out = []
    for char in unicodedata.normalize("NFKC", text).translate(_LOOK_ALIKES):
        kind = unicodedata.category(char)
        if char in "\t\n " or (kind[0] not in "CZM" and char not in "\u115f\u1160\u3164\uffa0"):
            out.append(char)
        elif kind in {"Zl", "Zp"} or char in "\x0b\x0c\r\x85\x00":
            out.append("\n")
        elif kind == "Zs":
            out.append(" ")
    return "".join(out)
