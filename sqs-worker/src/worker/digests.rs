//! The MD5s of many texts at once ([RFC 1321]).
//!
//! Each step of MD5 waits for the one before it, so that a processor computes one digest with most of itself idle. The
//! texts of a receive have nothing to do with each other: eight of them share the steps, one in each lane of a vector.
//! It matters because everything that is received is checked: one after another, the digests of 1 KiB messages were a
//! tenth of all that a message costs (`cargo bench -p tests --bench consume`).
//!
//! [RFC 1321]: https://www.rfc-editor.org/rfc/rfc1321

use md5::{Digest as _, Md5};
use wide::u32x8;

/// One digest.
pub(crate) type Digest = [u8; 16];

/// A text longer than this would go on in its lane when the others have long ended.
const LONG: usize = 16 * 1024;

/// For fewer texts than these, one after another is quicker.
const FEW: usize = 3;

const LANES: usize = 8;
const BLOCK: usize = 64;

/// The digest of each text, in their order.
pub(crate) fn digests(texts: &[&[u8]]) -> Vec<Digest> {
    let mut digests: Vec<Digest> = vec![[0; 16]; texts.len()];
    let is_short = |text: &[u8]| text.len() <= LONG;
    let few = texts.iter().filter(|text| is_short(text)).count() < FEW;
    let mut shared = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        if few || !is_short(text) {
            digests[place] = Md5::digest(text).into();
        } else {
            shared.push(Padded::new(text, place));
        }
    }
    // The longest are last, which is where they are taken from: lanes then run empty together.
    shared.sort_unstable_by_key(Padded::blocks);
    in_lanes(shared, &mut digests);
    digests
}

/// A text cut into blocks, the last one or two of which hold its end and its length.
#[derive(Debug)]
struct Padded<'a> {
    whole: &'a [[u8; BLOCK]],
    end: [[u8; BLOCK]; 2],
    /// One or two.
    ends: usize,
    /// Whose digest it is.
    place: usize,
}

impl<'a> Padded<'a> {
    fn new(text: &'a [u8], place: usize) -> Self {
        let (whole, rest) = text.as_chunks();
        let mut end = [[0; BLOCK]; 2];
        end[0][..rest.len()].copy_from_slice(rest);
        end[0][rest.len()] = 0x80;
        let ends = if rest.len() < BLOCK - 8 { 1 } else { 2 };
        let bits = (text.len() as u64).wrapping_mul(8);
        end[ends - 1][BLOCK - 8..].copy_from_slice(&bits.to_le_bytes());
        Self {
            whole,
            end,
            ends,
            place,
        }
    }

    fn blocks(&self) -> usize {
        self.whole.len() + self.ends
    }

    fn block(&self, number: usize) -> &[u8; BLOCK] {
        self.whole
            .get(number)
            .unwrap_or_else(|| &self.end[number - self.whole.len()])
    }
}

/// A text on its way through a lane, and the next of its blocks.
type Lane<'a> = Option<(Padded<'a>, usize)>;

