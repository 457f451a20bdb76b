# Everything a newcomer needs: `make demo`, `make test`. Only python3 (3.11 to 3.13) with venv is expected to be there.
#   make PYTHON=python3.12 test     another interpreter (for a new .venv)
#   make test TESTS=tests/storage   only some tests

PYTHON ?= python3
VENV ?= .venv
TESTS ?= tests
JOBS ?= 2
DEMO ?= ./vox2pix-demo

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
FAST := not slow and not slurm and not gpu and not browser and not root

.PHONY: help demo test test-slow test-slurm test-root lint format clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       set up, run the whole way on simulated data, say where the report lies"
	@echo "make test       set up for development, run the fast tests"
	@echo "make test-slow  the slow tests"
	@echo "make test-slurm jobs of a real SLURM, started here on loopback"
	@echo "make test-root  what needs root's rights: cables cut, disks full"
	@echo "make lint       ruff, mypy, import-linter, codespell"
	@echo "make format     let ruff put the code in order"
	@echo "make clean      remove .venv and what builds and tests left"

demo: $(VENV)/.installed
	$(BIN)/vox2pix demo --out $(DEMO)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(JOBS) -m "$(FAST)" $(TESTS)

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(JOBS) -m "slow and not slurm and not gpu and not browser and not root" $(TESTS)

# Skips, and says why, where SLURM's daemons (Debian's packages slurm-wlm and munge) or root's rights are missing.
test-slurm: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slurm $(TESTS)

# Skips, and says why, where root's rights, network namespaces or mounts are missing.
test-root: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(JOBS) -m "root and not slurm and not gpu and not browser" $(TESTS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find pipeline storage cluster tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Installed editable, so that a `git pull` needs no new install; once, and again when pyproject.toml changes.
$(VENV)/.installed: pyproject.toml | $(VENV)/.created
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.created
	$(PIP) install --quiet --editable ".[dev]"
	@touch $@ $(VENV)/.installed

# An environment left half-made by an interrupted run has no stamp: venv completes it.
$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { echo "No '$(PYTHON)' found. vox2pix needs Python 3.11 to 3.13; name one: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "$$($(PYTHON) --version) is '$(PYTHON)'. vox2pix needs Python 3.11 to 3.13; name one: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): a few minutes, once (torch is the bulk of it)."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --quiet --upgrade pip
	@touch $@
