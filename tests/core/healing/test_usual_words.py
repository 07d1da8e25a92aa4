"""A word more, other words, or something in front: told where the program says so of this very command."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshcore.healing.at_hand import another_way
from meshcore.healing.ground import Ground
from meshcore.knowledge.typed import read_typed


class Here(Ground):
    """This machine, with a user who is not root."""

    def is_root(self) -> bool:
        return False


def told(folder: Path, command: str, output: str, *, sudo: bool = True) -> str:
    if sudo:
        (folder / "sudo").touch(0o755)
    cwd = str(folder)
    way = another_way(command, read_typed(command, cwd), cwd, cwd, output, Here({"PATH": cwd}))
    return way.command if way else ""


APT = "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: are you root?"
DOCKER = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"
PEER = 'psql: error: connection to server on socket "x" failed: FATAL:  Peer authentication failed for user "postgres"'
PNPM = ' ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with "frozen-lockfile" because pnpm-lock.yaml is not up to date'
NO_PASSWORD = "ERROR 1045 (28000): Access denied for user 'ann'@'localhost' (using password: NO)"


@pytest.mark.parametrize(
    ("command", "output", "expected"),
    [
        ("scp site web:/srv/", 'scp: local "site" is not a regular file', "scp -r site web:/srv/"),
        ("rsync -a a/ web:/srv/a/b/", 'rsync: [Receiver] mkdir "/srv/a/b" failed: No such file or directory (2)',
         "rsync --mkpath -a a/ web:/srv/a/b/"),
        ("git revert 8c41d07", "error: commit 8c41d07 is a merge but no -m option was given.",
         "git revert -m 1 8c41d07"),
        ("git cherry-pick 8c41d07", "error: commit 8c41d07 is a merge but no -m option was given.",
         "git cherry-pick -m 1 8c41d07"),
        ("kubectl apply k8s/web.yaml", "error: Unexpected args: [k8s/web.yaml]", "kubectl apply -f k8s/web.yaml"),
        ("mysql -u ann shop", NO_PASSWORD, "mysql -u ann shop -p"),
        ("docker pull mysql:5.7", "no matching manifest for linux/arm64/v8 in the manifest list entries",
         "docker pull --platform linux/amd64 mysql:5.7"),
        ("helm install web ./chart -n prod",
         "Error: INSTALLATION FAILED: cannot re-use a name that is still in use", "helm upgrade web ./chart -n prod"),
        ("tmux attach -t work", "no sessions", "tmux new -s work"),
        ("tmux a -t work", "can't find session: work", "tmux new -s work"),
        ("screen -r work", "There is no screen to be resumed matching work.", "screen -S work"),
        ("pnpm install --frozen-lockfile", PNPM, "pnpm install"),
        ("yarn install --frozen-lockfile",
         "error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`.", "yarn install"),
        ("uv sync --locked", "The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.", "uv sync"),
        ("cargo build --locked",
         "error: the lock file /w/Cargo.lock needs to be updated but --locked was passed to prevent this",
         "cargo build"),
        ("bun install --frozen-lockfile", "error: lockfile had changes, but lockfile is frozen\n--frozen-lockfile",
         "bun install"),
        ("yarn install --immutable",
         "YN0028: The lockfile would have been modified by this install, which is explicitly forbidden.",
         "yarn install"),
        ("apt install htop", APT, "sudo apt install htop"),
        ("dnf install nginx", "Error: This command has to be run with superuser privileges (under the root user).",
         "sudo dnf install nginx"),
        ("docker ps", f"{DOCKER}: connect: permission denied", "sudo docker ps"),
        ("mysql -u root", "ERROR 1698 (28000): Access denied for user 'root'@'localhost'", "sudo mysql -u root"),
        ("systemctl restart nginx", "Failed to restart nginx.service: Interactive authentication required.",
         "sudo systemctl restart nginx"),
        ("mkdir /opt/app", "mkdir: cannot create directory ‘/opt/app’: Permission denied", "sudo mkdir /opt/app"),
        ("cat /var/log/syslog", "cat: /var/log/syslog: Permission denied", "sudo cat /var/log/syslog"),
        ("gem install jekyll", "You don't have write permissions for the /var/lib/gems/3.0.0 directory.",
         "sudo gem install jekyll"),
        ("ssh-add key", "Could not open a connection to your authentication agent.",
         'eval "$(ssh-agent -s)" && ssh-add key'),
        ("psql -U postgres -d shop", PEER, "sudo -u postgres psql -d shop"),
    ],
)  # fmt: skip
def test_what_programs_want_instead_is_told(tmp_path: Path, command: str, output: str, expected: str) -> None:
    assert told(tmp_path, command, output) == expected


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("apt remove htop", APT),  # it takes something away
        ("apt purge htop", APT),
        ("sudo apt install htop", APT),
        # what policy refuses to everybody
        ("cat /etc/shadow", "cat: /etc/shadow: Permission denied"),
        ("cat /root/.ssh/id_rsa", "cat: /root/.ssh/id_rsa: Permission denied"),
        ("cp x /etc/cron.d/x", "cp: cannot create regular file '/etc/cron.d/x': Permission denied"),
        ("echo a >> /etc/sudoers", "bash: /etc/sudoers: Permission denied"),
        ("systemctl stop firewalld", "Failed to stop firewalld.service: Interactive authentication required."),
        ("ufw disable", "ERROR: You need to be root to run this script"),
        ("make install", "install: cannot create regular file '/usr/local/bin/x': Permission denied"),  # of a Makefile
        ("systemctl status web", "Nov 28 15:00 web[7]: open /srv/a: permission denied, are you root?"),
        ("systemctl start web", "    web[7]: error: you need to be root"),
        ("docker run own/image", DOCKER),
        ("docker exec web docker ps", DOCKER),
        ("mkdir /home/ann/x", "mkdir: cannot create directory ‘/home/ann/x’: Permission denied"),
        ("cat notes", "mkdir: cannot create directory ‘/home/ann/x’: Permission denied"),
        ("./install.sh", APT),  # what a script relays may be anybody's
        ("cat install.log", APT),
        ("rm -r /srv/data", "rm: cannot remove '/srv/data': Permission denied"),
        ("psql -U ann shop", PEER.replace("postgres", "ann")),
        ("mysql -u ann shop", "ERROR 1045 (28000): Access denied for user 'ann'@'localhost' (using password: YES)"),
        ("helm install web ./chart", "Error: INSTALLATION FAILED: context deadline exceeded"),
        ("tmux attach -t work", "can't find session: other"),
        ("kubectl apply k8s/web.yaml", "error: Unexpected args: [other.yaml]"),
        ("pnpm install", PNPM),
        ("git revert 8c41d07", "error: commit 8c41d07 is a merge, but could not revert"),
        ("cat notes | docker load", DOCKER),
    ],
)
def test_what_is_not_said_of_this_command_is_not_told(tmp_path: Path, command: str, output: str) -> None:
    assert told(tmp_path, command, output) == ""


def test_without_a_program_that_lends_roots_rights_none_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, "apt install htop", APT, sudo=False) == ""
