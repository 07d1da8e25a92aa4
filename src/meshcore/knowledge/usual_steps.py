"""The usual step for what programs say of a state of theirs: facts of each program, as rows. Light, since a hook asks.

In a step `{1}` is what the text says at that group, `{program}` the program as it was typed, `{--option}` that option
with its value where the command has it, `{path}` the one word of the command that is a path, and `{known}` what is
known of group 1; a step whose place cannot be filled is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from meshcore.knowledge.text import word_set


class Step(NamedTuple):
    """What is done where one of some programs ("" for any) says something; `named`: the command itself has group 1."""

    programs: str
    said: str
    step: str
    why: str
    named: bool = False
    known: Mapping[str, str] = {}


_SSH = "ssh scp sftp ssh-add rsync git ansible ansible-playbook"
_CHARTS = {
    "argo": "https://argoproj.github.io/argo-helm",
    "bitnami": "https://charts.bitnami.com/bitnami",
    "cilium": "https://helm.cilium.io",
    "datadog": "https://helm.datadoghq.com",
    "elastic": "https://helm.elastic.co",
    "external-secrets": "https://charts.external-secrets.io",
    "gitlab": "https://charts.gitlab.io",
    "grafana": "https://grafana.github.io/helm-charts",
    "hashicorp": "https://helm.releases.hashicorp.com",
    "ingress-nginx": "https://kubernetes.github.io/ingress-nginx",
    "jenkins": "https://charts.jenkins.io",
    "jetstack": "https://charts.jetstack.io",
    "longhorn": "https://charts.longhorn.io",
    "open-telemetry": "https://open-telemetry.github.io/opentelemetry-helm-charts",
    "prometheus-community": "https://prometheus-community.github.io/helm-charts",
    "traefik": "https://traefik.github.io/charts",
}
"""Where their own makers publish charts, by the names that their documents give them."""
_OF_CARGO = {
    one: "flamegraph" if one == "flamegraph" else f"cargo-{one}"
    for one in word_set(
        "about audit binstall bloat criterion deny edit expand flamegraph fuzz generate hack insta leptos llvm-cov "
        "machete make mutants nextest outdated release semver-checks sort tarpaulin udeps watch zigbuild"
    )
}
"""Well-known subcommands of cargo, and the crates that hold them."""

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
    Step("helm", r"^Error: .{0,80}\brepo ([a-z][a-z-]{1,60}) not found", "helm repo add {1} {known}",
         "that repository is not known here yet", known=_CHARTS),
    Step("cargo", r"^error: no such (?:sub)?command: `([a-z-]{2,30})`", "cargo install {known}",
         "that subcommand comes with a crate of its own", known=_OF_CARGO),
    Step("make", r"^WARNING: '(?:aclocal|autoconf|autoheader|automake)[\d.-]{0,8}' is missing on your system",
         "autoreconf -fi", "its build files are of another version of the autotools"),
    Step("gradlew", r"Could not find or load main class org\.gradle\.wrapper\.GradleWrapperMain", "gradle wrapper",
         "the wrapper's own archive is not there"),
    Step("", r"xcrun: error: invalid active developer path", "xcode-select --install",
         "Apple's command line tools are not there"),
    Step("jupyter", r"^Jupyter command `jupyter-([a-z-]{2,20})` not found\.", "pip install {known}",
         "that command comes with a package of its own",
         known={"lab": "jupyterlab", "notebook": "notebook", "nbconvert": "nbconvert", "console": "jupyter-console"}),
    Step("source .", r"((?:\./)?\.?v?env[\w.-]{0,20})/bin/activate: No such file or directory", "python3 -m venv {1}",
         "the environment is not made yet"),
    # states
    Step("php", r"No application encryption key has been specified", "php artisan key:generate",
         "the application has no key yet"),
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
    Step("ssh scp sftp rsync git", r"^Bad owner or permissions on (/\S{1,200}/\.ssh/config)$", "chmod 600 {1}",
         "ssh reads no settings that others may write"),
    # a path that only the text names may be a server's greeting
    Step(_SSH, r"^Permissions 0\d{3} for ['\"](\S{1,200})['\"] are too open", "chmod 600 {1}",
         "ssh takes no key that others may read", named=True),
    Step(_SSH, r"^Permissions 0\d{3} for ['\"](/\S{1,200}/\.ssh/[\w.@-]{1,60})['\"] are too open", "chmod 600 {1}",
         "ssh takes no key that others may read"),
)  # fmt: skip
