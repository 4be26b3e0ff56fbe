//! The driver of a pool on an executor: it pulls items and records how they ended.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::task::Spawn;
use pin_project_lite::pin_project;

use super::lane::{Lane, Making};
use super::losses::{Losses, Lost};
use super::work::{Board, gone, is_dropped};
use crate::cancel::Cause;
use crate::child::Ended;
use crate::drive::budget::{self, Part};
use crate::drive::{DriverState, Kind, Kinds, Running, WakeFlag, Work};
use crate::error::{Failure, Panic};
use crate::flavor::{Flavor, Hold, Naming};
use crate::guard::{FirstPanic, catch, drop_guarded};
use crate::info::ChildId;
use crate::nursery::Nursery;
use crate::observe::SeenTraits;
use crate::pool::Options;
use crate::pool::item::{ItemTimeout, Tag};
use crate::pool::ledger::{Ledger, Settled};
use crate::pool::run::{NameItems, PoolRun};
use crate::pool::source::Source;
use crate::remote::Remote;
use crate::report::{Completion, Outcome};

/// A lane as a child of the nursery that waits for all of them.
pub(super) type RemoteLane<X, I, F, Fut, T, E, C> =
    Remote<X, Lane<I, F, Fut, T, E, C>, (), Infallible>;

pin_project! {
    /// A run of a pool on an executor.
    #[doc(hidden)]
    pub struct Parallel<'env, X, S, F, Fut, T, E, M: Flavor, C>
    where
        S: Source,
    {
        // `None` once it has no more items.
        #[pin]
        source: Option<S>,
        make: Option<Arc<Making<F, C>>>,
        names: Option<M::Namer<'env, S::Item>>,
        executor: Option<X>,
        // The lanes: remote children, so that none outlives the run.
        crew: Option<Nursery<'env, (), Infallible, M>>,
        lanes: usize,
        losses: Losses,
        board: Arc<Board<S::Item, T, E>>,
        ledger: Ledger<'env, T, E, M>,
        // Items that were pulled, and those of them that have ended.
        pulled: u64,
        ended: u64,
        // Ends that are being recorded. It keeps its memory.
        ends: Vec<(Tag, Ended<T, E>)>,
        limit: usize,
        // `None` while the pool is polled.
        driver: Option<DriverState>,
        source_woken: Arc<WakeFlag>,
        crew_woken: Arc<WakeFlag>,
        // All lanes are gone.
        crew_is_gone: bool,
        future: std::marker::PhantomData<fn() -> Fut>,
    }

    impl<'env, X, S, F, Fut, T, E, M: Flavor, C> PinnedDrop
        for Parallel<'env, X, S, F, Fut, T, E, M, C>
    where
        S: Source,
    {
        // The lanes are stopped, and not waited for. Then each value is dropped, even if the
        // destructor of another panics.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            drop(this.driver.take());
            let mut first = FirstPanic::default();
            let items = this.board.close();
            first.note(drop_guarded(this.crew.take()));
            first.drop_each(items.into_iter().rev().map(gone));
            this.board.take_ends(this.ends);
            first.drop_each(this.ends.drain(..).map(gone));
            first.note(catch(|| this.source.as_mut().set(None)));
            first.note(drop_guarded(this.make.take()));
            first.note(drop_guarded(this.names.take()));
            first.note(drop_guarded(this.executor.take()));
            this.ledger.abandon(0, &mut first);
            first.resume();
        }
    }
}

