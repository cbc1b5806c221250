SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= $(shell python3.11 -c 'print("python3.11")' 2>/dev/null || echo python3)
PORT ?= 8000
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup run test test-faults lint types format bench payloads screenshots lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv with everything from requirements.lock, and the project itself

# An environment made here and not finished is removed again; one that was there is kept and brought up to date.
$(STAMP): requirements.lock pyproject.toml
	@python="$(PYTHON)"; \
	fail() { printf 'make setup: %s\n' "$$@" >&2; exit 1; }; \
	version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) \
	  || fail "$$python does not run. Install Python 3.11 or newer, or name it: make setup PYTHON=/path/to/python3.11"; \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || fail "Runfold needs Python 3.11 or newer, and $$python is $$version. Name a newer one: make setup PYTHON=/path/to/python3.11"; \
	if ! $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null \
	    || fail "$$python cannot make virtual environments here, as ensurepip is not available." \
	            "On Debian and Ubuntu install what is missing with: apt-get install python$$version-venv"; \
	  rm -rf $(VENV); \
	  trap 'rm -rf $(VENV)' EXIT; \
	  "$$python" -m venv $(VENV); \
	fi; \
	echo "Installing into $(VENV) (Python $$($(BIN)/python -c 'import platform; print(platform.python_version())'))" >&2; \
	pip() { $(BIN)/python -m pip --quiet --no-input --disable-pip-version-check "$$@"; }; \
	pip install --require-hashes -r requirements.lock; \
	pip install --no-deps --no-build-isolation --editable .; \
	touch $@; \
	trap - EXIT

# Ctrl-C is how serving ends, so it is no error: the trap lets the shell outlive it.
run: setup ## record one run of the pipeline market-data, then serve the dashboard at PORT (8000)
	$(BIN)/runfold run market-data
	@trap : INT; $(BIN)/runfold serve --no-auth --port $(PORT) || [ $$? -eq 130 ]

# Compiled once and kept, whatever is set: the tests start hundreds of processes.
test test-faults bench: export PYTHONDONTWRITEBYTECODE :=

# The pages first: they take longest, and who has them last would be left alone with them.
test: lint types ## lint, types and all tests but the long fault runs
	tools/system-packages
	$(BIN)/pytest -m "not faults" -n 3 --dist loadfile --no-loadscope-reorder tests/web/pages tests

test-faults: setup ## the long runs with injected faults
	tools/system-packages
	$(BIN)/pytest -m faults

lint: setup ## check rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup ## check types
	$(BIN)/mypy

format: setup ## format the code, and mend what has a safe mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: setup ## run the benchmarks
	$(BIN)/python -m benchmarks

payloads: setup ## derive the structs of payloads from the models of the events
	$(BIN)/python -m tools.payloads

screenshots: setup ## make the pictures of the README again
	$(BIN)/python -m tools.screenshots

lock: ## make requirements.lock again; LOCK_FLAGS=--upgrade takes the newest versions
	@scratch=$$(mktemp -d); \
	trap 'rm -rf "$$scratch"' EXIT; \
	$(PYTHON) -m venv "$$scratch"; \
	"$$scratch/bin/pip" install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
	"$$scratch/bin/uv" pip compile --quiet --universal --python-version 3.11 --all-extras --group dev \
	  --generate-hashes --custom-compile-command "make lock" $(LOCK_FLAGS) \
	  --output-file requirements.lock pyproject.toml

clean: ## remove caches and built files; .venv and recorded runs stay
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
