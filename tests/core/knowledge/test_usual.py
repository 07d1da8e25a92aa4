"""What is usually done about errors that mean the same everywhere; nothing that deletes unseen, or that guesses."""

from __future__ import annotations

import pytest

from meshcore.knowledge.usual import Failed, usual


def said(typed: str, output: str, cwd: str = "/w") -> str:
    found = usual(Failed(tuple(typed.split()), typed, output, cwd))
    return " ".join(found.argv) if found else ""


FAR = "FileNotFoundError: [Errno 2] No such file or directory: 'out/day/sums.csv'"
OLD_PRINT = (
    '  File "{}", line 7\n    print total\n'
    "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?"
)
WRITING = '  File "/w/a.py", line 2, in <module>\n    {}\n' + FAR
GIT_LOCK = "fatal: Unable to create '/w/.git/index.lock': File exists."
NO_FOLDER = "No such file or directory"
OLD = (
    'Traceback (most recent call last):\n  File "{}", line 3, in <module>\n    import x\n'
    "ModuleNotFoundError: No module named "
)


CRATE = "error: no such command: `{}`\n\nhelp: a command with a similar name exists: `fetch`"
BITNAMI = "helm repo add bitnami https://charts.bitnami.com/bitnami"
ARTISAN = "php artisan key:generate"
UNMASK, BUILDX = "systemctl unmask", "docker buildx create"
HELM = "You may need to run `helm dependency build` to fetch missing dependencies"
WATCHES = "sudo sysctl fs.inotify.max_user_watches=524288"
SSO = "Error when retrieving token from sso: Token has expired and refresh failed"
API = "https://console.developers.google.com/apis/api/run.googleapis.com/overview?project=shop-1"
COLLECTION = "ERROR! couldn't resolve module/action 'community.postgresql.postgresql_db'. This often"


