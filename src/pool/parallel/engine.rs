//! The driver of a pool whose lanes run on an executor: it pulls items and records how they ended.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures::task::Spawn;
use pin_project_lite::pin_project;

use super::lane::Lane;
use super::losses::{Losses, Lost};
use super::work::{End, Work};
use crate::cancel::Cause;
use crate::error::{ExecutorError, Failure, Panic};
use crate::flavor::{Flavor, Hold};
use crate::gate::Gate;
use crate::guard::{FirstPanic, catch, drop_guarded};
use crate::info::ChildId;
use crate::nursery::Nursery;
use crate::pool::Options;
use crate::pool::ledger::{Ledger, Outcome};
use crate::pool::run::Run;
use crate::pool::source::Source;
use crate::remote::Remote;
use crate::report;
use crate::scope::alarm::Bell;
use crate::scope::budget::{self, Turn};

/// A lane as a child of the nursery that waits for all of them.
pub(super) type RemoteLane<X, I, F, Fut, T, E> = Remote<X, Lane<I, F, Fut, T, E>, (), Infallible>;

pin_project! {
    /// A run of a pool on an executor.
    #[doc(hidden)]
    pub struct Parallel<'env, X, S, F, Fut, T, E, M: Flavor>
    where
        S: Source,
    {
        // `None` once it has no more items.
        #[pin]
        source: Option<S>,
        make: Option<Arc<F>>,
        executor: Option<X>,
        // The lanes: remote children, so that none outlives the run.
        crew: Option<Nursery<'env, (), Infallible, M>>,
        lanes: usize,
        losses: Losses,
        work: Arc<Work<S::Item, T, E>>,
        ledger: Ledger<'env, T, E, M>,
        // Items that were pulled, and those of them that have ended.
        pulled: u64,
        ended: u64,
        // Ends that are being recorded. It keeps its memory.
        ends: Vec<(ChildId, End<T, E>)>,
        limit: usize,
        gate: Arc<Gate>,
        // Rung when the source may have an item.
        bell: Arc<Bell>,
        bell_waker: Waker,
        // The pool is driven by a child of a nursery whose turn was over.
        put_off: bool,
        over: bool,
        future: std::marker::PhantomData<fn() -> Fut>,
    }

    impl<'env, X, S, F, Fut, T, E, M: Flavor> PinnedDrop for Parallel<'env, X, S, F, Fut, T, E, M>
    where
        S: Source,
    {
        // The lanes are stopped, and not waited for. Then each value is dropped, even if the
        // destructor of another panics.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.gate.retire();
            let mut first = FirstPanic::default();
            let items = this.work.close();
            first.note(drop_guarded(this.crew.take()));
            first.drop_each(items.into_iter().rev());
            this.work.take_ends(this.ends);
            first.drop_each(this.ends.drain(..));
            first.note(catch(|| this.source.as_mut().set(None)));
            first.note(drop_guarded(this.make.take()));
            first.note(drop_guarded(this.executor.take()));
            this.ledger.abandon(&mut first);
            first.resume();
        }
    }
}

