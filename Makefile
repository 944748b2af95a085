# What can be done with pinhole, and nothing about how: recipes longer than a few lines are in .make/.
# Bare `make` lists the targets from their ## comments.

TARGET := wasm32-wasip1
PYTHON := .venv/bin/python
STORM_TESTS := test_desync.py test_h2spec.py test_hostile.py test_host_refusals.py test_http2.py test_limits.py \
	test_local_replies.py test_resets.py test_slow_clients.py test_vm_killed.py test_vm_recovery.py
RESIZER ?= $(if $(filter 1,$(PUSH)),imaginary,thumbor)
export RESIZER

.DEFAULT_GOAL := help
.PHONY: help wasm trapping image image-push sbom bench bench-core budgets module deny reproducible supply-chain \
	venv func-e origins registries agent chromium engine h2spec resizer resizers demo \
	test test-unit test-invariants test-live test-storm test-reload test-hostile test-manifests test-istio test-resizers \
	test-compose test-agent test-envoys chaos soak fuzz fuzz-long fuzz-coverage mutants coverage \
	check lint doc policies clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

wasm: ## Build the module, and get its compiler target by itself
	@.make/wasm

# The module that a request can kill, for tests alone.
trapping:
	@.make/wasm trapping

image: wasm ## Write the module into target/image, as the OCI image that Istio and Envoy Gateway take
	@python3 envoy/image/image.py

image-push: image venv ## Push it: make image-push REGISTRY=registry.example.com/pinhole:0.1.0
	@$(PYTHON) envoy/image/push.py "$(REGISTRY)"

demo: wasm venv func-e resizer ## Run origin, resizer and Envoy, show what is served and refused, with a page to look at, and stay up
	@$(PYTHON) envoy/demo/demo.py

test: test-unit test-live test-manifests ## Run every test but those that are named at its end
	@echo "not run by this: test-compose (an engine for containers, as root), test-istio (ten minutes of Go at first)," \
		"test-envoys (28 minutes), reproducible (two builds), and what is bounded by time: test-storm, test-hostile, chaos," \
		"soak, fuzz, mutants, coverage"

test-unit: ## Run the tests that need no Envoy
	cargo test

# What is named after an invariant, i01_ to i52_.
test-invariants: wasm venv func-e resizer ## Run the tests of the invariants I1 to I52 (tests/README.md) and no others
	cargo test -q --lib --tests -- $(shell seq -f i%02g_ 52)
	$(PYTHON) -m pytest -rs tests/host tests/live -k test_i5

test-live: wasm trapping venv func-e resizer resizers origins registries agent chromium ## Run the tests against a real Envoy, resizer and origin
	$(PYTHON) -m pytest -rs tests/live # -rs: each test that was skipped, by name, with its reason
	$(PYTHON) -m pytest -rs tests/host tests/compose/test_files.py

test-storm: wasm venv func-e trapping h2spec ## Run what a hostile Envoy, hostile clients and h2spec do to the filter, in ten minutes
	STORM=1 $(PYTHON) -m pytest -rs $(addprefix tests/live/,$(STORM_TESTS))

test-manifests: venv ## Check the manifests for Istio and Envoy Gateway as a cluster would
	$(PYTHON) -m pytest -rs tests/manifests

test-istio: wasm venv ## Give the manifests to Istio's own code, in Go; the first time compiles ten minutes
	@.make/istio

test-resizers: wasm venv func-e resizers ## Run the tests of every resizer that this machine can install
	$(PYTHON) -m pytest -rs $(addprefix tests/live/,test_resizers.py test_failures.py test_lockdown.py test_push_imaginary.py)

test-hostile: ## Run each line of any payload files at every place of a request, on core and Envoy (DIR=, MINUTES=, SAMPLE=, SEED=)
	@.make/hostile

test-compose: wasm venv engine ## Run the compose demo in containers, where an engine can be started
	$(PYTHON) -m pytest -rs tests/compose