@pytest.mark.parametrize(
    ("typed", "output", "fix"),
    [
        ("touch a/b/c", f"touch: cannot touch 'a/b/c': {NO_FOLDER}", "mkdir -p a/b"),
        ("cp x out/x", f"cp: cannot create regular file 'out/x': {NO_FOLDER}", "mkdir -p out"),
        ("python a.py", "pyenv: version `3.11.4' is not installed (set by /w/.python-version)", "pyenv install 3.11.4"),
        (
            "dotnet build --no-restore",
            "x not found. Run a NuGet package restore to generate this file.",
            "dotnet restore",
        ),
        ("node a.js", "Error: @prisma/client did not initialize yet. Please run it.", "npx prisma generate"),
        (
            "docker run --network=edge web",
            "docker: Error response from daemon: network edge not found.",
            "docker network create edge",
        ),
        ("cp x out", "cp: directory out does not exist", "mkdir -p out"),
        ("mv x out/", "mv: cannot move 'x' to 'out/': Not a directory", "mkdir -p out"),
        ("echo a > out/log", f"bash: line 1: out/log: {NO_FOLDER}", "mkdir -p out"),
        ("./run.sh x", "bash: line 1: ./run.sh: Permission denied", "chmod +x run.sh"),
        ("tools/run.sh x", "bash: line 1: tools/run.sh: Permission denied", "chmod +x tools/run.sh"),
        ("git status", "xcrun: error: invalid active developer path (/Library/x)", "xcode-select --install"),
        (
            "python3 -m venv .venv",
            "The environment was not created since ensurepip is not\navailable.\n\n    apt install python3.12-venv\n",
            "apt-get install -y python3.12-venv",
        ),
        (
            "docker compose up -d",
            "network edge declared as external, but could not be found",
            "docker network create edge",
        ),
        ("docker-compose up", 'external volume "data" not found', "docker volume create data"),
        ("terraform plan", "Error: Initialization required. Please see the error message above.", "terraform init"),
        ("ssh -i /k/id h", "Permissions 0644 for '/k/id' are too open.", "chmod 600 /k/id"),
        ("ssh -i ~/k/id h", "Permissions 0644 for '/home/bob/k/id' are too open.", "chmod 600 /home/bob/k/id"),
        ("git pull", "Permissions 0644 for '/home/bob/.ssh/id' are too open.", "chmod 600 /home/bob/.ssh/id"),
        ("./a.sh", "bash: ./a.sh: /bin/bash^M: bad interpreter: No such file or directory", r"sed -i s/\r$// a.sh"),
        ("apt-get install jq", "E: Unable to locate package jq", "apt-get update"),
        ("npm ci", "npm error can only install with an existing package-lock.json", "npm install"),
        ("git add .", GIT_LOCK, "rm -f .git/index.lock"),
        ("git pull", "Please commit your changes or stash them before you merge.", "git stash"),
        ("python3 a.py", OLD.format("/w/a.py") + "'ConfigParser'", "2to3 -w -n -f imports /w/a.py"),
        ("python3 a.py", WRITING.format('open("out/day/sums.csv", "w")'), "mkdir -p out/day"),
        (
            "node a.js",
            "Error: ENOENT: no such file or directory, open 'dist/a.json'\n    at Object.writeFileSync (node:fs:1)",
            "mkdir -p dist",
        ),
        (
            "cc a.c -o build/a",
            f"/usr/bin/ld: cannot open output file build/a: {NO_FOLDER}\ncollect2: error: ld returned 1 exit status",
            "mkdir -p build",
        ),
        ("tar -xf a.tar -C old/all", f"tar: old/all: Cannot open: {NO_FOLDER}", "mkdir -p old/all"),
        ("python3 a.py", OLD_PRINT.format("/w/a.py"), "2to3 -w -n -f print /w/a.py"),
        (
            "python3 -m pip install x",
            "/usr/bin/python3: No module named pip",
            "python3 -m ensurepip --upgrade",
        ),
        ("apt-get install jq", "E: Unable to fetch some archives, maybe run apt-get update or", "apt-get update"),
        (
            "perl a.pl",
            "Can't locate Text/CSV.pm in @INC (you may need to install the Text::CSV module) (@INC: /etc/perl)",
            "cpan Text::CSV",
        ),
        ("php artisan up", "require(/w/vendor/autoload.php): Failed to open stream: No such file", "composer install"),
        ("Rscript a.R", "there is no package called ‘lubridate’", """Rscript -e install.packages("lubridate")"""),
        ("systemctl start nginx", "Failed to start nginx.service: Unit nginx.service is masked.", f"{UNMASK} nginx"),
        ("dpkg -i a.deb", "dpkg: dependency problems prevent configuration of a:\n a needs b", "apt-get install -f"),
        ("alembic revision -m x", "FAILED: Target database is not up to date.", "alembic upgrade head"),
        ("flask db migrate", "ERROR [flask_migrate] Error: Target database is not up to date.", "flask db upgrade"),
        ("helm install web ./charts/web", HELM, "helm dependency build ./charts/web"),
        ("gh pr create", "aborted: you must first push the current branch to a remote", "git push -u origin HEAD"),
        ("npm start", "Error: ENOSPC: System limit for number of file watchers reached", WATCHES),
        ("aws s3 ls --profile dev", SSO, "aws sso login --profile dev"),
        ("aws s3 ls", SSO, "aws sso login"),
        ("gcloud run services list", f"PERMISSION_DENIED: visit {API}", "gcloud services enable run.googleapis.com"),
        ("ansible-playbook a.yml", COLLECTION, "ansible-galaxy collection install community.postgresql"),
        ("docker buildx build .", "Multi-platform build is not supported for the docker driver", f"{BUILDX} --use"),
        ("sqlite3 var/a.db .tables", 'Error: unable to open database "var/a.db": unable to open', "mkdir -p var"),
        ("php artisan serve", "RuntimeException: No application encryption key has been specified.", ARTISAN),
        ("jupyter lab", "Jupyter command `jupyter-lab` not found.", "pip install jupyterlab"),
        ("source .venv/bin/activate", f"bash: .venv/bin/activate: {NO_FOLDER}", "python3 -m venv .venv"),
        ("ssh web", "Bad owner or permissions on /home/ann/.ssh/config", "chmod 600 /home/ann/.ssh/config"),
        ("cargo watch -x run", CRATE.format("watch"), "cargo install cargo-watch"),
        ("helm install a bitnami/redis", "Error: INSTALLATION FAILED: repo bitnami not found", BITNAMI),
        ("mount /dev/sdb1 /mnt/b", "mount: /mnt/b: mount point does not exist.", "mkdir -p /mnt/b"),
        ("podman run -v /srv/a:/a x", "Error: statfs /srv/a: no such file or directory", "mkdir -p /srv/a"),
    ],
)
def test_an_error_that_means_the_same_everywhere_has_its_usual_fix(typed: str, output: str, fix: str) -> None:
    assert said(typed, output) == fix


