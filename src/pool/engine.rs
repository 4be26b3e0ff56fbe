//! The driver of a pool: it pulls items, runs each in a lane, and cancels what is left.

use std::cmp::Reverse;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::Options;
use super::item::{ItemTimeout, Place, Tag};
use super::ledger::{Ledger, Settled};
use super::run::{NameItems, PoolRun};
use super::source::Source;
use crate::cancel::current::Inside;
use crate::cancel::{Cause, LostKind, Nest};
use crate::child::{Ended, Polled};
use crate::drive::{DriverState, Kind, Kinds, Running, WakeFlag, Work, budget};
use crate::error::Panic;
use crate::flavor::{Flavor, Naming};
use crate::guard::{FirstPanic, catch, drop_guarded};
use crate::info::ChildId;
use crate::lanes::Lanes;
use crate::observe::SeenTraits;
use crate::report::Completion;

pin_project! {
    /// A run of a pool on the task that awaits it.
    #[doc(hidden)]
    pub struct Engine<'env, S: Source, F, Fut, T, E, M: Flavor, C: ItemTimeout> {
        driver: DriverState,
        // `None` once it has no more items.
        #[pin]
        source: Option<S>,
        source_woken: Arc<WakeFlag>,
        make: Option<F>,
        timeout: Option<C>,
        names: Option<M::Namer<'env, S::Item>>,
        lanes: Lanes<Run<Fut, C::Timer>>,
        ledger: Ledger<'env, T, E, M>,
        // The number of the next item.
        pulled: u64,
        limit: usize,
    }

    impl<'env, S: Source, F, Fut, T, E, M: Flavor, C: ItemTimeout> PinnedDrop
        for Engine<'env, S, F, Fut, T, E, M, C>
    {
        // Items first, the newest before the others, each even where another's destructor panics.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.driver.retire();
            let mut first = FirstPanic::default();
            let mut lost = 0;
            for lane in newest_first(this.lanes) {
                let run = this.lanes.place(lane);
                first.note(run.place.as_mut().clear().map_or(Ok(()), Err));
                run.item.is_gone(Some(LostKind::Dropped));
                lost += run.nest.take().map_or(0, |nest| nest.lost());
            }
            first.note(catch(|| this.source.as_mut().set(None)));
            first.note(drop_guarded(this.make.take()));
            first.note(drop_guarded(this.timeout.take()));
            first.note(drop_guarded(this.names.take()));
            this.ledger.abandon(lost, &mut first);
            first.resume();
        }
    }
}

/// A lane: one item after the other runs there.
struct Run<Fut, Tm> {
    /// In a box, since it is pinned and other lanes come and go beside it.
    place: Pin<Box<Place<Fut, Tm>>>,
    item: Tag,
    /// The nurseries inside the item, once there is one.
    nest: Option<Arc<Nest>>,
}

/// The lanes that have an item, the newest item first.
fn newest_first<Fut, Tm>(lanes: &mut Lanes<Run<Fut, Tm>>) -> Vec<usize> {
    let mut taken: Vec<_> = lanes.each_taken().collect();
    taken.sort_unstable_by_key(|lane| Reverse(lanes.place(*lane).item.id));
    taken
}

