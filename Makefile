# The two commands of the README are `make demo` and `make test`; the rest serves whoever changes the project.
.PHONY: setup demo test lint docs bench

PYTHON ?= python3
CARGO ?= cargo

# The pinned Terraform versions, under target/tools. TF_CLI=/path/to/terraform (or tofu) replaces the newest.
setup:
	$(PYTHON) tests/tools/setup.py

# Real Terraform creates, scales, replaces and destroys an agent pool against the emulator.
demo: setup
	$(CARGO) build --locked --bins
	$(PYTHON) tests/tools/demo.py

test: setup
	$(CARGO) build --locked --bins
	$(CARGO) test --locked

lint: setup
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --no-deps --locked
	$(PYTHON) tests/tools/fmt.py

# Writes the generated pages again; `make test` compares them.
docs:
	UPDATE_EXPECT=1 $(CARGO) test --locked --test it docs

# Figures, never assertions.
bench: setup
	$(CARGO) build --locked --release --bins
	$(PYTHON) benches/figures.py
