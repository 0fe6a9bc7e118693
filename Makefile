# Everything a developer runs. It needs Python 3.11 to 3.13 and make, nothing else: each environment
# fetches its own uv, pinned and hashed, and uv installs the pinned, hashed requirements.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

VENV ?= .venv
DEMO_VENV ?= .venv-demo
DOCS_VENV ?= .venv-docs
MIEN_DATA ?= ../shared/data
PYTEST_ARGS ?= -n auto --dist loadfile
UPGRADE ?= --upgrade

# A name can stand on the path and still not run, so each is tried.
find_python = for name in $(or $(PYTHON),python3.11 python3.12 python3.13 python3 python); do \
	if "$$name" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		2>/dev/null; then found=$$name; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "mien needs Python 3.11, 3.12 or 3.13 with its venv module, and found none." >&2; \
		echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi

install_set = $(@D)/bin/uv pip install --quiet --python $(@D)/bin/python --require-hashes -r $<
install_mien = $(@D)/bin/uv pip install --quiet --python $(@D)/bin/python --no-deps \
	--no-build-isolation --editable .

.PHONY: help
help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(DEMO_VENV)/.ready  ## predict two public-domain portraits; pictures land in demo/
	$(DEMO_VENV)/bin/mien demo --out demo

.PHONY: test
test: $(VENV)/.ready  ## run the tests; coverage below 90 % fails
	$(VENV)/bin/python -m pytest --cov --cov-report=term:skip-covered --cov-fail-under=90 $(PYTEST_ARGS)

.PHONY: check
check: $(VENV)/.ready  ## run what looks at code without running it: lint, format, types, floors
	$(VENV)/bin/ruff check src tests benchmarks
	$(VENV)/bin/ruff format --check src tests benchmarks
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

.PHONY: install
install: $(VENV)/.all  ## install every extra into .venv, beside the tools of test and check

.PHONY: bench
bench: $(VENV)/.ready  ## time a prediction's stages, and merge and split of ten million rows, on this machine
	$(VENV)/bin/mien bench
	$(VENV)/bin/python benchmarks/catalogue.py

.PHONY: bench-check
bench-check: $(VENV)/.ready  ## has anything become slower? ratios within one run against the stored ones
	OPENBLAS_NUM_THREADS=1 $(VENV)/bin/python benchmarks/check.py

.PHONY: docs
docs: $(DOCS_VENV)/.ready  ## build the documentation into build/docs; a dead link fails
	$(DOCS_VENV)/bin/zensical build --strict

.PHONY: train-default
train-default: $(VENV)/.train data/ferplus data/internet  ## train the shipped model (MIEN_DATA=folder of the archives)
	$(VENV)/bin/mien run examples/default.toml
	$(VENV)/bin/mien card --model runs/default/export --scores runs/default/evaluate --run runs/default

.PHONY: requirements
requirements: $(VENV)/.uv  ## pin and hash every set anew (UPGRADE= keeps what still fits)
	requirements/compile.sh $(VENV)/bin/uv $(UPGRADE)

.PHONY: clean
clean:  ## remove what building, testing and the demo wrote; environments, data and runs stay
	rm -rf build dist demo .cache htmlcov .coverage .coverage.* .pytest_cache \
		.mypy_cache .ruff_cache .import_linter_cache .hypothesis

.PHONY: distclean
distclean: clean  ## remove the environments too
	rm -rf $(VENV) $(DEMO_VENV) $(DOCS_VENV)

# Environments. A stamp is newer than what its environment was made from, or it is made again.

%/.uv: requirements/uv.txt
	@$(find_python); echo "$*: $$("$$found" --version)" && "$$found" -m venv $*
	@echo '*' > $*/.gitignore
	@$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

$(VENV)/.ready: requirements/test.txt pyproject.toml $(VENV)/.uv
	$(install_set)
	$(install_mien)
	@touch $@

$(VENV)/.all: requirements/all.txt pyproject.toml $(VENV)/.uv
	$(install_set)
	$(install_mien)
	@touch $@ $(VENV)/.train $(VENV)/.ready

$(VENV)/.train: requirements/train.txt pyproject.toml $(VENV)/.uv
	$(install_set)
	$(install_mien)
	@touch $@

$(DEMO_VENV)/.ready: requirements/demo.txt pyproject.toml $(DEMO_VENV)/.uv
	$(install_set)
	$(install_mien)
	@touch $@

$(DOCS_VENV)/.ready: requirements/docs.txt $(DOCS_VENV)/.uv
	$(install_set)
	@touch $@

data/%:
	@test -f "$(MIEN_DATA)/$*.tar" || { \
		echo "$(MIEN_DATA)/$*.tar is missing. Name the folder that holds it: make $(MAKECMDGOALS) MIEN_DATA=folder" >&2; \
		exit 1; }
	@mkdir -p data && rm -rf data/$*.partial && mkdir data/$*.partial
	tar -xf "$(MIEN_DATA)/$*.tar" -C data/$*.partial && mv data/$*.partial/$* data/$*
	@rmdir data/$*.partial
