# Each target only names the command that does the work. `make` installs what it needs into .venv, so the second run is quick.
SHELL := /bin/bash
.DELETE_ON_ERROR:
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/biobatch
UV := $(or $(shell command -v uv),$(CACHE)/uv/bin/uv)
PYTHON := .venv/bin/python
# The Go programs of the images: `job`, the entrypoint, whose go.mod names the versions that Debian's packages give the image's build, and
# compare-haplotypes.
GO_PROGRAMS := images/base/job images/base/haplotypes images/base/distances
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# Python keeps its bytecode in .venv, whatever the shell says. Without it, each process compiles the SDKs again.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/bytecode

.PHONY: help demo test unit check bench accuracy docs pictures reference local-up local-down local-env clean-cache

help: ## Lists the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/installed ## Calls variants in sample data on a local stack, without an AWS account. SEED=7 plants other variants
	@$(PYTHON) -m local demo $(if $(SEED),--seed $(SEED))

test: .venv/installed ## Runs every test on a new local stack. Takes about an hour and needs Docker
	@$(PYTHON) -m local down
	$(PYTHON) -m pytest tests/unit tests/iam tests/images tests/field tests/local tests/docs tests/engines

# The Go tests run beside pytest, and their lines follow pytest's.
unit: .venv/installed ## Runs the unit tests, in Python and Go. Takes two to three minutes and needs no Docker and no AWS account
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	go=$$($(PYTHON) -m local.machine.go) || echo "The Go tests are left out: Go cannot be obtained." >&2; \
	if [ -n "$$go" ]; then (for each in $(GO_PROGRAMS); do (cd $$each && exec "$$go" test -cover ./...) || exit; done) > "$$log" 2>&1 & job=$$!; fi; \
	$(PYTHON) -m pytest --numprocesses auto --dist worksteal tests/unit; status=$$?; \
	if [ -n "$$go" ]; then wait "$$job" || status=1; fi; \
	cat "$$log"; exit "$$status"

check: .venv/installed ## Checks style, types, shell scripts, Dockerfiles, Go, declared requirements and GitHub workflows
	.venv/bin/ruff check . && .venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/shellcheck --external-sources --source-path=SCRIPTDIR .ci/run .github/hooks/commit-msg images/fastqc/fastqc images/bwa/check-reads images/bwa/foreign-format biobatch/steps/*.sh components/boot.sh components/docker.sh examples/lambda/simulate.sh \
	  tests/images/machine/{lsblk,mdadm,systemctl}
	.venv/bin/shellcheck --shell=bash --exclude=SC2329 benchmarks/clients/*.sh
	.venv/bin/shellcheck --shell=bash examples/engines/steps/*.sh examples/engines/aws-cli/pipeline.sh examples/engines/snakemake/image/{download-wheels,fastqc,git}
	.venv/bin/hadolint --config images/.hadolint.yaml images/*/Dockerfile examples/engines/snakemake/image/Dockerfile tests/images/machine/Dockerfile
	@# Each imported package is a declared requirement.
	.venv/bin/deptry . --config tests/dependencies.toml
	.venv/bin/deptry biobatch --known-first-party biobatch
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/{bug,feature}.yml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	.venv/bin/zizmor --offline --quiet .github
	@go=$$($(PYTHON) -m local.machine.go) || { echo "The Go checks are left out: Go cannot be obtained." >&2; exit 0; }; \
	for each in $(GO_PROGRAMS); do (cd $$each && set -x && test -z "$$("$$("$$go" env GOROOT)/bin/gofmt" -l . | tee /dev/stderr)" \
	  && "$$go" vet ./... && "$$go" run $(STATICCHECK) -checks all,-ST1000 ./...) || exit; done

bench: .venv/installed ## Runs the benchmarks. ONLY="image-sizes job-start" selects some, SAVE=1 writes docs/benchmarks.md
	@$(PYTHON) -m benchmarks $(ONLY) $(if $(SAVE),--save)

accuracy: .venv/installed ## Measures how good the calls are. Takes about 30 minutes and needs Docker. ONLY="foreign" selects, SAVE=1 writes the page
	@$(PYTHON) -m benchmarks.accuracy $(ONLY) $(if $(SAVE),--save)

docs: .venv/installed ## Builds the documentation as a site in docs/build, and checks its links and pages
	@$(PYTHON) -m docs.site build

reference: .venv/installed ## Writes the reference pages that are generated from the program
	@$(PYTHON) -m docs.site reference

pictures: .venv/installed ## Makes the pictures of the documentation on a local stack. ONLY="igv fastqc" selects some
	@$(PYTHON) -m docs.site pictures $(ONLY)

local-up: .venv/installed ## Starts a local stack
	@$(PYTHON) -m local up

local-down: .venv/installed ## Removes the local stack and its files. Keeps .venv and the cache
	@$(PYTHON) -m local down

local-env: .venv/installed ## Prints settings for a shell that works on the local stack. Run: eval "$(make -s local-env)". Leave: biobatch-leave
	@$(PYTHON) -m local env

clean-cache: .venv/installed ## Frees the disk space that local-down keeps in use: tools, image layers and packages
	@$(PYTHON) -m local clean-cache

# uv installs in seconds what takes pip minutes. The requirements include pip, because Pulumi's Python language host runs `pip list`.
.venv/installed: requirements-dev.txt pyproject.toml | $(UV)
	@echo "Installing the requirements into .venv, which takes 750 MB" >&2
	@$(UV) venv --quiet --allow-existing --python '>=3.10' .venv
	@{ while sleep 8 >/dev/null 2>&1; do echo "  still installing" >&2; done & } 2>/dev/null; trap "kill $$!" EXIT; \
		$(UV) pip install --quiet --require-hashes --python $(PYTHON) -r requirements-dev.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python $(PYTHON) --editable .
	@touch $@

# Sphinx is in a separate environment. docs/site/requirements.in says why.
.venv/docs/installed: docs/site/requirements.txt | .venv/installed $(UV)
	@echo "Installing Sphinx into .venv/docs" >&2
	@$(UV) venv --quiet --allow-existing --python '>=3.10' .venv/docs
	@$(UV) pip install --quiet --require-hashes --python .venv/docs/bin/python -r $<
	@touch $@

# The workflow engines of tests/engines are in a separate environment too. tests/engines/requirements.in says why. Snakemake needs Python 3.11.
.venv/engines/installed: tests/engines/requirements.txt $(wildcard examples/engines/snakemake/image/executor/*/*.py) | .venv/installed $(UV)
	@echo "Installing the workflow engines into .venv/engines" >&2
	@$(UV) venv --quiet --allow-existing --python '>=3.11' .venv/engines
	@$(UV) pip install --quiet --require-hashes --python .venv/engines/bin/python -r $<
	@$(UV) pip install --quiet --no-deps --no-build-isolation --reinstall-package snakemake-executor-plugin-biobatch \
		--python .venv/engines/bin/python examples/engines/snakemake/image/executor
	@touch $@

# Debian's Python refuses `pip install` into itself. Installing into a separate folder is allowed.
$(CACHE)/uv/bin/uv:
	@echo "Fetching uv into $(CACHE)" >&2
	@python3 -m pip --version >/dev/null 2>&1 || \
		{ echo "Neither uv nor pip is here. Install one: apt-get install python3-pip" >&2; exit 1; }
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target $(CACHE)/uv uv
