"""A verb of destruction is refused for programs that nobody listed, and what only looks like one is not."""

from __future__ import annotations

import pytest
from tests.core.policy.verb_rows import DESTROYS, HARMLESS, LATER_DESTROYS, LATER_HARMLESS

from meshcore.policy.policy import Policy

POLICY = Policy.load(None)
PASSED_BY = {
    "salt-key -D -y",
    "tailscale logout",
    "nvme-tool format /dev/nvme0",
    "hdfs-tool fs -rmr /data",
}  # they wait for a person
ALSO_REFUSED = {  # by checks of their programs, or because words of a test's name stand where a verb would
    *("vagrant status", "vagrant up", "ansible all -m ping", "salt '*' test.ping", "knife node list"),
    *(
        "git restore --staged delete.py",
        "docker rm stopped-web",
        "npm run test -- drop",
        "python -m pytest -k truncate",
    ),
}


def test_what_destroys_is_refused_and_nothing_of_it_would_run() -> None:
    verdicts = {command: POLICY.check(command).decision for command in (*DESTROYS, *LATER_DESTROYS)}
    assert {command for command, verdict in verdicts.items() if verdict != "refuse"} <= PASSED_BY
    assert "run" not in verdicts.values()


def test_what_only_looks_so_is_not_refused() -> None:
    refused = {command for command in (*HARMLESS, *LATER_HARMLESS) if POLICY.check(command).decision == "refuse"}
    assert refused <= ALSO_REFUSED


@pytest.mark.parametrize(
    "command",
    [
        "anytool {} x",
        "anytool group {} x",
        "anytool group:{} x",
        "anytool {}-things x",
        "anytool --{} x",
        "anytool --{}-now x",
        "anytool --action {} x",
        "anytool --action={} x",
        "anytool call pkg.Service/{}Thing",
        "./{}-things.sh",
        "python scripts/{}_things.py",
        "make {}-things",
    ],
)
@pytest.mark.parametrize("verb", ["delete", "Purge", "destroy", "drop", "wipe", "prune", "terminate", "revoke"])
def test_a_verb_is_found_wherever_a_program_takes_it(command: str, verb: str) -> None:
    said = command.format(verb if "pkg" in command else verb.lower())
    if said.startswith("anytool --") and verb in {"terminate", "revoke"}:
        said = command.format(verb)
    verdict = POLICY.check(said)
    assert verdict.decision == "refuse"
    assert "takes back" in verdict.reasons[0]


@pytest.mark.parametrize("word", ["a" * 60_000, "delete" * 10_000, "aB" * 30_000, "drop table " * 6_000, "-" * 60_000])
def test_long_words_end(word: str) -> None:
    POLICY.check(f"anytool {word} '{word}'")


@pytest.mark.parametrize("disk", ["/dev/sda", "/dev/nvme0n1p2", "/dev/mapper/vg-root", "/dev/disk/by-id/ata-1"])
@pytest.mark.parametrize("command", ["anytool {}", "anytool --out={} -n 10", "cp image.iso {}", "anytool convert a {}"])
def test_a_whole_disk_is_nothing_for_a_program_that_does_more_than_look(command: str, disk: str) -> None:
    assert POLICY.check(command.format(disk)).decision == "refuse"


@pytest.mark.parametrize("command", ["lsblk /dev/sda", "df -h /dev/sda1", "smartctl -a /dev/nvme0"])
def test_who_looks_at_a_disk_asks(command: str) -> None:
    assert POLICY.check(command).decision == "approve"
