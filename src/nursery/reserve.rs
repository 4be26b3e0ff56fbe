//! Backpressure and shedding: how a slot comes to hand, for the owner and for a spawner.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use super::slot::{Place, Slot, SpawnerPlace, SpawnerSlot};
use super::{Inner, Nursery, Rejection, Spawner};
use crate::drive::Running;
use crate::flavor::Flavor;
use crate::observe::SlotWait;
use crate::scope::inbox::{Admission, By, Inbox, Refusal, Ticket};
use crate::scope::{Body, Pass, Scope};

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// Waits until fewer children are unfinished than the limit allows, and returns a [`Slot`]: a
    /// child about to be spawned that has a place.
    ///
    /// This is backpressure: the children are driven while it waits, and the future of a child is
    /// made when there is room for it. What ends meanwhile is kept for whatever finishes the
    /// nursery, outputs without bound; where there is no end of them, [`next`](Self::next) takes
    /// them out. Spawners that wait for a slot too are served in the order in which they came, this
    /// one among them. The slot serves for any child: one with a name or a handle, a [group], or
    /// one that runs on an executor. A [daemon] needs none.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up its place in the queue, and no more: there is no child in hand that
    /// could be lost. It can stand in a `select!`. Children and what was kept of them stay with the
    /// nursery.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](Rejection::Cancelled) with the cause, if the nursery is cancelled or becomes
    /// so; a loop that feeds it ends there. Nothing is driven then.
    ///
    /// # Panics
    ///
    /// If it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// Many children, four of them at a time. Their outputs are kept, and of their failures ten:
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery = Nursery::new().limit(4).keep_failures(10);
    /// for n in 0..10_000 {
    ///     // Without `first_error` a failure ends nothing, and nothing else here cancels.
    ///     let Ok(slot) = nursery.reserve().await else { break };
    ///     slot.spawn(async move { if n % 100 == 0 { Err(n) } else { Ok(()) } });
    /// }
    /// let error = nursery.join().await.unwrap_err();
    /// assert_eq!((error.len(), error.counts().failed()), (10, 100));
    /// # });
    /// ```
    ///
    /// The loop ends when the first of them has failed:
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery = Nursery::new().limit(2).first_error();
    /// let mut jobs = 0..;
    /// let stopped = loop {
    ///     match nursery.reserve().await {
    ///         Ok(slot) => {
    ///             let job = jobs.next().expect("there is no end of them");
    ///             slot.spawn(async move { if job == 7 { Err("disk full") } else { Ok(job) } });
    ///         }
    ///         Err(rejection) => break rejection,
    ///     }
    /// };
    /// assert_eq!(
    ///     stopped.to_string(),
    ///     "the nursery was cancelled (child #7 failed: disk full)",
    /// );
    /// assert_eq!(nursery.join().await.unwrap_err().len(), 1);
    /// # });
    /// ```
    ///
    /// [daemon]: crate::spawn::ChildBuilder::daemon
    /// [group]: crate::spawn::ChildBuilder::group
    pub fn reserve(&mut self) -> Reserve<'_, 'env, T, E, M> {
        Reserve { nursery: Some(self), ticket: None }
    }

    /// Returns a [`Slot`], a child about to be spawned that has a place, if fewer children are
    /// unfinished than the limit allows.
    ///
    /// This is shedding: a child that there is no room for is not made at all. Children in the
    /// backlog are unfinished, and so are those that could have ended since the nursery was last
    /// driven. Without a limit there is always room.
    ///
    /// # Errors
    ///
    /// [`Full`](Rejection::Full), or [`Cancelled`](Rejection::Cancelled) with the cause.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, u32, ()> = Nursery::new().limit(1);
    /// nursery.try_reserve().expect("there is room for one").spawn(async { Ok(1) });
    /// assert!(nursery.try_reserve().unwrap_err().is_full());
    ///
    /// nursery.next().await; // the first ends, and leaves room
    /// nursery.try_reserve().expect("there is room again").spawn(async { Ok(2) });
    /// # });
    /// ```
    ///
    /// The slot borrows the nursery, in a `match` up to its end. By `let` and `else` the nursery is
    /// there where it has no room:
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, u32, ()> = Nursery::new().limit(2);
    /// let (mut shed, mut sum) = (0, 0);
    /// for n in 0..5 {
    ///     let Ok(slot) = nursery.try_reserve() else {
    ///         shed += 1;
    ///         let ended = nursery.next().await.and_then(|end| end.into_outcome().completed());
    ///         sum += ended.expect("none fails");
    ///         continue;
    ///     };
    ///     slot.spawn(async move { Ok(n) });
    /// }
    /// assert_eq!((shed, sum), (2, 1));
    /// # });
    /// ```
    pub fn try_reserve(&mut self) -> Result<Slot<'_, 'env, T, E, M>, Rejection> {
        match self.inner.scope.try_slot() {
            Ok(admission) => Ok(Place::slot(self, admission)),
            Err(refusal) => Err(refusal.into()),
        }
    }
}

