# The two commands of the README are `make demo` and `make test`; the rest serves whoever changes the project.
.PHONY: setup build demo test clients lint docs bench

PYTHON ?= python3
CARGO ?= cargo
TERRAFORM = $(or $(TF_CLI),target/tools/terraform-1.15.5/terraform)

# The pinned Terraform versions, under target/tools. TF_CLI=/path/to/terraform (or tofu) replaces the newest.
setup:
	$(PYTHON) tests/tools/setup.py

# Programs and tests at once: tests turn features of dependencies on, and cargo would build those dependencies a second time after
# a build of the programs alone.
build:
	$(CARGO) build --locked --bins --tests

# Real Terraform creates, scales, replaces and destroys an agent pool against the emulator.
demo: setup build
	$(PYTHON) tests/tools/demo.py

# Microsoft's Python SDKs and Azure CLI, pinned and under target/clients, against the emulator.
clients: setup build
	$(PYTHON) tests/tools/clients/run.py

# Most tests wait for a Terraform or for the emulator's clock rather than compute: two at a time for each processor.
test: export RUST_TEST_THREADS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
test: setup build
	$(CARGO) test --locked

lint: setup
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --no-deps --locked
	TF_CLI_CONFIG_FILE=/dev/null $(TERRAFORM) fmt -check -diff -recursive examples

# Writes the generated pages again; `make test` compares them.
docs:
	UPDATE_EXPECT=1 $(CARGO) test --locked --test it docs

# Figures, never assertions.
bench: setup
	$(CARGO) build --locked --release --bins
	$(CARGO) bench --locked --profile dev --bench figures
	$(CARGO) bench --locked --profile dev --bench context
