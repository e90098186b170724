# Stationmaster. `make` alone lists what there is.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Bytecode is written, so that what runs is not compiled at every start.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test test-deps test-clients lint soak chaos bench bench-control bench-console fuzz scale pictures site lock migrations freeze assets sbom licences audit dist release clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run ## console, REST and gateway over simulated vendors, a virtual key and a ready curl (DEMO="--port 4100")
	$(BIN)/stationmaster demo $(DEMO)

test: .venv/dev ## all tests this machine allows; says what it left out
	@if [ "$$CI" = true ]; then $(MAKE) --no-print-directory test-deps; fi
	@rm -f .pytest_cache/v/cache/lastfailed
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal || $(BIN)/python -m tools.again

test-deps: ## what tests need beyond Python (Debian: apt, as root)
	@command -v curl >/dev/null && command -v jq >/dev/null && command -v h2load >/dev/null && command -v nginx >/dev/null && command -v systemd-analyze >/dev/null \
		&& command -v ip >/dev/null && command -v unshare >/dev/null && command -v redis-server >/dev/null && command -v haproxy >/dev/null && command -v varnishd >/dev/null \
		&& command -v squid >/dev/null && command -v lighttpd >/dev/null && command -v slowhttptest >/dev/null && command -v faketime >/dev/null && command -v strace >/dev/null \
		&& command -v pg_ctlcluster >/dev/null && command -v chromium >/dev/null && test -d /usr/share/fonts/truetype/wqy \
		|| { apt-get update -qq && apt-get install -y -qq --no-install-recommends curl jq nghttp2-client nginx-light systemd postgresql \
			iproute2 util-linux redis-server haproxy varnish squid lighttpd slowhttptest faketime strace chromium fonts-wqy-zenhei; }

test-clients: .venv/dev tests/clients/node_modules/.ready ## coding agents and Node SDKs from npm through the gateway (1.3 GB)
	$(BIN)/python tests/clients/offline.py $(BIN)/python -m pytest tests/clients --timeout 600 --write-results

lint: .venv/dev ## ruff, mypy strict, import rules
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: .venv/dev ## every test that has a long form, in that form; 100,000 answers to clients that come and go among them
	SOAK=1 $(BIN)/python -m pytest --timeout 3600 $$(grep -rl --include='test_*.py' 'environ.get("SOAK")' tests)

chaos: .venv/dev ## faults on purpose, in their long forms, into docs/reliability.md (an hour or two)
	$(BIN)/python -m tools.reliability

fuzz: .venv/fuzz ## every parser, each for FUZZ=60 seconds; what breaks one joins tests/fuzz/corpus
	@for target in $$(PYTHONPATH=tests $(BIN)/python -m fuzz.targets); do \
		echo "== $$target" && PYTHONPATH=tests $(BIN)/python -m fuzz.run $$target $(or $(FUZZ),60) || exit 1; done

bench: .venv/dev ## CPU, latency and memory beside nginx, Portkey and LiteLLM, into bench/results/
	$(BIN)/python -m bench $(BENCH)

bench-control: .venv/dev ## the control plane at size: snapshot, lists, start and memory, into bench/results/control.*
	$(BIN)/python -m bench.control $(BENCH)

bench-console: .venv/dev ## every page of the console over 100,000 rows, into bench/results/console.*
	$(BIN)/python -m bench.control_console $(BENCH)

scale: .venv/dev ## what many machines would carry, reckoned from what was measured, into docs/scale.md
	$(BIN)/python -m bench.scale

pictures: .venv/dev ## pictures of the console's pages, of a filled demo, into docs/images/ (takes Debian's Chromium)
	$(BIN)/python -m tools.pictures

site: .venv/dev ## the documentation as pages for a browser, in dist/site/
	$(BIN)/python -m tools.docsite

lock: .venv/dev ## pin every dependency anew, by hash, free of index addresses
	$(BIN)/python -m tools.lock

migrations: .venv/dev ## write what changed in the control plane's models as migrations
	$(BIN)/python -m tools.migrations

freeze: .venv/dev ## keep what databases and backups of a version are, for tests of upgrades: make freeze NAME=1.2.3
	cd tests && PYTHONPATH=. $(abspath $(BIN))/python -m upgrade.freezing $(NAME)

assets: .venv/dev ## fetch the console's style sheets, scripts and icons from npm anew, by version and hash
	$(BIN)/python -m tools.vendored

sbom: .venv/dev ## a list of every part, as CycloneDX, in dist/sbom.json
	$(BIN)/python -m tools.supply sbom dist/sbom.json

licences: .venv/dev ## the licence of every part; fails on one that is not allowed or not known
	$(BIN)/python -m tools.supply licences

audit: .venv/dev ## known weaknesses of every locked version; fails, too, when nobody can be asked
	$(BIN)/python -m tools.supply audit

dist: .venv/dev ## a wheel and a source archive in dist/
	rm -rf dist && $(BIN)/python -m build --no-isolation --outdir dist

release: .venv/dev ## check, build, verify and tag a version: make release VERSION=1.2.3
	$(BIN)/python -m tools.release $(VERSION)

clean: ## remove what the targets above made
	rm -rf .venv .cache dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		tests/clients/node_modules

# Set-up: each stamp is a finished installation of one lock file. A lock is whole, so pip has nothing to resolve (it would look
# at versions a lock does not hold where a distribution is asked for with extras).

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Stationmaster needs Python 3.11 or later; name one: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .venv

.venv/run: requirements.lock requirements-build.lock pyproject.toml | .venv/bin/python
	$(PIP) --no-deps --require-hashes -r requirements.lock -r requirements-build.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(PIP) --no-deps --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/fuzz: requirements-fuzz.lock | .venv/dev
	$(PIP) --no-deps --require-hashes -r requirements-fuzz.lock
	@touch $@

tests/clients/node_modules/.ready: tests/clients/package-lock.json tests/clients/package.json tests/clients/.npmrc
	cd tests/clients && npm ci && npm run unpack
	@touch $@
