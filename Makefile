# Every command here says what it does. `make setup` lists what it changes; `make clean` takes it back.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

# The distribution's own interpreter: its bcc bindings belong to it.
SYSTEM_PYTHON ?= /usr/bin/python3
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.locked

MUTATION := .venv-mutation

.PHONY: help setup run demo test check bench mutants lock clean

help:
	@echo "make setup   install what is needed: Debian packages, .venv, Kafka, Elasticsearch, a user"
	@echo "make run     set up, then start everything, attack a sample container, and watch"
	@echo "make test    set up, then run every test"
	@echo "make check   linters, types, import contracts"
	@echo "make bench   measure, as ratios against baselines of the same run"
	@echo "make mutants whether a test notices changes of the judge: tens of minutes"
	@echo "make clean   stop nothing, remove what setup made (Debian packages stay)"

setup:
	@echo "setup: Debian packages that are missing, by apt (they stay after make clean)"
	@$(SYSTEM_PYTHON) -m lictor.runtime.system_packages
	@$(MAKE) --no-print-directory $(STAMP)
	@$(PYTHON) -m lictor.runtime.setup install

$(STAMP): requirements.lock pyproject.toml
	@echo "setup: $(VENV) with the locked Python packages, each checked against its hash"
	@test -x $(PYTHON) || $(SYSTEM_PYTHON) -m venv $(VENV) \
	  || { echo "setup: cannot make $(VENV); install python3-venv" >&2; exit 3; }
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock \
	  || { echo "setup: the Python packages could not be installed; see that a package index is reachable and run make setup again" >&2; exit 3; }
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PYTHON) -m lictor.runtime.bcc_link
	@touch $@

run: setup
	@exec $(PYTHON) -m lictor up --demo

demo: setup
	@exec $(PYTHON) -m lictor demo

test: setup
	@exec $(PYTHON) -m pytest $(PYTEST_ARGUMENTS)

check: $(STAMP)
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports

bench: setup
	@exec $(PYTHON) -m tests.bench

# mutmut wants a newer click than Faust allows, so it has an environment of its own beside the other.
$(MUTATION)/.locked: tests/mutation/requirements.lock $(STAMP)
	@echo "mutants: $(MUTATION) with mutmut"
	@test -x $(MUTATION)/bin/python || $(SYSTEM_PYTHON) -m venv $(MUTATION)
	@$(MUTATION)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r tests/mutation/requirements.lock
	@$(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > $$($(MUTATION)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/lictor.pth
	@touch $@

mutants: $(MUTATION)/.locked
	@nice $(MUTATION)/bin/mutmut run
	@PATH=$(MUTATION)/bin:$$PATH $(MUTATION)/bin/python -m tests.mutation

# Needs uv, which nothing else does.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make lock" --group dev pyproject.toml \
	  -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make lock" --constraint requirements.lock \
	  pyproject.toml compose/images/requirements.in -o compose/images/requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make lock" tests/mutation/requirements.in \
	  -o tests/mutation/requirements.lock

clean:
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m lictor.runtime.setup clean; \
	else $(SYSTEM_PYTHON) -m lictor.runtime.setup clean; fi
	@echo "clean: removing $(VENV) and build leftovers"
	@rm -rf $(VENV) $(MUTATION) mutants *.egg-info build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .bench
