# AuraOS Automation: `make` lists what can be made. Everything stays inside this folder, in .venv.
#
# A target that installs something leaves a stamp in .venv, so a second call starts at once; a changed lock installs anew.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps
LOCKS  := requirements
# Tests share the machine with their own servers and workers: two at once by default.
# The tests of a file stay together and share what its fixtures made; files begin in their order, the long ones not last.
JOBS   ?= 2

export PIP_DISABLE_PIP_VERSION_CHECK = 1
# The tests start hundreds of processes: where nothing compiled may be kept, each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help serve install test test-faults test-api demo-crash check unit bench docs reference client lock clean

help: ## Show this list
	@echo "AuraOS Automation"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------- install

# $(call install,LOCK) installs a lock with its hashes: by uv, which is fast, or by pip where uv cannot reach the packages.
define install
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(LOCKS)/$(1).txt \
		|| { echo "uv could not install; trying pip"; $(BIN)/python -m pip install --quiet --require-hashes -r $(LOCKS)/$(1).txt; }
	@touch $@
endef

$(STAMPS)/venv:
	@command -v $(PYTHON) >/dev/null || { \
		echo "AuraOS needs Python 3.11 or newer, and '$(PYTHON)' was not found."; \
		echo "Install it, or name another one: make $(MAKECMDGOALS) PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "AuraOS needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1)."; \
		echo "Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) -V 2>&1) …"
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/tools: $(LOCKS)/tools.txt | $(STAMPS)/venv
	@echo "Installing uv …"
	@$(BIN)/python -m pip install --quiet --require-hashes -r $(LOCKS)/tools.txt
	@touch $@

$(STAMPS)/run: $(LOCKS)/run.txt $(STAMPS)/tools
	@echo "Installing what AuraOS needs …"
	$(call install,run)

$(STAMPS)/test: $(LOCKS)/test.txt $(STAMPS)/run
	@echo "Installing what the tests need …"
	$(call install,test)

$(STAMPS)/docs: $(LOCKS)/docs.txt $(STAMPS)/tools
	@echo "Installing what the documentation needs …"
	$(call install,docs)

# Editable: a change in src/ counts at once. Built with the locked hatchling, so nothing unlocked is fetched.
$(STAMPS)/auraos: pyproject.toml $(STAMPS)/run
	@echo "Installing AuraOS …"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .
	@touch $@

install: $(STAMPS)/auraos ## Make .venv and install AuraOS into it, from hashed locks

# ---------------------------------------------------------------------------------------------------- use

# What is served can be chosen: make serve PORT=9000 DATA=/srv/auraos FILES=flows
PORT  ?= 8321
DATA  ?= .auraos
FILES ?= examples

serve: install ## Set everything up and serve the examples, until Ctrl-C
	@echo
	@echo "AuraOS serves $(FILES), and keeps its runs in $(DATA). In another terminal:"
	@echo "  $(BIN)/auraos start hello --input name=Ada --wait --data $(DATA)   start an example"
	@echo "  $(BIN)/auraos runs list --data $(DATA)                             what ran"
	@echo "  $(BIN)/auraos engine status --data $(DATA)                         how the process stands"
	@echo "  $(BIN)/auraos check $(FILES)                                       find every mistake in the workflows"
	@echo "Its health is at http://127.0.0.1:$(PORT)/health/ready. Ctrl-C ends it, and nothing is lost."
	@echo "The first workflow of your own, step by step: docs/tutorial/first-workflow.md"
	@echo
	@exec $(BIN)/auraos serve --data $(DATA) --files $(FILES) --port $(PORT)

# ---------------------------------------------------------------------------------------------------- prove

test: check unit ## Check everything and run all tests, as the build server does

check: $(STAMPS)/test $(STAMPS)/auraos ## Read the code without running it: style, types, floors, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src

unit: $(STAMPS)/test $(STAMPS)/docs $(STAMPS)/auraos ## Run the tests alone
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# What is measured beside us comes into an environment of its own, and only when it is asked for.
bench/.peers/.stamp: $(LOCKS)/peers.txt $(STAMPS)/tools
	@echo "Installing what is measured beside AuraOS …"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python bench/.peers
	@$(BIN)/uv pip install --quiet --python bench/.peers/bin/python --require-hashes -r $(LOCKS)/peers.txt
	@touch $@

test-faults: $(STAMPS)/test $(STAMPS)/auraos ## The long campaign of faults: every kill point, all variants, both databases, ten thousand timers (about an hour)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --run-slow tests/faults tests/engine
	$(BIN)/python -m tests.faults.random_programs --seconds 600

test-api: $(STAMPS)/test $(STAMPS)/auraos ## Hold a server to its description with fifty requests of each kind for a route (about four minutes)
	AURAOS_API_EXAMPLES=50 $(BIN)/python -m pytest tests/journeys/test_api_as_described.py --timeout 900

demo-crash: $(STAMPS)/test $(STAMPS)/auraos ## Kill a server amid 500 runs, and see that nothing is lost or done twice
	@$(BIN)/python -m tests.faults.demo_crash

bench: $(STAMPS)/test $(STAMPS)/auraos $(if $(filter-out 0,$(PEERS)),bench/.peers/.stamp) ## Measure; prints a table and writes bench/latest.json (see bench/README.md)
	$(BIN)/python -m bench

# ---------------------------------------------------------------------------------------------------- write

docs: reference $(STAMPS)/docs ## Build the documentation into site/
	$(BIN)/zensical build --clean --strict

reference: $(STAMPS)/test $(STAMPS)/auraos ## Write docs/reference and the pages of --help from the code
	$(BIN)/python scripts/help_pages.py
	$(BIN)/python scripts/reference docs/reference

client: $(STAMPS)/test $(STAMPS)/auraos ## Write the calls of the Python client from the routes of the API
	$(BIN)/python scripts/client src/auraos/client

# Versions are chosen once, in run.txt; the other locks agree with it. No lock names an address.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

lock: $(STAMPS)/tools ## Choose new versions of all dependencies and write requirements/*.txt
	@$(COMPILE) --upgrade --group tools -o $(LOCKS)/tools.txt
	@$(COMPILE) --upgrade pyproject.toml --group build -o $(LOCKS)/run.txt
	@$(COMPILE) --upgrade --group test --group check --group bench -c $(LOCKS)/run.txt -o $(LOCKS)/test.txt
	@$(COMPILE) --upgrade --group docs -c $(LOCKS)/test.txt -o $(LOCKS)/docs.txt
	@$(COMPILE) --upgrade --group peers -o $(LOCKS)/peers.txt

clean: ## Remove everything that was made here, but not your runs in .auraos
	rm -rf $(VENV) build dist site docs/reference bench/latest.json bench/.peers .cache .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache .coverage
	find src tests bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +
