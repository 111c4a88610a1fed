# Needs Python 3.11 to 3.13, pip, git and make; all else is fetched from the package index as the locks say.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
TOOLS := .venv-tools
LOCKS := requirements.lock requirements-gpu.lock requirements-uv.lock
ACCEPTED := CVE-2025-69872# of packages in the locks; docs/trust.md says why
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
# the files that take minutes come first
SLOW_TESTS := pytest --quiet --numprocesses 3 --no-loadscope-reorder --durations 20
IN_ENVIRONMENT := PATH="$(CURDIR)/$(BIN):$$PATH"

ifdef PIP_CERT # what pip is told of the package index, uv is told too
export SSL_CERT_FILE ?= $(PIP_CERT)
endif
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

.PHONY: help demo stack test test-all test-pythons install lock audit sbom
.DELETE_ON_ERROR:

help: ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /make \1	/p' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Draw street scenes, train on them, register and promote the model
	$(IN_ENVIRONMENT) segline import demo
	$(IN_ENVIRONMENT) segline run --promote

stack: $(INSTALLED) ## Run a team's servers as processes until Ctrl-C; needs PostgreSQL
	$(IN_ENVIRONMENT) python -m flows.team.stack

test: $(INSTALLED) ## Run lint, types, the fast tests and the end-to-end ones
	$(IN_ENVIRONMENT) ruff check .
	$(IN_ENVIRONMENT) ruff format --check .
	$(IN_ENVIRONMENT) lint-imports
	$(IN_ENVIRONMENT) mypy
	$(IN_ENVIRONMENT) pytest --quiet
	$(IN_ENVIRONMENT) $(SLOW_TESTS) -m '(e2e or services) and not long'

test-all: test ## Run what `make test` does, and the long tests: other settings of the machine, each network, each fault
	$(IN_ENVIRONMENT) $(SLOW_TESTS) -m long

test-pythons: $(INSTALLED) ## Run the fast tests, and a small demo, under each other Python from 3.11 to 3.13 that is found
	.ci/pythons

install: $(INSTALLED) ## Make the environment .venv from the lock

# pip puts uv there and uv the rest: it takes seconds where pip takes minutes. Compiled once, imports are quick ever after.
$(INSTALLED): requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c "import sys; (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.exit('Python is ' + sys.version.split()[0] + \
	  ', expected 3.11 to 3.13; name another: make PYTHON=python3.11')"
	@$(PYTHON) -c "import pip" 2>/dev/null || { echo "$(PYTHON) has no pip; install it, or if another environment is active," \
	  "leave that (deactivate), or name another Python: make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv --without-pip .venv
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes --requirement requirements-uv.lock
	$(BIN)/uv pip sync --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --offline --no-deps --no-build-isolation --editable .
	touch $@

lock: $(INSTALLED) ## Write the four locks anew; a version stays while it fits
	$(COMPILE) --extra dask --extra dev --extra server --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dask --extra dev --extra server --extra gpu --output-file requirements-gpu.lock pyproject.toml
	echo uv | $(COMPILE) --output-file requirements-uv.lock -
	printf 'cyclonedx-bom\npip-audit\n' | $(COMPILE) --output-file requirements-tools.lock -

audit: $(TOOLS)/installed ## Ask PyPI for known vulnerabilities of all locked packages
	$(TOOLS)/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off $(ACCEPTED:%=--ignore-vuln %) \
	  $(LOCKS:%=--requirement %)

sbom: sbom.cdx.json ## Write the bill of materials of requirements.lock, in CycloneDX 1.6

# Its own validation takes ten times as long, and its warning is of dependencies, which a lock does not tell.
sbom.cdx.json: requirements.lock pyproject.toml $(TOOLS)/installed
	PYTHONWARNINGS=ignore $(TOOLS)/bin/cyclonedx-py requirements --sv 1.6 --output-reproducible --no-validate \
	  --pyproject pyproject.toml --output-file $@ requirements.lock

# Apart from .venv, so that no tool decides on a version there.
$(TOOLS)/installed: requirements-tools.lock $(INSTALLED)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(TOOLS)
	$(BIN)/uv pip sync --quiet --python $(TOOLS)/bin/python --require-hashes requirements-tools.lock
	touch $@