@pytest.mark.parametrize(
    ("typed", "output", "cwd"),
    [
        ("git status", "and then you can stash them", "/w"),
        ("git add .", GIT_LOCK, "/other"),  # another repository's
        ("git stash opp", "usage: git stash list", "/w"),
        ("cat a/b", f"cat: a/b: {NO_FOLDER}", "/w"),  # it is read, not made
        ("touch ../../etc/x", f"touch: cannot touch '../../etc/x': {NO_FOLDER}", "/w"),
        ("touch -x/y", f"touch: cannot touch '-x/y': {NO_FOLDER}", "/w"),
        ("cat log", "Permissions 0644 for '/usr/bin/sudo' are too open.", "/w"),
        ("ssh h", "Permissions 0755 for '/usr/bin/sudo' are too open.", "/w"),  # a server's greeting
        ("git push", "remote: Permissions 0644 for '/home/bob/.ssh/id' are too open.", "/w"),
        ("git push", "remote: Please commit your changes or stash them.", "/w"),
        ("cat log", "E: dpkg was interrupted, you must manually run it", "/w"),
        ("cat log", "npm error can only install with an existing package-lock.json", "/w"),
        ("cat run.log", "bash: line 1: ./run.sh: Permission denied", "/w"),  # a text that is shown
        ("node s.js", "Error: listen EADDRINUSE: address already in use :::3000", "/w"),  # whose process, nobody knows
        ("python3 a.py", OLD.format("/w/lib.py") + "'ConfigParser'", "/w"),  # nobody named that file
        ("python3 a.py", OLD.format("/w/a.py") + "'requests'", "/w"),
        ("python3 a.py", WRITING.format('open("out/day/sums.csv")'), "/w"),  # it is read
        ("python3 a.py", OLD_PRINT.format("/w/lib.py"), "/w"),
        ("cc a.c -o a", f"/usr/bin/ld: cannot open output file a: {NO_FOLDER}", "/w"),
        ("cat log", WRITING.format('open("out/day/sums.csv", "w")'), "/w"),  # a text that is shown
        ("python3 a.py", WRITING.format('open(p, "w")').replace("out/day", "/etc/cron.d/x"), "/w"),  # outside of it
        ("cat log", "there is no package called ‘lubridate’", "/w"),
        ("cat log", "/usr/bin/python3: No module named pip", "/w"),
        ("make", f"tar: old/all: Cannot open: {NO_FOLDER}", "/w"),
        ("helm install web ./a -f ./b.yaml", HELM, "/w"),  # which of the two is the chart
        ("ansible-playbook a.yml", COLLECTION.replace("community", "cornmunity"), "/w"),  # whose name nobody knows
        ("cat log", "Failed to start nginx.service: Unit nginx.service is masked.", "/w"),
        ("source ../other/activate", f"bash: ../other/activate: {NO_FOLDER}", "/w"),
        ("jupyter labs", "Jupyter command `jupyter-labs` not found.", "/w"),
        ("cargo wotch", CRATE.format("wotch"), "/w"),  # a crate that nobody knows
        ("helm install a own/redis", "Error: INSTALLATION FAILED: repo own not found", "/w"),
        ("cp far x", "cp: directory far does not exist", "/w"),  # it is what is copied
    ],
)
def test_what_is_not_sure_has_none(typed: str, output: str, cwd: str) -> None:
    assert said(typed, output, cwd) == ""


def test_what_a_stash_is_in_the_way_of_is_not_put_away_on_top_of_it() -> None:
    output = (
        "error: Your local changes would be overwritten by merge.\nPlease commit your changes or stash them.\nAborting"
    )
    assert said("git pull", output) == "git stash" and said("git stash pop", output) == ""
