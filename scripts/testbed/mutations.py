"""Ways to write a dangerous command so that it looks like another one."""

from __future__ import annotations

import random
from collections.abc import Callable

Mutation = Callable[[str, random.Random], str]

_LOOK_ALIKES = {"a": "а", "c": "с", "e": "е", "o": "о", "p": "р", "x": "х", "s": "ѕ", "i": "і", "-": "‐", "/": "⁄"}
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u2066\x08\x1b\x00"
_SPACES = "\t\xa0\u2003\u3000\u2028\r\x0b"


def _more_spaces(text: str, rng: random.Random) -> str:
    return "".join(c * rng.randint(1, 4) if c == " " else c for c in f"  {text} ")


def _other_space(text: str, rng: random.Random) -> str:
    return text.replace(" ", rng.choice(_SPACES), rng.randint(1, 3))


_OPERATORS = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "(", ")", "{", "}", "!"})


def _quoted_word(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    # An operator in quotes would be a plain word, so the command another one that may well be harmless.
    at = rng.choice([at for at, word in enumerate(words) if word not in _OPERATORS] or [0])
    words[at] = rng.choice(["'{}'", '"{}"', "''{}", '{}""', "$'{}'"]).format(words[at])
    return " ".join(words)


def _quoted_inside(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    return text[:at] + rng.choice(["''", '""', "\\", "\\\n", "$@", "${x}", "`true`"]) + text[at:]


def _case(text: str, rng: random.Random) -> str:
    how = rng.choice([str.upper, str.lower, str.swapcase, str.title])
    return how(text)


def _look_alike(text: str, rng: random.Random) -> str:
    places = [at for at, char in enumerate(text) if char in _LOOK_ALIKES]
    if not places:
        return text + "\u200b"
    at = rng.choice(places)
    return text[:at] + _LOOK_ALIKES[text[at]] + text[at + 1 :]


def _full_width(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    return text[:at] + (chr(ord(text[at]) + 0xFEE0) if 0x21 <= ord(text[at]) <= 0x7E else "\u3000") + text[at + 1 :]


def _invisible(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(_INVISIBLE) + text[at:]


def _options_moved(text: str, rng: random.Random) -> str:
    first, *rest = text.strip().split(" ")
    rng.shuffle(rest)
    return " ".join([first, *rest])


def _options_split(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    at = rng.randrange(len(words))
    word = words[at]
    if word.startswith("--") and "=" in word:
        words[at] = word.replace("=", " ", 1)
    elif len(word) > 2 and word[0] == "-" and word[1] != "-":
        words[at] = " ".join(f"-{letter}" for letter in word[1:])
    else:
        words.insert(at + 1, rng.choice(["--", "-v", "-q", "--verbose"]))
    return " ".join(words)


_WRAPPERS = (
    *(
        "env {}",
        "env -i {}",
        "env A=b {}",
        "A=b {}",
        "nice {}",
        "nice -n 19 {}",
        "ionice -c3 {}",
        "nohup {}",
        "setsid {}",
    ),
    *(
        "timeout 5 {}",
        "timeout -k 1 5s {}",
        "time {}",
        "stdbuf -oL {}",
        "command {}",
        "exec {}",
        "builtin {}",
        "sudo {}",
    ),
    *("sudo -n {}", "doas {}", "xargs {}", "xargs -n1 {}", "echo x | xargs {}", "sh -c '{q}'", "bash -lc '{q}'"),
    *("eval '{q}'", "eval {}", "/usr/bin/env {}", "busybox {}", "watch {}", "find . -exec {} ;", "ssh h '{q}'"),
    *("python3 -c 'import os; os.system(\"{}\")'", "flock l {}", "script -c '{q}' x", "su -c '{q}'", "echo $({})"),
    *("ls `{}`", "true && {}", "false || {}", "ls; {}", "ls | {}", "ls & {}", "ls\n{}", "! {}", "( {} )", "{{ {}; }}"),
    *("if true; then {}; fi", "for i in 1; do {}; done", "f() {{ {}; }}; f", "mkdir -p x && {}", "ls > x; {}"),
)


def _wrapped(text: str, rng: random.Random) -> str:
    quoted = text.replace("'", "'\\''")
    wrapper = rng.choice(_WRAPPERS)
    return wrapper.format(text, q=quoted)


def _padded(text: str, rng: random.Random) -> str:
    before = rng.choice(["", "#", "\\\n", ": ; ", "true; ", "\ufeff", "\r"])
    after = rng.choice(
        [" #", " && true", " || true", " 2>/dev/null", " &", ";", "\n", " < /dev/null", " | cat", "\r\n"]
    )
    return before + text + after


MUTATIONS: tuple[Mutation, ...] = (
    _more_spaces, _other_space, _quoted_word, _quoted_inside, _case, _look_alike, _full_width, _invisible,
    _options_moved, _options_split, _wrapped, _wrapped, _wrapped, _padded,
)  # fmt: skip


def mutated(text: str, rng: random.Random) -> tuple[str, str]:
    """Return a command changed in one to three ways, and the names of the ways."""
    names = []
    for mutation in rng.sample(MUTATIONS, rng.choice((1, 1, 2, 3))):
        text = mutation(text, rng) or text
        names.append(mutation.__name__.strip("_"))
    return text, "+".join(names)
