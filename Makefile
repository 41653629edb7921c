# Controles and Frescor. `make` lists the targets.
# Needs python 3.11 or newer and make; everything else is installed into .venv from the hash-locked requirements/.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# On this machine without containers: to look and try, unless the environment says otherwise.
FLASK := env CONTROLES_ENV="$${CONTROLES_ENV:-development}" $(BIN)/python -m flask --app controles
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WHEEL_PIP := $(VENV)-wheel/bin/python -m pip --disable-pip-version-check --quiet

# The first interpreter that is new enough; PYTHON=… chooses another. Looked for only when .venv has to be made.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

# More arguments for pytest: make test ARGS="-k painel"
ARGS ?=
# Processes that run tests at once.
WORKERS ?= auto

SOURCES := frescor/src controles/src
CHECKED := $(SOURCES) frescor/tests controles/tests tests bench release

# ---- The application

.PHONY: run
run: $(VENV)/runtime.stamp ## Start Controles on http://127.0.0.1:5000 with sample data; prints how to log in
	@exec $(FLASK) demo

# ---- The application in containers: docker-compose.yml

STACK := docker/stack

.PHONY: secrets
secrets: ## Write .env with fresh secrets for the containers; one that is there is left alone
	@docker/make-secrets

.PHONY: dev-up
dev-up: ## Build if needed and start the containers; waits until they are healthy, and prints how to log in
	@$(STACK) up $(ARGS)

.PHONY: dev-down
dev-down: ## Stop and remove the containers; the data stays (ARGS=--volumes removes it)
	@$(STACK) down $(ARGS)

.PHONY: pin-images
pin-images: ## Fix the containers' base images by the digests that their names have now, in .env
	@$(STACK) pin

.PHONY: docker-build
docker-build: ## Build the image
	@$(STACK) build $(ARGS)

.PHONY: docker-restart
docker-restart: ## Start the application's container anew (SERVICES="app redis db": those), and warm the cache
	@$(STACK) restart $(ARGS)

.PHONY: docker-logs
docker-logs: ## Show what the containers and the application logged last (ARGS=--follow goes on)
	@$(STACK) logs $(ARGS)

.PHONY: cache-backup
cache-backup: ## Write a snapshot of the containers' cache to backups/ (FILE=…: there)
	@$(STACK) backup

.PHONY: cache-restore
cache-restore: ## Restore the containers' cache from the newest snapshot (FILE=…: from that)
	@$(STACK) restore

# ---- Its cache: that of the containers if they run, else of the local application

define cache_command
@if $(STACK) running; then $(STACK) flask cache $(1) $(ARGS); \
	else $(MAKE) --no-print-directory $(VENV)/runtime.stamp && $(FLASK) cache $(1) $(ARGS); fi
endef

.PHONY: cache-status
cache-status: ## Show the running application's cache: server, memory, hit rates
	$(call cache_command,status)

.PHONY: cache-keys
cache-keys: ## List cached keys with their time to live
	$(call cache_command,keys)

.PHONY: cache-clear
cache-clear: ## Forget everything that is cached (asks first; ARGS=--yes does not)
	$(call cache_command,clear)

.PHONY: cache-warmup
cache-warmup: ## Compute the panel and the first pages before anybody asks
	$(call cache_command,warmup)

.PHONY: cache-monitor
cache-monitor: ## Watch hits, misses, latency and memory live (ARGS=--once: one sample)
	$(call cache_command,monitor)

# ---- Work on the code

# Tests start hundreds of Pythons, each of which would otherwise compile these sources anew.
test test-lowest test-newest test-wheel: export PYTHONDONTWRITEBYTECODE :=
# A worker begins with half of the tests in their order, so that it starts a module's servers once for all of them.
TEST_WORKERS := -n $(WORKERS) --dist worksteal

.PHONY: test
test: $(VENV)/dev.stamp ## Run all tests; says what it skipped and why
	@$(BIN)/python -m pytest $(TEST_WORKERS) $(ARGS)

