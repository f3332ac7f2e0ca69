# `make search` and `make test` work on a fresh machine that has Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

.PHONY: search test lint clean

search: $(VENV)/.search
	$(VENV)/bin/stl-search --tile 4 --rank 40

test: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest -n auto --dist loadgroup -q

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# Each stamp is remade when the declared dependencies change.
$(VENV)/.search: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@ $(VENV)/.search

clean:
	rm -rf $(VENV) build dist out
