# One command for each task; everything runs in .venv, made on first use.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Three workers share the cores: threads of BLAS and OpenMP that spin while they wait would take them.
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest \
	-n 3 --dist loadfile --no-loadscope-reorder --durations 25
# Python compiles what it imports; compiling all that is installed takes as long as installing it.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile \
	-c constraints.txt

# Where the environment forbids Python to keep what it compiled, each of a test run's hundreds of
# processes would compile all that it imports.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-all check format pictures audit sbom dev install install-dev clean help

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing imgassets into $(VENV) (a few minutes, torch is large)"
	@$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing imgassets and what the tests need into $(VENV) (a few minutes, torch is large)"
	@$(PIP) -e '.[dev]'
	@touch $(VENV)/.installed $@

install: $(VENV)/.installed  ## make .venv with imgassets in it

install-dev: $(VENV)/.installed-dev  ## the same with the tools of tests and checks

demo: install  ## run the main job on the generated sample catalog: scoreboard and gallery
	@$(BIN)/imgassets demo

test: install-dev  ## run every test but those marked soak
	@$(PYTEST) -m "not soak"

test-all: install-dev  ## run every test, more than an hour
	@$(PYTEST)

check: install-dev  ## format, lint, types and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install-dev  ## format and fix what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

audit: install-dev  ## look up what is installed in the databases of known vulnerabilities
	@$(BIN)/python .ci/audit.py

sbom: install-dev  ## write what is installed as a bill of materials: artifacts/sbom.json (CycloneDX)
	@mkdir -p artifacts
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --no-validate \
		--output-reproducible --output-file artifacts/sbom.json $(BIN)/python

pictures: install-dev  ## make the README's pictures anew, from the running system
	@DOCS_PICTURES=docs $(BIN)/python -m pytest -q -k picture

dev: install  ## Dagster's UI on http://127.0.0.1:3000, with the daemon
	@eval "$$($(BIN)/imgassets env)" && exec $(BIN)/dagster dev -w workspace.yaml

clean:  ## remove .venv and all state
	rm -rf $(VENV) .imgassets
