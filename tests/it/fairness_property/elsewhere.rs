//! Pools whose lanes run on the executor.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::{FutureExt, stream};
use nestling::Pool;

use super::board::{Board, Pace, Party};
use super::build::{Done, Place, Short, run_nest};
use super::plan::{Member, Nest};
use crate::support::Count;

/// The executor polls a task in each turn. One that was woken too late is polled in the next.
const LANE: usize = 2;

/// How many items a lane runs in a row.
const ROW: usize = 32;

/// How many lanes may be on their way however few there are.
const AHEAD: usize = 4;

/// What a lane is given.
enum Item {
    /// A member of the nest, which is made in the lane, and the party that waits for the lane.
    Member(Member, Party),
    Short(Short),
}

/// A pool on the executor. Each member is an item that never ends, and has a lane to itself. The
/// items that follow share one more lane, and end after so many yields.
pub(super) fn run_pool_on(
    nest: &Nest,
    place: &Place,
    stream: bool,
    yields: usize,
) -> BoxFuture<'static, Done> {
    let mut source = Source::new(nest, place, yields);
    let lanes = place.clone();
    let make = move |item| match item {
        Item::Member(member, party) => {
            party.served();
            drop(party);
            lanes.in_lane(&member)
        }
        Item::Short(short) => short.boxed(),
    };
    let pool = Pool::<&'static str>::new(nest.lanes()).on(place.crew.clone());
    if stream {
        let items = stream::poll_fn(move |cx| source.poll(cx).map(Some));
        pool.for_each_stream(items, make).map(|_| Err("it has ended")).boxed()
    } else {
        let items = std::iter::from_fn(move || Some(source.next()));
        pool.for_each(items, make).map(|_| Err("it has ended")).boxed()
    }
}

/// Gives the members of a nest first, and then short items for ever.
struct Source {
    party: Arc<Party>,
    board: Board,
    members: std::vec::IntoIter<Item>,
    /// Members that were pulled. They do not end.
    pulled: usize,
    /// Short items that were pulled and have not ended.
    short: Count,
    limit: usize,
    /// How often a short item yields.
    yields: usize,
    /// In how many turns a short item is polled.
    bound: usize,
}

impl Source {
    fn new(nest: &Nest, place: &Place, yields: usize) -> Self {
        let (limit, board) = (nest.lanes(), place.board.clone());
        let start = start(limit, place);
        // Those that were pulled before it go first: many in a row, or one after the other.
        let ahead = 2 * limit;
        let turns = if yields == 0 { ahead.div_ceil(ROW) } else { ahead * (yields + 1) };
        let seat = |member| {
            Item::Member(member, place.board.seat("an item of a member", start, Pace::Busy, true))
        };
        let members: Vec<_> = nest.members.iter().flat_map(singles).map(seat).collect();
        Self {
            party: Arc::new(place.seat("a source", Pace::Busy)),
            board,
            members: members.into_iter(),
            pulled: 0,
            short: Count::default(),
            limit,
            yields,
            bound: start + LANE * turns,
        }
    }

    fn next(&mut self) -> Item {
        self.party.served();
        let item = match self.members.next() {
            Some(member) => {
                self.pulled += 1;
                member
            }
            None => {
                let source = Arc::downgrade(&self.party);
                let short = Short::new(&self.board, self.bound, &self.short, source);
                Item::Short(short.pulled_ahead(self.limit / 2, self.yields))
            }
        };
        let ahead = self.pulled + self.short.get();
        if ahead > 2 * self.limit {
            self.board.report(format!("{ahead} items are pulled, and {} may run", self.limit));
        }
        item
    }

    /// It rests while all are quiet, once it has given the members.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Item> {
        if self.members.len() == 0 {
            self.party.served();
            if self.party.rests(cx) {
                return Poll::Pending;
            }
        }
        Poll::Ready(self.next())
    }
}

/// The members of which each is one item.
fn singles(member: &Member) -> Vec<Member> {
    match member {
        Member::Many(count) => vec![Member::One(Pace::Busy); *count],
        other => vec![other.clone()],
    }
}

/// In how many turns an item of a member has its lane.
///
/// A few lanes are on their way at first, then as many as have arrived. Each time the driver has to
/// be polled, and then the executor. Before that the items have to be pulled, of which each poll of
/// the driver pulls some: with eight polls of the budget, one is for the round, and half of the
/// others for items.
fn start(limit: usize, place: &Place) -> usize {
    let steps = 2 + limit.div_ceil(AHEAD).ilog2() as usize + 1;
    let fills = limit.div_ceil(if place.nested { 3 } else { 100 });
    (steps + fills) * (place.bound + LANE)
}

impl Place {
    /// The future of a member that is an item in a lane. A nest there is polled by no other.
    fn in_lane(&self, member: &Member) -> BoxFuture<'static, Done> {
        let lane = Self { bound: LANE, ..self.clone() };
        match member {
            Member::Nest(nest) => {
                let outermost = Self::outermost(&self.board, &self.crew, nest);
                run_nest(nest, &Self { bound: LANE * outermost.bound, ..outermost })
            }
            other => lane.futures(other).pop().expect("a member is one item"),
        }
    }
}
