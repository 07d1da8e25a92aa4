"""What a program proposes to type: a whole command that its own output names, where it names just one.

Guards: no placeholder, nothing that only looks or shows help, no option that silences, skips or forces, no address, and
nothing that ships what is here or takes it from elsewhere. The command is one of the failed program's own, or installs
something that is well known. Linear, never raises. Light.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator, Sequence

from meshcore.knowledge.acts import acts
from meshcore.knowledge.missing import SPEAKING, said_itself
from meshcore.knowledge.packs import pack
from meshcore.knowledge.program import program_name
from meshcore.knowledge.spelling import plain_spelling
from meshcore.knowledge.text import word_set
from meshcore.knowledge.typed import is_set_up
from meshcore.knowledge.well_known import normal, packages

_READ = 8_000  # characters at the end of an output
_LINES = 60
_ONLY_HELP = frozenset({"help", "--help", "man", "--explain", "explain"})
_LOOKS = word_set("describe info list ls search show status view")
_LONGEST = 300  # characters of a command
_LEAD = 160  # characters before one in which is said that it is one
_AS_THE_PROJECT_ASKS = {
    ("npm", "install"): word_set("npm npx node"),
    ("bundle", "install"): word_set("ruby rails rake rspec jekyll bundle"),
    ("composer", "install"): word_set("php artisan phpunit composer"),
    ("mix", "deps.get"): word_set("mix iex elixir"),
    ("playwright", "install"): word_set("playwright pytest python npx node npm"),
    ("npx", "playwright", "install"): word_set("playwright npx node npm"),
    ("pod", "install"): word_set("pod xcodebuild flutter"),
    ("flutter", "pub", "get"): word_set("flutter dart"),
    ("dart", "pub", "get"): word_set("dart flutter"),
    ("dotnet", "restore"): word_set("dotnet msbuild"),
    ("corepack", "enable"): word_set("yarn pnpm npm"),
    ("git", "submodule", "update", "--init"): word_set("git cmake make"),
    ("git", "submodule", "update", "--init", "--recursive"): word_set("git cmake make"),
}
"""Commands that install what the project's own files ask for, and the programs that may propose them."""
_INSTALLERS = {"pip": ("install",), "npm": ("install", "i"), "yarn": ("add",), "pnpm": ("add",)}
_BRINGING = word_set("install i add require get dlx exec x")
_BRINGING_TOO = word_set("run pull create")  # of programs that fetch what they start
_FETCHING = word_set("docker podman nerdctl pipx")
_RUNNERS = word_set("npx pnpx bunx uvx")
"""Verbs that bring in what the words behind them name, and programs that fetch and start it."""
_OF_PYTHON = word_set("pip pipx pipenv uv uvx poetry pdm conda mamba")
_OF_NODE = word_set("npm npx yarn pnpm pnpx bun bunx")
_OF_A_DISTRIBUTION = word_set("apt apt-get dnf apk pacman brew rustup nvm rbenv pyenv asdf mise playwright")
"""Programs whose names nobody can take: those of a distribution, and versions of a language."""
_SHIPPING = word_set("publish deploy release upload promote apply push send-email daemon")
_FROM_ELSEWHERE = word_set("remote source sources repo repository registry channels")
_SETTING = word_set("add --add set set-url")
_PLACES = word_set("clone tap submodule")
"""Words of commands that send out what is here, and of those that say where things come from."""
_PLAIN_OPTIONS = word_set("-D -E -U -g --dev --exact --global --save --save-dev --save-exact --upgrade --user -d")


@functools.cache
def _lead_in() -> re.Pattern[str]:
    return re.compile(
        r"(?i)(?:\b(?:run|running|try|trying|execute|executing|call|calling|invoke|type|typing)\b"
        r"|\b(?:install|add|fix|update|enable|resolve|download|authorize)(?:ing)?\b.{0,60}\b(?:with|via|by|using|use)\b"
        r"|(?:^|[.;] )(?:please )?use\b|, use\b|:|->|=>)[:,]?\s{0,3}$"
    )


