# `make run` and `make test` are all a newcomer needs; every target sets up what it uses.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
WEB := frontend/with-node
PACKAGES := frontend/node_modules/.ready
CONSOLE := api/console/index.html
TYPES := frontend/src/api/schema.d.ts

.PHONY: help setup run test lint format bench scaling clean lock console-dev

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) $(if $(NO_CONSOLE),,$(CONSOLE))  ## make .venv with everything (run, test, embedded servers) and the console

$(STAMP): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "RapidFlow needs Python 3.11 or newer; say which: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing dependencies into $(VENV) (about a minute the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(PACKAGES): frontend/package.json frontend/package-lock.json | $(STAMP)
	@echo "Fetching the packages of the console (about half a minute the first time) ..."
	@$(WEB) npm ci --loglevel=error || { echo; \
	  echo "npm could not fetch the packages of the console: is its registry within reach (npm ping)?"; \
	  echo "Without the console everything else works: make $(or $(MAKECMDGOALS),setup) NO_CONSOLE=1"; exit 1; }
	@touch $@

$(CONSOLE): $(PACKAGES) $(shell find frontend -name node_modules -prune -o -type f ! -name '*.test.*' ! -name schema.d.ts -print)
	@echo "Building the console ..."
	@$(WEB) vite build --logLevel warn
	@touch $@

# The API's own description as types: never written by hand, never out of date.
$(TYPES): $(PACKAGES) $(shell find api shared -name '*.py')
	@$(BIN)/python -m api.openapi > frontend/node_modules/.openapi.json
	@$(WEB) openapi-typescript node_modules/.openapi.json --default-non-nullable=false -o src/api/schema.d.ts > frontend/node_modules/.openapi.log
	@touch $@

console-dev: setup $(TYPES)  ## the console with live reloading, against the API of `make run`
	@$(WEB) vite

run: setup  ## stack up, sample campaign sent, address and login printed (ONCE=1: end after the report)
	@$(BIN)/rapidflow up --sample $(if $(ONCE),--once)

test: setup lint  ## every test, on servers it starts itself
	@$(if $(NO_CONSOLE),true,$(WEB) vitest run)
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/ops --ignore tests/browser

.PHONY: test-ops
test-ops: setup  ## a real Prometheus, the image, the proxy, the chart; fetches the tools itself
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/ops.lock
	@$(BIN)/pytest tests/ops

.PHONY: test-browser
test-browser: setup  ## the console in Chromium against the running stack; installs Chromium itself (root or sudo)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/browser.lock
	@$(BIN)/pytest tests/browser

lint: setup $(if $(NO_CONSOLE),,$(TYPES))  ## ruff, mypy, import contracts; eslint and tsc for the console
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(if $(NO_CONSOLE),true,$(WEB) tsc -b)
	@$(if $(NO_CONSOLE),true,$(WEB) eslint . --max-warnings 0)

format: setup  ## let ruff tidy up
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup  ## speed beside its references (ONLY=words, RUNS=3, SHORT=1; FULL=1: ten million rows)
	@$(BIN)/python -m bench $(if $(ONLY),--only "$(ONLY)") $(if $(RUNS),--runs $(RUNS)) $(if $(SHORT),--short) \
	  $(if $(ROWS)$(FULL),--rows $(or $(ROWS),10000000))

scaling: setup  ## what 10, 100 and 1,000 million messages a day need (docs/scaling.md), with simulations
	@$(BIN)/python -m bench.scaling

lock: setup  ## pin dependencies again (versions and hashes, no addresses)
	@$(BIN)/python -m pip install --quiet uv
	@for extras in "runtime:--extra tracing" "dev:--extra tracing --extra embedded --extra dev" \
	  "ops:--extra tracing --extra embedded --extra dev --extra ops" \
	  "browser:--extra tracing --extra embedded --extra dev --extra browser"; do \
	  $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --upgrade \
	    --no-emit-index-url --no-annotate --no-header --quiet $${extras#*:} -o requirements/$${extras%%:*}.lock; done
	@echo 'setuptools>=80' | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-index-url --no-annotate --no-header --quiet -o requirements/build.lock
	@$(WEB) npm update --loglevel=error

clean:  ## forget .venv and local data
	@test ! -x $(BIN)/rapidflow || $(BIN)/rapidflow clean --yes
	@rm -rf $(VENV) frontend/node_modules api/console $(TYPES) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: faults soak
faults: setup  ## break everything and see that every promise is kept (FULL=1: at real times too; ONLY=words)
	@$(BIN)/python -m tests.faults $(if $(FULL),--full) $(if $(ONLY),--only "$(ONLY)") $(if $(SEED),--seed $(SEED))

soak: setup  ## random faults for MINUTES (SEED=… plays a run again)
	@$(BIN)/python -m tests.faults --soak $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))
