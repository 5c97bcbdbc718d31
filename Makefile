# make demo      the main job, for real, on an AWS that runs here (make demo ARGS=--json)
# make serve     the same sandbox with the web pages, left running
# make test      every test; needs nothing installed but Python
# make check     lint, types, import contracts, documents, the list of what outlives a key
# make outlive   the search for ways to outlive a key that nobody has judged (part of make check)
# make soak      what is killed and cut off in the tests, for as long as nobody would wait: 2,000 leases
# make bench     every measurement, or one: make bench NAME=policy_sizes
# make docs      writes what the documents take from the code
# make pictures  writes docs/pictures: what the pages look like, in a real Chromium
# make lock      locks the dependencies anew (with hashes, without registry addresses)

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
NAME ?=

.PHONY: setup demo serve test check outlive soak bench docs pictures lock

setup: .venv/ready

.venv/ready: locks/dev.txt src/keylease/sandbox/tools.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("keylease needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	@echo "Setting up .venv (once; one to two minutes): keylease, the sandbox's AWS, the tests' tools."
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r locks/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m keylease.sandbox.tools
	@touch $@

demo: setup
	@$(BIN)/keylease demo $(ARGS)

serve: setup
	@$(BIN)/keylease sandbox $(ARGS)

test: setup
	$(BIN)/pytest $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/python checks/outlive.py

outlive: setup
	$(BIN)/python checks/outlive.py

soak: setup
	KEYLEASE_SOAK=2000 $(BIN)/pytest tests/fire -q -s $(ARGS)

bench: setup .venv/openbao
	@$(BIN)/python -m bench $(NAME)

.venv/openbao: locks/openbao.txt .venv/ready
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r locks/openbao.txt
	@touch $@

docs: setup
	$(BIN)/python docs/generate.py

pictures: setup
	$(BIN)/python docs/pictures.py $(NAME)

LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header
lock: setup
	$(LOCK) pyproject.toml -o locks/keylease.txt
	$(LOCK) pyproject.toml --group dev -o locks/dev.txt
	$(LOCK) tests/oracle/node.in -o locks/node.txt
	$(LOCK) bench/openbao.in -o locks/openbao.txt
	$(LOCK) src/keylease/sandbox/tools.in -o src/keylease/sandbox/tools.lock
	$(LOCK) bench/peers/prowler.in -o bench/peers/prowler.lock
	$(LOCK) bench/peers/custodian.in -o bench/peers/custodian.lock