@functools.cache
def _quoted() -> re.Pattern[str]:
    return re.compile(rf"`([^`\n]{{3,{_LONGEST}}})`|\"([^\"\n]{{3,{_LONGEST}}})\"|'([^'\n]{{3,{_LONGEST}}})'")


@functools.cache
def _held_back() -> re.Pattern[str]:
    return re.compile(
        r"(?:--?(?:help|version|force\S{0,40}|no-\S{1,40}|skip\S{0,40}|ignore\S{0,40}|allow\S{0,40}|disable\S{0,40}|break-\S{1,40}"
        r"|legacy-\S{1,40}|quiet|silent|hard|unsafe\S{0,40}|insecure|abort|overwrite|purge|prune|delete|quit"
        r"|accept-\S{1,40}|auto-approve|trust\S{0,40}|assume\S{0,40}|bypass\S{0,40}|override\S{0,40}|replace|danger\S{0,40}|unrestricted"
        r"|expose\S{0,40}|public|cascade|volumes|rmi|mirror|exec|eval|batch|non-interactive|no(?:confirm|gpg|check)\S{0,40}"
        r"|plain-http|reinit\S{0,40}|dry-run)|-[a-zA-Z]*[fDhkqV][a-zA-Z]*|help|man|advice\.\S{1,60}|rm|remove|clean|reset|prune)"
        r"(?:=\S{0,200})?"
    )


_IN_A_BOX = re.compile(r"^(?:E {0,8}| {0,8})[│┃║]")
_TYPES = "@types/"  # in which only DefinitelyTyped publishes, under the names of the packages that it describes


def is_held_back(word: str) -> bool:
    """Tell whether a word of a proposal asks for a decision: it silences, skips, forces or deletes."""
    return _held_back().fullmatch(word) is not None


_PLACEHOLDER = re.compile(
    r"[<>\[\]{}()|;&$*?…\\\"'`]|\.\.\.|(?i:\byour\b|\bmy[-_]|example|^foo\b|^name$|^file$|^path$|^package(?:[-_]name)?$)|://"
)
_ADDRESS = re.compile(r"[\w.-]*@[\w.-]+:|[\w.@-]+:[^:/]*/|-{1,2}[\w-]+=.*(?:[/:]|\.[A-Za-z])")
_CAPITALS = re.compile(r"[A-Z][A-Z_-]{2,}")


def proposed(argv: Sequence[str], output: str) -> tuple[str, ...]:
    """Return the one command that a failed one's output proposes; () where it proposes none, or several."""
    program = program_name(argv[0]) if argv else ""
    always: dict[tuple[str, ...], None] = {}
    in_a_case: dict[tuple[str, ...], None] = {}
    for text, case in _commands(said_itself(tuple(argv), output)):
        words = _words(text)
        if words and _is_meant(words, program, argv) and _ONLY_HELP.isdisjoint(words) and _LOOKS.isdisjoint(words[1:3]):
            (in_a_case if case else always)[words] = None
    found = always or in_a_case
    if not all(_may_be_told(words, argv) for words in found):
        return ()  # the program wants a decision, and one of its ways is not to be taken for the other
    first = min(found, key=len, default=())
    is_one = all(one[: len(first)] == first for one in found)  # what others go on with comes first
    return first if is_one else ()


def _is_for_a_case(text: str) -> bool:
    """Tell whether a sentence names what is to be typed in one case only: another one, without that, is meant first."""
    return re.match(r"(?i)(?:if|when|unless|in case)\b", re.split(r"[.!?:]\s+", text)[-1].strip()) is not None


