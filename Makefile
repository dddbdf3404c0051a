# Every command of this project; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BINARY := target/release/ocellus
TEST_VENV := .ocellus/venv-test
TEST_PYTHON := $(TEST_VENV)/bin/python
DEPLOY_VENV := .ocellus/venv-deploy
CONFORMANCE_VENV := .ocellus/venv-conformance
PROMTOOL := $(or $(shell command -v promtool),.ocellus/promtool)

# Names a missing tool and the command that installs it, in one line.
need = @command -v $(1) >/dev/null || { echo 'make: $(1) is missing; $(2)' >&2; exit 1; }
CARGO_HINT := install Rust 1.92 or newer with rustup
PYTHON_HINT := `apt-get install python3 python3-venv python3-pip` installs it
NODE_HINT := `apt-get install nodejs npm` installs it
CC_HINT := `apt-get install build-essential` installs it

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: tools-there
tools-there:
	$(call need,cargo,$(CARGO_HINT))
	$(call need,cc,$(CC_HINT))
	$(call need,$(PYTHON),$(PYTHON_HINT))
	$(call need,npm,$(NODE_HINT))

## Run

.PHONY: demo
demo: engine models build ## Fetch what is needed, build, and serve the demo models with their page
	$(BINARY) serve

.PHONY: engine
engine: tools-there ## Fetch ONNX Runtime into .ocellus/
	@$(PYTHON) -B -m tools.setup engine

.PHONY: models
models: tools-there ## Fetch and convert the demo models into models/
	@$(PYTHON) -B -m tools.setup models

.PHONY: photos
photos: tools-there ## Fetch the photos that tests use into .ocellus/
	@$(PYTHON) -B -m tools.setup photos

.PHONY: build
build: tools-there ## Build the release binary
	cargo build --release --locked

.PHONY: stack
stack: engine models build $(TEST_VENV)/ready ## Run SeaweedFS with the demo models, a core and a gateway, on loopback
	@$(PYTHON) -B -m tools.stack $(STACK)

.PHONY: keys
keys: .env ## Make keys for docker-compose.yml, in .env

.env:
	@umask 077 && deploy/make_keys.sh > $@.new && mv $@.new $@ && echo 'keys are in $@'

.PHONY: gpu-bundle
gpu-bundle: models build ## Gather what a GPU machine needs, in parts, into target/gpu-bundle/ (some 1.6 GB)
	@$(PYTHON) -B -m tools.gpu_bundle $(GPU_BUNDLE)

## Prove

.PHONY: test
test: check deny test-rust test-tools test-deploy test-stack conformance test-saved-model test-page test-schema test-hostile test-fuzz ## Run every check and every test

.PHONY: check
check: tools-there ## Formatting, lints and documentation, warnings denied
	cargo fmt --all --check
	cargo clippy --locked --all-targets --test saved_model -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --quiet

.PHONY: deny
deny: tools-there ## Licences and origins of every dependency
	@command -v cargo-deny >/dev/null || test -x .ocellus/cargo/bin/cargo-deny || \
		cargo install cargo-deny --version 0.20.2 --locked --root .ocellus/cargo
	PATH="$$PWD/.ocellus/cargo/bin:$$PATH" cargo deny --all-features check licenses bans sources

.PHONY: advisories
advisories: deny ## Known vulnerabilities of every dependency; fetches the advisory database, so not in `make test`
	PATH="$$PWD/.ocellus/cargo/bin:$$PATH" cargo deny --all-features check advisories

.PHONY: test-rust
test-rust: engine models photos $(TEST_VENV)/ready ## Unit, property, golden, HTTP and bucket tests, with a real SeaweedFS
	cargo test --locked

.PHONY: test-tools
test-tools: models photos $(TEST_VENV)/ready ## The set-up tools, and generated test files made anew and compared
	@$(PYTHON) -B -m tools.setup test
	@$(PYTHON) -B -m unittest discover --quiet --top-level-directory . --start-directory tools/gpu_bundle/tests
	@$(PYTHON) -B -m unittest discover --quiet --top-level-directory . --start-directory tools/stack/tests
	$(TEST_PYTHON) -B tests/models/make_models.py --check
	$(TEST_PYTHON) -B tests/goldens/make_goldens.py --check

