# What people do by hand. `make` alone lists it.
#
# PYTHON  interpreter the virtual environment is made from (3.11 or newer)
# LAKE    the lake that `make dashboard` opens
# PYTEST_FLAGS, BENCH_FLAGS  passed on, as in: make test PYTEST_FLAGS="-k survival"

PYTHON ?= python3
LAKE ?= demo/lake
PYTEST_FLAGS ?=
BENCH_FLAGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := $(BIN)/uv --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --no-strip-extras --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo dashboard screenshot test validate lint format docs calibrate bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/runtime.stamp ## simulate a small cluster, ingest its logs, print what failed, write demo/report.html
	$(BIN)/reliability demo --dir demo

dashboard: .venv/runtime.stamp ## open the dashboard on a lake: make dashboard LAKE=demo/lake
	$(BIN)/reliability dashboard --lake $(LAKE)

screenshot: .venv/dev.stamp demo ## draw docs/screenshot.png anew from the demo lake (needs Chromium)
	$(BIN)/python docs/screenshot.py demo/lake

test: .venv/dev.stamp ## run the tests, doctests included, with branch coverage
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not validation" --cov --cov-report=term:skip-covered $(PYTEST_FLAGS)

validate: .venv/dev.stamp ## run the long studies: coverage, kills, full disks, races, fuzzing; write docs/validation*.md, docs/coverage.md, docs/closed-forms.md
	$(BIN)/python -m pytest -m validation $(PYTEST_FLAGS)
	$(BIN)/reliability validate --preset tiny --clusters 40 --seed 1 --markdown docs/validation.md
	$(BIN)/reliability validate --preset lemons --clusters 20 --seed 1 --no-sensitivity --markdown docs/validation-lemons.md
	$(BIN)/python docs/coverage_study.py
	$(BIN)/python docs/closed_forms_study.py

lint: .venv/dev.stamp ## check style, types, imports between packages, and that the generated docs are fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy docs benchmarks
	$(BIN)/lint-imports --no-logo
	$(BIN)/python docs/generate.py --check

format: .venv/dev.stamp ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/dev.stamp ## write docs/data-dictionary.md and docs/cli.md from the code
	$(BIN)/python docs/generate.py

calibrate: .venv/dev.stamp ## simulate the published clusters and write how close they land into synthetic_traces/presets
	$(BIN)/python docs/calibrate.py

bench: .venv/dev.stamp ## time ingest, the marts and the statistics; write docs/benchmarks.md: make bench BENCH_FLAGS="--rows 4000000"
	$(BIN)/python benchmarks/bench_ingest.py $(BENCH_FLAGS)
	$(BIN)/python benchmarks/bench_marts.py
	$(BIN)/python benchmarks/bench_ledger.py
	$(BIN)/python benchmarks/bench_simulation.py
	$(BIN)/python benchmarks/bench_run_simulation.py
	$(BIN)/python benchmarks/bench_topology.py
	$(BIN)/python benchmarks/bench_survival.py
	$(BIN)/python benchmarks/bench_cox.py
	$(BIN)/python benchmarks/bench_survival_engine.py

lock: .venv/dev.stamp ## pin the dependencies anew after pyproject.toml changed (pins that still fit are kept)
	$(LOCK) --group build --output-file requirements.lock pyproject.toml
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean: ## remove the virtual environment, caches and the demo
	rm -rf .venv demo dist build .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/created.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python cannot make virtual environments here. On Debian: sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

# The lock holds the build backend too, so that nothing unpinned is fetched to install the project itself; without
# build isolation the backend looks for its program on the PATH.
.venv/runtime.stamp: .venv/created.stamp requirements.lock pyproject.toml
	$(PIP) install --quiet --require-hashes -r requirements.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: .venv/runtime.stamp requirements-dev.lock
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@
