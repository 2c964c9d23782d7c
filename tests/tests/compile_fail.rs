//! What the macros say when something is wrong, word for word. What they accept is in `sqs-worker/tests/expansion`.
//!
//! The texts are those of the toolchain that the workspace names as its `rust-version`. After a change that is meant,
//! `TRYBUILD=overwrite cargo test -p tests --test compile_fail` writes them anew; read the difference.

#[test]
fn errors_teach() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/attribute/*.rs");
    cases.compile_fail("ui/from_ref/*.rs");
    cases.compile_fail("ui/handlers/*.rs");
    cases.compile_fail("ui/message/*.rs");
    cases.compile_fail("ui/mount/*.rs");
    cases.compile_fail("ui/signature/*.rs");
    cases.compile_fail("ui/types/*.rs");
}
