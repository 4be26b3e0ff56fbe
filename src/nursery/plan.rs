//! A child before it has its number.

use std::panic::Location;
use std::sync::Arc;

use super::builder::Options;
use crate::adapt::{Adapt, Convert, Output};
use crate::cancel::{Control, Tag};
use crate::flavor::{Flavor, Hold};
use crate::gate::Gate;
use crate::info::{ChildId, ChildInfo};
use crate::scope::child::Child;
use crate::scope::inbox::Admission;
use crate::timed::Timed;

/// A child's future in its box, where it was spawned, and its control block if it needs one.
pub(crate) struct Plan<'env, F, K, M: Flavor> {
    location: &'static Location<'static>,
    tag: Tag,
    draft: Draft<'env, F, K, M>,
}

/// The future in a box that it need not leave any more.
enum Draft<'env, F, K, M: Flavor> {
    Plain(Box<Adapt<F, K>>),
    Timed(Box<Timed<Adapt<F, K>, M::Boxed<'env, ()>>>),
}

impl<'env, F, K, M: Flavor> Plan<'env, F, K, M> {
    /// A plan for a child of the caller's line. What is special about it takes a control block, and
    /// so does a handle.
    #[track_caller]
    #[inline]
    pub(super) fn new(
        options: Options<'env, M>,
        gate: &Arc<Gate>,
        handle: bool,
        future: F,
    ) -> Self {
        let location = Location::caller();
        let Options { name, daemon, timers } = options;
        let tag = if handle || name.is_some() || daemon || timers.is_some() {
            // The number is not known yet; it is set when the nursery takes the child.
            let info = ChildInfo::new(ChildId::new(0), name, location);
            let control = Control::new(info, Arc::clone(gate));
            let own_grace = timers.as_ref().is_some_and(|timers| timers.grace.is_some());
            Tag::new(control.with(daemon, own_grace))
        } else {
            Tag::NONE
        };
        let future = Adapt::new(future);
        let draft = match timers {
            Some(timers) => Draft::Timed(Box::new(Timed::new(future, timers))),
            None => Draft::Plain(Box::new(future)),
        };
        Self { location, tag, draft }
    }

    /// How the child is to be taken, if it is no daemon.
    pub(super) fn admission(&self, otherwise: Admission) -> Admission {
        match self.tag.control() {
            Some(control) if control.is_daemon() => Admission::Daemon,
            _ => otherwise,
        }
    }

    /// Gives the future back.
    pub(super) fn into_inner(self) -> F {
        match self.draft {
            Draft::Plain(future) => future.into_inner(),
            Draft::Timed(timed) => timed.into_inner().into_inner(),
        }
    }

    /// Gives the child its number, and what `introduce` has for it, and erases its type. Only pointers
    /// move, so it may be done under a lock, if `introduce` does no more than that.
    #[inline]
    pub(super) fn child<T, E>(
        self,
        id: ChildId,
        introduce: impl FnOnce(&mut F, &Arc<Control>),
    ) -> Child<'env, T, E, M>
    where
        F: Future,
        K: Convert<F::Output, Output = Output<T, E>>,
        M: Hold<'env, F>,
    {
        let Self { location, mut tag, mut draft } = self;
        tag.number(id);
        if K::REMOTE {
            tag.send_abroad();
        }
        if let Some(control) = tag.control() {
            match &mut draft {
                Draft::Plain(future) => introduce(future.get_mut(), control),
                Draft::Timed(timed) => {
                    timed.meet(control);
                    introduce(timed.get_mut().get_mut(), control);
                }
            }
        }
        let future = match draft {
            Draft::Plain(future) => M::hold(future),
            Draft::Timed(timed) => M::hold_timed(timed),
        };
        Child::new(future, id, location, tag)
    }
}

/// For a child that needs to know nothing of itself.
#[inline]
pub(super) fn no_introduction<F>(_: &mut F, _: &Arc<Control>) {}
