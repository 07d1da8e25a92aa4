"""The usual step for what programs say of a state of theirs: facts of each program, as rows. Light, since a hook asks.

In a step `{1}` is what the text says at that group, `{program}` the program as it was typed, `{--option}` that option
with its value where the command has it, and `{path}` the one word of the command that is a path.
"""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """What is done where one of some programs ("" for any) says something; `named`: the command itself has group 1."""

    programs: str
    said: str
    step: str
    why: str
    named: bool = False


_SSH = "ssh scp sftp ssh-add rsync git ansible ansible-playbook"
_NODE = "node npm npx yarn pnpm bun tsx ts-node next vite jest"

STEPS: tuple[Step, ...] = (
    # packages
    Step("apt apt-get dpkg", r"dpkg was interrupted", "dpkg --configure -a", "an installation was interrupted"),
    Step("apt apt-get", r"E: Unable to locate package|maybe run apt-get update", "apt-get update",
         "apt's lists are absent or old"),
    Step("dpkg", r"^dpkg: dependency problems prevent configuration of ", "apt-get install -f",
         "what it depends on is not installed"),
    Step("npm",
         r"can only install with an existing package-lock\.json|package\.json and package-lock\.json .{0,40}in sync",
         "npm install", "there is no lock file that fits, which `npm ci` wants"),
    Step("php",
         r"(?i)failed to open(?:ing| stream)?.{0,300}vendor/autoload\.php|vendor/autoload\.php.{0,80}failed to open",
         "composer install", "what composer.json asks for is not installed"),
    Step("dotnet", r"Run a NuGet package restore", "dotnet restore", "what the project asks for is not restored"),
    Step(_NODE, r"@prisma/client did not initialize yet", "npx prisma generate", "its client is not generated"),
    Step("", r"^(pyenv|rbenv|nodenv): version [`']([\d.]{1,20})' is not installed", "{1} install {2}",
         "the version that this project asks for is not there"),
    Step("perl", r"^Can't locate \S{1,200}\.pm in @INC \(you may need to install the ([\w:]{2,100}) module\)",
         "cpan {1}", "CPAN has it under the name {1}"),
    Step("R Rscript", r"there is no package called ['‘]([A-Za-z][A-Za-z0-9.]{1,60})['’]",
         "Rscript -e 'install.packages(\"{1}\")'", "CRAN has it under the name {1}"),
    Step("python", r"ensurepip is not\s[\s\S]{0,400}?^ {2,8}apt(?:-get)? install (python3(?:\.\d{1,2})?-venv)$",
         "apt-get install -y {1}", "this Python says in which package it is"),
    Step("ansible ansible-playbook",
         r"couldn't resolve module/action '((?:amazon|ansible|azure|community|google|kubernetes)\.\w{1,40})\.\w",
         "ansible-galaxy collection install {1}", "the module belongs to that collection"),
    Step("make", r"^WARNING: '(?:aclocal|autoconf|autoheader|automake)[\d.-]{0,8}' is missing on your system",
         "autoreconf -fi", "its build files are of another version of the autotools"),
    Step("gradlew", r"Could not find or load main class org\.gradle\.wrapper\.GradleWrapperMain", "gradle wrapper",
         "the wrapper's own archive is not there"),
    Step("", r"xcrun: error: invalid active developer path", "xcode-select --install",
         "Apple's command line tools are not there"),
    # states
    Step("terraform tofu", r"Initialization required", "{program} init", "its folder is not initialised"),
    Step("alembic", r"Target database is not up to date", "alembic upgrade head", "a migration is not applied"),
    Step("flask", r"Target database is not up to date", "flask db upgrade", "a migration is not applied"),
    Step("systemctl service", r"^Failed to \w{3,10} \S{1,100}: Unit (\S{1,100}?)(?:\.service)? is masked\.$",
         "systemctl unmask {1}", "the unit is masked"),
    Step("docker", r"Error response from daemon: network (\S{1,100}) not found", "docker network create {1}",
         "there is no such network", named=True),
    Step("docker docker-compose", r"network (\S{1,100}) declared as external, but could not be found",
         "docker network create {1}", "others share this network, and it is not made yet"),
    Step("docker docker-compose", r"external volume \"(\S{1,100})\" not found", "docker volume create {1}",
         "others share this volume, and it is not made yet"),
    Step("docker", r"(?i)multi-platform build is not supported for the docker driver",
         "docker buildx create --use", "it takes another builder than the first one"),
    Step("helm", r"You may need to run `helm dependency build`", "helm dependency build {path}",
         "what the chart depends on is not fetched"),
    Step("gh", r"you must first push the current branch to a remote", "git push -u origin HEAD",
         "the branch is not pushed yet"),
    Step(_NODE, r"System limit for number of file watchers reached",
         "sudo sysctl fs.inotify.max_user_watches=524288", "the system's limit of watched files is reached"),
    # who one is
    Step("aws",
         r"retrieving token from sso: Token has expired|SSO session (?:associated with this profile )?has expired",
         "aws sso login {--profile}", "the login has expired"),
    Step("gcloud", r"apis/api/([a-z][\w-]{1,60}\.googleapis\.com)/overview",
         "gcloud services enable {1} {--project}", "the service is not enabled in the project"),
    # a path that only the text names may be a server's greeting
    Step(_SSH, r"^Permissions 0\d{3} for ['\"](\S{1,200})['\"] are too open", "chmod 600 {1}",
         "ssh takes no key that others may read", named=True),
    Step(_SSH, r"^Permissions 0\d{3} for ['\"](/\S{1,200}/\.ssh/[\w.@-]{1,60})['\"] are too open", "chmod 600 {1}",
         "ssh takes no key that others may read"),
)  # fmt: skip
