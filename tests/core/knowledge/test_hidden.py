"""What a pipe hides: a program's own closing line counts, the word `error` does not."""

from __future__ import annotations

import pytest

from meshcore.knowledge.hidden import hidden_failure


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("go test ./... 2>&1 | tail -3", "--- FAIL: TestX (0.00s)\nFAIL\texample.org/x\t0.2s\nFAIL"),
        ("pytest -q; echo done", "FAILED tests/test_a.py::test_b - assert 1 == 2\n1 failed, 3 passed in 0.1s\ndone"),
        ("npm test | grep -v skip", "Tests:       2 failed, 9 passed, 11 total"),
        ("npx tsc --noEmit | head -20", "src/a.ts(3,1): error TS2304: Cannot find name 'x'."),
        ("cargo build 2>&1 | tail -5", "error[E0425]: cannot find value `x` in this scope"),
        ("make all || true", "make[1]: *** [Makefile:3: all] Error 2"),
        ("npm ci | tail -2", "npm error code ERESOLVE"),
        ("mvn -q verify | tail -30", "[INFO] BUILD FAILURE"),
        ("git push 2>&1 | cat", "error: failed to push some refs to 'origin'"),
        ("bundle exec rspec | tail -4", "12 examples, 1 failure"),
        ("python3 -m pytest -p no:cacheprovider | tail -4", "FAILED tests/test_a.py::test_b"),
        ("node test/all.js -e ci | tail -4", "Error: 3 of 9 failed"),
    ],
)
def test_a_failure_behind_a_pipe_is_recognised_by_its_own_closing_line(command: str, output: str) -> None:
    found = hidden_failure(command, output)
    assert found is not None and found.line in output


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("go test ./...", "FAIL\texample.org/x\t0.2s"),
        ("cat build.log | tail -3", "FAIL\texample.org/x\t0.2s"),
        ("grep -rn FAILED . | head", "FAILED tests/test_a.py::test_b"),
        ("pytest -q | tail -3", "tests/test_error.py .... \n4 passed in 0.1s"),
        ("npm test | tail -3", "handles the error: fatal errors are retried\nTests:       0 failed, 9 passed"),
        ("gh run view 1 --log | tail", "--- FAIL: TestX"),
        ("go version --json || go version", "Error: unknown flag"),
        ("make || make fallback", "make: *** [x] Error 1\nok"),
        ("eslint . | tail -2", "✖ 3 problems (0 errors, 3 warnings)"),
        ("python3 -u -c 'import app'; git status", "ImportError: cannot import name 'x'"),
        ("node --no-warnings -e 'run()' | tail -3", "Error: not there"),
        ("python - <<'END'\nimport app\nEND\nls", "Traceback (most recent call last):"),
    ],
)
def test_what_is_relayed_or_only_spoken_of_is_no_failure(command: str, output: str) -> None:
    assert hidden_failure(command, output) is None


def test_how_far_above_the_end_it_stands_is_counted() -> None:
    found = hidden_failure("make; ls", "make: *** [x] Error 1\na\nb\nc\nd\n")
    assert found is not None and found.below == 4
