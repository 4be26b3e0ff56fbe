//! The futures of a plan.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use nestling::{CancelHandle, Nursery, Pool, Spawner};

use super::board::{Board, Pace, Paced, Party};
use super::plan::{Form, Member, Nest, SHORT};
use crate::support::Count;

type Done = Result<(), &'static str>;
type Children = Nursery<'static, (), &'static str>;

/// After so many polls a party cancels its nursery or itself.
const A_WHILE: usize = 20;

/// A child that ends in its first poll, unless all are quiet.
struct Short {
    party: Party,
    /// How many there are of its kind.
    alive: Count,
    /// What waits for its end.
    owner: Weak<Party>,
}

impl Short {
    fn new(board: &Board, bound: usize, alive: &Count, owner: Weak<Party>) -> Self {
        alive.add();
        let party = board.seat("a new child", bound, Pace::Busy, true);
        Self { party, alive: alive.clone(), owner }
    }
}

impl Future for Short {
    type Output = Done;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        self.party.served();
        if self.party.rests(cx) {
            return Poll::Pending;
        }
        if let Some(owner) = self.owner.upgrade() {
            owner.waits();
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Short {
    fn drop(&mut self) {
        self.alive.remove();
    }
}

/// What the parties of one nest have in common.
struct Place {
    board: Board,
    bound: usize,
}

impl Place {
    fn seat(&self, name: &'static str, pace: Pace) -> Party {
        self.board.seat(name, self.bound, pace, true)
    }

    fn paced<O>(&self, name: &'static str, pace: Pace) -> Paced<O> {
        Paced::new(self.seat(name, pace))
    }

    /// A timer may start late, and is ready from its first poll on.
    fn timer(&self, name: &'static str, pace: Pace) -> Paced<()> {
        Paced::new(self.board.seat(name, self.bound, pace, false))
    }

    /// The futures of those that are the same in nurseries and pools.
    fn futures(&self, member: &Member) -> Vec<BoxFuture<'static, Done>> {
        match member {
            Member::Many(count) => {
                (0..*count).map(|_| self.paced("one of many", Pace::Busy).boxed()).collect()
            }
            Member::One(pace) | Member::Timed(pace, _) | Member::Graced(pace) => {
                vec![self.paced("a child", *pace).boxed()]
            }
            Member::Waker => {
                let waker = Paced::that(self.seat("a waker", Pace::Busy), |party, polls| {
                    if polls % 3 == 0 {
                        party.wake_another();
                    }
                });
                vec![waker.boxed()]
            }
            // A pool has none.
            Member::Spawner => vec![self.paced("a child", Pace::Busy).boxed()],
            Member::Nest(nest) => {
                let outer = self.bound;
                vec![run_nest(nest, &self.board, nest.bound_within(outer))]
            }
        }
    }

    fn add(&self, nursery: &mut Children, member: &Member, cancelled: bool) {
        match member {
            Member::Spawner => {
                let spawner = nursery.spawner();
                nursery.spawn(self.spawning("a spawner", Pace::Busy, spawner));
            }
            // In a cancelled nursery there is one grace for all, and timeouts do not count.
            Member::Timed(child, timer) if !cancelled => {
                let timer = self.timer("a timeout", *timer);
                nursery.child().timeout(timer).spawn(self.paced("a timed child", *child));
            }
            Member::Graced(timer) if !cancelled => {
                let timer = self.timer("a grace of a child", *timer);
                let child = self.seat("a child in its grace", Pace::Busy);
                let own = Arc::new(OnceLock::<CancelHandle>::new());
                let handle = own.clone();
                let child = poll_fn(move |cx| {
                    if child.served() == A_WHILE {
                        own.get().unwrap().cancel();
                    }
                    child.pause(cx);
                    Poll::Pending
                });
                let child = nursery.child().grace(timer).spawn_with_handle(child);
                handle.set(child).unwrap();
            }
            other => {
                for future in self.futures(other) {
                    nursery.spawn(future);
                }
            }
        }
    }

    fn spawning(
        &self,
        name: &'static str,
        pace: Pace,
        spawner: Spawner<'static, (), &'static str>,
    ) -> impl Future<Output = Done> + Send + use<> {
        let (party, board, bound) = (self.seat(name, pace), self.board.clone(), self.bound);
        let alive = Count::default();
        poll_fn(move |cx| {
            party.served();
            if alive.get() < SHORT {
                // A cancelled nursery refuses it.
                let _ = spawner.spawn(Short::new(&board, bound, &alive, Weak::new()));
            }
            party.pause(cx);
            Poll::Pending
        })
    }
}

/// A run of a nest, each party of which is polled within `bound` turns.
pub(super) fn run_nest(nest: &Nest, board: &Board, bound: usize) -> BoxFuture<'static, Done> {
    let place = Place { board: board.clone(), bound };
    if let Form::Pool = nest.form {
        return run_pool(nest, &place);
    }
    let mut nursery = Children::new();
    if let Some(pace) = nest.deadline {
        nursery = nursery.deadline(place.timer("a deadline", pace));
    }
    if nest.cancelled {
        nursery = nursery.grace(place.timer("a grace", nest.deadline.unwrap_or(Pace::Busy)));
        let (party, spawner) = (place.seat("a canceller", Pace::Busy), nursery.spawner());
        nursery.spawn(poll_fn(move |cx| {
            if party.served() == A_WHILE {
                spawner.cancel("by a child");
            }
            party.pause(cx);
            Poll::Pending
        }));
    }
    for member in &nest.members {
        place.add(&mut nursery, member, nest.cancelled);
    }
    match nest.form {
        Form::Run(pace) => {
            let run = nursery.run(|spawner| place.spawning("a body", pace, spawner));
            run.map(|_| Err("it has ended")).boxed()
        }
        Form::Next => {
            let owner = Arc::new(place.board.seat("the owner", bound, Pace::Busy, false));
            async move {
                let alive = Count::default();
                loop {
                    if alive.get() == 0 {
                        nursery.spawn(Short::new(
                            &place.board,
                            bound,
                            &alive,
                            Arc::downgrade(&owner),
                        ));
                    }
                    let completion = nursery.next().await;
                    owner.served();
                    if completion.is_none_or(|end| end.outcome().is_cancelled()) {
                        // It is cancelled, and takes no more children.
                        drop(owner);
                        return nursery.join().await.map(drop).map_err(|_| "it has failed");
                    }
                }
            }
            .boxed()
        }
        Form::Join | Form::Pool => nursery.join().map(|_| Err("it has ended")).boxed(),
    }
}

fn run_pool(nest: &Nest, place: &Place) -> BoxFuture<'static, Done> {
    let (board, bound) = (place.board.clone(), place.bound);
    let members: Vec<_> = nest.members.iter().flat_map(|member| place.futures(member)).collect();
    let pool = Pool::<&'static str>::new(members.len() + 1);
    let source = Arc::new(place.seat("a source", Pace::Busy));
    let alive = Count::default();
    let short = std::iter::from_fn(move || {
        source.served();
        Some(Short::new(&board, bound, &alive, Arc::downgrade(&source)).boxed())
    });
    pool.for_each(members.into_iter().chain(short), |item| item)
        .map(|_| Err("it has ended"))
        .boxed()
}
