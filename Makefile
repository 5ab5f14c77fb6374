# Thin: each target names the command that does the work. Everything needed is installed into .venv; the second run is quick.
SHELL := /bin/bash
.DELETE_ON_ERROR:
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/biobatch
UV := $(or $(shell command -v uv),$(CACHE)/uv/bin/uv)

.PHONY: help test unit check

help: ## Shows the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

test: unit ## Every test that the tree holds

unit: .venv/installed ## The quick tests: no Docker, no CLI, no network
	.venv/bin/pytest tests/unit

check: .venv/installed ## Style, types and shell scripts
	.venv/bin/ruff check . && .venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/shellcheck .ci/run images/fastqc/fastqc

# uv installs in seconds what takes pip minutes.
.venv/installed: requirements.txt | $(UV)
	$(UV) venv --quiet --allow-existing --python python3 .venv
	$(UV) pip install --quiet --require-hashes --python .venv/bin/python -r requirements.txt
	touch $@

$(CACHE)/uv/bin/uv:
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target $(CACHE)/uv uv
