# The one front for set-up, tests and the first run; everything else is `lab …` (.venv/bin/lab --help).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory --no-builtin-rules

BIN := .venv/bin
STAGE := .ci/stage
PYTEST := $(BIN)/pytest -q --no-header
PYTHON ?=
N ?= 12
MESSAGES ?= 1000000
FILES ?= 20000
SEED ?= 0
CLUSTER ?=
AUDIT := $(BIN)/uv run --quiet --no-project --isolated --with-requirements requirements-audit.lock --

.PHONY: help run lab test every check unit behaviour ports integration held cluster soak faults snapshots cluster-up cluster-down notebooks bench chaos fuzz lock audit record fix clean servers

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

.venv/.installed: requirements.lock pyproject.toml
	@PYTHON='$(PYTHON)' .ci/setup

run: .venv/.installed ## Set up, then run the quickstart on this machine; exit 0 only when its objectives are met
	@$(BIN)/lab run notebooks/00_quickstart.ipynb

lab: .venv/.installed ## Open JupyterLab on notebooks/
	@$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --LabApp.news_url=None --notebook-dir=notebooks

test: ## Everything: check, then every test stage with its time; the cluster's too, where this machine can run a cluster
	@$(STAGE) "all stages" $(MAKE) check unit behaviour ports integration notebooks cluster

every: ## The same, also the long tests that `make test` takes in turn, a part with each commit
	@LAB_TESTS=all $(MAKE) test

check: .venv/.installed ## Lint, format, types, import contracts, sizes, stubs, proto rules, docs; runs no service
	@$(STAGE) --quiet lint $(BIN)/ruff check
	@$(STAGE) --quiet format $(BIN)/ruff format --check
	@$(STAGE) --quiet spelling $(BIN)/codespell
	@$(STAGE) --quiet docstrings $(BIN)/interrogate --quiet tests
	@$(STAGE) --quiet types $(BIN)/mypy
	@$(STAGE) architecture $(PYTEST) tests/architecture

unit: .venv/.installed ## Pure logic, and the examples in docstrings; nothing outside this machine is reachable
	@$(STAGE) unit $(PYTEST) -n 2 --doctest-modules tests/unit lab services --ignore=services/contracts/generated

behaviour: servers ## Each service and the lab, one concept a test, on a real store
	@$(STAGE) behaviour $(PYTEST) -n 2 tests/behaviour

ports: servers ## One suite for each port, run against every implementation
	@$(STAGE) ports $(PYTEST) -n 2 tests/ports

integration: servers ## The whole path in local processes; PATH's prometheus and redis-server are hidden
	@LAB_HIDE_PATH_SERVERS=1 $(STAGE) integration $(PYTEST) -n 2 -m "not alone" tests/integration
	@LAB_HIDE_PATH_SERVERS=1 $(STAGE) alone $(PYTEST) -m alone tests/integration

cluster: servers ## On a real Kubernetes of two architectures; skipped where it cannot run, unless CLUSTER=required
	@LAB_CLUSTER=$(CLUSTER) $(BIN)/python -m tests.cluster.prepare
	@LAB_CLUSTER=$(CLUSTER) $(STAGE) cluster $(PYTEST) --durations=12 tests/cluster

held: servers ## Half an hour of load on this machine; no process grows
	@LAB_HELD_SECONDS=1800 $(STAGE) held $(PYTEST) tests/integration/test_memory_held.py

soak: servers ## Half an hour of load on that cluster, without a single finding
	@LAB_CLUSTER=required LAB_SOAK_SECONDS=1800 $(STAGE) soak $(PYTEST) tests/cluster/test_soak.py

faults: servers ## Every fault on that cluster, each cured by its next step, or survived; `make cluster` takes them in turn
	@LAB_CLUSTER=required LAB_TESTS=all $(STAGE) faults $(PYTEST) tests/cluster/test_diagnosis_of_faults.py tests/cluster/test_diagnosis_of_a_stack.py tests/cluster/test_faults.py

snapshots: servers ## Make every fault on that cluster again and keep the snapshots for the tests of the rules
	@LAB_CLUSTER=required LAB_TESTS=all LAB_SNAPSHOTS=tests/data/snapshots $(PYTEST) tests/cluster/test_diagnosis_of_a_stack.py tests/cluster/test_diagnosis_of_faults.py

cluster-up: .venv/.installed ## Start that cluster to work with; it stays, and `make cluster` uses it, until cluster-down
	@$(BIN)/python -m tests.cluster.rig up

cluster-down: .venv/.installed ## Remove that cluster, or whatever a killed cluster left
	@$(BIN)/python -m tests.cluster.rig down

notebooks: .venv/.installed ## Every notebook replays its recorded run (nbval), and a changed recording is noticed
	@$(STAGE) notebooks $(PYTEST) --nbval-lax --nbval-current-env notebooks
	@$(STAGE) recordings $(PYTEST) tests/notebooks

bench: .venv/.installed ## Cost per event, beside a plain implementation; void on a busy machine
	@$(BIN)/python -m tests.bench

chaos: .venv/.installed ## N=100: that many seeded schedules of kills, and of cut connections; every event is counted exactly once
	@LAB_TESTS=all LAB_CHAOS_SCHEDULES=$(N) LAB_CHAOS_CUT_SCHEDULES=$(N) $(PYTEST) -m chaos tests/integration

fuzz: servers ## MESSAGES=1000000 FILES=20000 SEED=0: that much nonsense to every method and the replay; it does no harm
	@$(BIN)/python -m tests.fuzz $(MESSAGES) $(FILES) $(SEED)

record: .venv/.installed ## Run the notebooks live, keep the runs that their replays read
	@$(BIN)/python -m tests.notebooks.record

lock: .venv/.installed ## Write both locks from pyproject.toml; UPGRADE=1 takes the newest versions that fit
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev --generate-hashes --no-emit-index-url \
	  --no-header $(if $(UPGRADE),--upgrade) --output-file requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group services --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --upgrade --constraint requirements.lock --output-file requirements-services.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group audit --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate $(if $(UPGRADE),--upgrade) --output-file requirements-audit.lock
	@printf '  %-13s %s\n' lock "$$(grep -c '^[^ #]' requirements.lock) packages; next: make test"

audit: .venv/.installed ## Licences, an SBOM of the images, known weaknesses of every locked package; asks the package index
	@mkdir -p .audit
	@$(AUDIT) pip-licenses --python=$(BIN)/python --format=csv --output-file=.audit/licences.csv >/dev/null
	@$(AUDIT) cyclonedx-py requirements requirements-services.lock --output-reproducible --output-file .audit/services.cdx.json
	@printf '  %-13s %s\n' licences .audit/licences.csv SBOM .audit/services.cdx.json
	@$(AUDIT) pip-audit --strict --disable-pip --requirement requirements.lock --requirement requirements-services.lock

fix: .venv/.installed ## Repair what a machine can repair: format, imports, stubs, notebook outputs
	@$(BIN)/ruff check --quiet --fix || true
	@$(BIN)/ruff format --quiet
	@$(BIN)/python -m services.contracts.generate

clean: ## Remove .venv and every cache; runs/ stays (lab clean removes stacks and fetched servers)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .audit
	@find lab services tests notebooks -name __pycache__ -prune -exec rm -rf {} + -o -name .ipynb_checkpoints -prune -exec rm -rf {} +

# Tests reach nothing outside this machine, so the servers that they need are fetched before, into the user's cache folder.
servers: .venv/.installed
	@LAB_HIDE_PATH_SERVERS=1 $(BIN)/python -m lab.targets.processes.metrics.metrics_server
	@$(BIN)/python -m tests.registry
