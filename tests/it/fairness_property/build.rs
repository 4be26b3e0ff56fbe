//! The futures of a plan.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use nestling::{CancelHandle, Nursery, Pool, Spawner};

use super::board::{Board, Pace, Paced, Party};
use super::crew::Crew;
use super::elsewhere::run_pool_on;
use super::plan::{Form, Member, Nest, SHORT};
use crate::support::Count;

pub(super) type Done = Result<(), &'static str>;
type Children = Nursery<'static, (), &'static str>;

/// After so many polls a party cancels its nursery or itself.
const A_WHILE: usize = 20;

/// A child that ends in its first poll, unless all are quiet.
pub(super) struct Short {
    party: Arc<Party>,
    /// How many there are of its kind.
    alive: Count,
    /// What waits for its end, if no more than so many are left then.
    owner: Weak<Party>,
    few: usize,
    /// It parks while all are quiet.
    rests: bool,
    /// It yields so often before its end.
    yields: usize,
}

impl Short {
    /// Its end frees a slot, or makes way for another.
    pub(super) fn new(board: &Board, bound: usize, alive: &Count, owner: Weak<Party>) -> Self {
        let short = Self::without_slot(board, bound, alive, owner);
        short.party.waits();
        short
    }

    /// One that does not wait for its first poll before it is spawned.
    fn without_slot(board: &Board, bound: usize, alive: &Count, owner: Weak<Party>) -> Self {
        alive.add();
        let party = Arc::new(board.seat("a new child", bound, Pace::Busy, false));
        Self { party, alive: alive.clone(), owner, few: usize::MAX, rests: true, yields: 0 }
    }

    /// An item that is pulled ahead. The source is wanted when `few` of them are left. It never
    /// parks: items behind it would have to wait.
    pub(super) fn pulled_ahead(mut self, few: usize, yields: usize) -> Self {
        (self.few, self.rests, self.yields) = (few, false, yields);
        self
    }
}