.PHONY: test-deploy
test-deploy: $(DEPLOY_VENV)/ready $(PROMTOOL) ## docker-compose.yml, images, alerts and dashboards, without a Docker engine
	@$(DEPLOY_VENV)/bin/python -B -m unittest discover --quiet --top-level-directory . --start-directory tests/deploy
	$(PROMTOOL) check config deploy/prometheus/prometheus.yml
	$(PROMTOOL) test rules tests/deploy/alerts.yml

$(DEPLOY_VENV)/ready: tests/deploy/requirements.txt
	$(PYTHON) -m venv $(DEPLOY_VENV)
	$(DEPLOY_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r $<
	touch $@

# Out of Debian's package, which is not installed: it would start a server.
.ocellus/promtool:
	@command -v apt-get >/dev/null || { echo 'make: promtool is missing; it comes with Prometheus' >&2; exit 1; }
	@folder=$$(mktemp -d) && trap 'rm -r "$$folder"' EXIT && cd "$$folder" && \
		fetch() { apt-get download -qq -o APT::Sandbox::User=root prometheus; } && \
		{ fetch || { apt-get update -qq && fetch; }; } && \
		dpkg-deb --fsys-tarfile prometheus_*.deb | tar --extract ./usr/bin/promtool && \
		mkdir -p "$(CURDIR)/$(@D)" && mv usr/bin/promtool "$(CURDIR)/$@"

.PHONY: test-stack
test-stack: engine models build $(TEST_VENV)/ready ## The same topology as processes: a picture through gateway, core and store
	@$(PYTHON) -B -m unittest discover --quiet --top-level-directory . --start-directory tests/stack

.PHONY: test-page
test-page: engine models build ## The demo page in a real Chromium, against a real server
	@command -v $${CHROMIUM:-chromium} >/dev/null || { echo 'make: chromium is missing; `apt-get install chromium` installs it, or CHROMIUM names another' >&2; exit 1; }
	npm --prefix tests/page ci --silent
	tests/with_server.sh npm --prefix tests/page test

.PHONY: test-schema
test-schema: engine models build $(TEST_VENV)/ready ## The API description against a real server: no 5xx, answers as described
	tests/with_server.sh tests/schema/run.sh $(TEST_VENV)/bin/schemathesis

$(TEST_VENV)/ready: tests/requirements.txt
	$(PYTHON) -m venv $(TEST_VENV)
	$(TEST_PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r tests/requirements.txt
	touch $@

.PHONY: test-saved-model
test-saved-model: tools-there ## Convert SavedModels that TensorFlow makes here (1.7 GB on disk, once)
	PYTHON=$(PYTHON) cargo test --locked --test saved_model -- --nocapture

.PHONY: conformance
conformance: engine models build $(TEST_VENV)/ready $(CONFORMANCE_VENV)/ready ## The stock clients of TensorFlow Serving and Triton, unmodified
	@TF_CPP_MIN_LOG_LEVEL=3 $(CONFORMANCE_VENV)/bin/python -B -W ignore::ResourceWarning -m unittest discover --quiet --top-level-directory . --start-directory tests/conformance

# TensorFlow Serving's client wants the package tensorflow; tensorflow-cpu is the same in a third of the size.
$(CONFORMANCE_VENV)/ready: tests/conformance/requirements.txt
	$(PYTHON) -m venv $(CONFORMANCE_VENV)
	$(CONFORMANCE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: -r $<
	touch $@

.PHONY: test-hostile
test-hostile: engine models build $(TEST_VENV)/ready ## 2000 hostile requests, and the corpus itself
	@$(TEST_PYTHON) -B -m unittest --quiet tests.hostile.test_corpus
	@HOSTILE_REQUESTS=2000 $(TEST_PYTHON) -B -m tests.hostile.run

.PHONY: hostile
hostile: engine models build $(TEST_VENV)/ready ## 10000 hostile requests against a server of its own; HOSTILE_REQUESTS=100000 for more
	@$(TEST_PYTHON) -B -m tests.hostile.run

.PHONY: soak
soak: engine models build $(TEST_VENV)/ready ## Good and hostile load with version swaps; memory and files must stay flat; SOAK_MINUTES=10
	@$(TEST_PYTHON) -B -W ignore -m tests.hostile.soak

.PHONY: test-fuzz
test-fuzz: engine ## Build every fuzz target and run each for a minute
	@fuzz/run.sh 60

.PHONY: fuzz
fuzz: engine ## Run every fuzz target for an hour; FUZZ_SECONDS says for how long
	@fuzz/run.sh $${FUZZ_SECONDS:-3600}

.PHONY: chaos
chaos: engine models build $(TEST_VENV)/ready ## 20 killed cores, 200 version swaps, 9 outages of the store through gateway and core, under load (some ten minutes)
	@OCELLUS_TEST_KILLS=20 OCELLUS_TEST_SWAPS=200 OCELLUS_TEST_OUTAGES=3 OCELLUS_TEST_OUTAGE_SECONDS=20 \
		$(PYTHON) -B -m unittest --verbose tests.stack.test_faults tests.stack.test_outages

.PHONY: swaps
swaps: engine build $(TEST_VENV)/ready ## 200 version swaps under load on a real SeaweedFS (some five minutes)
	OCELLUS_TEST_SWAPS=200 cargo test --locked --release --test bucket swaps_under_load -- --nocapture

.PHONY: bench-second-model
bench-second-model: engine models build $(TEST_VENV)/ready ## What loading a large model costs those who ask another
	$(TEST_PYTHON) -B -m bench.second_model

.PHONY: bench-gateway
bench-gateway: engine models build $(TEST_VENV)/ready ## What a gateway and a core cost beside one process
	$(TEST_PYTHON) -B -m bench.gateway

.PHONY: bench-overload
bench-overload: engine models build ## What a server does with four times its work, and what a greedy key does to others
	$(PYTHON) -B -m bench.overload

.PHONY: bench-swaps
bench-swaps: engine models build ## Memory and time of version swaps of the demo's classifiers under load
	$(PYTHON) -B -m bench.swaps

.PHONY: bench
bench: ## Measure the hot paths, as ratios within one run
	cargo bench --locked

## Keep

.PHONY: generate
generate: tools-there ## Write the generated files anew: API description, contract schema
	cargo build --locked
	target/debug/ocellus openapi > openapi/openapi.json
	target/debug/ocellus schema > assets/model.schema.json

.PHONY: goldens
goldens: $(TEST_VENV)/ready ## Make the tiny models and golden pictures of the tests anew
	$(TEST_PYTHON) -B tests/models/make_models.py
	$(TEST_PYTHON) -B tests/goldens/make_goldens.py

.PHONY: gpu-requirements
gpu-requirements: ## Pin anew what the GPU bundle holds; needs pip-compile, of pip-tools
	$(call need,pip-compile,`pip install pip-tools` in a virtual environment brings it)
	cd tools/gpu_bundle && pip-compile --quiet --generate-hashes --no-header --no-annotate --strip-extras --no-emit-index-url --no-emit-find-links requirements.in --output-file requirements.txt

.PHONY: conformance-requirements
conformance-requirements: ## Pin anew what make conformance installs; needs uv and pip
	$(call need,uv,`pip install uv` in a virtual environment brings it)
	cd tests/conformance && uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-annotate --no-emit-index-url requirements.in -o requirements.txt
	$(PYTHON) -B tests/conformance/pin_serving_api.py

.PHONY: deploy-requirements
deploy-requirements: ## Pin anew what the checks of deploy/ use; needs pip-compile, of pip-tools
	$(call need,pip-compile,`pip install pip-tools` in a virtual environment brings it)
	cd tests/deploy && pip-compile --quiet --generate-hashes --no-header --no-annotate --strip-extras --no-emit-index-url --no-emit-find-links requirements.in --output-file requirements.txt

.PHONY: format
format: ## Format the code
	cargo fmt
