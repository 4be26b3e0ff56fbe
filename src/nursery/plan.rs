//! What is decided about a child before it exists.

use std::panic::Location;
use std::sync::Arc;

use crate::cancel::{Control, Tag};
use crate::flavor::{Adapt, Convert, Hold};
use crate::gate::Gate;
use crate::info::{ChildId, ChildInfo};
use crate::scope::child::{Child, Output};

/// Where a child was spawned, and its control block if it needs one.
pub(crate) struct Plan {
    location: &'static Location<'static>,
    tag: Tag,
}

impl Plan {
    /// A plan for a child of the caller's line. A name takes a control block, and so does a handle.
    #[track_caller]
    #[inline]
    pub(crate) fn new(name: Option<Arc<str>>, gate: &Arc<Gate>, handle: bool) -> Self {
        let location = Location::caller();
        let tag = if handle || name.is_some() {
            // The number is not known yet; it is set when the nursery takes the child.
            let info = ChildInfo::new(ChildId::new(0), name, location);
            Tag::new(Control::new(info, Arc::clone(gate)))
        } else {
            Tag::NONE
        };
        Self { location, tag }
    }

    /// Erases the type of the child's future. Only a pointer moves, so it may be done under a lock.
    #[inline]
    pub(crate) fn child<'env, F, K, T, E, M>(self, future: Box<Adapt<F, K>>) -> Child<'env, T, E, M>
    where
        F: Future,
        K: Convert<F::Output, Output = Output<T, E>>,
        M: Hold<'env, F>,
    {
        Child::new(M::hold(future), self.location, self.tag)
    }
}
