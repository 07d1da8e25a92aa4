"""The user's terminal is the child's while we are in the foreground, and the shell's otherwise."""

from __future__ import annotations

import os
import termios

import pytest

from meshcore.process import pty


def test_in_the_background_the_terminal_stays_as_the_shell_has_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    master, ours = os.openpty()
    terminal = pty.PseudoTerminal(ours, session=True)
    before = termios.tcgetattr(ours)
    foreground = [False]
    monkeypatch.setattr(pty, "in_foreground", lambda descriptor: foreground[0])
    assert not terminal.take() and termios.tcgetattr(ours) == before
    foreground[0] = True
    assert terminal.take() and termios.tcgetattr(ours) != before
    assert not terminal.take()  # it is the child's already
    terminal.give_back()
    assert termios.tcgetattr(ours) == before
    assert terminal.take()
    terminal.close()
    os.close(master)
    os.close(ours)
