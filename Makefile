# Thin on purpose: every target sets up what it needs. A new clone needs only Python 3.11 or newer.
#
#   make run     the demo: the host with played partners, three repairers, a live view
#   make test    all tests
#   make check   format, lint, types, import contracts, then all tests
#   make rehearse  the image and the systemd unit in a fresh Debian (as root, on Debian)
#   make bench   the measured comparison
#   make bench-outbox  what leaves, against the same posts by hand
#   make bench-folders  10,000 messages in a folder, against a loop by hand
#   make campaign  crashes, faults, attacks and models with large counts; writes docs/campaign.md
#   make lock    resolve requirements*.lock again from pyproject.toml
#   make sbom    write deploy/sbom.cdx.json, the list of what runs in production
#   make audit   look for known vulnerabilities in it; needs the vulnerability service
#
# Another interpreter:  make run PYTHON=/usr/bin/python3.12

OLDEST  := 3.11
PYTHON  ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
             $$name -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
             && echo $$name && break; done)
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/ready
SBOM_TOOL  := cyclonedx-bom==7.5.0
AUDIT_TOOL := pip-audit==2.10.1
DISTRIBUTIONS := pyproject.toml $(wildcard connectors/*/pyproject.toml)
EDITABLE      := $(foreach file,$(DISTRIBUTIONS),-e ./$(patsubst %/,%,$(dir $(file))))
CONNECTORS    := $(patsubst %/pyproject.toml,%,$(wildcard connectors/*/pyproject.toml))
PIP     := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip

# Half of the start of a program whose bytecode is not kept is compiling.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := check
.PHONY: run test check fast format lint types contracts campaign rehearse bench bench-outbox bench-folders lock sbom audit

run: $(READY)
	@$(BIN)/syncer demo $(ARGS)

test: $(READY)
	@$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

check: fast test

fast: format lint types contracts

format: $(READY)
	@$(BIN)/ruff format --check --quiet . || { \
	    echo "Not formatted; run: $(BIN)/ruff format ."; exit 1; }

lint: $(READY)
	@$(BIN)/ruff check --quiet .

types: $(READY)
	@$(BIN)/mypy
	@for each in $(CONNECTORS); do \
	    (cd $$each && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml \
	        --cache-dir $(CURDIR)/.mypy_cache/$$each .) || exit 1; done

contracts: $(READY)
	@$(BIN)/lint-imports

campaign: $(READY)
	@CAMPAIGN=1 $(BIN)/pytest -n 2 --dist worksteal --timeout 1200 tests/faults tests/sync tests/attack tests/partner \
	    tests/contract --results docs/campaign.md $(ARGS)

rehearse: $(READY)
	@command -v debootstrap >/dev/null && command -v systemd-analyze >/dev/null || apt-get install -y -qq debootstrap systemd
	@CAMPAIGN=1 $(BIN)/pytest tests/packaging $(ARGS)

bench: $(READY)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-outbox: $(READY)
	@$(BIN)/python -m benchmarks.outbox $(ARGS)

bench-folders: $(READY)
	@$(BIN)/python -m benchmarks.folders $(ARGS)

# Three lists of one resolution: all of it, what runs, and what builds. What changes in the first
# changes in the others, because they are constrained by it.
RESOLVE := $(VENV)/lock/bin/uv pip compile pyproject.toml --universal --python-version $(OLDEST) \
               --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet

lock:
	@$(PYTHON) -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(RESOLVE) --all-extras --group dev --output-file requirements.lock
	@$(RESOLVE) --constraints requirements.lock --output-file requirements-run.lock
	@$(subst pyproject.toml,,$(RESOLVE)) --group build --constraints requirements.lock \
	    --output-file requirements-build.lock

# What runs in production, with licences and who needs whom.
sbom:
	@rm -rf $(VENV)/sbom $(VENV)/sbom-run
	@$(PYTHON) -m venv $(VENV)/sbom
	@$(PYTHON) -m venv --without-pip $(VENV)/sbom-run
	@$(VENV)/sbom/bin/python -m pip install -qq --disable-pip-version-check $(SBOM_TOOL)
	@$(VENV)/sbom/bin/python -m pip --python $(VENV)/sbom-run/bin/python install -qq \
	    --disable-pip-version-check --require-hashes --requirement requirements-run.lock
	@$(VENV)/sbom/bin/python deploy/sbom.py $(VENV)/sbom/bin/cyclonedx-py \
	    $(VENV)/sbom-run/bin/python deploy/sbom.cdx.json

# Fails when it finds something, and also when the vulnerability service cannot be asked.
audit:
	@$(PYTHON) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install -qq --disable-pip-version-check $(AUDIT_TOOL)
	@$(VENV)/audit/bin/pip-audit --requirement requirements-run.lock --require-hashes \
	    --disable-pip --strict --progress-spinner off $(ARGS) || { \
	    echo "Not clean, or not known: see above. Nothing was proven." >&2; exit 1; }

# The stamp is what makes the second time take seconds.
$(READY): requirements.lock $(DISTRIBUTIONS)
	@$(if $(PYTHON),:,echo "syncer needs Python $(OLDEST) or newer with its venv module, and found none." >&2; \
	    echo "Install it (Debian and Ubuntu: apt-get install python3 python3-venv), or name yours:" >&2; \
	    echo "    make $(or $(firstword $(MAKECMDGOALS)),run) PYTHON=/path/to/python3" >&2; exit 1)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "syncer needs Python $(OLDEST) or newer; $(PYTHON) is older or does not run." >&2; exit 1; }
	@echo "Setting up $(VENV) (the first time takes a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -qq --require-hashes --requirement requirements.lock
	@$(PIP) install -qq --no-deps --no-build-isolation --no-index $(EDITABLE)
	@touch $@