def _commands(output: str) -> Iterator[tuple[str, bool]]:
    """Yield what stands where a program names a command, and whether that is for a case only.

    It is quoted behind a verb, or stands alone on the line below one.
    """
    lines = [_IN_A_BOX.sub("", line).rstrip("│┃║ ") for line in output[-_READ:].splitlines()[-_LINES:]]
    before, in_block, in_warning = "", False, False
    for line in lines:
        warns = re.match(r"(?i)\s{0,8}(?:(?:npm )?(?:warn(?:ing)?|notice)\b|\[notice\])", line) is not None
        in_warning = warns or (in_warning and re.match(r"(?i)\s{0,8}(?:$|npm |(?:error|fatal|hint)\b)", line) is None)
        if in_warning:
            before, in_block = "", False
            continue  # what it proposes mends what it warns of, which is not what failed
        said = re.sub(r"^(?:hint|help|note|tip|info|error|npm (?:ERR!|error)|= help|= note):?\s{0,3}", "", line.strip())
        for found in _quoted().finditer(said):
            if _lead_in().search(said, max(0, found.start() - _LEAD), found.start()):
                yield next(filter(None, found.groups())), _is_for_a_case(said[: found.start()])
        is_set_off = line[:1] in " \t" or line.startswith(("hint:  ", "hint: \t"))
        in_block = bool(is_set_off and said and (in_block or (before and _lead_in().search(before))))
        if in_block:
            yield said.partition(" #")[0], _is_for_a_case(before)
        else:
            for tail in re.finditer(r"(?i)\b(?:run|running|try|use|with):? {1,3}(?=[a-z])", said):
                text = re.split(r"\. | (?:to|in your|first|again|for|before)\b", said[tail.end() :], maxsplit=1)[0]
                yield text.rstrip(".?"), _is_for_a_case(said[: tail.start()])
        if not in_block:
            before = said or before


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text.removeprefix("$ ").strip().removeprefix("sudo ")))
    except ValueError:
        return ()


def _is_meant(words: tuple[str, ...], program: str, argv: Sequence[str]) -> bool:
    """Tell whether words are a command of the failed program's, or one that installs."""
    name = program_name(words[0])
    if len(words) < 2 or len(words) > 12 or set(words) <= set(argv):
        return False
    if words in _AS_THE_PROJECT_ASKS and name != program:
        return program in _AS_THE_PROJECT_ASKS[words]
    if name == program:
        return program in SPEAKING and words[0] in (program, argv[0], f"bin/{program}")
    if program == "rustc" or program == "cargo":
        return name in ("cargo", "rustup")
    return name in _INSTALLERS and plain_spelling(words)[1:2] != () and plain_spelling(words)[1] in _INSTALLERS[name]


def _may_be_told(words: tuple[str, ...], argv: Sequence[str]) -> bool:
    """Tell whether a command that is proposed holds nothing that a person would have to fill in or think over."""
    if words in _AS_THE_PROJECT_ASKS:
        return True
    new = [word for word in words[1:] if word not in argv and re.sub(r"@[\w.-]+$", "", word) not in argv]
    for word in new:
        if _PLACEHOLDER.search(word) or is_held_back(word) or not word.isascii() or not word.isprintable():
            return False
        if _CAPITALS.fullmatch(word) or _ADDRESS.match(word) or word in _PLACES:
            return False
        if not _SHIPPING.isdisjoint(word.split(":")):
            return False
        if word in _FROM_ELSEWHERE and not _SETTING.isdisjoint(words):
            return False
    plain = plain_spelling(words)
    name = program_name(plain[0])
    if name == "git":
        return True
    verbs = _BRINGING | _BRINGING_TOO if name in _FETCHING else _BRINGING
    at = next((at for at in (1, 2) if plain[at : at + 1] and plain[at] in verbs), 0)
    brought = plain[at + 1 :] if at else plain[1:2] if name in _RUNNERS else ()
    if not all(_may_be_brought(word, name, plain[at]) for word in brought if word in new):
        return False
    return (at > 0 and name in _INSTALLERS) or acts(words) or is_set_up(words) or words[-1] == "login"


def _may_be_brought(word: str, program: str, verb: str) -> bool:
    """Tell whether a word that was not typed may name what is brought in: who wrote the output may have chosen it."""
    if word in _PLAIN_OPTIONS:
        return True
    if program in _OF_PYTHON:
        return normal(word) in packages().values()
    if program in _OF_NODE:
        return word.removeprefix(_TYPES) in pack("node")
    return (program in _OF_A_DISTRIBUTION and "/" not in word) or (program, verb) == ("go", "get")
