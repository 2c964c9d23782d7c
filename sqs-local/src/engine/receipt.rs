//! Receipt handles: opaque to clients, a direct address to us.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a receipt handle says: this message in this queue, received this many times before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Receipt {
    /// The queue's number, never used twice.
    pub(crate) queue: u32,
    /// The message's place in the queue's slab.
    pub(crate) place: u32,
    /// The message's number, never used twice in its queue.
    pub(crate) serial: u64,
    /// Which receive this was.
    pub(crate) turn: u32,
}

const PREFIX: &str = "AQEB";
const LEN: usize = 4 + 4 + 8 + 4 + 8;

impl Receipt {
    /// The handle as clients see it; `key` makes handles of other engines and invented ones recognisable.
    pub(crate) fn encode(&self, key: u64) -> String {
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(&self.check(key).to_be_bytes());
        bytes[8..12].copy_from_slice(&self.queue.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.place.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.serial.to_be_bytes());
        bytes[24..28].copy_from_slice(&self.turn.to_be_bytes());
        scramble(&mut bytes[8..], self.check(key));
        let mut text = String::with_capacity(PREFIX.len() + LEN.div_ceil(3) * 4);
        text.push_str(PREFIX);
        STANDARD.encode_string(bytes, &mut text);
        text
    }

    /// Reads a handle; `None` if it was not made with this key.
    pub(crate) fn decode(text: &str, key: u64) -> Option<Self> {
        let mut bytes = [0; LEN + 2];
        let len = STANDARD
            .decode_slice(text.strip_prefix(PREFIX)?, &mut bytes)
            .ok()?;
        if len != LEN {
            return None;
        }
        let check: [u8; 8] = bytes[..8].try_into().ok()?;
        scramble(&mut bytes[8..LEN], u64::from_be_bytes(check));
        let receipt = Self {
            queue: u32::from_be_bytes(bytes[8..12].try_into().ok()?),
            place: u32::from_be_bytes(bytes[12..16].try_into().ok()?),
            serial: u64::from_be_bytes(bytes[16..24].try_into().ok()?),
            turn: u32::from_be_bytes(bytes[24..28].try_into().ok()?),
        };
        (u64::from_be_bytes(check) == receipt.check(key)).then_some(receipt)
    }

    fn check(&self, key: u64) -> u64 {
        let mut hash = key;
        for word in [
            u64::from(self.queue) << 32 | u64::from(self.place),
            self.serial,
            u64::from(self.turn),
        ] {
            hash = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            hash = (hash ^ (hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
            hash ^= hash >> 29;
        }
        hash
    }
}

/// Makes bytes unreadable, and readable again, so that nobody builds on what a handle says.
fn scramble(bytes: &mut [u8], mut seed: u64) {
    for chunk in bytes.chunks_mut(8) {
        seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31);
        for (byte, mask) in chunk.iter_mut().zip(seed.to_be_bytes()) {
            *byte ^= mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIPT: Receipt = Receipt {
        queue: 3,
        place: 70_000,
        serial: 1 << 40,
        turn: 2,
    };

    #[test]
    fn a_handle_leads_back_to_its_message() {
        assert_eq!(Receipt::decode(&RECEIPT.encode(7), 7), Some(RECEIPT));
    }

    #[test]
    fn an_invented_handle_is_recognised() {
        let handle = RECEIPT.encode(7);
        assert_eq!(Receipt::decode(&handle, 8), None);
        assert_eq!(Receipt::decode(&handle[..handle.len() - 4], 7), None);
        assert_eq!(Receipt::decode("garbage", 7), None);
        assert_eq!(Receipt::decode("", 7), None);
    }
}
