//! What the macros say when something is wrong, word for word. What they accept is in `sqs-worker/tests/expansion`.
//!
//! The texts are those of the toolchain that the workspace names as its `rust-version`; another one words some of them
//! differently, and is not asked. After a change that is meant,
//! `TRYBUILD=overwrite cargo test -p tests --test compile_fail` writes them anew; read the difference. A new public type
//! is such a change, where its name is also that of a type in a text: the compiler then prints the longer path.

use std::process::Command;

#[test]
fn errors_teach() {
    let pinned = concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"), ".");
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-V")
        .output();
    let rustc = String::from_utf8(rustc.expect("the compiler says its version").stdout).expect("in UTF-8");
    if !rustc.starts_with(pinned) {
        eprintln!("skipped: the texts are those of {pinned}x, and this is {rustc}");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/attribute/*.rs");
    cases.compile_fail("ui/from_ref/*.rs");
    cases.compile_fail("ui/handlers/*.rs");
    cases.compile_fail("ui/message/*.rs");
    cases.compile_fail("ui/mount/*.rs");
    cases.compile_fail("ui/signature/*.rs");
    cases.compile_fail("ui/types/*.rs");
}