impl<'env, X, S, F, Fut, T, E, M, C> Parallel<'env, X, S, F, Fut, T, E, M, C>
where
    X: Spawn + Clone,
    S: Source,
    S::Item: Send + 'static,
    F: Fn(S::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    M: Hold<'env, RemoteLane<X, S::Item, F, Fut, T, E, C>>,
    C: ItemTimeout<Timer: Send + 'static> + Send + Sync + 'static,
{
    pub(super) fn new(
        mut options: Options<'env, E, M>,
        outputs: bool,
        location: &'static Location<'static>,
        executor: X,
        source: S,
        make: F,
        timeout: C,
    ) -> Self {
        let traits = SeenTraits { daemon: false, remote: true, size: size_of::<Fut>() };
        let driver = std::mem::replace(&mut options.driver, DriverState::new());
        let (limit, progress) = (options.limit, options.progress.is_some());
        // With a grace it is the pool that says when the lanes are stopped.
        let crew = Nursery::default();
        let crew = if options.times.has_grace() { crew.shielded() } else { crew };
        // It is the items that are observed, and not the lanes.
        let crew = crew.unobserved();
        Self {
            source_woken: WakeFlag::new(driver.waker()),
            crew_woken: WakeFlag::new(driver.waker()),
            crew_is_gone: false,
            board: Arc::new(Board::new(Arc::clone(driver.waker()), limit, progress, location)),
            ledger: Ledger::new(options, outputs, location, driver.waker(), traits, || {
                source.left()
            }),
            driver: Some(driver),
            source: Some(source),
            make: Some(Arc::new(Making::new(make, timeout))),
            names: None,
            executor: Some(executor),
            crew: Some(crew),
            lanes: 0,
            losses: Losses::default(),
            pulled: 0,
            ended: 0,
            ends: Vec::new(),
            limit,
            future: std::marker::PhantomData,
        }
    }

    /// Records how items ended. They are twice the limit at most, and each is one poll of the
    /// budget.
    fn see_to_ends(mut self: Pin<&mut Self>) {
        let this = self.as_mut().project();
        this.board.take_ends(this.ends);
        *this.ended += this.ends.len() as u64;
        let mut stop = None;
        for (item, ended) in this.ends.drain(..) {
            budget::spend();
            let is_dropped = is_dropped(&ended);
            if !is_dropped {
                this.losses.end();
            }
            let ended = match this.ledger.cause_so_far() {
                // In the grace it is not the pool that drops lanes.
                Some(cause) if is_dropped && !this.ledger.grace_is_running() => {
                    this.ledger.dropped_for(&cause, ended.aftermath)
                }
                _ => ended,
            };
            if let Some(cause) = this.ledger.end(&item, ended) {
                // The policy is not asked about the other ends.
                stop = Some(this.ledger.cancel(cause));
            }
        }
        if let Some(cause) = stop {
            self.cancel(cause);
        }
    }

    /// Whether an item may be pulled, and perhaps there is one. If not, the driver is woken when
    /// one may.
    fn can_fill(&self) -> bool {
        self.may_have_item() && !self.board.is_full()
    }

    fn may_have_item(&self) -> bool {
        let may_have_one = self.source.is_some() && self.source_woken.is_set();
        may_have_one && self.ledger.may_pull(self.pulled)
    }

    /// Pulls items until the queue is full, and sends the lanes that are due.
    fn fill(mut self: Pin<&mut Self>) {
        let room = if self.may_have_item() { self.board.room() } else { 0 };
        for _ in 0..room {
            if !self.may_have_item() || self.ledger.must_cancel() || !budget::spend() {
                return;
            }
            let this = self.as_mut().project();
            let next = this.ledger.pull(this.source, this.source_woken);
            let Some(item) = next else { return };
            let id = ChildId::new(*this.pulled);
            *this.pulled += 1;
            let Some((tag, item)) = this.ledger.name::<S>(this.names, id, item) else {
                *this.ended += 1;
                continue;
            };
            if this.board.put(tag, item) {
                self.as_mut().spawn_lane();
            }
        }
    }

    /// Spawns a lane, if there may be one more. Says whether it has.
    fn spawn_lane(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        if *this.lanes >= *this.limit || !this.losses.may_ask(*this.lanes) {
            return false;
        }
        let (Some(crew), Some(make), Some(executor)) = (this.crew, this.make, this.executor) else {
            return false;
        };
        match catch(|| executor.clone()) {
            Ok(executor) => {
                *this.lanes += 1;
                crew.spawn_on(executor, Lane::new(Arc::clone(make), Arc::clone(this.board)));
                true
            }
            Err(thrown) => {
                this.ledger.record_panic(Panic::new(thrown));
                this.losses.lose(Lost::Panicked);
                false
            }
        }
    }

    /// Starts lanes, counts those that are gone, and sends the lanes that are due.
    fn see_to_lanes(mut self: Pin<&mut Self>) {
        let _ = self.as_mut().poll_crew();
        let lacking = self.losses.any();
        if self.lanes == 0 || lacking {
            // A lane has reported its item before it is gone: the rule for lost lanes counts ends.
            self.as_mut().see_to_ends();
        }
        let mut spawned = false;
        while self.board.wake_due() && self.as_mut().spawn_lane() {
            spawned = true;
        }
        if lacking || self.losses.any() {
            self.board.set_lacking(self.losses.any());
        }
        if spawned {
            // They are started in the next round.
            self.crew_woken.set();
        }
        if self.lanes == 0 && self.pulled != self.ended && !self.ledger.is_cancelled() {
            let this = self.as_mut().project();
            match this.losses.take() {
                Lost::By(error) => this.ledger.record_executor(error),
                Lost::Panicked => {}
            }
            self.cancel(Cause::executor_lost());
        }
    }

    /// Ready when all lanes are gone.
    fn poll_crew(self: Pin<&mut Self>) -> Poll<()> {
        let this = self.project();
        this.crew_woken.clear();
        let waker = this.crew_woken.waker();
        let cx = &mut Context::from_waker(&waker);
        let Some(crew) = this.crew else { return Poll::Ready(()) };
        loop {
            // Lanes in the backlog are handed to the executor now.
            let starts = crew.queued() > 0;
            if starts {
                this.board.set_starting(true);
            }
            let next = Pin::new(&mut crew.next()).poll(cx);
            if starts {
                this.board.set_starting(false);
            }
            let Some(completion) = ready!(next) else {
                return Poll::Ready(());
            };
            // A lane that is gone may have left two records.
            *this.lanes = crew.running() + crew.queued();
            match completion.into_outcome() {
                Outcome::Failed(error) => match error.into_failure() {
                    Failure::Executor(error) if error.is_dropped() && this.board.take_proven() => {
                        this.losses.lose_proven();
                    }
                    Failure::Executor(error) => this.losses.lose(Lost::By(error)),
                    Failure::Panic(panic) => {
                        // It may have panicked in a lane, when the lane woke itself.
                        this.board.take_proven();
                        this.ledger.record_panic(panic);
                        this.losses.lose(Lost::Panicked);
                    }
                    // A lane returns no error, has no timeout and is not supervised.
                    Failure::Error(_)
                    | Failure::Group(_)
                    | Failure::TimedOut(_)
                    | Failure::GaveUp(_) => {}
                },
                // Lanes are cancelled with the pool, which replaces none then.
                Outcome::Cancelled(_) | Outcome::Completed(()) | Outcome::Delivered => {}
            }
        }
    }

    /// Drops the items that no lane has, and pulls no more. Stops the lanes, unless there is a
    /// grace.
    #[cold]
    fn cancel(self: Pin<&mut Self>, cause: Cause) {
        let this = self.project();
        let cause = this.ledger.cancel(cause);
        // The newest first, as everywhere.
        for (tag, item) in this.board.close().into_iter().rev() {
            *this.ended += 1;
            let panic = drop_guarded(item).err().map(Panic::of_destructor);
            let ended = this.ledger.dropped_for(&cause, panic);
            // The pool is cancelled already.
            drop(this.ledger.end(&tag, ended));
        }
        if let Some(crew) = this.crew.as_mut().filter(|_| !this.ledger.grace_is_running()) {
            crew.cancel();
        }
        this.ledger.cut_short(this.source);
    }

    /// Cancels the pool if its deadline has passed: the ends that came before are recorded. Stops
    /// the lanes when the grace is over.
    fn see_to_times(mut self: Pin<&mut Self>) {
        if self.as_mut().project().ledger.poll_deadline() {
            self.as_mut().cancel(Cause::deadline());
        }
        let this = self.project();
        if let (Some(_), Some(crew)) = (this.ledger.poll_grace(), this.crew) {
            crew.cancel();
        }
    }

    /// Closes the board once all items have ended, and waits until the lanes are gone.
    fn see_lanes_off(mut self: Pin<&mut Self>) {
        // Lanes that wait for an item end.
        drop(self.board.close());
        if self.as_mut().poll_crew().is_ready() {
            *self.project().crew_is_gone = true;
        }
    }

    fn has_ended(&self) -> bool {
        self.source.is_none() && self.pulled == self.ended
    }
}

/// A pool that is driven. It has one kind of work: in each round, items are pulled, and then the
/// lanes are looked after.
#[expect(clippy::type_complexity, reason = "a run has all that it is made of in its type")]
struct Driven<'a, 'env, X, S: Source, F, Fut, T, E, M: Flavor, C> {
    pool: Pin<&'a mut Parallel<'env, X, S, F, Fut, T, E, M, C>>,
    /// The lanes were not looked after in this round. One that has arrived may ask for another.
    is_new_round: bool,
}

impl<'env, X, S, F, Fut, T, E, M, C> Work for Driven<'_, 'env, X, S, F, Fut, T, E, M, C>
where
    X: Spawn + Clone,
    S: Source,
    S::Item: Send + 'static,
    F: Fn(S::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    M: Hold<'env, RemoteLane<X, S::Item, F, Fut, T, E, C>>,
    C: ItemTimeout<Timer: Send + 'static> + Send + Sync + 'static,
{
    fn rotate(&mut self) {}

    fn take_requests(&mut self) {
        if self.pool.ledger.must_cancel() {
            // The handle's own cause was first.
            self.pool.as_mut().cancel(Cause::requested(String::new()));
        }
        if let Some(cause) = self.pool.as_mut().project().ledger.look_around() {
            self.pool.as_mut().cancel(cause);
        }
        self.pool.as_mut().see_to_ends();
        self.pool.as_mut().see_to_times();
        self.is_new_round = true;
    }

    fn settle(&mut self) {}

    fn ready(&self) -> Kinds {
        let pool = &self.pool;
        let ready = self.is_new_round || pool.crew_woken.is_set() || pool.can_fill();
        Kinds::new(ready, false, false)
    }

    fn poll(&mut self, _: Kind) {
        self.is_new_round = false;
        // The other half of the budget is for the lanes.
        let half = Part::one_of(2);
        self.pool.as_mut().fill();
        drop(half);
        // Polling the lanes with an exhausted budget would only reschedule them.
        if budget::left() == 0 {
            self.pool.crew_woken.set();
        } else if self.pool.has_ended() {
            self.pool.as_mut().see_lanes_off();
        } else {
            self.pool.as_mut().see_to_lanes();
        }
    }

    fn has_ended(&self) -> bool {
        self.pool.ledger.has_more()
    }

    fn hand_out(&mut self) -> bool {
        self.pool.ledger.has_more() && budget::spend()
    }

    fn is_done(&self) -> bool {
        self.pool.crew_is_gone && !self.pool.ledger.has_more()
    }

    fn is_pressed(&self) -> bool {
        self.pool.ledger.must_cancel() || self.pool.ledger.times_are_due()
    }
}

impl<'env, X, S, F, Fut, T, E, M, C> PoolRun for Parallel<'env, X, S, F, Fut, T, E, M, C>
where
    X: Spawn + Clone,
    S: Source,
    S::Item: Send + 'static,
    F: Fn(S::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    M: Hold<'env, RemoteLane<X, S::Item, F, Fut, T, E, C>>,
    C: ItemTimeout<Timer: Send + 'static> + Send + Sync + 'static,
{
    type Item = S::Item;
    type Output = T;
    type Error = E;

    fn poll_drive(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The driver's state is taken out, as the rest of the pool is lent to the driver.
        let Some(mut driver) = self.as_mut().project().driver.take() else {
            unreachable!("it is put back after each poll")
        };
        let polled = {
            let mut pool = Driven { pool: self.as_mut(), is_new_round: false };
            Running::begin(&mut driver, cx).drive(cx, &mut pool)
        };
        *self.project().driver = Some(driver);
        polled
    }

    fn finish(self: Pin<&mut Self>) {
        let this = self.project();
        drop(this.driver.take());
        this.ledger.drop_executor(this.executor.take());
        // The lanes are gone.
        if let Some(making) = this.make.take().and_then(Arc::into_inner) {
            let (make, timeout) = making.take();
            this.ledger.drop_closure(make);
            this.ledger.drop_closure(timeout);
        }
        this.ledger.drop_closure(this.names.take());
        this.ledger.close();
    }

    fn is_over(&self) -> bool {
        self.ledger.is_closed()
    }

    fn settle(self: Pin<&mut Self>) -> Settled<T, E> {
        self.project().ledger.settle()
    }

    fn hand_out(&mut self, in_order: bool) {
        self.board.tell_each();
        self.ledger.hand_out(in_order, self.pulled, self.limit);
    }

    fn next(self: Pin<&mut Self>) -> Option<Completion<T, E>> {
        self.project().ledger.next()
    }
}

impl<'env, X, S, F, Fut, T, E, M, C, N, R> NameItems<N, R>
    for Parallel<'env, X, S, F, Fut, T, E, M, C>
where
    Self: PoolRun<Item = S::Item>,
    S: Source,
    M: Naming<'env, N, S::Item, R>,
{
    fn name_items(&mut self, name: N) {
        self.names = Some(M::naming(name));
    }
}

impl<X, S: Source, F, Fut, T, E, M: Flavor, C> fmt::Debug
    for Parallel<'_, X, S, F, Fut, T, E, M, C>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parallel").finish_non_exhaustive()
    }
}