/// Every lane takes a new text when its own is done, until there are none.
fn in_lanes(mut texts: Vec<Padded<'_>>, digests: &mut [Digest]) {
    let mut lanes: [Lane<'_>; LANES] = std::array::from_fn(|_| texts.pop().map(|text| (text, 0)));
    let mut state = START.map(u32x8::splat);
    while lanes.iter().any(Option::is_some) {
        let mut words = [[0; LANES]; 16];
        for (lane, text) in lanes.iter_mut().enumerate() {
            let Some((text, next)) = text else { continue };
            let (four, _) = text.block(*next).as_chunks();
            for (word, bytes) in words.iter_mut().zip(four) {
                word[lane] = u32::from_le_bytes(*bytes);
            }
            *next += 1;
        }
        state = mixed(state, &words.map(u32x8::from));
        for (lane, slot) in lanes.iter_mut().enumerate() {
            let Some((text, _)) = slot.take_if(|(text, next)| *next == text.blocks()) else {
                continue;
            };
            let digest = digests[text.place].as_chunks_mut().0;
            for ((bytes, word), start) in digest.iter_mut().zip(&mut state).zip(START) {
                *bytes = word.as_array()[lane].to_le_bytes();
                word.as_mut_array()[lane] = start;
            }
            *slot = texts.pop().map(|text| (text, 0));
        }
    }
}

const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// Takes in one block for each lane.
fn mixed(state: [u32x8; 4], words: &[u32x8; 16]) -> [u32x8; 4] {
    let mut next = state;
    // Written out, since only then are the places and shifts constants.
    macro_rules! round {
        ($round:literal, $mix:expr, $factor:literal, $offset:literal) => {
            round!($round, $mix, $factor, $offset, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        };
        ($round:literal, $mix:expr, $factor:literal, $offset:literal, $($turn:literal)*) => {
            $(next = step(next, $mix, words[($factor * $turn + $offset) % 16], $round, $turn);)*
        };
    }
    round!(0, |b, c, d| d ^ (b & (c ^ d)), 1, 0);
    round!(1, |b, c, d| c ^ (d & (b ^ c)), 5, 1);
    round!(2, |b, c, d| b ^ c ^ d, 3, 5);
    round!(3, |b, c, d| c ^ (b | !d), 7, 0);
    std::array::from_fn(|word| state[word] + next[word])
}

/// One of the sixteen turns of one of the four rounds.
#[inline(always)]
fn step(
    [a, b, c, d]: [u32x8; 4],
    mix: impl Fn(u32x8, u32x8, u32x8) -> u32x8,
    word: u32x8,
    round: usize,
    turn: usize,
) -> [u32x8; 4] {
    let shift = SHIFTS[round][turn % 4];
    let sum = a + mix(b, c, d) + word + u32x8::splat(SINES[16 * round + turn]);
    [d, b + (sum << shift | sum >> (32 - shift)), b, c]
}

/// How far each round's steps rotate, in turns of four.
const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The first 32 bits behind the point of |sin(1)|, |sin(2)| and so on.
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    fn one_by_one(texts: &[&[u8]]) -> Vec<Digest> {
        texts.iter().map(|text| Md5::digest(text).into()).collect()
    }

    #[test]
    fn every_length_around_the_ends_of_blocks_is_right() {
        let text: Vec<u8> = (0..=u8::MAX).collect();
        let texts: Vec<&[u8]> = (0..=text.len()).map(|length| &text[..length]).collect();
        assert_eq!(digests(&texts), one_by_one(&texts));
    }

    #[test]
    fn the_examples_of_the_rfc_are_right() {
        let hex = |digest: &Digest| format!("{:032x}", u128::from_be_bytes(*digest));
        let texts: [&[u8]; 4] = [b"", b"a", b"message digest", b"abcdefghijklmnopqrstuvwxyz"];
        let found: Vec<String> = digests(&texts).iter().map(hex).collect();
        let right = [
            "d41d8cd98f00b204e9800998ecf8427e",
            "0cc175b9c0f1b6a831c399e269772661",
            "f96b697d7cb7938d525a2f31aaf161d0",
            "c3fcd3d76192e4007dfb496cca67e13b",
        ];
        assert_eq!(found, right);
    }

    #[test]
    fn together_they_are_what_each_is_alone() {
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..100 {
            let count = rng.random_range(0..25);
            let owned: Vec<Vec<u8>> = (0..count)
                .map(|_| {
                    let longest = [100, 5_000, LONG + 100][rng.random_range(0..3)];
                    let length = rng.random_range(0..longest);
                    (0..length).map(|_| rng.random()).collect()
                })
                .collect();
            let texts: Vec<&[u8]> = owned.iter().map(Vec::as_slice).collect();
            assert_eq!(digests(&texts), one_by_one(&texts));
        }
    }
}