impl Future for Short {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        self.party.served();
        if self.yields > 0 {
            self.yields -= 1;
            self.party.waits();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.rests && self.party.rests(cx) {
            return Poll::Pending;
        }
        if let (Some(owner), true) = (self.owner.upgrade(), self.alive.get() <= self.few) {
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
#[derive(Clone)]
pub(super) struct Place {
    pub(super) board: Board,
    pub(super) crew: Crew,
    /// Each of them is polled within so many turns.
    pub(super) bound: usize,
    /// The nest has but a small part of each turn.
    pub(super) nested: bool,
}

impl Place {
    /// That of a nest which is polled by no other.
    pub(super) fn outermost(board: &Board, crew: &Crew, nest: &Nest) -> Self {
        Self { board: board.clone(), crew: crew.clone(), bound: nest.bound(), nested: false }
    }

    /// That of a nest in this one.
    fn inner(&self, nest: &Nest) -> Self {
        Self { bound: nest.bound_within(self.bound), nested: true, ..self.clone() }
    }

    pub(super) fn seat(&self, name: &'static str, pace: Pace) -> Party {
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
    pub(super) fn futures(&self, member: &Member) -> Vec<BoxFuture<'static, Done>> {
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
                vec![run_nest(nest, &self.inner(nest))]
            }
        }
    }

    fn add(&self, nursery: &mut Children, member: &Member, cancelled: bool, owner: &Weak<Party>) {
        match member {
            Member::Spawner => {
                let spawner = nursery.spawner();
                nursery.spawn(self.spawning("a spawner", Pace::Busy, spawner, owner.clone()));
            }
            // In a cancelled nursery there is one grace for all, and timeouts do not count.
            Member::Timed(child, timer) if !cancelled => {
                let timer = self.timer("a timeout", *timer);
                nursery.child().timeout(move || timer).spawn(self.paced("a timed child", *child));
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
                let child = nursery.child().grace(move || timer).spawn_with_handle(child);
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
        owner: Weak<Party>,
    ) -> impl Future<Output = Done> + Send + use<> {
        let (party, board, bound) = (self.seat(name, pace), self.board.clone(), self.bound);
        let alive = Count::default();
        poll_fn(move |cx| {
            party.served();
            if alive.get() < SHORT {
                let short = Short::new(&board, bound, &alive, owner.clone());
                // It is refused if the nursery is cancelled, or if an owner that waits has the
                // slot.
                let _ = match owner.strong_count() {
                    0 => spawner.spawn(short).is_ok(),
                    _ => spawner.try_reserve().is_ok_and(|slot| slot.spawn(short).is_ok()),
                };
            }
            party.pause(cx);
            Poll::Pending
        })
    }
}

/// A run of a nest.
pub(super) fn run_nest(nest: &Nest, place: &Place) -> BoxFuture<'static, Done> {
    let owner = Arc::new(place.board.seat("the owner", place.bound, Pace::Busy, false));
    let nursery = match nest.form {
        Form::Pool => return run_pool(nest, place),
        Form::PoolOn { stream, yields } => return run_pool_on(nest, place, stream, yields),
        Form::Join | Form::Run(_) | Form::Next | Form::Reserve => nursery(nest, place, &owner),
    };
    match nest.form {
        Form::Run(pace) => {
            let body = |spawner| place.spawning("a body", pace, spawner, Weak::new());
            nursery.run(body).map(|_| Err("it has ended")).boxed()
        }
        Form::Next => for_ever_next(nursery, place.clone(), owner).boxed(),
        Form::Reserve => for_ever_reserve(nursery, place.clone(), owner).boxed(),
        Form::Join | Form::Pool | Form::PoolOn { .. } => {
            nursery.join().map(|_| Err("it has ended")).boxed()
        }
    }
}

/// A nursery with its children.
fn nursery(nest: &Nest, place: &Place, owner: &Arc<Party>) -> Children {
    let mut nursery = Children::new();
    let mut waits = Weak::new();
    if let Form::Reserve = nest.form {
        // Each has a slot, and one is left.
        nursery = nursery.limit(nest.children() + usize::from(nest.cancelled) + 1);
        waits = Arc::downgrade(owner);
    }
    if let Some(pace) = nest.deadline {
        nursery = nursery.deadline(place.timer("a deadline", pace));
    }
    if nest.cancelled {
        let grace = place.timer("a grace", nest.deadline.unwrap_or(Pace::Busy));
        nursery = nursery.grace(|| grace);
        let (party, spawner) = (place.seat("a canceller", Pace::Busy), nursery.spawner());
        nursery.spawn(poll_fn(move |cx| {
            if party.served() == A_WHILE {
                spawner.cancel_with("by a child");
            }
            party.pause(cx);
            Poll::Pending
        }));
    }
    for member in &nest.members {
        place.add(&mut nursery, member, nest.cancelled, &waits);
    }
    nursery
}

/// Spawns a child when another was handed out.
async fn for_ever_next(mut nursery: Children, place: Place, owner: Arc<Party>) -> Done {
    let alive = Count::default();
    loop {
        if alive.get() == 0 {
            let owner = Arc::downgrade(&owner);
            nursery.spawn(Short::new(&place.board, place.bound, &alive, owner));
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

/// Spawns a child when there is a slot for it. An end of any short child frees one.
async fn for_ever_reserve(mut nursery: Children, place: Place, owner: Arc<Party>) -> Done {
    let alive = Count::default();
    // When it is cancelled, it takes no more children.
    while let Ok(slot) = nursery.reserve().await {
        let waits = Arc::downgrade(&owner);
        let short = Short::without_slot(&place.board, place.bound, &alive, waits);
        let party = Arc::downgrade(&short.party);
        slot.spawn(short);
        owner.served();
        if let Some(party) = party.upgrade() {
            party.waits();
        }
    }
    drop(owner);
    nursery.join().await.map(drop).map_err(|_| "it has failed")
}

fn run_pool(nest: &Nest, place: &Place) -> BoxFuture<'static, Done> {
    let (board, bound) = (place.board.clone(), place.bound);
    let members: Vec<_> = nest.members.iter().flat_map(|member| place.futures(member)).collect();
    let pool = Pool::<&'static str>::new(nest.lanes());
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