impl<'env, X, S, F, Fut, T, E, M> Parallel<'env, X, S, F, Fut, T, E, M>
where
    X: Spawn + Clone,
    S: Source,
    S::Item: Send + 'static,
    F: Fn(S::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    M: Hold<'env, RemoteLane<X, S::Item, F, Fut, T, E>>,
{
    pub(super) fn new(
        options: Options<'env, E, M>,
        outputs: bool,
        location: &'static Location<'static>,
        executor: X,
        source: S,
        make: F,
    ) -> Self {
        let (gate, limit) = (Arc::clone(&options.gate), options.limit);
        let bell = Bell::new(&gate);
        let progress = options.progress.is_some();
        Self {
            ledger: Ledger::new(options, outputs, location, || source.left()),
            source: Some(source),
            make: Some(Arc::new(make)),
            executor: Some(executor),
            crew: Some(Nursery::default()),
            lanes: 0,
            losses: Losses::default(),
            work: Arc::new(Work::new(Arc::clone(&gate), limit, progress)),
            pulled: 0,
            ended: 0,
            ends: Vec::new(),
            limit,
            gate,
            bell_waker: Waker::from(Arc::clone(&bell)),
            bell,
            put_off: false,
            over: false,
            future: std::marker::PhantomData,
        }
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<T, E>> {
        assert!(!self.over, "a pool was polled after it was ready");
        self.gate.enter(cx.waker());
        let turn = Turn::begin(budget::TURN);
        if turn.puts_off(self.as_mut().project().put_off) {
            self.gate.yield_now(cx);
            return Poll::Pending;
        }
        loop {
            if self.ledger.is_doomed() {
                // The handle's own cause was first.
                self.as_mut().cancel(Cause::requested(String::new()));
            }
            self.as_mut().see_to_ends();
            self.as_mut().fill();
            // Polling the lanes with an exhausted budget would only reschedule them.
            let all = budget::left() > 0;
            if all {
                self.as_mut().see_to_lanes(cx);
            }
            if self.source.is_none() && self.pulled == self.ended {
                // Lanes that wait for an item end. The pool is ready when all are gone.
                drop(self.work.close());
                if self.as_mut().poll_crew(cx).is_pending() {
                    self.gate.abandon();
                    return Poll::Pending;
                }
                return Poll::Ready(self.wind_up());
            }
            if all && !self.can_fill() && self.gate.leave() {
                return Poll::Pending;
            }
            // See the other driver of a pool.
            if turn.is_nested() || !budget::spend() {
                self.gate.yield_now(cx);
                return Poll::Pending;
            }
        }
    }

    /// Records how items ended. They are twice the limit at most, and each is one poll of the
    /// budget.
    fn see_to_ends(mut self: Pin<&mut Self>) {
        let this = self.as_mut().project();
        this.work.take_ends(this.ends);
        *this.ended += this.ends.len() as u64;
        let mut stop = None;
        for (id, end) in this.ends.drain(..) {
            budget::spend();
            if matches!(end, End::Ran(..)) {
                this.losses.end();
            }
            let cause = match end {
                End::Ran(ran) => this.ledger.end(id, ran),
                End::Dropped(thrown) => match this.ledger.cause_so_far() {
                    Some(cause) => {
                        this.ledger.end_cancelled(id, &cause, thrown);
                        None
                    }
                    None => this.ledger.end_lost(id, thrown),
                },
            };
            if let Some(cause) = cause {
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
        self.may_have_item() && !self.work.is_full()
    }

    fn may_have_item(&self) -> bool {
        self.source.is_some() && self.bell.has_rung()
    }

    /// Pulls items until the queue is full, and sends the lanes that are due.
    fn fill(mut self: Pin<&mut Self>) {
        let room = if self.may_have_item() { self.work.room() } else { 0 };
        // The other half of the budget is for the lanes.
        let reserve = budget::reserve(2);
        for _ in 0..room {
            if !self.may_have_item() || self.ledger.is_doomed() || !budget::spend_beyond(reserve) {
                return;
            }
            let this = self.as_mut().project();
            let next = this.ledger.pull(this.source, this.bell, this.bell_waker);
            let Some(item) = next else { return };
            let id = ChildId::new(*this.pulled);
            *this.pulled += 1;
            if this.work.put(id, item) {
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
                crew.spawn_on(executor, Lane::new(Arc::clone(make), Arc::clone(this.work)));
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
    fn see_to_lanes(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let _ = self.as_mut().poll_crew(cx);
        let lacking = self.losses.any();
        if self.lanes == 0 || lacking {
            // A lane has reported its item before it is gone: the rule for lost lanes counts ends.
            self.as_mut().see_to_ends();
        }
        let mut spawned = false;
        while self.work.wake_due() && self.as_mut().spawn_lane() {
            spawned = true;
        }
        if lacking || self.losses.any() {
            self.work.set_lacking(self.losses.any());
        }
        if spawned {
            // They are started in the next round.
            self.gate.notify();
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
    fn poll_crew(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let Some(crew) = this.crew else { return Poll::Ready(()) };
        loop {
            // Lanes in the backlog are handed to the executor now.
            let starts = crew.queued() > 0;
            if starts {
                this.work.set_starting(true);
            }
            let next = Pin::new(&mut crew.next()).poll(cx);
            if starts {
                this.work.set_starting(false);
            }
            let Some(completion) = ready!(next) else {
                return Poll::Ready(());
            };
            // A lane that is gone may have left two records.
            *this.lanes = crew.running() + crew.queued();
            match completion.into_outcome() {
                report::Outcome::Failed(error) => match error.into_failure() {
                    Failure::Executor(error) => this.losses.lose(Lost::By(error)),
                    Failure::Panic(panic) => {
                        // It may have panicked in a lane, when the lane woke itself.
                        this.work.take_proven();
                        this.ledger.record_panic(panic);
                        this.losses.lose(Lost::Panicked);
                    }
                    // A lane returns no error, and has no timeout.
                    Failure::Error(_) | Failure::Group(_) | Failure::TimedOut(_) => {}
                },
                report::Outcome::Cancelled(_) if this.work.take_proven() => {
                    this.losses.lose_proven();
                }
                report::Outcome::Cancelled(_) => {
                    this.losses.lose(Lost::By(ExecutorError::dropped()));
                }
                report::Outcome::Completed(()) | report::Outcome::Delivered => {}
            }
        }
    }

    /// Drops the items that no lane has, stops the lanes, and pulls no more.
    #[cold]
    fn cancel(self: Pin<&mut Self>, cause: Cause) {
        let this = self.project();
        let cause = this.ledger.cancel(cause);
        // The newest first, as everywhere.
        for (id, item) in this.work.close().into_iter().rev() {
            *this.ended += 1;
            this.ledger.end_cancelled(id, &cause, drop_guarded(item).err());
        }
        if let Some(crew) = this.crew {
            crew.cancel("");
        }
        this.ledger.drop_source(this.source);
    }

    fn wind_up(self: Pin<&mut Self>) -> Outcome<T, E> {
        let this = self.project();
        this.gate.retire();
        *this.over = true;
        this.ledger.drop_executor(this.executor.take());
        this.ledger.close(this.make.take());
        this.ledger.outcome()
    }
}

impl<'env, X, S, F, Fut, T, E, M> Run for Parallel<'env, X, S, F, Fut, T, E, M>
where
    X: Spawn + Clone,
    S: Source,
    S::Item: Send + 'static,
    F: Fn(S::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    M: Hold<'env, RemoteLane<X, S::Item, F, Fut, T, E>>,
{
    type Output = T;
    type Error = E;

    fn poll_run(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<T, E>> {
        self.poll(cx)
    }
}

impl<X, S: Source, F, Fut, T, E, M: Flavor> fmt::Debug for Parallel<'_, X, S, F, Fut, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parallel").finish_non_exhaustive()
    }
}
