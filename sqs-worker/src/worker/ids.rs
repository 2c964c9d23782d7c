//! Maps by message: by our own number, or by the id that SQS gave it. Both are well spread and nobody else chooses
//! them, so that a multiplication for each eight bytes hashes them well enough.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// The number of one delivery inside this process; never used twice.
pub(crate) type Id = u64;

/// A map by message number. It is never iterated where the order could be seen.
pub(crate) type IdMap<V> = HashMap<Id, V, IdHash>;

/// How maps by message hash.
pub(crate) type IdHash = BuildHasherDefault<IdHasher>;

/// Spreads consecutive numbers over all bits (Fibonacci hashing).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
