# What people type here. `just` lists it.

default:
    @just --list

# The order flow, with everything it needs inside.
orders *ARGS:
    cargo run --release --bin orders -- {{ARGS}}

# An SQS on http://127.0.0.1:9324 for any SDK.
serve *ARGS:
    cargo run --release -p sqs-local -- {{ARGS}}

# Every test that needs nothing but Rust.
test:
    cargo test --workspace

# The tests that talk to programs from outside, as CI runs them.
test-all:
    cargo test --workspace -- --include-ignored --skip the_simulation_finds_every_mutation

# The simulation, with so many seeds from a first one on.
simulate SEEDS="20000" FIRST="0":
    SIM_SEEDS={{SEEDS}} SIM_FIRST={{FIRST}} cargo test --release -p tests --test simulation -- --nocapture no_message

# One seed of the simulation, with its story.
replay SEED:
    SIM_SEED={{SEED}} cargo test -p tests --test simulation -- --nocapture no_message

# Whether the simulation finds each rule of tests/mutations broken: half an hour.
mutations:
    cargo test --release -p tests --test mutations -- --ignored --nocapture

# Format, lints and docs, as CI checks them.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

# Everything CI does.
ci:
    bash .ci/run
