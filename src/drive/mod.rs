//! The driver: the one loop that nurseries and pools run by.
//!
//! A *turn* is what the driver does between two yields to the runtime. It has a budget of polls,
//! and at most a few rounds. In a *round* the driver takes what was asked for from outside, and
//! polls each kind of work once: children that were woken, new children, and the body. When nothing
//! is left to do it rests until its waker is woken.
//!
//! | | ends when | then |
//! |---|---|---|
//! | a round | each kind was polled, as far as its part of the budget goes | the next round |
//! | a turn | the budget is spent, or [`ROUNDS`](budget::ROUNDS) rounds are over | the driver yields: it wakes its owner |
//! | a turn | there is nothing to do | the driver rests |
//! | a turn of a nested driver | its round is over | it yields to the driver around it |
//!
//! A nested driver goes round once. Were it to go on for as long as there is work, a chain of
//! nurseries would go round in each other's rounds, and the deepest would spend the whole budget.
//! Where a child is polled for the last time, the nurseries inside it have to end in that poll:
//! they go round as often as any, and have no budget.

pub(crate) mod budget;
mod wake_flag;
mod waker;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use self::budget::{Part, Turn};
pub(crate) use self::wake_flag::WakeFlag;
pub(crate) use self::waker::{DriverStatus, DriverWaker, is_same};
use crate::guard::{drop_quietly, wake_by_ref};

/// A kind of work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Children that were woken.
    Woken,
    /// Children that have not started.
    New,
    /// What runs beside the children.
    Body,
}

impl Kind {
    /// The one that comes after this: kinds are in a ring.
    #[inline]
    fn next(self) -> Self {
        match self {
            Self::Woken => Self::New,
            Self::New => Self::Body,
            Self::Body => Self::Woken,
        }
    }
}

/// Some of the kinds: those that there is something to poll of.
#[derive(Clone, Copy)]
pub(crate) struct Kinds(u8);

impl Kinds {
    #[inline]
    pub(crate) fn new(woken: bool, new: bool, body: bool) -> Self {
        let bit = |kind: Kind, ready: bool| u8::from(ready) << kind as u8;
        Self(bit(Kind::Woken, woken) | bit(Kind::New, new) | bit(Kind::Body, body))
    }

    #[inline]
    fn any(self) -> bool {
        self.0 != 0
    }

    #[inline]
    fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// How many there are besides those that had their turn.
    #[inline]
    fn count_without(self, had: Self) -> u32 {
        (self.0 & !had.0).count_ones()
    }

    #[inline]
    fn and(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }
}

/// What is driven.
pub(crate) trait Work {
    /// Lets another of the woken children go first. Called where these go first in a turn.
    fn rotate(&mut self);

    /// Takes what was asked for from outside, and finds out what was woken.
    fn take_requests(&mut self);

    /// Finds out what was woken, if something has begun to wait in this round.
    fn settle(&mut self);

    /// The kinds that there is something to poll of.
    fn ready(&self) -> Kinds;

    /// Polls what there is of this kind, as far as the budget goes.
    fn poll(&mut self, kind: Kind);

    /// Whether something has ended that was not handed out. A pool collects what has ended, and
    /// hands out nothing before the end, unless it is read as a stream.
    #[inline]
    fn has_ended(&self) -> bool {
        false
    }

    /// Hands out what has ended, as far as the budget goes; `true` when the caller has enough.
    #[inline]
    fn hand_out(&mut self) -> bool {
        false
    }

    /// Whether there is nothing more to wait for.
    fn is_done(&self) -> bool;

    /// Whether there is something to do besides polling, so that the driver must not rest.
    fn is_pressed(&self) -> bool;
}

/// What a driver keeps from one poll to the next.
pub(crate) struct DriverState {
    waker: Arc<DriverWaker>,
    /// The task that drove the last time.
    owner: Option<Arc<Waker>>,
    /// What is left of a turn that spans several calls.
    left: u32,
    rounds: u8,
    /// The kind that goes first in this turn.
    first: Kind,
    /// The next call begins a new turn.
    turn_is_over: bool,
    /// It yielded at once, as nothing was left of the turn around it, and has done little since.
    /// It does not do so twice in a row: a child that spends each turn whole may stand before it
    /// again.
    gave_way: bool,
}

impl DriverState {
    pub(crate) fn new() -> Self {
        Self {
            waker: Arc::default(),
            owner: None,
            left: budget::TURN,
            rounds: 0,
            first: Kind::Woken,
            turn_is_over: true,
            gave_way: false,
        }
    }

    pub(crate) fn waker(&self) -> &Arc<DriverWaker> {
        &self.waker
    }

    /// The driver is gone for good: it wakes no task any more, and keeps the memory of none.
    pub(crate) fn retire(&mut self) {
        self.waker.retire();
        if let Some(owner) = self.owner.take() {
            drop_quietly(owner);
        }
    }

    fn end_turn(&mut self) {
        (self.left, self.rounds) = (budget::TURN, 0);
        self.turn_is_over = true;
    }
}

impl Drop for DriverState {
    fn drop(&mut self) {
        self.retire();
    }
}

