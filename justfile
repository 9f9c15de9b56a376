# What CI runs, by name. `just --list` shows them.

default:
    @just --list

# Format, lints and documentation: what must hold before tests run.
check:
    cargo fmt --check
    cargo clippy --lib --bins --locked -- -A clippy::all -A clippy::pedantic -D warnings
    cargo clippy --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked --document-private-items --features testing

# The README's test command.
test:
    cargo test --locked

# The cluster contract against the sandbox and a real API server with the real webhook (needs Go).
test-cluster:
    cargo test --locked --test it cluster:: -- --include-ignored

# Argo's own controller on the real API server; it takes minutes to build (needs Go).
test-argo:
    WIDCTL_REQUIRE_CLUSTER=1 WIDCTL_REQUIRE_ARGO=1 cargo test --locked --test it cluster::argo:: -- --include-ignored

# Rendered templates on Prefect's own server and workers (needs Python and its packages).
test-prefect:
    cargo test --locked --test it render::prefect:: -- --include-ignored

# The ready pipelines and workflows under their linters and schemas (needs Go, Python and its packages).
test-pipelines:
    cargo test --locked --test it -- --ignored pipelines:: cli::scanned

# Fifty estates on one throttled sandbox, killed at random.
test-estates:
    cargo test --locked --test it cli::estates:: -- --ignored

# What a release publishes, made and tried here (needs Python, skopeo and root).
test-release:
    cargo test --locked --test it distribution:: -- --include-ignored

# Random lives of random estates under faults: `just simulate 20000`.
simulate SEEDS="2000":
    WIDCTL_SIMULATION_SEEDS={{SEEDS}} cargo test --locked --test it simulation::seeds

# Damages what strangers write, each target for so long, and keeps what fails: `just fuzz 600`.
fuzz SECONDS="60":
    WIDCTL_FUZZ_SECONDS={{SECONDS}} cargo test --locked --test it fuzz:: -- --nocapture

# Damaged profiles and plans and named lies of servers, through the program; prints figures: `just attack 20000`.
attack COUNT="20000" SEED="1":
    WIDCTL_ATTACK_COUNT={{COUNT}} WIDCTL_ATTACK_SEED={{SEED}} cargo test --locked --test it fuzz::attack -- --ignored --nocapture --test-threads 1

# Breaks the code in one place after the other and runs the tests that look at it: `just mutants --shard 0/40` (needs cargo-mutants).
mutants *ARGUMENTS:
    cargo mutants --output target --jobs 1 {{ARGUMENTS}}

# Accepts what the tests print now as golden; read the diff before you commit it.
bless:
    INSTA_UPDATE=always WIDCTL_BLESS=1 cargo test --locked

# Licences, bans and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny --config .deny.toml check licenses bans sources

# Time, peak memory and requests; never asserted in tests.
bench:
    cargo bench --locked

# A first sync of the quickstart profile on the sandbox.
demo:
    cargo run --locked -- sync profiles/quickstart.toml --sandbox --auto-approve

# Everything that CI runs.
ci:
    bash .ci/run
