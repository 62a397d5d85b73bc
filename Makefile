# Each target prepares what it needs: a fresh machine wants only Python >= 3.11 with venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check lint bench simulate soak lock audit clean

demo: $(VENV)/.runtime
	$(BIN)/prism demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(VENV)/.dev lint test

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The environment is made once per change of the lock files; both stamps imply an installed `prism`.
$(VENV)/.runtime: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "prism needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

# The peers live in an environment of their own. Where they cannot be installed (a Python they do not support, no
# compiler for one without a wheel), prism is measured alone and the bars beside them are reported as not measured.
bench: $(VENV)/.dev
	@$(MAKE) --no-print-directory .venv-bench/.peers \
		|| echo "bench: the peers of requirements-bench.lock could not be installed (see above); going on without them"
	@if test -f .venv-bench/.peers; then .venv-bench/bin/python -m bench; else $(BIN)/python -m bench; fi

.venv-bench/.peers: requirements-bench.lock
	rm -f $@
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --require-hashes -r requirements-bench.lock
	.venv-bench/bin/python -c 'import cryptofeed, ccxt.pro, nautilus_trader, order_book, pandas, polars'
	touch $@

# What these two find ends as a test; see bench/README.md.
simulate: $(VENV)/.dev
	$(BIN)/python -m bench.simulate --seeds 500

soak: $(VENV)/.dev
	$(BIN)/python -m bench.soak --minutes 3 --rate 2000 --assets 40

lock: $(VENV)/.dev
	bench/lock.sh

# Asks the advisories of today about every locked version, so it needs the network and is no part of `check`. `--strict`: a
# version that could not be looked up is a failure, not a pass.
audit: .venv-audit/.ready
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock

.venv-audit/.ready:
	test -x .venv-audit/bin/python || $(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet pip-audit
	touch $@

clean:
	rm -rf $(VENV) .venv-bench .venv-audit build *.egg-info