.PHONY: test-lowest test-newest
test-lowest: $(VENV)-lowest/stamp ## Run Frescor's tests from its folder, without Controles, on the lowest versions that it declares
	@cd frescor && ../$(VENV)-lowest/bin/python -m pytest $(TEST_WORKERS) $(ARGS)

test-newest: $(VENV)-newest/stamp ## The same on the newest versions that its ranges let in
	@cd frescor && ../$(VENV)-newest/bin/python -m pytest $(TEST_WORKERS) $(ARGS)

.PHONY: test-wheel
test-wheel: $(VENV)-wheel/locked.stamp ## Build Frescor's wheel and run its tests on that, with nothing else of this repository installed
	@rm -rf $(VENV)-wheel/dist && $(WHEEL_PIP) wheel --no-deps --no-build-isolation --wheel-dir $(VENV)-wheel/dist ./frescor
	@$(WHEEL_PIP) uninstall --yes frescor
	@$(WHEEL_PIP) install --no-index "$$(echo $(VENV)-wheel/dist/*.whl)[test]"
	@cd frescor && ../$(VENV)-wheel/bin/python -m pytest $(TEST_WORKERS) $(ARGS)

.PHONY: test-doors
test-doors: $(VENV)/dev.stamp ## Run what Flask-Caching, dogpile.cache, cachelib and Django publish as their tests against Frescor: two minutes
	@$(BIN)/python -m pytest -n $(WORKERS) frescor/tests/doors/test_published.py $(ARGS)

.PHONY: test-examples
test-examples: $(VENV)/dev.stamp ## Run each example as its page shows it, in a virtual environment of its own: some minutes
	@EXAMPLES=all $(BIN)/python -m pytest -n $(WORKERS) --durations=3 tests/examples $(ARGS)

.PHONY: test-frames
test-frames: $(VENV)/frames.stamp ## Run the tests of pandas' and polars' frames; the first time it installs 450 MB, which takes a minute
	@$(BIN)/python -m pytest frescor/tests/values/test_pandas_codecs.py frescor/tests/values/test_polars_codecs.py $(ARGS)

.PHONY: test-versions
test-versions: $(VENV)/dev.stamp ## Run a telling part of Frescor's tests with each version it works with; writes the table: an hour
	@$(BIN)/python release/version_matrix.py $(ARGS)

.PHONY: test-docker
test-docker: $(VENV)/dev.stamp ## Start the containers beside whatever runs and test them: some minutes, an engine needed
	@CONTROLES_TEST_DOCKER=1 $(BIN)/python -m pytest -m docker --durations=5 tests/stack $(ARGS)

.PHONY: test-sqlalchemy
test-sqlalchemy: $(VENV)/dev.stamp ## Run SQLAlchemy's own tests on tracked engines beside plain ones: an hour or more (ARGS=test/…: some)
	@PYTHONPATH=tests $(BIN)/python -m oracle.suite $(ARGS)

.PHONY: test-postgresql-sql
test-postgresql-sql: $(VENV)/dev.stamp ## Read PostgreSQL's own regression SQL beside its own parser: a minute (ARGS=folders with .sql files)
	@PYTHONPATH=tests $(BIN)/python -m oracle.postgresql_text $(ARGS)

.PHONY: check
check: check-code test test-frames ## The one gate: format, lint, types, import contracts, then all tests

.PHONY: check-code
check-code: check-format check-lint check-types check-imports ## The part of `make check` that runs no test

.PHONY: check-format check-lint check-types check-imports
check-format: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check .

check-lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check .

check-types: $(VENV)/dev.stamp
	@$(BIN)/mypy $(CHECKED)

check-imports: $(VENV)/dev.stamp
	@$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(VENV)/dev.stamp ## Put the code into shape
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: bench
bench: $(VENV)/dev.stamp ## Measure the panel, cold and cached, with 20,000 militantes (see bench/README.md)
	@$(BIN)/python bench/panel.py $(ARGS)

.PHONY: bench-load
bench-load: $(VENV)/dev.stamp ## Measure a mixed load on PostgreSQL, with the cache and without (see bench/README.md)
	@$(BIN)/python bench/load.py $(ARGS)

