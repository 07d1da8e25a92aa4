"""git: identity, upstreams, branches, locks, and what must not be undone."""

from __future__ import annotations

from benchmarks.scenarios.scenario import Scenario, shell

GIT = ("git",)
AS = "git config user.name x && git config user.email x@x.org"
START = f"git init -q && {AS} && echo a > a.txt && git add a.txt && git commit -qm start"
HUB = "mkdir -p ../hub && git init -q --bare ../hub/shop.git"
REMOTE = f"{HUB} && git remote add origin ../hub/shop.git && git push -q origin main"
CLONE = f"git clone -q ../hub/shop.git ../hub/c && cd ../hub/c && {AS}"

SEEN = (
    Scenario(
        "nobody told git who commits",
        "git commit -qam second",
        "approval",
        "switched off",
        files={"a.txt": "a\n"},
        setup="git init -q && git add a.txt",
        taught="git config user.email team@example.org && git config user.name Team",
        needs=GIT,
        volatile=True,
        once=True,
    ),
    Scenario(
        "a branch without upstream is pulled",
        "git pull -q",
        "unattended",
        setup=f"{START} && {REMOTE}",
        taught="git branch --set-upstream-to=origin/main",
        needs=GIT,
    ),
    Scenario(
        "a branch without upstream is pushed",
        "git push",
        "offered",
        "switched off",
        setup=f"{START} && {REMOTE} && git switch -qc feature",
        taught="git push --set-upstream origin feature",
        changes=("../hub/*",),
        needs=GIT,
        looks=True,
    ),
    Scenario(
        "a push that the other side rejects",
        "git push -q origin main",
        "silent",
        "a rejected push says nothing of how to go on: nothing is learnt from it",
        setup=f"{START} && {REMOTE} && git clone -q ../hub/shop.git ../hub/c && cd ../hub/c && {AS} && "
        "echo b > b.txt && git add . && git commit -qm other && git push -q && cd - && echo c > c.txt && git add . && "
        "git commit -qm mine",
        did=("git pull -q --no-rebase --no-edit origin main",),
        needs=GIT,
        volatile=True,
    ),
    Scenario(
        "a stale lock of the index",
        "git add a.txt",
        "offered",
        "younger than",
        setup=f"{START} && echo b >> a.txt && touch .git/index.lock",
        taught="rm .git/index.lock",
        needs=GIT,
        looks=True,
    ),
    Scenario(
        "a branch that is not there yet",
        "git switch -q release",
        "unattended",
        setup=START,
        taught="git branch release",
        needs=GIT,
    ),
    Scenario(
        "a remote that is not there",
        "git fetch -q origin",
        "approval",
        "not on the list",
        setup=f"{START} && mkdir -p ../hub && git init -q --bare ../hub/shop.git",
        taught="git remote add origin ../hub/shop.git",
        needs=GIT,
    ),
    Scenario(
        "divergent branches",
        "git pull -q origin main",
        "approval",
        "passes on",
        setup=f"{START} && {REMOTE} && git clone -q ../hub/shop.git ../hub/c && cd ../hub/c && {AS} && "
        "echo b > b.txt && git add . && git commit -qm other && git push -q && cd - && echo c > c.txt && git add . && "
        "git commit -qm mine",
        taught="git config pull.rebase false",
        changes=("b.txt",),
        needs=GIT,
        volatile=True,
    ),
    Scenario(
        "a rebase over changes that are not committed",
        "git rebase -q main",
        "offered",
        "not on the list",
        setup=f"{START} && git switch -qc feature && echo z > z.txt && git add . && git commit -qm z && "
        "echo b >> a.txt",
        taught="git stash",
        changes=("a.txt",),
        needs=GIT,
        looks=True,
    ),
    Scenario(
        "a merge with a conflict",
        "git merge -q feature",
        "silent",
        "people resolve it in the files; no command is learnt",
        setup=f"{START} && git switch -qc feature && echo b > a.txt && git commit -qam b && git switch -q main && "
        "echo c > a.txt && git commit -qam c",
        changes=("a.txt",),
        once=True,
        needs=GIT,
    ),
    Scenario(
        "outside of any repository",
        "git status --short",
        "offered",
        "advice",
        files={"README.md": "x\n"},
        taught="go to the folder of the clone first",
        needs=GIT,
    ),
    Scenario(
        "sources of a submodule are missing",
        "make -s lib",
        "offered",
        "can name a program to run",
        files={"Makefile": "lib: vendor/lib/lib.txt\n\tcat vendor/lib/lib.txt\n"},
        setup=f"git init -q ../lib && cd ../lib && {AS} && echo lib > lib.txt && git add . && git commit -qm lib && "
        f"cd - && git init -q . && {AS} && git -c protocol.file.allow=always submodule --quiet add ../lib vendor/lib "
        "&& git commit -qm start && git submodule --quiet deinit -f vendor/lib",
        taught="git -c protocol.file.allow=always submodule --quiet update --init",
        changes=("vendor/*",),
        needs=("git", "make"),
    ),
    Scenario(
        "a commit in a text with cd, without identity",
        shell("cd {project} && git add -A && git commit -qm 'add a'"),
        "approval",
        files={"a.txt": "a\n"},
        setup="git init -q",
        taught="git config user.email team@example.org && git config user.name Team",
        once=True,
        needs=GIT,
        volatile=True,
    ),
)
