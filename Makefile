# make demo   install into .venv and run the whole chain on the generated demo data
# make test   install into .venv and pass the tests; make test-all: those of many minutes, too
# make docs   build the documentation into build/site
# make bench  compare with the originals on one core; make bench-gpu: on a GPU, in five minutes
.DEFAULT_GOAL := help
.PHONY: docs help python demo test test-all test-fast bench bench-gpu lint format install clean

VENV ?= .venv
BIN := $(VENV)/bin
CANDIDATES := python3.14 python3.13 python3.12 python3.11 python3 python
SUPPORTED := import sys; sys.exit(not ((3, 11) <= sys.version_info < (3, 15)))
PYTHON ?= $(firstword $(foreach p,$(CANDIDATES),$(shell $(p) -c '$(SUPPORTED)' 2>/dev/null && echo $(p))))
PIP_INSTALL := $(BIN)/python -m pip install --quiet

help:
	@sed -n 's/^# make/make/p' Makefile

$(VENV)/installed: pyproject.toml envs/constraints.txt
	@$(or $(PYTHON),false) -c '$(SUPPORTED)' 2>/dev/null || { \
	  echo 'wsss needs Python 3.11 to 3.14: install one, or name it: make PYTHON=/path/to/python3.14 demo' >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --upgrade pip
	$(PIP_INSTALL) --constraint envs/constraints.txt --editable '.[dev]'
	@touch $@

python:
	@$(or $(PYTHON),false) -c 'import sys; print(sys.executable)'

install: $(VENV)/installed

# pydensecrf, which tests compare with, is built from source, and not on Python 3.13 or newer
$(VENV)/reference: $(VENV)/installed
	@if command -v c++ >/dev/null && $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then \
	  $(PIP_INSTALL) --constraint envs/constraints.txt --editable '.[pydensecrf]'; \
	else echo 'pydensecrf cannot be built here: tests that compare with it are skipped'; fi
	@touch $@

$(VENV)/formats $(VENV)/slurm: $(VENV)/%: envs/%.txt $(VENV)/installed
	@rm -rf $@ $@.new
	$(PIP_INSTALL) --no-deps --target $@.new --requirement $<
	@mv $@.new $@

demo: install
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores all

test: install $(VENV)/reference $(VENV)/formats $(VENV)/slurm
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -m 'not long'

test-all: install $(VENV)/reference $(VENV)/formats $(VENV)/slurm
	$(BIN)/python -m pytest -n 2 --dist loadgroup

test-fast: install
	$(BIN)/python -m pytest -n 2 -m 'not slow'

bench: install $(VENV)/reference
	$(BIN)/python -m benchmarks

bench-gpu: install
	$(BIN)/python -m benchmarks.gpu

docs: install
	$(BIN)/mkdocs build --strict --quiet

lint: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

format: install
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

clean:
	rm -rf $(VENV) .snakemake results