impl<'env, S, F, Fut, T, E, M, C> Engine<'env, S, F, Fut, T, E, M, C>
where
    S: Source,
    F: FnMut(S::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    M: Flavor,
    C: ItemTimeout,
{
    pub(super) fn new(
        mut options: Options<'env, E, M>,
        timeout: C,
        outputs: bool,
        location: &'static Location<'static>,
        source: S,
        make: F,
    ) -> Self {
        let traits = SeenTraits { daemon: false, remote: false, size: size_of::<Fut>() };
        let driver = mem::replace(&mut options.driver, DriverState::new());
        let (limit, pulled) = (options.limit, options.policy.owner.first_number());
        Self {
            source_woken: WakeFlag::new(driver.waker()),
            lanes: Lanes::new(driver.waker()),
            ledger: Ledger::new(options, outputs, location, driver.waker(), traits, || {
                source.left()
            }),
            driver,
            source: Some(source),
            make: Some(make),
            timeout: Some(timeout),
            names: None,
            pulled,
            limit,
        }
    }
}

/// A pool that is driven.
struct Driven<'a, 'env, S: Source, F, Fut, T, E, M: Flavor, C: ItemTimeout> {
    source: Pin<&'a mut Option<S>>,
    source_woken: &'a Arc<WakeFlag>,
    make: &'a mut Option<F>,
    timeout: &'a Option<C>,
    names: &'a mut Option<M::Namer<'env, S::Item>>,
    lanes: &'a mut Lanes<Run<Fut, C::Timer>>,
    ledger: &'a mut Ledger<'env, T, E, M>,
    pulled: &'a mut u64,
    limit: usize,
}

impl<S, F, Fut, T, E, M, C> Driven<'_, '_, S, F, Fut, T, E, M, C>
where
    S: Source,
    F: FnMut(S::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    M: Flavor,
    C: ItemTimeout,
{
    /// Whether there is a lane for another item, and perhaps an item. A lane that is held for it is
    /// taken already.
    #[inline]
    fn can_pull(&self, held: Option<usize>) -> bool {
        let may_have_one = !S::WAITS || self.source_woken.is_set();
        let busy = self.lanes.taken() - usize::from(held.is_some());
        may_have_one
            && self.source.is_some()
            && busy < self.limit
            && !self.ledger.is_late()
            && self.ledger.may_pull(*self.pulled)
    }

    /// Whether a pass over the items has to stop: the pool is to be cancelled, or an end to be
    /// handed out.
    #[inline]
    fn must_stop(&self) -> bool {
        self.ledger.must_cancel() || self.ledger.has_more()
    }

    /// Pulls items and polls each for the first time, while there is a lane. Those that succeed at
    /// once leave their lane to each other.
    #[inline]
    fn pull(&mut self) {
        let mut held = None;
        while self.can_pull(held) && !self.must_stop() && budget::spend() {
            let pulled = self.ledger.pull(self.source.as_mut(), self.source_woken);
            let Some(item) = pulled else { break };
            let id = ChildId::new(*self.pulled);
            *self.pulled += 1;
            let Some((tag, item)) = self.ledger.name::<S>(self.names, id, item) else { continue };
            let new = || Run { place: Box::pin(Place::new()), item: id.into(), nest: None };
            let lane = held.unwrap_or_else(|| self.lanes.take(new));
            let run = self.lanes.place(lane);
            run.place.as_mut().observe(&tag);
            run.item = tag;
            held = self.poll_lane(lane, Some(item)).then_some(lane);
        }
        if let Some(lane) = held {
            self.lanes.free(lane);
        }
    }

    /// Polls items that were woken, each once.
    #[inline]
    fn poll_woken(&mut self) {
        self.lanes.begin_round();
        // The items that are left after a cancel are dropped in the next round.
        while budget::left() > 0 && !self.must_stop() {
            let Some(lane) = self.lanes.next() else { return };
            budget::spend();
            if self.poll_lane(lane, None) {
                self.lanes.free(lane);
            }
        }
    }

    /// Polls the item of a lane. The future of a `new` one is made first. Says whether the caller
    /// is to free the lane: the item has succeeded. Where it fails, this frees it.
    #[inline]
    fn poll_lane(&mut self, lane: usize, new: Option<S::Item>) -> bool {
        let (run, waker) = self.lanes.lane(lane);
        let timeout = self.timeout.as_ref().filter(|_| C::ANY && new.is_some());
        let start = timeout.map(|timeout| || timeout.start());
        let make = || new.zip(self.make.as_mut()).map(|(item, make)| make(item));
        let mut cx = Context::from_waker(waker);
        let inside = Inside::enter_nest(run.nest.take());
        let polled = run.place.as_mut().poll(make, start, &mut cx);
        let nest = inside.leave();
        budget::has_polled();
        match polled {
            Polled::Pending => {
                run.nest = nest;
                if run.place.is_expired() {
                    self.expire(lane);
                } else {
                    self.lanes.wait(lane);
                }
                false
            }
            Polled::Completed(output) if nest.is_none() && !self.ledger.is_cancelled() => {
                self.ledger.complete(&run.item, output);
                true
            }
            Polled::Completed(output) => {
                self.end(lane, nest.as_deref(), Ended::completed(output));
                false
            }
            Polled::Ended(ended) => {
                self.end(lane, nest.as_deref(), ended);
                false
            }
        }
    }

    /// Frees the lane of an item that has ended.
    #[cold]
    fn end(&mut self, lane: usize, nest: Option<&Nest>, mut ended: Ended<T, E>) {
        let item = self.lanes.place(lane).item.clone();
        self.lanes.free(lane);
        if let Some(nest) = nest {
            ended.how = mem::take(&mut ended.how).losing(nest.lost());
        }
        if let Some(cause) = self.ledger.end(&item, ended) {
            self.cancel(cause);
        }
    }

    /// Drops an item that has run out of time.
    #[cold]
    fn expire(&mut self, lane: usize) {
        let cause = Cause::timeout(self.ledger.info(&self.lanes.place(lane).item));
        self.drop_item(lane, &cause);
    }

    /// Pulls no more, and drops what is left, unless it has a grace.
    #[cold]
    fn cancel(&mut self, cause: Cause) {
        let cause = self.ledger.cancel(cause);
        if self.ledger.grace_is_running() {
            self.signal(&cause);
        } else {
            self.drop_items(&cause);
        }
        self.ledger.cut_short(self.source.as_mut());
    }

    /// Cancels the nurseries inside the items, which go on.
    fn signal(&mut self, cause: &Cause) {
        for lane in newest_first(self.lanes) {
            let run = self.lanes.place(lane);
            if let Some(nest) = &run.nest {
                nest.signal(self.ledger.parent_cancelled(&run.item, cause));
            }
        }
    }

    /// Drops the items that run, the newest first.
    fn drop_items(&mut self, cause: &Cause) {
        for lane in newest_first(self.lanes) {
            self.drop_item(lane, cause);
        }
    }

    /// Drops an item, unless it comes to an end in its last poll.
    fn drop_item(&mut self, lane: usize, cause: &Cause) {
        if !self.end_inside(lane, cause) {
            let run = self.lanes.place(lane);
            let panic = run.place.as_mut().clear().map(Panic::of_destructor);
            let nest = run.nest.take();
            let ended = self.ledger.dropped_for(cause, panic);
            self.end(lane, nest.as_deref(), ended);
        }
    }

    /// Ends the nurseries inside an item that is cancelled. If there are any, the item is polled
    /// for the last time. Says whether it has ended.
    fn end_inside(&mut self, lane: usize, cause: &Cause) -> bool {
        let run = self.lanes.place(lane);
        let Some(nest) = run.nest.clone() else { return false };
        if !nest.end(self.ledger.parent_cancelled(&run.item, cause)) {
            return false;
        }
        let _unbounded = budget::Unbounded::begin();
        let inside = Inside::enter_nest(Some(Arc::clone(&nest)));
        let mut cx = Context::from_waker(Waker::noop());
        let polled = run.place.as_mut().poll(|| None, None::<fn() -> _>, &mut cx);
        drop(inside.leave());
        let mut ended = match polled {
            Polled::Pending => return false,
            Polled::Completed(output) => Ended::completed(output),
            Polled::Ended(ended) => ended,
        };
        ended.how.cause = Some(cause.clone());
        run.nest = None;
        self.end(lane, Some(&nest), ended);
        true
    }

    /// Cancels the pool if its deadline has passed, and those have been polled that were woken
    /// before.
    fn heed_deadline(&mut self) {
        let was_late = self.ledger.is_late();
        if self.ledger.poll_deadline() {
            if !was_late {
                self.lanes.mark();
            }
            if self.lanes.is_past_mark() {
                self.cancel(Cause::deadline());
            }
        }
    }
}

impl<S, F, Fut, T, E, M, C> Work for Driven<'_, '_, S, F, Fut, T, E, M, C>
where
    S: Source,
    F: FnMut(S::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    M: Flavor,
    C: ItemTimeout,
{
    fn rotate(&mut self) {
        self.lanes.rotate();
    }

    #[inline]
    fn take_requests(&mut self) {
        if self.ledger.must_cancel() {
            // The handle's own cause was first.
            self.cancel(Cause::requested(String::new()));
        }
        if let Some(cause) = self.ledger.look_around() {
            self.cancel(cause);
        }
        self.lanes.find_woken();
        if self.ledger.times_are_due() || self.ledger.is_last() {
            self.heed_deadline();
            if let Some(cause) = self.ledger.poll_grace() {
                self.drop_items(&cause);
            }
        }
    }

    #[inline]
    fn settle(&mut self) {
        self.lanes.settle();
    }

    #[inline]
    fn ready(&self) -> Kinds {
        Kinds::new(self.lanes.has_woken(), self.can_pull(None), false)
    }

    #[inline]
    fn poll(&mut self, kind: Kind) {
        match kind {
            Kind::Woken => self.poll_woken(),
            Kind::New => self.pull(),
            Kind::Body => {}
        }
    }

    #[inline]
    fn has_ended(&self) -> bool {
        self.ledger.has_more()
    }

    #[inline]
    fn hand_out(&mut self) -> bool {
        self.ledger.has_more() && budget::spend()
    }

    #[inline]
    fn is_done(&self) -> bool {
        self.source.is_none() && self.lanes.taken() == 0 && !self.ledger.has_more()
    }

    #[inline]
    fn is_pressed(&self) -> bool {
        self.ledger.must_cancel() || self.ledger.times_are_due()
    }
}

impl<S, F, Fut, T, E, M, C> PoolRun for Engine<'_, S, F, Fut, T, E, M, C>
where
    S: Source,
    F: FnMut(S::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    M: Flavor,
    C: ItemTimeout,
{
    type Item = S::Item;
    type Output = T;
    type Error = E;

    fn poll_drive(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let mut running = Running::begin(this.driver, cx);
        let mut items = Driven {
            source: this.source,
            source_woken: this.source_woken,
            make: this.make,
            timeout: this.timeout,
            names: this.names,
            lanes: this.lanes,
            ledger: this.ledger,
            pulled: this.pulled,
            limit: *this.limit,
        };
        running.drive(cx, &mut items)
    }

    fn finish(self: Pin<&mut Self>) {
        let this = self.project();
        this.driver.retire();
        this.ledger.drop_closure(this.make.take());
        this.ledger.drop_closure(this.timeout.take());
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
        self.ledger.hand_out(in_order, self.pulled, self.limit);
    }

    fn next(self: Pin<&mut Self>) -> Option<Completion<T, E>> {
        self.project().ledger.next()
    }
}

impl<'env, S, F, Fut, T, E, M, C, N, R> NameItems<N, R> for Engine<'env, S, F, Fut, T, E, M, C>
where
    S: Source,
    F: FnMut(S::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    M: Naming<'env, N, S::Item, R>,
    C: ItemTimeout,
{
    fn name_items(&mut self, name: N) {
        self.names = Some(M::naming(name));
    }
}

impl<S: Source, F, Fut, T, E, M: Flavor, C: ItemTimeout> fmt::Debug
    for Engine<'_, S, F, Fut, T, E, M, C>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
