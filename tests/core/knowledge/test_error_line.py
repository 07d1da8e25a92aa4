"""Which line of an output tells what went wrong: of what people run, each tool in its own form, wrapped and not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meshcore.knowledge.error_line import GUESSED, find_telling
from meshcore.knowledge.report import find_report
from meshcore.knowledge.signature import around, read
from meshcore.knowledge.text import lines_of
from meshcore.knowledge.wrappers import sections, unwrap
from meshcore.safety.redaction import redact

OUTPUTS = Path(__file__).with_name("outputs.txt")
MARK = "»"
PASSED_AND_FAILED = """ok  \texample.com/inv/api\t0.021s
ok  \texample.com/inv/cache\t(cached)
FAIL\texample.com/inv/stock [build failed]
FAIL
"""


def cases() -> list[tuple[str, str, str]]:
    """Return (command, output, telling line) of each case; a command below an output that tells nothing is its part."""
    found: list[list[str]] = []
    for chunk in re.split(r"\n\n(?=\$ [^\n]+\n)", OUTPUTS.read_text("utf-8"))[1:]:
        command, _, output = chunk.partition("\n")
        if MARK in output:
            found.append([command.removeprefix("$ "), output])
        else:
            found[-1][1] += f"\n\n{chunk}"
    marked = [(command, output, [line for line in output.split("\n") if MARK in line]) for command, output in found]
    assert all(len(lines) == 1 for _, _, lines in marked), "one line of a case is marked"
    return [(command, output.replace(MARK, ""), lines[0].strip(MARK + " ")) for command, output, lines in marked]


CASES = cases()


def bare(line: str) -> str:
    return " ".join(line.split())


@pytest.mark.parametrize(("command", "output", "line"), CASES, ids=[f"{i}-{c[0][:30]}" for i, c in enumerate(CASES)])
def test_the_line_is_told_that_says_what_went_wrong(command: str, output: str, line: str) -> None:
    told = bare(read(output, command=command).line)
    assert told, "nothing is told"
    assert bare(line).endswith(told) or told.startswith(bare(line)), "that line, with or without its wrapper"
    assert len(told) > len(bare(line)) // 3


@pytest.mark.parametrize(
    ("command", "output", "told"),
    [
        (
            "cmake .",
            "CMake Error at CMakeLists.txt:3 (add_executable):\n  Cannot find source file:\n\n    cart.c\n\n  Tried\n",
            "Cannot find source file: cart.c",
        ),
        (
            "node --test a.js",
            "not ok 1 - sum\n  ---\n  error: |-\n    Expected values to be equal:\n    \n    2 !== 3\n    \n  ...\n",
            "Expected values to be equal: 2 !== 3",
        ),
        (
            "biome check .",
            "× Formatter would have printed the following content:\n\n    5  5 │   a\n",
            "× Formatter would have printed the following content:",
        ),
    ],
    ids=["cmake", "tap", "not quoted code, which is another each time"],
)
def test_a_line_that_announces_another_is_told_with_it(command: str, output: str, told: str) -> None:
    assert read(output, command=command).line == told


def test_what_a_wrapper_relays_as_standard_error_in_json_is_read() -> None:
    relayed = json.dumps({"cmd": ["tillmig"], "msg": "non-zero return code", "stderr": 'tillmig: "rates" is too new'})
    output = f"TASK [migrate] ***\nfatal: [till1]: FAILED! => {relayed}\n\nPLAY RECAP ***\ntill1 : ok=0 failed=1\n"
    assert read(output, command="ansible-playbook till.yml").line == 'tillmig: "rates" is too new'


@pytest.mark.parametrize(
    "relayed", ['"stderr": "cut of', '"stderr": ""', '"stderr": "\\x"', '"stderr": "a" "stderr": ']
)
def test_json_that_is_cut_off_or_no_json_is_a_line_as_any_other(relayed: str) -> None:
    assert read(f"fatal: host till1 is not reachable {{{relayed}", command="x").line.startswith("fatal: host")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda line: f"[lint:go] {line}",
        lambda line: f"web:build: {line}",
        lambda line: f"api-1  | {line}",
        lambda line: f"#7 0.412 {line}",
        lambda line: f"build\tcompile\t2026-02-01T09:12:44.1234567Z {line}",
    ],
    ids=["task runner", "monorepo", "compose", "docker build", "log of CI"],
)
def test_a_wrapper_is_read_through_to_what_it_wraps(wrap: object) -> None:
    plain = [
        "src/user.ts(14,7): error TS2322: Type 'number' is not assignable to type 'string'.",
        "src/user.ts(30,11): error TS2339: Property 'mail' does not exist on type 'User'.",
        "Found 2 errors.",
    ]
    assert callable(wrap)
    assert read("\n".join(map(wrap, plain)), command="task build") == read("\n".join(plain), command="task build")


def test_a_sentence_that_begins_with_error_is_no_more_severe_than_the_diagnostic_above_it() -> None:
    first = "pkg/a.go:286:15: G304: Potential file inclusion via variable (gosec)"
    text = f"{first}\npkg/a.go:288:15: error returned from external package is unwrapped (wrapcheck)\n2 issues:\n"
    assert read(text, command="golangci-lint run").line == first


def test_of_commands_that_a_runner_echoes_the_last_one_failed() -> None:
    text = (
        "$ eslint .\nerror: this was only printed by a test\n 12 pass\n 0 fail\n"
        "$ tsc -p .\nsrc/a.ts(1,2): error TS1005: ';' expected.\nerror: script \"check\" exited with code 2\n"
    )
    assert read(text, command="bun run check").line == "src/a.ts(1,2): error TS1005: ';' expected."


def test_what_a_search_prints_is_no_diagnostic() -> None:
    text = "src/app.py:12: raise ValueError('x')\nsrc/app.py:40: pass\ngrep: nosuch: No such file or directory\n"
    assert read(text, command="grep -rn x src nosuch").line == "grep: nosuch: No such file or directory"


def test_a_warning_counts_only_where_nothing_else_does() -> None:
    warning = "ring.c:14:9: warning: unused variable 'n' [-Werror=unused-variable]"
    assert read(warning, command="gcc -c ring.c").line == warning
    both = f"{warning}\nld: cannot open output file a.out: Permission denied\n"
    assert read(both, command="gcc ring.c").line == "ld: cannot open output file a.out: Permission denied"


def test_what_passed_is_never_told() -> None:
    assert "ok" not in read(PASSED_AND_FAILED, command="go test ./...").line.split()
    verbose = "=== RUN   TestErrorNotFound\n--- PASS: TestErrorNotFound (0.00s)\n" + PASSED_AND_FAILED
    assert "PASS" not in read(verbose, command="go test -v ./...").line


def test_the_name_of_a_test_that_passed_is_no_secret() -> None:
    line = "--- PASS: TestFormatInvoice_ShowsEveryLine (0.00s)"
    assert redact(line) == line


def test_a_server_that_does_not_find_something_is_no_missing_command() -> None:
    text = "remote: Not Found\nfatal: repository 'https://git.example.com/a/b.git/' not found\n"
    assert read(text, command="git fetch").error_type == "git"


def test_a_script_that_misses_a_command_misses_it_in_every_shell() -> None:
    for text in ("./deploy.sh: line 7: jq: command not found", "scripts/deploy.sh: 7: jq: not found"):
        assert read(text, command="./deploy.sh").error_type == "CommandNotFound"


@pytest.mark.parametrize("time", ["13:43:06", "2026/01/26 13:43:06", "2026-01-26T13:43:06.120Z", "[13:43:06,120]"])
def test_the_minutes_of_a_time_are_no_port(time: str) -> None:
    used = read(f"{time} listen tcp :8080: bind: address already in use", command="./server")
    refused = read(f"{time} dial tcp 10.1.2.3:5432: connect: connection refused", command="./server")
    assert [slot.value for slot in used.slots[: around(used.template).base]] == ["8080"]
    assert [slot.value for slot in refused.slots[: around(refused.template).base]] == ["10.1.2.3", "5432"]


_LINE = st.text(st.sampled_from("aE0 :/.[](){}|>-$#━×✗●'\"\t") | st.characters(codec="utf-8"), max_size=40)
_PIECE = st.sampled_from([line for _, output, _ in CASES for line in output.split("\n")])


@given(st.lists(_LINE | _PIECE, max_size=40))
@settings(max_examples=150, deadline=None)
def test_whatever_is_printed_one_of_its_lines_is_told(lines: list[str]) -> None:
    text = "\n".join(lines).replace("\r", " ").replace("\x0b", " ")
    told = find_telling(text, "", "make").line
    assert bare(told) in bare(text)


@given(st.lists(_LINE | _PIECE, max_size=40))
@settings(max_examples=80, deadline=None)
def test_sections_part_an_output_and_findings_lie_within(lines: list[str]) -> None:
    plain = unwrap(lines_of("\n".join(lines)))
    parts = list(sections(plain))
    assert [n for start, end in reversed(parts) for n in range(start, end)] == list(range(len(plain)))
    for finding in find_report(plain, "make"):
        assert finding is None or 0 <= finding.at < len(plain)


@given(st.sampled_from(CASES), st.lists(st.sampled_from(["", "compiling", "done in 3 s", "✓ ready"]), max_size=20))
@settings(max_examples=60, deadline=None)
def test_progress_above_an_error_changes_nothing(case: tuple[str, str, str], progress: list[str]) -> None:
    command, output, _ = case
    assume(find_telling(output, "", command).clear > GUESSED)  # of a headline alone the rest may be the better guess
    above = "\n".join([*progress, "", ""])
    assert read(above + output, command=command).line == read(output, command=command).line


def test_the_innermost_reason_drawn_below_a_sentence_is_told_and_no_line_of_code() -> None:
    reason = (
        "Building the image failed.\n> The step 'fetch' failed.\n  > the mirror answered with 503 to lib-a\n\nDone."
    )
    assert read(reason).line == "the mirror answered with 503 to lib-a"
    echo = "Running the scripts:\n> build everything\nError: a semicolon is missing"
    assert read(echo).line == "Error: a semicolon is missing"
    code = "The parser could not read app.js:\n> 12 | let a = b c\n  13 | }\nError: a semicolon is missing"
    assert read(code).line == "Error: a semicolon is missing"
