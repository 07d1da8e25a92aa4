"""Secrets of services that nobody listed, by their shape: a short name and a long random tail, or base64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from meshcore.safety.secret_names import is_placeholder
from meshcore.safety.secret_spans import Span, compiled


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What begins so names a thing: a request, a file, a payment, a layer. It may be shown.
_NAMES_OF_THINGS = _set(
    "req request msg message evt event toolu tool call chatcmpl cmpl run asst thread file resp item batch job "
    "task step trace span id uid cid cus customer pi ch seti sub in inv invoice price prod acct org proj project "
    "user usr session sess conv ft ftjob txn card pm src ba re po tr fee dp py vs ses order srv dep dpl "
    "deployment build bld rev ref git commit tree blob obj object sha sha1 sha224 sha256 sha384 sha512 md5 h1 "
    "blake2 blake2b blake3 digest hash sum cache layer image img container pod pvc vol volume snap snapshot node "
    "web app db env log tmp temp test main head tag lib bin pkg dist chunk vendor index page module mod crate "
    "rlib so dll map css js asset font media video audio doc docs draft post group team channel room i sg subnet "
    "ami vpc eni igw rtb acl eipalloc lt r fs stack etag version ver v key idx row col seg shard part topic queue "
    "worker lock lease peer host net network bridge br docker k8s kube helm release rel branch patch feat fix bug "
    "issue pr mr cl change nonce cursor next prev rs prj wf wfr"
)
_STAGES = _set("live prod production test dev sandbox staging preview")
_TOKEN_WORDS = _set("sdk api mob sk pat token tok secret access auth apikey xaat xapt live key")
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_RUN = r"[A-Za-z0-9_~+/.-]{20,}={0,2}"
_LEAST_PRINTABLE = 0.95
_LONGEST = 1 << 20  # characters of one run that are decoded


def shapes(text: str, inner: Callable[[str], Iterator[Span]]) -> Iterator[Span]:
    """Yield what is a secret by its shape; `inner` tells the secrets of what base64 hides."""
    for run in compiled(_RUN).finditer(text):
        if any(len(part) > 16 and not part.isalpha() for part in run[0].split("/")):
            yield from _tokens(text, *run.span())
        if run[0][0] == "S" and compiled(r"S[A-Z2-7]{55,57}").fullmatch(run[0]):
            yield Span(*run.span(), "seed-key")
        if _hides(run[0], inner):
            yield Span(*run.span(), "base64")


def _tokens(text: str, start: int, end: int) -> Iterator[Span]:
    for match in compiled(r"(?<![A-Za-z0-9_-])[A-Za-z][A-Za-z0-9]{1,11}[._-][A-Za-z0-9_-]{14,512}").finditer(
        text, start, end
    ):
        first, last = match.span()
        in_path = text[first - 1 : first] in "/." and first > 0
        named = match[0] == match[0].lower() and _names_a_file(text, last)
        if not in_path and not named and _is_token(match[0]):
            yield Span(first, last, "token")


def _names_a_file(text: str, end: int) -> bool:
    return compiled(r"\.[A-Za-z]|/|@").match(text, end) is not None


def _is_token(word: str) -> bool:
    """Say whether a word is a name of one to four short parts, then one random part that no name is."""
    parts = compiled(r"[._-]").split(word)
    at = 1
    while at < min(len(parts) - 1, 4) and compiled(r"[a-z]{2,10}").fullmatch(parts[at]):
        at += 1
    names, tail = [part.lower() for part in parts[:at]], "".join(parts[at:])
    uuid = compiled(rf"[._-]{_UUID}$").search(word) is not None
    if uuid:
        return any(name in _TOKEN_WORDS for name in names)
    staged = len(names) > 1 and names[-1] in _STAGES
    if not staged and (names[0] in _NAMES_OF_THINGS or names[-1] in _NAMES_OF_THINGS) and names[-1] not in _TOKEN_WORDS:
        return False
    if len(tail) < 20 or len(parts) - at > 2 + len(tail) // 8:
        return False
    return _is_random(tail, parts[at:]) or (len(parts[at]) >= 24 and _is_random(parts[at], parts[at : at + 1]))


def _is_random(tail: str, parts: list[str]) -> bool:
    longest = max(parts, key=len)
    digits = sum(c.isdigit() for c in tail)
    if len(set(tail)) < 10 or digits == len(tail):
        return False
    if not (tail.islower() or tail.isupper()):
        return changes(tail) >= (0.28 if digits else 0.5) and _share_of_words(tail) < 0.4
    if compiled(r"[0-9a-f]+").fullmatch(tail):
        return len(longest) >= 32
    enough = 0.12 if len(longest) >= 32 else 0.2
    return len(longest) >= 20 and digits > 2 and changes(longest) >= enough and _share_of_words(longest.lower()) < 0.5


def changes(word: str) -> float:
    """Return how often the class of a character (lower, upper, digit, other) differs from the one before: 0 to 1."""
    kinds = ["l" if c.islower() else "u" if c.isupper() else "d" if c.isdigit() else "o" for c in word]
    return sum(a != b for a, b in pairwise(kinds)) / max(1, len(word) - 1)


def _share_of_words(tail: str) -> float:
    """Return how much of a tail stands in seven or more letters in a row that can be spoken, as in a test's name."""
    spoken = 0
    for match in compiled(r"[A-Z]?[a-z]{6,}").finditer(tail):
        word = match[0].lower()
        vowels = sum(c in "aeiouy" for c in word)
        if vowels * 4 >= len(word) and compiled(r"[^aeiouy]{4}").search(word) is None:
            spoken += len(word)
    return spoken / len(tail)


