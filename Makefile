# Thin: each target names the command that does the work. Everything needed is installed into .venv; the second run is quick.
SHELL := /bin/bash
.DELETE_ON_ERROR:
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/biobatch
UV := $(or $(shell command -v uv),$(CACHE)/uv/bin/uv)
PYTHON := .venv/bin/python
# What Python compiles is kept even where the shell says otherwise, and in .venv: each process would compile the SDKs anew.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/bytecode

.PHONY: help demo test unit check bench local-up local-down local-env clean-cache

help: ## Shows the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/installed ## Calls variants on the sample data, no AWS account needed; SEED=7 plants others
	@$(PYTHON) -m local demo $(if $(SEED),--seed $(SEED))

test: .venv/installed ## Every test, on a local stack of its own
	@$(PYTHON) -m local down
	$(PYTHON) -m pytest tests/unit tests/iam tests/images tests/field tests/local tests/docs

unit: .venv/installed ## The quick tests: no Docker, no CLI, no network
	$(PYTHON) -m pytest --numprocesses auto --dist worksteal tests/unit

check: .venv/installed ## Style, types and shell scripts
	.venv/bin/ruff check . && .venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/shellcheck .ci/run images/fastqc/fastqc biobatch/steps/*.sh components/boot.sh examples/lambda/simulate.sh \
	  tests/images/machine/{lsblk,mdadm,systemctl}
	.venv/bin/shellcheck --shell=bash --exclude=SC2329 benchmarks/clients/*.sh
	.venv/bin/hadolint --config images/.hadolint.yaml images/*/Dockerfile tests/images/machine/Dockerfile

bench: .venv/installed ## The benchmarks, as ratios; ONLY="image-sizes job-start" runs those, SAVE=1 writes docs/benchmarks.md
	@$(PYTHON) -m benchmarks $(ONLY) $(if $(SAVE),--save)

local-up: .venv/installed ## Brings the local stack up, to try things on
	@$(PYTHON) -m local up

local-down: .venv/installed ## Removes the local stack and its files
	@$(PYTHON) -m local down

local-env: .venv/installed ## Prints what a shell evaluates to work on the local stack: eval "$(make -s local-env)"
	@$(PYTHON) -m local env

clean-cache: .venv/installed ## Frees the disk that local-down keeps in use: tools, image layers, packages
	@$(PYTHON) -m local clean-cache

# uv installs in seconds what takes pip minutes. pip is among the requirements: Pulumi's Python language host asks it for the packages.
.venv/installed: requirements-dev.txt pyproject.toml | $(UV)
	@echo "Installing the requirements into .venv, which takes 750 MB" >&2
	@$(UV) venv --quiet --allow-existing --python '>=3.10' .venv
	@{ while sleep 8 >/dev/null 2>&1; do echo "  still installing" >&2; done & } 2>/dev/null; trap "kill $$!" EXIT; \
		$(UV) pip install --quiet --require-hashes --python $(PYTHON) -r requirements-dev.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python $(PYTHON) --editable .
	@touch $@

# Stock Debian refuses `pip install` into its own Python; a folder of its own is allowed.
$(CACHE)/uv/bin/uv:
	@echo "Fetching uv into $(CACHE)" >&2
	@python3 -m pip --version >/dev/null 2>&1 || \
		{ echo "Neither uv nor pip is here. Install one: apt-get install python3-pip" >&2; exit 1; }
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target $(CACHE)/uv uv
