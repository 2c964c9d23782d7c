//! Seeds that once broke a rule. They stand for what they were as long as the generator draws the same from them; when it
//! changes, they are more seeds among others, and the list begins anew.

/// The seed, and what was wrong.
pub(crate) const SEEDS: &[(u64, &str)] = &[
    (
        10,
        "what waited in a group was given back twice in one call at the end",
    ),
    (
        22,
        "what waited in a group was given back twice in one call at the end",
    ),
    (
        39,
        "what waited in a group was given back twice in one call at the end",
    ),
    (20_113, "a stop during the start was not heard"),
    (22_735, "a stop during the start was not heard"),
    (
        20_992,
        "a stop in the instant of something else was heard before or after it",
    ),
    (
        22_088,
        "a stop in the instant of something else was heard before or after it",
    ),
    (
        21_190,
        "of two deliveries the one that came last was taken for the newest",
    ),
    (
        3_014,
        "a message that came back while its handler was being ended was shown to others",
    ),
    (
        1,
        "an attempt in place had the time to tidy up that the one before it had asked for",
    ),
    (
        628,
        "a renewal that failed was tried again with less time than its handler had been granted",
    ),
    (
        810,
        "a renewal that failed was tried again with less time than its handler had been granted",
    ),
    (
        671,
        "what was behind a handler that was being ended was received and given back without a pause",
    ),
    (
        95,
        "a handler that tidied up left no time to settle its message at the end",
    ),
    (
        640,
        "a handler that tidied up left no time to settle its message at the end",
    ),
    (
        9_429,
        "an attempt in place was told that the lease was lost, which another attempt had lost before",
    ),
    (
        16_000,
        "handlers that waited for more time woke in any order when their worker was killed",
    ),
    (
        859,
        "a message hidden for all that is left of twelve hours lingered until that was too long",
    ),
];
