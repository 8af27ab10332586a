# make run: set up and open the demo. make test: set up and test. make check: lint, types and tests of all languages.
PYTHON ?= python3
BIN := .venv/bin
install := $(BIN)/pip install --quiet --no-compile --disable-pip-version-check
WORKERS ?= 2
one_thread := OMP_NUM_THREADS=1
# What is imported is compiled once: pip's compiling all of it takes a minute, and some images tell Python to keep nothing.
export PYTHONDONTWRITEBYTECODE :=
# Files stay in their order: that of xdist, by the number of tests, puts those at the end that take the longest.
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: run test check lint scripts steady gpu mutants lock licences train clean
.DEFAULT_GOAL := run

.venv/run: requirements.txt pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	$(install) -e .
	touch $@

.venv/dev: .venv/run
	$(install) -e ".[dev]"
	touch $@

.venv/mutants: .venv/dev
	$(install) -e ".[mutants]"
	touch $@

.venv/lock: .venv/run
	$(install) -e ".[lock]"
	touch $@

run: .venv/run
	$(BIN)/python app.py

test: .venv/dev
	$(one_thread) $(BIN)/pytest $(PARALLEL)

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The page's scripts: types, lint and tests, with what `npm ci` installs.
scripts:
	@if [ ! -f package.json ]; then echo "scripts: skipped, there is no package.json"; \
	elif ! node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2> /dev/null; then \
		echo "scripts: skipped, Node 20 or a later one is not installed"; \
	elif [ ! -d node_modules ] && ! npm ci --silent; then echo "scripts: npm ci failed" >&2; exit 1; \
	else npm run check; fi

# Neither linter needs more than one core.
check:
	$(MAKE) --jobs=2 --output-sync=target lint scripts
	$(MAKE) test

# The browser's tests five times over, with one core kept busy.
steady: .venv/dev
	$(one_thread) $(BIN)/python tests/steady.py

# What only a GPU can show, and training for what is left of ten minutes; --small tries the script out on a CPU.
gpu: .venv/dev
	$(BIN)/python tests/gpu.py

# Small changes to the code that a test has to notice; what they are made to is in pyproject.toml.
mutants: .venv/mutants
	mkdir -p mutants
	$(one_thread) PYTHONPATH=$(CURDIR)/mutants $(BIN)/mutmut run
	$(BIN)/mutmut results

# What the Space installs, to the last package, with hashes. PyTorch is left out, and with it the CUDA libraries that only
# it needs: a GPU's machine brings the build that fits its driver, and a CPU's another, so that no one hash is right.
lock: .venv/lock
	( echo "# Made by make lock from requirements.txt, for Python 3.11 and later; all but PyTorch, which the platform"; \
	  echo "# brings in the build for its driver or has to be installed before:"; \
	  echo "#     pip install --require-hashes -r requirements.lock"; \
	  grep -v "^torch" requirements.txt | $(BIN)/uv pip compile - --quiet --universal --python-version 3.11 \
	    --generate-hashes --no-header --no-annotate ) > requirements.lock.new
	mv requirements.lock.new requirements.lock

# The licence of each package that is installed.
licences: .venv/lock
	$(BIN)/pip-licenses --python $(BIN)/python --from=mixed --order=license --with-urls

# Makes the embedded default anew. Keeping freed memory instead of returning it doubles the speed on Linux.
train: .venv/dev
	MALLOC_MMAP_THRESHOLD_=2000000000 MALLOC_TRIM_THRESHOLD_=4000000000 $(BIN)/lladav train

clean:
	rm -rf .venv build *.egg-info mutants node_modules