/// A driver that runs. While it exists, wakes only leave a mark.
pub(crate) struct Running<'a> {
    driver: &'a mut DriverState,
    turn: Turn,
    /// It rests, or has yielded.
    stopped: bool,
    /// Nothing was left of the turn around this one.
    gives_way: bool,
}

impl<'a> Running<'a> {
    /// Begins to run; the owner behind `cx` is woken when there is something to do later.
    #[inline]
    pub(crate) fn begin(driver: &'a mut DriverState, cx: &Context<'_>) -> Self {
        driver.waker.enter(cx.waker(), &mut driver.owner);
        if driver.left < budget::TURN && is_alone(cx.waker()) {
            // Perhaps it cannot be woken after a yield, as `now_or_never` cannot. So it gets a turn
            // of its own.
            driver.end_turn();
        }
        let turn = Turn::begin(driver.left);
        if turn.is_unbounded() {
            driver.end_turn();
        }
        let gives_way = turn.outer_is_over() && !driver.gave_way;
        Self { turn, stopped: false, gives_way, driver }
    }

    /// Goes round until `work` is done. After `Pending` the owner is woken when there is something
    /// to do.
    #[inline]
    pub(crate) fn drive<W: Work>(&mut self, cx: &mut Context<'_>, work: &mut W) -> Poll<()> {
        if self.gives_way {
            self.yield_now(cx);
            return Poll::Pending;
        }
        // A nested driver that is not the first of all gains nothing by going on: others may have
        // used up what the runtime gives. Were it to go on all the same, in step with the driver
        // around it, the same child might always be the first where that is of no use.
        let mut is_new_turn =
            std::mem::take(&mut self.driver.turn_is_over) && budget::is_untouched();
        if is_new_turn {
            self.driver.first = self.driver.first.next();
        }
        loop {
            if hand_out(work) {
                return Poll::Ready(());
            }
            // Each round costs one, so that rounds that poll nothing end too.
            if self.driver.rounds == budget::ROUNDS || !budget::spend() {
                self.yield_now(cx);
                return Poll::Pending;
            }
            work.take_requests();
            if hand_out(work)
                || work.is_done()
                || self.go_round(work, std::mem::take(&mut is_new_turn))
                || work.is_done()
            {
                return Poll::Ready(());
            }
            self.driver.rounds += 1;
            work.settle();
            let has_more = work.ready().any() || work.has_ended() || work.is_pressed();
            if !has_more && self.rest() {
                return Poll::Pending;
            }
            if self.turn.is_nested() && !self.turn.is_unbounded() {
                self.yield_now(cx);
                return Poll::Pending;
            }
        }
    }

    /// Polls each kind once; `true` when the caller has enough.
    ///
    /// The kinds share what is left of the budget, and another goes first in each turn: the first
    /// may leave nothing to the others, of this budget or of the runtime's.
    #[inline]
    fn go_round<W: Work>(&mut self, work: &mut W, mut first_of_turn: bool) -> bool {
        let first = self.driver.first;
        let (mut kind, mut had) = (first, Kinds(0));
        let mut ready = work.ready();
        loop {
            // A body that spawns faster than children can start waits for them, unless it goes
            // first.
            let waits = kind == Kind::Body && kind != first && ready.has(Kind::New);
            if ready.has(kind) && !waits {
                if std::mem::take(&mut first_of_turn) && kind == Kind::Woken {
                    work.rotate();
                }
                let parts = ready.count_without(had);
                let part = (parts > 1).then(|| Part::one_of(parts));
                work.poll(kind);
                drop(part);
                if work.hand_out() {
                    return true;
                }
                ready = work.ready();
            }
            had = had.and(kind);
            kind = kind.next();
            if kind == first {
                return false;
            }
        }
    }

    /// Stops until the driver is woken; `false` if it was woken meanwhile and has more to do.
    pub(crate) fn rest(&mut self) -> bool {
        self.stopped = self.driver.waker.rest();
        if self.stopped {
            self.driver.end_turn();
            self.driver.gave_way = false;
        }
        self.stopped
    }

    /// Stops because the turn is over, and sees to it that there is another.
    pub(crate) fn yield_now(&mut self, cx: &mut Context<'_>) {
        self.driver.end_turn();
        self.driver.gave_way = self.gives_way;
        self.stopped = true;
        self.driver.waker.stop();
        wake_by_ref(cx.waker());
    }
}

impl Drop for Running<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.stopped {
            self.driver.waker.stop();
            // An owner that asks again and again and never has to wait yields as well.
            self.driver.left = self.driver.left.saturating_sub(self.turn.spent());
            // It has done by now what it may do beyond the turn around it.
            self.driver.gave_way &= budget::TURN - self.driver.left < budget::LEAST;
        }
    }
}

/// Hands out what has ended; `true` when the caller has enough.
fn hand_out<W: Work>(work: &mut W) -> bool {
    work.has_ended() && {
        // The other half is for those that run: there may be a million ends to hand out.
        let _half = Part::one_of(2);
        work.hand_out()
    }
}

/// Whether there is no other task to yield to: a waker without data tells no tasks apart. Wakers
/// that do nothing are such. They cannot be known by their functions, of which the compiler makes
/// copies.
fn is_alone(waker: &Waker) -> bool {
    waker.data().is_null()
}
