//! Which parties wait for a poll, since which turn, and for how long they may.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::fairness::A_FEW_HUNDRED;

/// All parties of a run, and the turn it is in.
#[derive(Clone, Default)]
pub(super) struct Board(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    turn: usize,
    /// Polls since the last task was polled.
    polls: usize,
    /// Busy parties park.
    quiet: bool,
    seats: Vec<Seat>,
    /// Seats that were left.
    vacant: Vec<usize>,
    /// A peer that wakes others goes on from here.
    next: usize,
    /// A rule that is not about waiting was broken.
    broken: Option<String>,
}

/// What is known of one party.
struct Seat {
    name: &'static str,
    /// It is polled in so many turns after the one in which it became ready.
    bound: usize,
    pace: Pace,
    /// The turn in which it became ready, if it was not polled since.
    ready: Option<usize>,
    /// The waker it parked with.
    waker: Option<Waker>,
    polls: usize,
}

/// How often a party is ready.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// It wakes itself in each poll.
    Busy,
    /// It parks, and is woken from outside every so many turns.
    Parked(usize),
}

impl Board {
    /// Takes a seat for a party that waits for its first poll if it is `ready`.
    pub(super) fn seat(&self, name: &'static str, bound: usize, pace: Pace, ready: bool) -> Party {
        let mut state = self.lock();
        let ready = ready.then_some(state.turn);
        let seat = Seat { name, bound, pace, ready, waker: None, polls: 0 };
        let at = match state.vacant.pop() {
            Some(at) => {
                state.seats[at] = seat;
                at
            }
            None => {
                state.seats.push(seat);
                state.seats.len() - 1
            }
        };
        drop(state);
        Party { board: self.clone(), at }
    }

    /// Begins a turn. It wakes parked parties that are due, and busy ones when the quiet is over.
    pub(super) fn begin_turn(&self, quiet: bool) {
        let turn = {
            let mut state = self.lock();
            state.quiet = quiet;
            state.turn
        };
        let seats = self.lock().seats.len();
        for n in 0..seats {
            // Another order each time: the order of the wakes must not matter.
            let at = if turn % 2 == 0 { n } else { seats - 1 - n };
            let due = match self.lock().seats[at].pace {
                Pace::Busy => !quiet,
                Pace::Parked(every) => turn % every == 0,
            };
            if due {
                self.wake(at);
            }
        }
        self.lock().turn = turn + 1;
    }

    /// A task was polled: its turn is over. Tells of one that was too long.
    pub(super) fn end_poll(&self) -> Result<(), String> {
        let mut state = self.lock();
        let polls = std::mem::take(&mut state.polls);
        if polls > A_FEW_HUNDRED {
            return Err(format!("in turn {}: {polls} polls", state.turn));
        }
        Ok(())
    }

    /// Ends a turn; tells of a party that has waited for too long, or of a rule that was broken.
    pub(super) fn end_turn(&self) -> Result<(), String> {
        let state = self.lock();
        if let Some(broken) = &state.broken {
            return Err(format!("in turn {}: {broken}", state.turn));
        }
        for seat in &state.seats {
            let Some(ready) = seat.ready else { continue };
            let waits = state.turn - ready;
            if waits > seat.bound {
                let Seat { name, bound, polls, .. } = seat;
                return Err(format!(
                    "in turn {}: {name} has waited for {waits} turns of {bound}, after {polls} polls",
                    state.turn
                ));
            }
        }
        Ok(())
    }

    /// A rule was broken that is not about waiting.
    pub(super) fn report(&self, broken: String) {
        self.lock().broken.get_or_insert(broken);
    }

    /// A party that is ready, if there is one.
    pub(super) fn any_ready(&self) -> Option<&'static str> {
        self.lock().seats.iter().find(|seat| seat.ready.is_some()).map(|seat| seat.name)
    }

    /// Wakes one of those that have parked, another each time.
    fn wake_another(&self) {
        let at = {
            let mut state = self.lock();
            state.next += 1;
            state.next % state.seats.len()
        };
        self.wake(at);
    }

    fn wake(&self, at: usize) {
        let waker = {
            let mut state = self.lock();
            let turn = state.turn;
            let seat = &mut state.seats[at];
            let waker = seat.waker.take();
            if waker.is_some() {
                seat.ready = Some(turn);
            }
            waker
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// A seat at the board, which it leaves when it is dropped.
pub(super) struct Party {
    board: Board,
    at: usize,
}

impl Party {
    /// It was polled, or whatever it waited for has come.
    pub(super) fn served(&self) -> usize {
        let mut state = self.board.lock();
        state.polls += 1;
        let seat = &mut state.seats[self.at];
        let waker = seat.waker.take();
        seat.ready = None;
        seat.polls += 1;
        let polls = seat.polls;
        drop(state);
        drop(waker);
        polls
    }

    /// It waits for a poll, or for something else, from now on, or has done so for longer. If it
    /// has parked it waits for its waker.
    pub(super) fn waits(&self) {
        let mut state = self.board.lock();
        let turn = state.turn;
        let seat = &mut state.seats[self.at];
        if seat.waker.is_none() {
            seat.ready.get_or_insert(turn);
        }
    }

    /// Parks, or wakes itself: what its pace says.
    pub(super) fn pause(&self, cx: &mut Context<'_>) {
        let mut state = self.board.lock();
        let busy = matches!(state.seats[self.at].pace, Pace::Busy) && !state.quiet;
        if !busy {
            state.seats[self.at].waker = Some(cx.waker().clone());
            return;
        }
        state.seats[self.at].ready = Some(state.turn);
        drop(state);
        cx.waker().wake_by_ref();
    }

    /// Parks, if all are to be quiet; says whether it has.
    pub(super) fn rests(&self, cx: &mut Context<'_>) -> bool {
        let quiet = self.board.lock().quiet;
        if quiet {
            self.pause(cx);
        }
        quiet
    }

    pub(super) fn wake_another(&self) {
        self.board.wake_another();
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        let mut state = self.board.lock();
        let seat = &mut state.seats[self.at];
        (seat.ready, seat.waker) = (None, None);
        state.vacant.push(self.at);
    }
}

/// A future that never ends, and keeps the pace of its party.
pub(super) struct Paced<O> {
    party: Party,
    each: fn(&Party, usize),
    output: std::marker::PhantomData<fn() -> O>,
}

impl<O> Paced<O> {
    pub(super) fn new(party: Party) -> Self {
        Self::that(party, |_, _| {})
    }

    /// One that does something in each poll.
    pub(super) fn that(party: Party, each: fn(&Party, usize)) -> Self {
        Self { party, each, output: std::marker::PhantomData }
    }
}

impl<O> Future for Paced<O> {
    type Output = O;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        let polls = self.party.served();
        (self.each)(&self.party, polls);
        self.party.pause(cx);
        Poll::Pending
    }
}
