# Two commands matter: `make demo` runs the whole system, `make test` proves it.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := proto $(wildcard libs/*) $(wildcard services/*)
STAMP := $(VENV)/.installed
PEERS := .bench/peers
PEERS_STAMP := $(PEERS)/.installed

DURATION ?= 60
SOURCE ?= synthetic
SPEED ?= 1
KILL ?=
BENCH ?=

.PHONY: demo test bench peers lint types tidy unit generate lock clean setup help

help: ## show this list
	@awk -F':.*## ' '/^[a-z0-9_-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## create .venv with everything pinned by hash

$(STAMP): requirements.txt $(wildcard */pyproject.toml libs/*/pyproject.toml services/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Seawall needs Python 3.11 or newer, found %s. Name one with: make PYTHON=python3.11" % sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >&2
	@echo "installing into $(VENV) (once)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(foreach m,$(MEMBERS),-e $(m)) >&2
	@touch $@

demo: $(STAMP) ## run the whole system (DURATION=60 SOURCE=synthetic|recording:<path>|live SPEED=1 KILL=1)
	@$(BIN)/seawall demo --duration $(DURATION) --source "$(SOURCE)" --speed $(SPEED) $(if $(KILL),--kill)

test: $(STAMP) ## lint, types and every test
	@$(MAKE) --no-print-directory lint types
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet . && $(BIN)/lint-imports --no-cache >.lint-imports.log 2>&1 || { cat .lint-imports.log; exit 1; }; rm -f .lint-imports.log

types: $(STAMP)
	@$(BIN)/mypy

bench: $(STAMP) $(if $(BENCH),$(if $(findstring feed,$(BENCH)),peers),peers) ## one JSON line a path (BENCH=name to pick)
	@$(BIN)/python -m tests.bench $(BENCH)

peers: ## what benches are measured against, in .bench/peers; without it their figures are null
	@$(MAKE) --no-print-directory $(PEERS_STAMP) || echo "cryptofeed cannot be built here (it needs a C compiler): its figures will be null" >&2

# Built from its source, so what builds it is installed first.
$(PEERS_STAMP): requirements-peers.txt
	@rm -rf $(PEERS) && $(PYTHON) -m venv $(PEERS)
	@echo "installing bench peers into $(PEERS) (once)" >&2
	@sed '/^cryptofeed==/,/[^\\]$$/d' requirements-peers.txt > $(PEERS)/before.txt
	@for list in $(PEERS)/before.txt requirements-peers.txt; do $(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation -r $$list >&2 || exit 1; done
	@touch $@

generate: $(STAMP) ## schemas, AsyncAPI, the flow picture
	@$(BIN)/python -m tests.tools.generate

lock: ## new pins: requirements.txt from the newest allowed versions
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv lock --upgrade
	@$(BIN)/uv export --quiet --frozen --no-emit-workspace --all-packages --group dev --no-header --no-annotate > requirements.txt
	@$(BIN)/python deploy/docker/pins.py

clean: ## remove everything that was built
	rm -rf $(VENV) .data .mypy_cache .ruff_cache .pytest_cache
