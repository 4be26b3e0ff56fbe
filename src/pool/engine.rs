//! The driver of a pool: it pulls items, runs each in a lane, and cancels what is left.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::Options;
use super::item::poll_in_place;
use super::lanes::Lanes;
use super::ledger::{Ledger, Outcome};
use super::run::Run;
use super::source::Source;
use crate::cancel::Cause;
use crate::flavor::Flavor;
use crate::gate::Gate;
use crate::guard::{FirstPanic, catch, drop_guarded};
use crate::info::ChildId;
use crate::scope::alarm::Bell;
use crate::scope::budget::{self, Turn};

/// Items that are started in a row.
const ROW: usize = 64;

/// One part in so many of what is left of the turn is the most that items may spend on their start: the
/// rest is for those that run.
const SHARE: u32 = 2;

pin_project! {
    /// A run of a pool on the task that awaits it.
    #[doc(hidden)]
    pub struct Engine<'env, S, F, Fut, T, E, M: Flavor> {
        // `None` once it is dry.
        #[pin]
        source: Option<S>,
        make: Option<F>,
        lanes: Lanes<Fut>,
        ledger: Ledger<'env, T, E, M>,
        // Items that were pulled; the next has this number.
        pulled: u64,
        limit: usize,
        gate: Arc<Gate>,
        // Rung when the source may have an item.
        bell: Arc<Bell>,
        bell_waker: Waker,
        // The pool is driven by a child of a nursery whose turn was over.
        put_off: bool,
        over: bool,
    }

    impl<'env, S, F, Fut, T, E, M: Flavor> PinnedDrop for Engine<'env, S, F, Fut, T, E, M> {
        // Items first, the newest before the others, each even if another's destructor panics.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.gate.retire();
            let mut first = FirstPanic::default();
            for at in this.lanes.newest_first() {
                first.note(catch(|| this.lanes.lane(at).future.as_mut().set(None)));
            }
            first.note(catch(|| this.source.as_mut().set(None)));
            first.note(drop_guarded(this.make.take()));
            this.ledger.abandon(&mut first);
            first.resume();
        }
    }
}

impl<'env, S, F, Fut, T, E, M> Engine<'env, S, F, Fut, T, E, M>
where
    S: Source,
    F: FnMut(S::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    M: Flavor,
{
    pub(super) fn new(
        options: Options<'env, E, M>,
        outputs: bool,
        location: &'static Location<'static>,
        source: S,
        make: F,
    ) -> Self {
        let (gate, limit) = (Arc::clone(&options.gate), options.limit);
        let bell = Bell::new(&gate);
        Self {
            ledger: Ledger::new(options, outputs, location, || source.left()),
            source: Some(source),
            make: Some(make),
            lanes: Lanes::new(),
            pulled: 0,
            limit,
            gate,
            bell_waker: Waker::from(Arc::clone(&bell)),
            bell,
            put_off: false,
            over: false,
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
            self.as_mut().heed();
            self.as_mut().fill();
            let all = self.as_mut().poll_lanes();
            if self.source.is_none() && self.lanes.busy() == 0 {
                let this = self.project();
                this.gate.retire();
                this.ledger.close(this.make.take());
                *this.over = true;
                return Poll::Ready(this.ledger.outcome());
            }
            if all && !self.can_fill() && self.gate.leave() {
                return Poll::Pending;
            }
            // A nested driver goes round once, as that of a nursery does. Each round costs one, so that
            // rounds that poll nothing end too.
            if !all || turn.is_nested() || !budget::spend() {
                self.gate.yield_now(cx);
                return Poll::Pending;
            }
        }
    }

    /// Whether there is a lane for another item, and perhaps an item.
    #[inline]
    fn can_fill(&self) -> bool {
        let may_have_one = !S::WAITS || self.bell.has_rung();
        may_have_one && self.source.is_some() && self.lanes.busy() < self.limit
    }

    /// Cancels what is left if a handle has asked for it.
    fn heed(self: Pin<&mut Self>) {
        if self.ledger.is_doomed() {
            // The handle's own cause was first.
            self.cancel(Cause::requested(String::new()));
        }
    }

    /// Pulls items and polls each for the first time, while there is a lane.
    #[inline]
    fn fill(mut self: Pin<&mut Self>) {
        let reserve = budget::reserve(SHARE);
        for _ in 0..ROW {
            if !self.can_fill() || self.ledger.is_doomed() || !budget::spend_beyond(reserve) {
                return;
            }
            let this = self.as_mut().project();
            let pulled = this.ledger.pull(this.source, this.bell, this.bell_waker);
            let Some(item) = pulled else { return };
            let id = ChildId::new(*this.pulled);
            *this.pulled += 1;
            let at = this.lanes.take_free(id, this.gate);
            self.as_mut().poll_lane(at, Some(item));
        }
    }

    /// Polls the lanes that were woken; `false` if the turn was over before.
    #[inline]
    fn poll_lanes(mut self: Pin<&mut Self>) -> bool {
        let mut round = self.lanes.round();
        while let Some(at) = self.lanes.next(&mut round) {
            // Those that are left are dropped in the next round, which the cancel brings about.
            if self.ledger.is_doomed() {
                break;
            }
            if !budget::spend() {
                self.as_mut().project().lanes.stop_before(&round, at);
                return false;
            }
            self.as_mut().poll_lane(at, None);
        }
        true
    }

    /// Polls the item of a lane, after its future was made if it is a new one.
    #[inline]
    fn poll_lane(mut self: Pin<&mut Self>, at: usize, new: Option<S::Item>) {
        let this = self.as_mut().project();
        let lane = this.lanes.lane(at);
        let id = lane.item;
        let make = || new.zip(this.make.as_mut()).map(|(item, make)| make(item));
        let mut cx = Context::from_waker(&lane.waker);
        let Poll::Ready(ran) = poll_in_place(lane.future.as_mut(), make, &mut cx) else { return };
        this.lanes.set_free(at);
        if let Some(cause) = this.ledger.end(id, ran) {
            self.cancel(cause);
        }
    }

    /// Drops what is left, the newest first, and pulls no more.
    #[cold]
    fn cancel(self: Pin<&mut Self>, cause: Cause) {
        let this = self.project();
        let cause = this.ledger.cancel(cause);
        for at in this.lanes.newest_first() {
            let lane = this.lanes.lane(at);
            let id = lane.item;
            let dropped = catch(|| lane.future.as_mut().set(None));
            this.lanes.set_free(at);
            this.ledger.end_cancelled(id, &cause, dropped.err());
        }
        this.ledger.drop_source(this.source);
    }
}

impl<S, F, Fut, T, E, M> Run for Engine<'_, S, F, Fut, T, E, M>
where
    S: Source,
    F: FnMut(S::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    M: Flavor,
{
    type Output = T;
    type Error = E;

    fn poll_run(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<T, E>> {
        self.poll(cx)
    }
}

impl<S, F, Fut, T, E, M: Flavor> fmt::Debug for Engine<'_, S, F, Fut, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
