//! Values that layers leave on a delivery for the layers and handlers inside them.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    sync::Arc,
};

type Slot = (&'static str, Arc<dyn Any + Send + Sync>);

/// One value of each type.
///
/// An empty one allocates nothing; a clone shares the values.
///
/// ```
/// use sqs_worker::handler::Extensions;
///
/// #[derive(Debug, PartialEq)]
/// struct Tenant(&'static str);
///
/// let mut extensions = Extensions::default();
/// extensions.insert(Tenant("acme"));
/// assert_eq!(extensions.get(), Some(&Tenant("acme")));
/// ```
#[derive(Clone, Default)]
pub struct Extensions {
    // One word where there are none, which is almost always: deliveries are cloned for each layer.
    #[allow(clippy::box_collection)]
    map: Option<Box<HashMap<TypeId, Slot>>>,
}

impl Extensions {
    /// Puts a value in, in place of another one of its type.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.map
            .get_or_insert_default()
            .insert(TypeId::of::<T>(), (type_name::<T>(), Arc::new(value)));
    }

    /// The value of this type.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.map.as_ref()?.get(&TypeId::of::<T>())?.1.downcast_ref()
    }

    /// Takes the value of this type out. Clones made before keep it.
    pub fn remove<T: Send + Sync + 'static>(&mut self) -> Option<Arc<T>> {
        self.map.as_mut()?.remove(&TypeId::of::<T>())?.1.downcast().ok()
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.map.iter().flat_map(|map| map.values());
        f.debug_set().entries(values.map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_replaces_another_of_its_type_and_no_other() {
        let mut extensions = Extensions::default();
        extensions.insert(1_u32);
        extensions.insert("text");
        extensions.insert(2_u32);
        assert_eq!(extensions.get::<u32>(), Some(&2));
        assert_eq!(extensions.get::<&str>(), Some(&"text"));
    }

    #[test]
    fn a_clone_keeps_what_the_original_loses() {
        let mut extensions = Extensions::default();
        extensions.insert(1_u32);
        let clone = extensions.clone();
        assert_eq!(extensions.remove::<u32>().as_deref(), Some(&1));
        assert_eq!(extensions.get::<u32>(), None);
        assert_eq!(clone.get::<u32>(), Some(&1));
    }
}