/// Waits for a slot while driving the children; see [`Nursery::reserve`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Reserve<'a, 'env, T, E, M: Flavor> {
    /// `None` once the slot is there, or was refused.
    nursery: Option<&'a mut Nursery<'env, T, E, M>>,
    /// The place in the queue, if spawners wait too.
    ticket: Option<Ticket>,
}

impl<'a, 'env, T, E, M: Flavor> Future for Reserve<'a, 'env, T, E, M> {
    type Output = Result<Slot<'a, 'env, T, E, M>, Rejection>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(nursery) = &mut this.nursery else {
            panic!("`Reserve` was polled after it was ready")
        };
        let Inner { driver, scope, held, bounds } = &mut *nursery.inner;
        let waker = Waker::from(Arc::clone(driver.waker()));
        let mut owner = Waiting { waker, ticket: &mut this.ticket, answer: None };
        let mut running = Running::begin(driver, cx);
        let answer = loop {
            owner.ask(scope);
            if let Some(answer) = owner.answer.take() {
                break answer;
            }
            let mut next = None;
            ready!(running.drive(cx, &mut Pass::new(scope, &mut next, &mut owner)));
            if let Some(completion) = next {
                let dropped = held.push_within(completion, *bounds);
                scope.count_not_stored(u64::from(dropped));
            }
        };
        // The next in the queue may be a child. Its wake only leaves a mark while the driver runs.
        give_up(scope, &mut this.ticket);
        drop(running);
        match (answer, this.nursery.take()) {
            (Ok(admission), Some(nursery)) => Poll::Ready(Ok(Place::slot(nursery, admission))),
            (Err(refusal), _) => Poll::Ready(Err(refusal.into())),
            (Ok(_), None) => unreachable!("it was there a moment ago"),
        }
    }
}

/// The owner as the driver sees it: something that waits beside the children.
///
/// The driver looks in each round whether the slot is there. It is granted to the driver, and not
/// to the owner's task: while the driver runs, a wake costs nothing, and only has it go round
/// again.
struct Waiting<'a> {
    /// The driver's.
    waker: Waker,
    ticket: &'a mut Option<Ticket>,
    answer: Option<Result<Admission, Refusal>>,
}

impl Waiting<'_> {
    fn ask<T, E, M: Flavor>(&mut self, scope: &mut Scope<'_, T, E, M>) {
        if self.answer.is_none() {
            let mut cx = Context::from_waker(&self.waker);
            if let Poll::Ready(answer) = scope.poll_slot(&mut cx, self.ticket) {
                self.answer = Some(answer);
            }
        }
    }
}

impl<'env, T, E, M: Flavor> Body<'env, T, E, M> for &mut Waiting<'_> {
    /// Where nothing is left but daemons, these go on: one of them may have the slot.
    fn is_there(&self) -> bool {
        true
    }

    fn is_woken(&self) -> bool {
        false
    }

    fn poll(&mut self, _: &mut Scope<'env, T, E, M>) {}

    fn drop_if_stopped(&mut self, _: &mut Scope<'env, T, E, M>) {}

    fn has_enough(&mut self, scope: &mut Scope<'env, T, E, M>) -> bool {
        self.ask(scope);
        self.answer.is_some()
    }
}

impl<T, E, M: Flavor> Drop for Reserve<'_, '_, T, E, M> {
    fn drop(&mut self) {
        if let Some(nursery) = &self.nursery {
            give_up(&nursery.inner.scope, &mut self.ticket);
        }
    }
}

/// Leaves the place in the queue to those behind it.
fn give_up<T, E, M: Flavor>(scope: &Scope<'_, T, E, M>, ticket: &mut Option<Ticket>) {
    if let (Some(ticket), Some(inbox)) = (ticket.take(), scope.inbox_if_any()) {
        inbox.give_up(ticket);
    }
}

impl<T, E, M: Flavor> fmt::Debug for Reserve<'_, '_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").finish_non_exhaustive()
    }
}

