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
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // A small queue should cost little; the second chunk on are filled anyway.
            self.chunks
                .push(Vec::with_capacity(if self.chunks.is_empty() { 0 } else { CHUNK }));
        }
        let full = (self.chunks.len() - 1) * CHUNK;
        let last = self.chunks.last_mut().expect("a chunk was just pushed");
        last.push(Some(value));
        u32::try_from(full + last.len() - 1).expect("fewer than four thousand million values")
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
