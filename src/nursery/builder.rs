//! The builder of one child: what it is called, then how it is spawned.

use std::sync::Arc;

/// A child about to be spawned: options first, then one of the spawn methods.
///
/// Made by [`Nursery::child`](crate::Nursery::child) and [`Spawner::child`](crate::Spawner::child).
/// The spawn methods are those of the nursery and of the spawner, and do the same.
///
/// A child with a name costs an allocation for the name, and one that other children do without.
#[derive(Debug)]
#[must_use = "a child is spawned by one of the spawn methods"]
pub struct ChildBuilder<P> {
    pub(super) parent: P,
    pub(super) name: Option<Arc<str>>,
}

impl<P> ChildBuilder<P> {
    pub(super) fn new(parent: P) -> Self {
        Self { parent, name: None }
    }

    /// Names the child in errors, causes and reports. Names need not be unique; an empty one is none.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into()).filter(|name| !name.is_empty());
        self
    }
}
