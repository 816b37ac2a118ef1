# Everything here works on a machine with Python 3.11 or newer, make and a package index.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: run test check bench setup servers lock clean help

help: ## Say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.installed ## Install everything into .venv

# Exactly what the lock names, checked by hash; then the project itself, which it does not hold.
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Ringmaster needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup ## Run the whole service with simulated shuttles and riders (ARGS="--for 120s --speed 20")
	$(BIN)/ringmaster run $(ARGS)

test: setup servers ## Run every check and every test, as CI does
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadscope $(ARGS)

check: setup ## The quick part: format, lint, types and the tests that need no server
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadscope -m "not broker" $(ARGS)

bench: setup ## Measure: offers at 50 to 1,000 shuttles, and a simulated day
	$(BIN)/ringmaster bench speed
	$(BIN)/ringmaster bench day

# Real servers for the tests marked "broker". Without them those tests are skipped, with a reason.
servers:
	@sh deploy/install-test-servers.sh

lock: ## Compile requirements.lock anew from pyproject.toml
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.9,<1"
	$(VENV)-lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
		--extra embedded --group dev --generate-hashes --no-header \
		--no-emit-index-url --no-annotate --output-file requirements.lock
	rm -rf $(VENV)-lock

clean: ## Remove what was installed and cached
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