def _hides(run: str, inner: Callable[[str], Iterator[Span]]) -> bool:
    decoded = _decoded(run)
    return decoded is not None and next(iter(inner(decoded)), None) is not None


def _decoded(run: str) -> str | None:
    """Return what base64 hides where that is text; a path, an image or a digest is not."""
    body = run.rstrip("=")
    if (
        "." in body
        or "~" in body
        or "//" in body
        or compiled(r"[A-Za-z0-9_+/-]{20,}").fullmatch(body) is None
        or len(body) > _LONGEST
    ):
        return None
    plain = body.replace("-", "+").replace("_", "/")
    if not _is_text(_bytes(plain[:64])):
        return None
    data = _bytes(plain)
    return data.decode("utf-8", "replace") if _is_text(data) else None


def _bytes(body: str) -> bytes:
    from binascii import a2b_base64  # a library, for what few texts hold

    try:
        return a2b_base64(body[: len(body) - (len(body) % 4 == 1)] + "=" * (-len(body) % 4))
    except ValueError:
        return b""


def _is_text(data: bytes) -> bool:
    shown = sum(32 <= byte < 127 or byte in (9, 10, 13) for byte in data)
    return bool(data) and shown >= _LEAST_PRINTABLE * len(data)


# The data of a Kubernetes Secret: every value is one, whatever its name


def secret_manifests(text: str) -> Iterator[Span]:
    """Yield the values of `data` and `stringData` of manifests whose kind is Secret."""
    at = 0
    for document in compiled(r"(?:^|\n)---[^\n]{0,80}\n").split(text):
        at = text.index(document, at) if document else at
        if compiled(r"\bkind[\"']?\s{0,4}:\s{0,4}[\"']?Secret(?:List)?\b(?!Key)").search(document):
            yield from _values_of_data(text, at, at + len(document))
        at += len(document)


def _values_of_data(text: str, start: int, end: int) -> Iterator[Span]:
    for block in compiled(r"(?:^|\n)([ ]{0,40})(?:data|stringData):[ \t]*((?:\n\1[ ]+[^\n]*)+)").finditer(
        text, start, end
    ):
        for pair in compiled(r"\n[ ]+[\w.-]{1,253}:[ \t]+[\"']?([^\s\"']{4,})").finditer(text, *block.span(2)):
            if not is_placeholder(pair[1]):
                yield Span(*pair.span(1), "kubernetes-secret")
    for block in compiled(r"\"(?:data|stringData)\"\s{0,4}:\s{0,4}\{([^{}]{1,65536})\}").finditer(text, start, end):
        for pair in compiled(r":\s{0,4}\"([^\"]{4,})\"").finditer(text, *block.span(1)):
            if not is_placeholder(pair[1]):
                yield Span(*pair.span(1), "kubernetes-secret")
