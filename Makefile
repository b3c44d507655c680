# make demo   install into .venv and run the whole chain on the generated demo data
# make test   install into .venv and pass the tests; make test-all: those of many minutes, too
# make bench  compare with the originals on one core; make bench-gpu: on a GPU, in five minutes
.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-fast bench bench-gpu lint format install clean

BIN := .venv/bin
CANDIDATES := python3.12 python3.11 python3 python
SUPPORTED := import sys; sys.exit(not ((3, 11) <= sys.version_info < (3, 13)))
PYTHON ?= $(firstword $(foreach p,$(CANDIDATES),$(shell $(p) -c '$(SUPPORTED)' 2>/dev/null && echo $(p))))

help:
	@sed -n 's/^# make/make/p' Makefile

.venv/installed: pyproject.toml envs/constraints.txt
	@$(or $(PYTHON),false) -c '$(SUPPORTED)' 2>/dev/null || { \
	  echo 'wsss needs Python 3.11 or 3.12: install one, or name it: make PYTHON=/path/to/python3.12 demo' >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint envs/constraints.txt --editable '.[dev]'
	@touch $@

install: .venv/installed

.venv/formats .venv/slurm: .venv/%: envs/%.txt .venv/installed
	@rm -rf $@ $@.new
	$(BIN)/python -m pip install --quiet --no-deps --target $@.new --requirement $<
	@mv $@.new $@

demo: install
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores all

test: install .venv/formats .venv/slurm
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not long'

test-all: install .venv/formats .venv/slurm
	$(BIN)/python -m pytest -n 2 --dist loadgroup

test-fast: install
	$(BIN)/python -m pytest -n 2 -m 'not slow'

bench: install
	$(BIN)/python -m benchmarks

bench-gpu: install
	$(BIN)/python -m benchmarks.gpu

lint: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

format: install
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

clean:
	rm -rf .venv .snakemake results
