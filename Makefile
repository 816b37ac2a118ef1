# What you can do here. Only Python 3.11 or newer, make and a package index are needed.
#
#   make run          the whole service on this machine, with simulated shuttles and riders
#   make test         every check; what CI runs
#   make check        the quick part of it
#   make faults       histories full of trouble: every seed that ever failed, and some fresh ones
#   make bench        how fast the planning is, on this machine
#   make setup        .venv with the locked dependencies
#   make lock         choose dependencies anew where pyproject.toml asks for it;
#                     UPGRADE=--upgrade chooses all of them anew
#   make clean        remove what the others have made

PYTHON ?= python3
ARGS ?=
UPGRADE ?=
SEEDS ?= 20

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LOCK_TOOLS := build/lock-tools
# The build backend is locked, too: it runs without isolation, from what is installed.
BUILD_REQUIREMENTS := setuptools>=77

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test check faults lint bench lock clean servers

help:
	@sed -n '/^# /!{/^#$$/!q};s/^# \{0,1\}//p' Makefile

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Could not make $(VENV); on Debian install python3-venv." >&2; exit 1; }
	@echo "Installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation --editable .
	@touch $@

run: setup
	@$(BIN)/ringmaster run $(ARGS)

test: setup servers lint
	$(BIN)/pytest -n 2 $(ARGS)
	$(BIN)/ringmaster faults --seeds $(SEEDS) --workers 2

check: setup lint
	$(BIN)/pytest -n 2 -m "not broker" $(ARGS)

faults: setup
	$(BIN)/ringmaster faults --seeds $(SEEDS) --workers 2 $(ARGS)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup
	$(BIN)/ringmaster bench speed
	$(BIN)/ringmaster bench day

# Tests marked "broker" need real servers; without them they are skipped, in CI they fail.
servers:
	@sh deploy/install-test-servers.sh

lock:
	@$(PYTHON) -m venv $(LOCK_TOOLS)
	@$(LOCK_TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv
	echo '$(BUILD_REQUIREMENTS)' | $(LOCK_TOOLS)/bin/uv pip compile pyproject.toml - \
	  --universal --generate-hashes --no-emit-index-url --custom-compile-command 'make lock' \
	  --extra embedded --group dev --quiet $(UPGRADE) --output-file requirements.lock
	echo '$(BUILD_REQUIREMENTS)' | $(LOCK_TOOLS)/bin/uv pip compile pyproject.toml - \
	  --universal --generate-hashes --no-emit-index-url --custom-compile-command 'make lock' \
	  --constraints requirements.lock --quiet $(UPGRADE) --output-file deploy/requirements.lock

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
