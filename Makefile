# make run: set up and open the demo. make test: set up and test. make check: lint, types and tests.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check lint clean
.DEFAULT_GOAL := run

.venv/run: requirements.txt pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/dev: .venv/run
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

run: .venv/run
	$(BIN)/python app.py

test: .venv/dev
	$(BIN)/pytest

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

clean:
	rm -rf .venv build *.egg-info
