//! What observers are told of: children, and the nurseries that they are in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::record::Record;
use super::scene::Scene;
use crate::info::{ChildInfo, Owner};

/// An observed child, or an item of a pool, as an [`Observer`](super::Observer) is told of it.
///
/// A clone is the same child, and costs one reference count. It keeps no future alive, but what
/// observes the child: an observer that keeps it beyond the child's end keeps itself. Keep its
/// [number](Self::number) and [info](Self::info) then.
#[derive(Clone)]
pub struct SeenChild(pub(super) Arc<Record>);

impl SeenChild {
    /// A number that no other observed child or nursery in this program has.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// Its number in its nursery, its name, and the line that spawned it.
    #[must_use]
    pub fn info(&self) -> &ChildInfo {
        &self.0.info
    }

    /// The nursery that it is in.
    #[must_use]
    pub fn nursery(&self) -> SeenNursery {
        SeenNursery(Arc::clone(&self.0.scene))
    }

    /// When it was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> Duration {
        self.0.spawned
    }

    /// The [number](Self::number) of the observed child that spawned it, if one did.
    #[must_use]
    pub fn spawned_by(&self) -> Option<u64> {
        self.0.spawned_by
    }

    /// Whether it is a daemon.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.0.traits.daemon
    }

    /// Whether it runs on an executor.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.0.traits.remote
    }
}

impl fmt::Debug for SeenChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenChild")
            .field("number", &self.number())
            .field("info", self.info())
            .finish_non_exhaustive()
    }
}

/// An observed nursery or pool.
#[derive(Clone)]
pub struct SeenNursery(pub(super) Arc<Scene>);

impl SeenNursery {
    /// A number that no other observed child or nursery in this program has.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> Option<Arc<str>> {
        self.0.name()
    }

    /// Whether it is a pool.
    #[must_use]
    pub fn is_pool(&self) -> bool {
        self.0.owner == Owner::Pool
    }

    /// How many children may run at once; `None` without a limit.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        self.0.limit()
    }

    /// The observed child that it is inside, if it is inside one.
    #[must_use]
    pub fn parent(&self) -> Option<SeenChild> {
        self.0.parent.clone().map(SeenChild)
    }
}

impl fmt::Debug for SeenNursery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenNursery")
            .field("number", &self.number())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
