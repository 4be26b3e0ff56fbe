//! What spawns: the owner of a nursery, or a spawner, and each with or without a slot.

use std::sync::Arc;

use super::builder::Order;
use super::prepared::Prepared;
use super::{Nursery, Rejected, Spawner};
use crate::adapt::Convert;
use crate::cancel::Control;
use crate::child::{End, Spawned};
use crate::flavor::{Flavor, Hold};
use crate::guard::drop_quietly;
use crate::scope::inbox::{Admission, Inbox};

/// What spawns a child: a nursery's owner, a spawner, or the place of a slot of either. Sealed.
///
/// It says what a [`ChildBuilder`](crate::spawn::ChildBuilder) takes; what that returns is the
/// [`Answer`].
#[expect(private_bounds, reason = "it seals the trait, and is what the crate itself does with it")]
pub trait Parent<'env, M: Flavor>:
    Answer + Admit<'env, <Self as Parent<'env, M>>::Output, <Self as Parent<'env, M>>::Error, M>
{
    /// What the nursery's children return.
    type Output;

    /// How they fail.
    type Error;
}

/// What a [`Parent`] answers when it is to spawn a child.
pub trait Answer: Sized {
    /// `R` if the child is always taken, or `Result<R, Rejected<F>>`.
    ///
    /// `R` is what the child is known by, and `F` the future, or the closure that was to make it.
    type Spawned<R, F>;
}

/// How a child is taken.
pub(super) trait Admit<'env, T, E, M: Flavor>: Answer {
    fn inbox(&mut self) -> &Arc<Inbox<'env, T, E, M>>;

    /// Takes a child, and makes the answer of what is left of it, or of the future that comes back.
    /// `introduce` gives the future its control block, and may do no more than that.
    fn admit<F, K, R, G>(
        self,
        order: Order<'env, M>,
        future: F,
        introduce: impl FnOnce(&mut F, &Arc<Control>),
        taken: impl FnOnce(Spawned) -> R,
        back: impl FnOnce(F) -> G,
    ) -> Self::Spawned<R, G>
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>,
        M: Hold<'env, F>;
}

impl<'env, T, E, M: Flavor> Parent<'env, M> for &mut Nursery<'env, T, E, M> {
    type Output = T;
    type Error = E;
}

impl<T, E, M: Flavor> Answer for &mut Nursery<'_, T, E, M> {
    type Spawned<R, F> = R;
}

impl<'env, T, E, M: Flavor> Admit<'env, T, E, M> for &mut Nursery<'env, T, E, M> {
    fn inbox(&mut self) -> &Arc<Inbox<'env, T, E, M>> {
        self.inner.scope.inbox()
    }

    #[inline]
    fn admit<F, K, R, G>(
        self,
        order: Order<'env, M>,
        future: F,
        introduce: impl FnOnce(&mut F, &Arc<Control>),
        taken: impl FnOnce(Spawned) -> R,
        _: impl FnOnce(F) -> G,
    ) -> R
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>,
        M: Hold<'env, F>,
    {
        taken(self.add::<F, K>(Admission::Always, order, future, introduce))
    }
}

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// Adds a child, by this admission if it is no daemon.
    #[inline]
    pub(super) fn add<F, K>(
        &mut self,
        admission: Admission,
        order: Order<'env, M>,
        future: F,
        introduce: impl FnOnce(&mut F, &Arc<Control>),
    ) -> Spawned
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>,
        M: Hold<'env, F>,
    {
        let admission = order.admission(admission);
        let scope = &mut self.inner.scope;
        let record = order.record(scope.scene(), K::REMOTE, size_of::<F>());
        let is_observed = record.is_some();
        let child = Prepared::<F, K, M>::new(order, || scope.requests(), record, future);
        let spawned = scope.add(admission, child, |child, id| child.child(id, introduce));
        if is_observed {
            scope.tell_new();
        }
        spawned
    }
}

impl<'env, T, E, M: Flavor> Parent<'env, M> for &Spawner<'env, T, E, M> {
    type Output = T;
    type Error = E;
}

impl<T, E, M: Flavor> Answer for &Spawner<'_, T, E, M> {
    type Spawned<R, F> = Result<R, Rejected<F>>;
}

impl<'env, T, E, M: Flavor> Admit<'env, T, E, M> for &Spawner<'env, T, E, M> {
    fn inbox(&mut self) -> &Arc<Inbox<'env, T, E, M>> {
        Spawner::inbox(self)
    }

    fn admit<F, K, R, G>(
        self,
        order: Order<'env, M>,
        future: F,
        introduce: impl FnOnce(&mut F, &Arc<Control>),
        taken: impl FnOnce(Spawned) -> R,
        back: impl FnOnce(F) -> G,
    ) -> Result<R, Rejected<G>>
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>,
        M: Hold<'env, F>,
    {
        let inbox = Spawner::inbox(self);
        post::<F, K, T, E, M>(inbox, Admission::Always, order, future, introduce)
            .map(taken)
            .map_err(|rejected| rejected.map(back))
    }
}

/// Posts a child, by this admission if it is no daemon.
pub(super) fn post<'env, F, K, T, E, M>(
    inbox: &Inbox<'env, T, E, M>,
    admission: Admission,
    order: Order<'env, M>,
    future: F,
    introduce: impl FnOnce(&mut F, &Arc<Control>),
) -> Result<Spawned, Rejected<F>>
where
    F: Future,
    K: Convert<F::Output, Output = End<T, E>>,
    M: Hold<'env, F>,
{
    // Asked before anything is allocated.
    let scene = match inbox.ask() {
        Ok(scene) => scene,
        Err(refusal) => {
            // The future is given back, whatever the destructors of its timers do.
            drop_quietly(order.options);
            return Err(Rejected::new(future, refusal));
        }
    };
    let admission = order.admission(admission);
    let record = order.record(scene.as_ref(), K::REMOTE, size_of::<F>());
    let child = Prepared::<F, K, M>::new(order, || &inbox.requests, record, future);
    inbox
        .post(admission, child, |child, id| child.child(id, introduce))
        .map_err(|(child, refusal)| Rejected::new(child.into_inner(), refusal))
}