test-agent: wasm venv func-e resizer registries agent ## Run the image in Envoy as Istio's own agent fetches it
	$(PYTHON) -m pytest -rs tests/live/test_agent.py tests/live/test_image.py

test-envoys: wasm venv func-e resizer ## Run what depends on Envoy with every version that PyPI has (ENVOYS=, TESTS=)
	@$(PYTHON) tests/envoys.py

chaos: wasm venv resizer ## Break resizer, origin and Envoy under load, one after the other, and print what visitors saw (FAULTS=)
	@$(PYTHON) tests/chaos/chaos.py

soak: wasm venv ## Full load for ten minutes, and whether memory stays flat (MINUTES=)
	@$(PYTHON) tests/chaos/soak.py

test-reload: wasm venv func-e resizer ## Swap policies hundreds of times under load, good ones and bad ones
	$(PYTHON) -m pytest -rs tests/live/test_reload_under_load.py tests/live/test_ecds.py

fuzz: ## Run every fuzz target for SECONDS_EACH=30 seconds (TARGETS=)
	@.make/fuzz

fuzz-long: ## Run them for an hour in all
	@SECONDS_EACH=$${SECONDS_EACH:-257} .make/fuzz

fuzz-coverage: ## Say which lines of src the fuzz targets have run
	@.make/fuzz-coverage

mutants: ## Break the decision code in a thousand ways, one at a time: a test has to notice each (FILES=)
	@.make/mutants

coverage: ## Measure which lines of the core no test reaches
	@.make/coverage

bench-core: ## Measure the core by itself, natively, in about a minute
	cargo bench --profile measured --bench core

check: lint doc policies budgets module deny ## Format, lints, documentation, every shipped configuration, the budgets, the module's imports, the crates

lint: wasm ## Format and lints, for the host and for the module
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --lib --target $(TARGET) -- -D warnings
	cargo clippy --lib --target $(TARGET) --features test-trap -- -D warnings

# For the module's target, because only there does the code map have a `filter` to link to.
doc: wasm ## Build the documentation; a broken link in it fails
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" \
		cargo doc --lib --no-deps --document-private-items --target $(TARGET)

policies: wasm venv ## Check every shipped policy with pinhole and Envoy, and that bad ones print their messages
	cargo test --quiet --test config
	for policy in $(filter-out %.schema.json,$(wildcard envoy/policy*.json)); do \
		$(PYTHON) envoy/demo/keys.py cargo run --quiet --bin pinhole -- check "$$policy" || exit 1; done
	$(PYTHON) envoy/demo/validate.py

budgets: wasm venv ## Check size, start and memory of the module in Envoy against their limits
	@$(PYTHON) benches/budgets.py

module: wasm venv ## Check what the module imports, what it tells of its builder, and the list of what is in it
	$(PYTHON) -m pytest -q -rs tests/module

deny: venv ## Check licences, duplicates and sources of all crates, and their advisories where the database can be had
	@.make/deny

reproducible: ## Build the module twice, from nothing in two directories, and compare
	@.make/reproducible

sbom: venv ## Write the list of what is in the module: target/pinhole.cdx.json, CycloneDX
	@$(PYTHON) envoy/image/sbom.py

supply-chain: module deny reproducible sbom ## All of these, with their figures (tests/README.md)

bench: wasm venv ## Measure what pinhole costs, all of it in less than ten minutes (benches/README.md)
	@$(PYTHON) benches/bench.py

clean: ## Remove everything that was built or installed here
	rm -rf target .venv .tools

venv:
	@.make/venv

func-e:
	@.make/func-e >/dev/null

# The one that was asked for. thumbor came with .venv.
resizer:
	@[ "$(RESIZER)" = thumbor ] || .make/resizers "$(RESIZER)" >/dev/null

# What cannot be installed is said here, and named again by the tests that skip.
resizers origins registries agent chromium engine h2spec:
	@-.make/$@ >/dev/null
