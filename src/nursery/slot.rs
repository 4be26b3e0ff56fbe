//! Slots in hand: places in the limit that no child has yet.

use std::fmt;
use std::sync::Arc;

use super::builder::Order;
use super::parent::{Admit, Answer, Parent, post};
use super::{ChildBuilder, Nursery, Rejected};
use crate::adapt::Convert;
use crate::cancel::Control;
use crate::child::{End, Spawned};
use crate::flavor::{Flavor, Hold, Shared};
use crate::scope::inbox::{Admission, By, Inbox};

/// A child about to be spawned that has a place in the limit: a slot of the nursery's owner.
///
/// Made by [`Nursery::reserve`] and [`Nursery::try_reserve`]. It is a [`ChildBuilder`], and so
/// spawns any kind of child, with any options: it starts as soon as the nursery is driven. It
/// borrows the nursery. If it is dropped unused, the next task that waits has the place.
///
/// A child that is spawned by it into a nursery that was cancelled meanwhile is reported as
/// cancelled.
pub type Slot<'a, 'env, T, E, M = Shared> = ChildBuilder<'env, Place<'a, 'env, T, E, M>, M>;

/// A child about to be spawned that has a place in the limit: a slot of a [`Spawner`].
///
/// Made by [`Spawner::reserve`] and [`Spawner::try_reserve`]. It is a [`ChildBuilder`], and so
/// spawns any kind of child, with any options. It borrows nothing of the spawner: it can be kept,
/// and handed on to other tasks. If it is dropped unused, the next task that waits has the place.
///
/// While there is such a slot, the nursery does not end, since a child may still come by it;
/// [`next`](Nursery::next) waits for that, too. A nursery that is [closed] or cancelled does not
/// wait for it: the child comes back then.
///
/// [closed]: crate::Spawner::close
/// [`Spawner`]: crate::Spawner
/// [`Spawner::reserve`]: crate::Spawner::reserve
/// [`Spawner::try_reserve`]: crate::Spawner::try_reserve
pub type SpawnerSlot<'env, T, E, M = Shared> = ChildBuilder<'env, SpawnerPlace<'env, T, E, M>, M>;

/// The place in the limit that a [`Slot`] has, given back when this is dropped.
pub struct Place<'a, 'env, T, E, M: Flavor = Shared> {
    nursery: &'a mut Nursery<'env, T, E, M>,
    /// `Always` where there is nothing to give back: the place was used, or is not counted, as no
    /// spawner can take it meanwhile.
    admission: Admission,
}

impl<'a, 'env, T, E, M: Flavor> Place<'a, 'env, T, E, M> {
    pub(super) fn slot(
        nursery: &'a mut Nursery<'env, T, E, M>,
        admission: Admission,
    ) -> Slot<'a, 'env, T, E, M> {
        ChildBuilder::new(Self { nursery, admission })
    }
}

impl<'env, T, E, M: Flavor> Parent<'env, M> for Place<'_, 'env, T, E, M> {
    type Output = T;
    type Error = E;
}

impl<T, E, M: Flavor> Answer for Place<'_, '_, T, E, M> {
    type Spawned<R, F> = R;
}

impl<'env, T, E, M: Flavor> Admit<'env, T, E, M> for Place<'_, 'env, T, E, M> {
    fn inbox(&mut self) -> &Arc<Inbox<'env, T, E, M>> {
        self.nursery.inner.scope.inbox()
    }

    #[inline]
    fn admit<F, K, R, G>(
        mut self,
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
        let admission = self.admission;
        if !order.options.daemon {
            self.admission = Admission::Always;
        }
        taken(self.nursery.add::<F, K>(admission, order, future, introduce))
    }
}

impl<T, E, M: Flavor> Drop for Place<'_, '_, T, E, M> {
    #[inline]
    fn drop(&mut self) {
        if let (Admission::Slot(by), Some(inbox)) =
            (self.admission, self.nursery.inner.scope.inbox_if_any())
        {
            inbox.give_back(by);
        }
    }
}

impl<T, E, M: Flavor> fmt::Debug for Place<'_, '_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

/// The place in the limit that a [`SpawnerSlot`] has, given back when this is dropped.
pub struct SpawnerPlace<'env, T, E, M: Flavor = Shared> {
    inbox: Arc<Inbox<'env, T, E, M>>,
    used: bool,
}

impl<'env, T, E, M: Flavor> SpawnerPlace<'env, T, E, M> {
    pub(super) fn slot(inbox: Arc<Inbox<'env, T, E, M>>) -> SpawnerSlot<'env, T, E, M> {
        ChildBuilder::new(Self { inbox, used: false })
    }
}

impl<'env, T, E, M: Flavor> Parent<'env, M> for SpawnerPlace<'env, T, E, M> {
    type Output = T;
    type Error = E;
}

impl<T, E, M: Flavor> Answer for SpawnerPlace<'_, T, E, M> {
    type Spawned<R, F> = Result<R, Rejected<F>>;
}

impl<'env, T, E, M: Flavor> Admit<'env, T, E, M> for SpawnerPlace<'env, T, E, M> {
    fn inbox(&mut self) -> &Arc<Inbox<'env, T, E, M>> {
        &self.inbox
    }

    fn admit<F, K, R, G>(
        mut self,
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
        let daemon = order.options.daemon;
        let admission = Admission::Slot(By::Spawner);
        let posted = post::<F, K, T, E, M>(&self.inbox, admission, order, future, introduce);
        self.used = posted.is_ok() && !daemon;
        posted.map(taken).map_err(|rejected| rejected.map(back))
    }
}

impl<T, E, M: Flavor> Drop for SpawnerPlace<'_, T, E, M> {
    fn drop(&mut self) {
        if !self.used {
            self.inbox.give_back(By::Spawner);
        }
    }
}

impl<T, E, M: Flavor> fmt::Debug for SpawnerPlace<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnerPlace").finish_non_exhaustive()
    }
}
