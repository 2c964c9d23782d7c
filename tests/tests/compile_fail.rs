//! What the macros say when something is wrong, word for word.

#[test]
fn errors_teach() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
}
