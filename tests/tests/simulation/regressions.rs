//! Seeds that once broke a rule.

/// The seed, and what was wrong.
pub(crate) const SEEDS: &[(u64, &str)] = &[];
