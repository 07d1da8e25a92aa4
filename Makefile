# Every target does its own set-up: a fresh machine needs Python >= 3.11 and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo fleet test test-services test-long acceptance-agents check format bench safety scenarios bridge-attack screenshots torture soak readme release clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "meshtui needs Python 3.11 or newer: set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV) with what meshtui needs: once, a minute or so …"; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "adding what its tests need …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(VENV)/.run ## a failure heals at the next agent, for real (ARGS=--offline, ARGS=--hosts)
	@$(BIN)/meshtui demo --report meshtui-demo-report.html $(ARGS)

# More workers than cores: tests wait a third of their time for processes, and for screens to settle.
# Bytecode is kept whatever the environment says: else each worker compiles every test anew, 9 s of a core each.
test: $(VENV)/.dev ## all tests, ≤ 4 minutes on two idle cores
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

test-services: $(VENV)/.dev ## slow suites with real services and hostile neighbours, ≤ 5 minutes
	@$(BIN)/python -m pytest -m services -n 2 --dist worksteal $(ARGS)

test-long: $(VENV)/.dev ## the tests that take minutes: following logs for 2,000 steps, every agent’s conversation
	@$(BIN)/python -m pytest -m long $(ARGS)

acceptance-agents: $(VENV)/.dev ## real agent programs from npm meet a fix (2 GB; NPM_PREFIX=DIR keeps them)
	@$(BIN)/python -m pytest tests/acceptance/real_agents.py $(ARGS)

check: $(VENV)/.dev ## lint, format, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## rewrite to the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev ## figures as JSON beside the goals
	@$(BIN)/python -m benchmarks.journal
	@$(BIN)/python -m benchmarks.propagation
	@$(BIN)/python -m benchmarks.postgres
	@$(BIN)/python -m benchmarks.away
	@$(BIN)/python -m benchmarks.match_quality
	@$(BIN)/python -m benchmarks.match_speed
	@$(BIN)/python -m benchmarks.terminal
	@$(BIN)/python -m benchmarks.validation
	@$(BIN)/python -m benchmarks.hook
	@$(BIN)/python -m benchmarks.known
	@$(BIN)/python -m benchmarks.tool_calls
	@$(BIN)/python -m benchmarks.run_start
	@$(BIN)/python -m benchmarks.fresh_clone
	@$(BIN)/python -m benchmarks.prompt
	@$(BIN)/python -m benchmarks.history
	@$(BIN)/python -m benchmarks.report

safety: $(VENV)/.dev ## each safety goal with its figure (ARGS=--quick)
	@$(BIN)/python -m benchmarks.safety --table $(ARGS)

bridge-attack: $(VENV)/.dev ## what a writer of the bridge can do to others: figures beside goals (ARGS="--seconds 60")
	@$(BIN)/python -m benchmarks.bridge_attack --table $(ARGS)

torture: $(VENV)/.dev ## 4 writers, 1,000 times kill -9: nothing acknowledged is lost
	@$(BIN)/python -m benchmarks.torture $(ARGS)

fleet: $(VENV)/.dev ## three hosts on one PostgreSQL, and a table of faults: short by default (ARGS=--full: an hour or more)
	@$(BIN)/python -m benchmarks.fleet_faults $(ARGS)

soak: $(VENV)/.dev ## 48 hours of a runtime with its loops, compressed (ARGS="--passes 60")
	@$(BIN)/python -m benchmarks.soak $(ARGS)
	@$(BIN)/python -m benchmarks.soak_logs $(ARGS)

scenarios: $(VENV)/.tools ## everyday scenarios with two agents: healed, offered, silent, wrong (ARGS=--table)
	@$(BIN)/python -m benchmarks.scenarios $(ARGS)
	@$(BIN)/python -m benchmarks.scenarios.layouts

# What some scenarios are about; without an index those are skipped, and say so.
$(VENV)/.tools: $(VENV)/.dev
	@$(PYTHON) -m venv $(VENV)/tools && mkdir -p $(VENV)/tools/only
	@for tool in uv poetry nox tox; do $(VENV)/tools/bin/pip install --quiet --disable-pip-version-check $$tool && ln -sf ../bin/$$tool $(VENV)/tools/only/ || true; done
	@touch $@

screenshots: $(VENV)/.dev ## record a real mesh and take its pictures (needs Chromium for PNG)
	@$(BIN)/python scripts/screenshots.py $(ARGS)
	@$(BIN)/python scripts/agent_picture.py
	@$(BIN)/python scripts/moving_picture.py

readme: $(VENV)/.run ## fill docs/guide.md and docs/commands.md with what the commands print
	@$(BIN)/python scripts/docs.py $(ARGS)

release: $(VENV)/.dev ## wheel and sdist in dist/, built twice and checked, with what is new
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[release]'
	@$(BIN)/python scripts/release.py

clean: ## remove what the targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis benchmarks/results
