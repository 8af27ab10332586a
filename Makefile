# make run: set up and open the demo. make test: set up and test. make check: lint, types and tests.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check lint train clean
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

# Makes the embedded default anew. Keeping freed memory instead of returning it doubles the speed on Linux.
train: .venv/dev
	MALLOC_MMAP_THRESHOLD_=2000000000 MALLOC_TRIM_THRESHOLD_=4000000000 $(BIN)/lladav train

clean:
	rm -rf .venv build *.egg-info