.PHONY: lock
lock: $(VENV)-lock/stamp ## Resolve requirements/*.in again, with hashes
	cd requirements && ../$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --upgrade runtime.in --output-file runtime.txt
	cd requirements && ../$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --upgrade dev.in --output-file dev.txt
	cd requirements && ../$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --upgrade frames.in --output-file frames.txt
	cd requirements && ../$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --extra test \
		--generate-hashes --no-header --resolution lowest-direct ../frescor/pyproject.toml --output-file frescor-lowest.txt
	cd requirements && ../$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --extra test \
		--generate-hashes --no-header --upgrade ../frescor/pyproject.toml --output-file frescor-newest.txt

.PHONY: release
release: $(VENV)/dev.stamp ## Build Frescor for publication in dist/ (REPOSITORY=https://… FILES=https://…: see CONTRIBUTING.md)
	@$(BIN)/python release/build_release.py "$(REPOSITORY)" "$(FILES)"

.PHONY: clean
clean: ## Remove .venv and caches; keeps the data in instance/ and the logs
	rm -rf $(VENV) $(VENV)-lock $(VENV)-lowest $(VENV)-newest $(VENV)-versions $(VENV)-wheel .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# ---- .venv: a stamp older than what it stands for means that something has to be installed again

define make_venv
	@test -n "$(PYTHON)" || { \
		echo "Controles needs python 3.11 or newer, and none was found on the PATH." >&2; \
		echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is not python 3.11 or newer. Name another: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -m venv --clear $(@D)
	@touch $@
endef

# Also made anew when its interpreter is gone or the clone was moved: a .venv holds absolute paths.
STALE := $(shell test -x $(BIN)/python && grep -qsF "$(CURDIR)/$(VENV)" $(VENV)/pyvenv.cfg || echo made-anew)
.PHONY: made-anew

$(VENV)/made.stamp: $(STALE)
	@echo "Preparing $(VENV): about a minute, this once."
	$(make_venv)

$(VENV)/locked-runtime.stamp: requirements/runtime.txt $(VENV)/made.stamp
	@$(PIP) install --require-hashes --requirement $<
	@touch $@

# After the runtime's: two pips must not write one .venv at once.
$(VENV)/locked-dev.stamp: requirements/dev.txt $(VENV)/locked-runtime.stamp $(VENV)/runtime.stamp
	@$(PIP) install --require-hashes --requirement $<
	@touch $@

$(VENV)/runtime.stamp: frescor/pyproject.toml controles/pyproject.toml $(VENV)/locked-runtime.stamp
	@$(PIP) install --no-deps --no-build-isolation --editable ./frescor --editable ./controles
	@touch $@

$(VENV)/dev.stamp: $(VENV)/locked-dev.stamp $(VENV)/runtime.stamp
	@touch $@

$(VENV)/frames.stamp: requirements/frames.txt $(VENV)/dev.stamp
	@$(PIP) install --require-hashes --requirement $<
	@touch $@

$(VENV)-lock/made.stamp:
	$(make_venv)

$(VENV)-lock/stamp: requirements/lock.txt $(VENV)-lock/made.stamp
	@$(VENV)-lock/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement $<
	@touch $@

# Frescor alone at either end of its ranges.
$(VENV)-lowest/made.stamp $(VENV)-newest/made.stamp $(VENV)-wheel/made.stamp:
	$(make_venv)

$(VENV)-lowest/stamp $(VENV)-newest/stamp: $(VENV)-%/stamp: requirements/frescor-%.txt frescor/pyproject.toml $(VENV)-%/made.stamp
	@$(@D)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement $<
	@$(@D)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable ./frescor
	@touch $@

# What Frescor's wheel asks for with its extra `test`, and no Frescor yet.
$(VENV)-wheel/locked.stamp: requirements/frescor-newest.txt $(VENV)-wheel/made.stamp
	@$(WHEEL_PIP) install --require-hashes --requirement $<
	@touch $@
