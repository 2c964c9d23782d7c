//! Storage with stable places: taking, giving back and looking up cost the same at any size.

const CHUNK: usize = 1024;

/// Values in numbered places. It grows by chunks, so that growing never moves what is there.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
    len: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            free: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Slab<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        self.len += 1;
        if let Some(place) = self.free.pop() {
            *self.place(place) = Some(value);
            return place;
        }
        self.insert_end(Some(value))
    }

    fn insert_end(&mut self, value: Option<T>) -> u32 {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // A small queue should cost little; the second chunk on are filled anyway.
            self.chunks
                .push(Vec::with_capacity(if self.chunks.is_empty() { 0 } else { CHUNK }));
        }
        let full = (self.chunks.len() - 1) * CHUNK;
        let last = self.chunks.last_mut().expect("a chunk was just pushed");
        last.push(value);
        u32::try_from(full + last.len() - 1).expect("fewer than four thousand million values")
    }

    /// Fills an empty slab with values at certain places.
    #[cfg(feature = "server")]
    pub(crate) fn restore(&mut self, mut values: Vec<(u32, T)>) -> Result<(), String> {
        values.sort_unstable_by_key(|(place, _)| *place);
        let mut next = 0;
        for (place, value) in values {
            // More holes than this would be a damaged file, not a queue that was emptied.
            if place < next || place - next > 100_000_000 {
                return Err(format!(
                    "two messages at the place {place}, or far too many holes before it"
                ));
            }
            while next <= place {
                self.insert_end(None);
                next += 1;
            }
            *self.place(place) = Some(value);
            self.len += 1;
        }
        let holes = self
            .chunks
            .iter()
            .flatten()
            .zip(0u32..)
            .filter(|(value, _)| value.is_none());
        self.free = holes.map(|(_, place)| place).collect();
        Ok(())
    }

    pub(crate) fn remove(&mut self, place: u32) -> Option<T> {
        let value = self.get_place(place)?.take()?;
        self.len -= 1;
        if self.len == 0 {
            // Nobody holds a place any more, so give the memory back.
            self.chunks.clear();
            self.free = Vec::new();
        } else {
            self.free.push(place);
        }
        Some(value)
    }

    pub(crate) fn get(&self, place: u32) -> Option<&T> {
        let place = place as usize;
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.get_place(place)?.as_mut()
    }

    fn get_place(&mut self, place: u32) -> Option<&mut Option<T>> {
        let place = place as usize;
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)
    }

    fn place(&mut self, place: u32) -> &mut Option<T> {
        self.get_place(place).expect("a free place exists")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.chunks
            .iter()
            .flatten()
            .zip(0u32..)
            .filter_map(|(value, place)| value.as_ref().map(|value| (place, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        assert_eq!(slab.insert('c'), a);
        assert_eq!(
            (slab.get(a), slab.get(b), slab.len()),
            (Some(&'c'), Some(&'b'), 2)
        );
    }

    #[test]
    fn places_run_on_through_the_chunks() {
        let mut slab = Slab::default();
        for n in 0..3000u32 {
            assert_eq!(slab.insert(n), n);
        }
        assert!(slab.iter().all(|(place, value)| place == *value));
    }
}