impl<'env, T, E, M: Flavor> Spawner<'env, T, E, M> {
    /// Waits until fewer children are unfinished than the limit allows, and returns a
    /// [`SpawnerSlot`]: a child about to be spawned that has a place. See [`Nursery::reserve`].
    ///
    /// It waits for the task that drives the nursery. Slots are granted in the order in which they
    /// were first asked for. A child that waits so for a slot in its own nursery keeps its own slot
    /// meanwhile: where all of them do, they wait for ever.
    ///
    /// Waiting keeps nothing open. Where nothing else is left of the nursery when a slot is
    /// granted, it ends, and the wait is refused: a task elsewhere that feeds a nursery needs a
    /// spawner of a [split](Nursery::split) one. What was granted and is not polled stands in the
    /// way of those behind it, so drop a future that is not awaited any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives its place in the queue, or the slot that was its own by then, to the next.
    /// There is no child in hand that could be lost.
    ///
    /// # Errors
    ///
    /// If the nursery is or becomes [closed](Rejection::Closed) or
    /// [cancelled](Rejection::Cancelled).
    ///
    /// # Panics
    ///
    /// If it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// A body that feeds its nursery, and may be interrupted while it waits:
    ///
    /// ```
    /// # use nestling::Nursery;
    /// use futures::{FutureExt, select_biased};
    ///
    /// # futures::executor::block_on(async {
    /// # let mut jobs = vec![3, 2, 1];
    /// # let mut ticks = futures::stream::repeat(()).take(2).fuse();
    /// # use futures::StreamExt;
    /// let body = Nursery::new().limit(1).run(|spawner| async move {
    ///     while !jobs.is_empty() {
    ///         select_biased! {
    ///             slot = spawner.reserve().fuse() => match slot {
    ///                 Ok(slot) => {
    ///                     let job = jobs.pop().expect("it was just looked for");
    ///                     let _id = slot.spawn(async move { Ok::<i32, ()>(job) });
    ///                 }
    ///                 Err(_) => break, // no more children are taken
    ///             },
    ///             () = ticks.select_next_some() => {} // and no job is lost
    ///         }
    ///     }
    ///     Ok(())
    /// });
    /// assert_eq!(body.await.unwrap().1, [1, 2, 3]);
    /// # });
    /// ```
    pub fn reserve(&self) -> SpawnerReserve<'env, T, E, M> {
        SpawnerReserve { inbox: Some(Arc::clone(self.inbox())), ticket: None, wait: None }
    }

    /// Returns a [`SpawnerSlot`], a child about to be spawned that has a place, if fewer children
    /// are unfinished than the limit allows. See [`Nursery::try_reserve`].
    ///
    /// # Errors
    ///
    /// If the nursery is [full](Rejection::Full), [closed](Rejection::Closed) or
    /// [cancelled](Rejection::Cancelled). Nothing is allocated for that.
    pub fn try_reserve(&self) -> Result<SpawnerSlot<'env, T, E, M>, Rejection> {
        match self.inbox().try_slot(By::Spawner) {
            Ok(()) => Ok(SpawnerPlace::slot(Arc::clone(self.inbox()))),
            Err(refusal) => Err(refusal.into()),
        }
    }
}

/// Waits for a slot in a nursery that another task drives; see [`Spawner::reserve`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct SpawnerReserve<'env, T, E, M: Flavor> {
    /// `None` once the slot is there, or was refused.
    inbox: Option<Arc<Inbox<'env, T, E, M>>>,
    ticket: Option<Ticket>,
    /// Says that the child waits for a slot that polls this, if that is observed.
    wait: Option<SlotWait>,
}

impl<T, E, M: Flavor> SpawnerReserve<'_, T, E, M> {
    fn give_up(&mut self) {
        if let (Some(ticket), Some(inbox)) = (self.ticket.take(), &self.inbox) {
            inbox.give_up(ticket);
        }
    }
}

impl<'env, T, E, M: Flavor> Future for SpawnerReserve<'env, T, E, M> {
    type Output = Result<SpawnerSlot<'env, T, E, M>, Rejection>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(inbox) = &this.inbox else {
            panic!("`SpawnerReserve` was polled after it was ready")
        };
        let polled = inbox.poll_slot(cx, &mut this.ticket, By::Spawner);
        if polled.is_pending() && this.wait.is_none() {
            this.wait = inbox.scene().and_then(|scene| SlotWait::begin(&scene));
        }
        let answer = ready!(polled);
        this.wait = None;
        this.give_up();
        match (answer, mem::take(&mut this.inbox)) {
            (Ok(()), Some(inbox)) => Poll::Ready(Ok(SpawnerPlace::slot(inbox))),
            (Err(refusal), _) => Poll::Ready(Err(refusal.into())),
            (Ok(()), None) => unreachable!("it was there a moment ago"),
        }
    }
}

impl<T, E, M: Flavor> Drop for SpawnerReserve<'_, T, E, M> {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl<T, E, M: Flavor> fmt::Debug for SpawnerReserve<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnerReserve").finish_non_exhaustive()
    }
}
