# `make search` and `make test` work on a fresh machine that has Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

.PHONY: search test test-hard lint docs clean

search: $(VENV)/.search
	$(VENV)/bin/stl-search --tile 4 --rank 40

test: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/pytest -n auto --dist loadgroup -q

# The same tests under other kernels of the BLAS, on one core, in any order, and beside other programs; ARGS narrows it.
test-hard: $(VENV)/.test
	$(VENV)/bin/python tests/hard.py $(ARGS)

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# The pages go to build/docs; a broken link or a table without its record is an error.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# Each stamp is remade when the declared dependencies change.
$(VENV)/.search: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@ $(VENV)/.search

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@ $(VENV)/.search

clean:
	rm -rf $(VENV) build dist out
