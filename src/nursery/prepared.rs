//! A child that has no number yet.

use std::panic::Location;
use std::sync::Arc;

use super::builder::{Options, Order};
use crate::adapt::{Adapt, Convert};
use crate::cancel::{Control, FinishOnDrop, Requests, Traits};
use crate::child::{Child, End};
use crate::flavor::{Flavor, Hold};
use crate::info::{ChildId, ChildInfo};
use crate::observe::Record;
use crate::timed::Timed;

/// A child's future in its box, the line that spawned it, and its control block if it needs one.
pub(crate) struct Prepared<'env, F, K, M: Flavor> {
    location: &'static Location<'static>,
    future: Boxed<'env, F, K, M>,
    finish: FinishOnDrop,
}

/// The future in a box that it need not leave any more.
enum Boxed<'env, F, K, M: Flavor> {
    Plain(Box<Adapt<F, K>>),
    Timed(Box<Timed<Adapt<F, K>, M::Boxed<'env, ()>>>),
}

impl<'env, F, K, M: Flavor> Prepared<'env, F, K, M> {
    /// Prepares a child. One with an option of its own, or with a handle, takes a control block;
    /// one that is observed, that and a record.
    #[inline]
    pub(super) fn new<'r>(
        order: Order<'env, M>,
        requests: impl FnOnce() -> &'r Arc<Requests>,
        record: Option<Arc<Record>>,
        future: F,
    ) -> Self
    where
        F: Future,
        K: Convert<F::Output>,
    {
        let Order { options, handle, location } = order;
        let Options { name, daemon, timers } = options;
        let has_options = name.is_some() || daemon || timers.is_some();
        let finish = if handle || has_options || record.is_some() {
            // The number is not known yet; it is set when the nursery takes the child.
            let info = ChildInfo::new(ChildId::new(0), name, location);
            let own_grace = timers.as_ref().is_some_and(|timers| timers.grace.is_some());
            let traits = Traits { daemon, own_grace, remote: K::REMOTE };
            FinishOnDrop::new(Control::new(info, traits, Arc::clone(requests()), record))
        } else {
            FinishOnDrop::NONE
        };
        let future = Adapt::new(future);
        let future = match timers {
            Some(timers) => Boxed::Timed(Box::new(Timed::new(future, timers))),
            None => Boxed::Plain(Box::new(future)),
        };
        Self { location, finish, future }
    }

    /// Returns the future of a child that was not taken.
    pub(super) fn into_inner(self) -> F {
        match self.future {
            Boxed::Plain(future) => future.into_inner(),
            Boxed::Timed(timed) => timed.into_inner().into_inner(),
        }
    }

    /// Gives the child its number, hands its control block to `introduce`, and erases its type.
    ///
    /// It calls no foreign code, so it may be called under a lock, if `introduce` does not either.
    #[inline]
    pub(super) fn child<T, E>(
        self,
        id: ChildId,
        introduce: impl FnOnce(&mut F, &Arc<Control>),
    ) -> Child<'env, T, E, M>
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>,
        M: Hold<'env, F>,
    {
        let Self { location, mut finish, mut future } = self;
        finish.number(id);
        if let Some(control) = finish.control() {
            if let Some(record) = control.record() {
                record.enter(control);
            }
            match &mut future {
                Boxed::Plain(future) => introduce(future.get_mut(), control),
                Boxed::Timed(timed) => {
                    timed.set_control(control);
                    introduce(timed.get_mut().get_mut(), control);
                }
            }
        }
        let future = match future {
            Boxed::Plain(future) => M::hold(future),
            Boxed::Timed(timed) => M::hold_timed(timed),
        };
        Child::new(future, id, location, finish)
    }
}

/// For a child that does not use its control block.
#[inline]
pub(super) fn no_introduction<F>(_: &mut F, _: &Arc<Control>) {}
