//! A future that uses up tokio's cooperative budget keeps neither timers nor its siblings waiting.
//!
//! Tokio gives a task 128 operations a turn. After these, whatever of tokio's the task polls is
//! pending until the runtime has had its turn, ready or not. So it matters which child is polled
//! first: behind a [`greedy`] one, no timer of tokio's is ever seen to be over.
//!
//! Time is counted in turns: a second task on the same thread yields again and again, and each of
//! its turns is a tick. What has not come after [`MOST_TURNS`] has starved.

use std::future::{pending, poll_fn};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::channel::oneshot::{Receiver, Sender, channel};
use futures::future::{BoxFuture, Either, select};
use nestling::{Nursery, Pool, Spawner};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::support::{Count, guarded, yields};

/// Each scenario is over long before, unless something starves.
const MOST_TURNS: usize = 1_000;

/// How long timers and sleepers sleep, in turns.
const NAP: usize = 5;

/// The budget that tokio gives a task for a turn.
const BUDGET: usize = 128;

/// Counts turns of a task, and wakes what waits for one.
#[derive(Clone)]
struct Clock {
    ticks: Ticks,
    shared: Arc<Mutex<Shared>>,
}

/// What sleepers wait for. Either uses the budget of the task that polls it.
#[derive(Clone, Copy)]
enum Ticks {
    /// A channel of tokio's.
    Channels,
    /// A timer of tokio's, whose time stands still but for the clock.
    Timers,
}

#[derive(Default)]
struct Shared {
    turn: usize,
    sleepers: Vec<(usize, oneshot::Sender<()>)>,
}

impl Clock {
    fn new(ticks: Ticks) -> Self {
        Self { ticks, shared: Arc::default() }
    }

    /// Is ready once that many turns have passed from now.
    fn after(&self, turns: usize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match self.ticks {
            Ticks::Timers => Box::pin(tokio::time::sleep(Duration::from_millis(turns as u64))),
            Ticks::Channels => {
                let (wake, woken) = oneshot::channel();
                let mut shared = self.shared.lock().unwrap();
                let turn = shared.turn + turns;
                shared.sleepers.push((turn, wake));
                Box::pin(async { woken.await.unwrap() })
            }
        }
    }

    /// Is ready once that many turns have passed, also where the budget is used up. It does not
    /// wake its task: greedy futures of the same task do.
    fn turns(&self, turns: usize) -> impl Future<Output = ()> + Unpin + use<> {
        let clock = self.clone();
        let end = clock.turn() + turns;
        poll_fn(move |_| if clock.turn() < end { Poll::Pending } else { Poll::Ready(()) })
    }

    fn turn(&self) -> usize {
        self.shared.lock().unwrap().turn
    }

    /// Ticks for as long as a scenario may take.
    async fn run(self, _hung: Sender<()>) {
        for turn in 1..=MOST_TURNS {
            match self.ticks {
                // Either gives all other tasks a turn.
                Ticks::Timers => tokio::time::advance(Duration::from_millis(1)).await,
                Ticks::Channels => tokio::task::yield_now().await,
            }
            let mut shared = self.shared.lock().unwrap();
            shared.turn = turn;
            let sleepers = std::mem::take(&mut shared.sleepers);
            let (late, early) = sleepers.into_iter().partition(|(due, _)| *due <= turn);
            shared.sleepers = early;
            drop(shared);
            let late: Vec<_> = late;
            for (_, wake) in late {
                let _ = wake.send(());
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Runtime {
    CurrentThread,
    MultiThread,
}

/// Runs a scenario and its clock as two tasks of one thread.
fn run(runtime: Runtime, ticks: Ticks, scenario: impl FnOnce(Clock) -> BoxFuture<'static, ()>) {
    let runtime = match (runtime, ticks) {
        (Runtime::CurrentThread, Ticks::Channels) => Builder::new_current_thread().build(),
        (Runtime::CurrentThread, Ticks::Timers) => {
            Builder::new_current_thread().enable_time().start_paused(true).build()
        }
        (Runtime::MultiThread, _) => Builder::new_multi_thread().worker_threads(1).build(),
    };
    let ended = runtime.unwrap().block_on(async {
        let clock = Clock::new(ticks);
        let (hung, has_hung): (_, Receiver<()>) = channel();
        let scenario = scenario(clock.clone());
        let scenario = tokio::spawn(async {
            match select(has_hung, scenario).await {
                Either::Left(_) => panic!("it has starved: {MOST_TURNS} turns have passed"),
                Either::Right(_) => {}
            }
        });
        tokio::spawn(clock.run(hung));
        scenario.await
    });
    ended.unwrap_or_else(|failed| resume_unwind(failed.into_panic()));
}

/// Runs a scenario on both of tokio's runtimes, and on one of them with timers of tokio's.
macro_rules! on_tokio {
    ($name:ident, $scenario:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn run_on(runtime: Runtime, ticks: Ticks) {
                guarded(move || run(runtime, ticks, |clock| Box::pin($scenario(clock))));
            }

            #[test]
            fn on_current_thread() {
                run_on(Runtime::CurrentThread, Ticks::Channels);
            }

            #[test]
            fn on_current_thread_with_timers() {
                run_on(Runtime::CurrentThread, Ticks::Timers);
            }

            #[test]
            fn on_multi_thread() {
                run_on(Runtime::MultiThread, Ticks::Channels);
            }
        }
    };
}

/// Who is there, and in which order.
#[derive(Clone, Copy)]
struct Mix {
    greedy: usize,
    sleepers: usize,
    greedy_first: bool,
}

impl Mix {
    /// Whether the child with that number is a greedy one.
    fn is_greedy(self, number: usize) -> bool {
        if self.greedy_first { number < self.greedy } else { number >= self.sleepers }
    }

    fn all(self) -> std::ops::Range<usize> {
        0..self.greedy + self.sleepers
    }
}

/// Runs a scenario with several mixes, see [`on_tokio`].
macro_rules! with_mixes {
    ($name:ident, $scenario:expr $(,)?) => {
        mod $name {
            use super::*;

            with_mixes!(@ one_behind_a_greedy_one, $scenario, 1, 1, true);
            with_mixes!(@ one_before_a_greedy_one, $scenario, 1, 1, false);
            with_mixes!(@ forty_behind_a_greedy_one, $scenario, 1, 40, true);
            with_mixes!(@ forty_before_a_greedy_one, $scenario, 1, 40, false);
            with_mixes!(@ many_behind_a_greedy_one, $scenario, 1, 130, true);
            with_mixes!(@ many_before_a_greedy_one, $scenario, 1, 130, false);
            with_mixes!(@ one_behind_two_greedy_ones, $scenario, 2, 1, true);
            with_mixes!(@ one_before_two_greedy_ones, $scenario, 2, 1, false);
            with_mixes!(@ forty_behind_two_greedy_ones, $scenario, 2, 40, true);
            with_mixes!(@ many_before_two_greedy_ones, $scenario, 2, 130, false);
        }
    };
    (@ $mix:ident, $scenario:expr, $greedy:literal, $sleepers:literal, $greedy_first:literal) => {
        on_tokio!($mix, |clock| {
            let (greedy, sleepers, greedy_first) = ($greedy, $sleepers, $greedy_first);
            $scenario(clock, Mix { greedy, sleepers, greedy_first })
        });
    };
}

type Outcome = Result<(), &'static str>;

/// Uses up tokio's budget in each poll, and counts what it does with it.
async fn greedy_counted(done: Count) -> Outcome {
    let semaphore = Semaphore::new(1);
    loop {
        let _permit = semaphore.acquire().await.unwrap();
        done.add();
    }
}

/// Uses up tokio's budget in each poll.
fn greedy() -> impl Future<Output = Outcome> + Send {
    greedy_counted(Count::default())
}

/// Sleeps a few times; the last of all sleepers ends the scenario.
#[derive(Clone)]
struct Sleepers {
    clock: Clock,
    asleep: Count,
    end: Arc<dyn Fn() + Send + Sync>,
}

impl Sleepers {
    fn new(clock: &Clock, sleepers: usize, end: impl Fn() + Send + Sync + 'static) -> Self {
        let asleep = Count::default();
        for _ in 0..sleepers {
            asleep.add();
        }
        Self { clock: clock.clone(), asleep, end: Arc::new(end) }
    }

    fn that_cancel(
        clock: &Clock,
        sleepers: usize,
        spawner: Spawner<'static, (), &'static str>,
    ) -> Self {
        Self::new(clock, sleepers, move || {
            spawner.cancel_with("all have slept");
        })
    }

    async fn sleep(self) -> Outcome {
        for _ in 0..3 {
            self.clock.after(NAP).await;
        }
        if self.asleep.remove() == 0 {
            (self.end)();
        }
        Ok(())
    }
}

type Children = Nursery<'static, (), &'static str>;

/// Is a child that runs one child of its own in a nursery.
async fn nested(
    child: impl Future<Output = Outcome> + Send + 'static,
) -> Result<(), nestling::JoinedError<&'static str>> {
    let mut inner = Children::new();
    inner.spawn(child);
    inner.join().await.map(drop)
}

on_tokio!(the_timeout_of_a_greedy_child_fires, |clock: Clock| async move {
    let mut nursery = Children::new();
    nursery.child().timeout(move || clock.after(NAP)).spawn(greedy());
    assert!(nursery.join().await.unwrap_err().first().failure().is_timed_out());
});

on_tokio!(the_timeouts_of_two_greedy_children_fire, |clock: Clock| async move {
    let mut nursery = Children::new();
    for child in 1..=2 {
        let timeout = clock.after(child * NAP);
        nursery.child().timeout(|| timeout).spawn(greedy());
    }
    assert_eq!(nursery.join().await.unwrap_err().len(), 2);
});

on_tokio!(the_timeout_of_a_child_beside_a_greedy_one_fires, |clock: Clock| async move {
    let mut nursery = Children::new().first_error();
    nursery.spawn(greedy());
    nursery.child().timeout(move || clock.after(NAP)).spawn(pending());
    nursery.spawn(greedy());
    assert!(nursery.join().await.unwrap_err().first().failure().is_timed_out());
});

on_tokio!(the_grace_of_a_greedy_child_fires, |clock: Clock| async move {
    let mut nursery = Children::new();
    let grace = clock.after(2 * NAP);
    let handle = nursery.child().grace(move || grace).spawn_with_handle(greedy());
    nursery.spawn(async move {
        yields(3).await;
        assert!(handle.cancel());
        Ok(())
    });
    let report = nursery.settle().await;
    assert_eq!((report.counts().overran_grace(), report.counts().cancelled()), (1, 1));
});

on_tokio!(the_grace_of_a_nursery_with_a_greedy_child_fires, |clock: Clock| async move {
    let mut nursery = Children::new().grace(move || clock.after(2 * NAP));
    let spawner = nursery.spawner();
    nursery.spawn(greedy());
    nursery.spawn(async move {
        yields(3).await;
        spawner.cancel_with("enough");
        Ok(())
    });
    assert_eq!(nursery.settle().await.counts().overran_grace(), 1);
});

on_tokio!(the_deadline_of_a_nursery_with_a_greedy_child_fires, |clock: Clock| async move {
    let mut nursery = Children::new().deadline(clock.after(NAP));
    nursery.spawn(greedy());
    assert!(nursery.join().await.unwrap_err().first().failure().is_timed_out());
});

on_tokio!(the_deadline_of_a_nursery_with_a_greedy_body_fires, |clock: Clock| async move {
    let mut nursery = Children::new().deadline(clock.after(NAP));
    nursery.spawn(greedy());
    let (_, report) = nursery.run(|_| greedy()).settle().await;
    assert!(report.error().unwrap().first().failure().is_timed_out());
});

on_tokio!(stop_within_ends_beside_a_greedy_child, |clock: Clock| async move {
    let (spawner, mut driver) = Children::new().split();
    spawner.spawn(greedy()).unwrap();
    assert!(futures::poll!(&mut driver).is_pending());
    assert!(spawner.cancel_within("enough", clock.after(NAP)));
    assert_eq!(driver.await.counts().total(), 1);
});

async fn siblings_beside_greedy_ones(clock: Clock, mix: Mix) {
    let mut nursery = Children::new();
    let sleepers = Sleepers::that_cancel(&clock, mix.sleepers, nursery.spawner());
    for number in mix.all() {
        if mix.is_greedy(number) {
            nursery.spawn(greedy());
        } else {
            nursery.spawn(sleepers.clone().sleep());
        }
    }
    let counts = nursery.settle().await.counts();
    assert_eq!((counts.completed(), counts.failed()), (mix.sleepers as u64, 0));
}

async fn nested_siblings_beside_greedy_ones(clock: Clock, mix: Mix) {
    let mut nursery = Children::new();
    let sleepers = Sleepers::that_cancel(&clock, mix.sleepers, nursery.spawner());
    for number in mix.all() {
        if mix.is_greedy(number) {
            nursery.spawn(greedy());
        } else {
            nursery.spawn_group(nested(sleepers.clone().sleep()));
        }
    }
    nursery.settle().await.into_result().unwrap();
}

async fn siblings_beside_nested_greedy_ones(clock: Clock, mix: Mix) {
    let mut nursery = Children::new();
    let sleepers = Sleepers::that_cancel(&clock, mix.sleepers, nursery.spawner());
    for number in mix.all() {
        if mix.is_greedy(number) {
            nursery.spawn_group(async {
                let mut inner = Children::new();
                inner.spawn(greedy());
                inner.spawn(greedy());
                inner.join().await.map(drop)
            });
        } else {
            nursery.spawn(sleepers.clone().sleep());
        }
    }
    nursery.settle().await.into_result().unwrap();
}

async fn nested_siblings_beside_nested_greedy_ones(clock: Clock, mix: Mix) {
    let mut nursery = Children::new();
    let sleepers = Sleepers::that_cancel(&clock, mix.sleepers, nursery.spawner());
    for number in mix.all() {
        if mix.is_greedy(number) {
            nursery.spawn_group(nested(greedy()));
        } else {
            nursery.spawn_group(nested(sleepers.clone().sleep()));
        }
    }
    nursery.settle().await.into_result().unwrap();
}

/// One of the greedy ones is the body.
async fn children_of_a_greedy_body(clock: Clock, mix: Mix) {
    let mut nursery = Children::new();
    let sleepers = Sleepers::that_cancel(&clock, mix.sleepers, nursery.spawner());
    let children = Mix { greedy: mix.greedy - 1, ..mix };
    for number in children.all() {
        if children.is_greedy(number) {
            nursery.spawn(greedy());
        } else {
            nursery.spawn(sleepers.clone().sleep());
        }
    }
    // A cancel leaves the body to end by itself.
    let body = |spawner: Spawner<'static, (), &'static str>| async move {
        select(spawner.cancelled(), Box::pin(greedy())).await;
        Ok(())
    };
    let (_, report) = nursery.run(body).settle().await;
    assert_eq!(report.counts().completed(), mix.sleepers as u64);
}

/// One of the sleepers is the body.
async fn a_body_beside_greedy_children(clock: Clock, mix: Mix) {
    let mut nursery = Children::new();
    let sleepers = Sleepers::that_cancel(&clock, mix.sleepers, nursery.spawner());
    let children = Mix { sleepers: mix.sleepers - 1, ..mix };
    for number in children.all() {
        if children.is_greedy(number) {
            nursery.spawn(greedy());
        } else {
            nursery.spawn(sleepers.clone().sleep());
        }
    }
    let (output, report) = nursery.run(|_| sleepers.sleep()).settle().await;
    assert_eq!((output, report.counts().completed()), (Some(()), mix.sleepers as u64 - 1));
}

/// A pool with room for all of the mix, what makes its items, and what counts those that ended.
fn pool(
    clock: Clock,
    mix: Mix,
) -> (Pool<'static, &'static str>, impl FnMut(usize) -> BoxFuture<'static, Outcome> + Send) {
    let pool = Pool::<&str>::new(mix.all().len());
    let handle = pool.cancel_handle();
    let sleepers = Sleepers::new(&clock, mix.sleepers, move || {
        assert!(handle.cancel_with("all have slept"));
    });
    let item = move |number| -> BoxFuture<'static, Outcome> {
        if mix.is_greedy(number) { Box::pin(greedy()) } else { Box::pin(sleepers.clone().sleep()) }
    };
    (pool, item)
}

async fn items_of_a_pool(clock: Clock, mix: Mix) {
    let (pool, item) = pool(clock, mix);
    let report = pool.for_each(mix.all(), item).settle().await;
    assert_eq!(report.counts().completed(), mix.sleepers as u64);
}

async fn items_of_a_stream(clock: Clock, mix: Mix) {
    let (pool, item) = pool(clock, mix);
    let report = pool.for_each_stream(futures::stream::iter(mix.all()), item).settle().await;
    assert_eq!(report.counts().completed(), mix.sleepers as u64);
}

with_mixes!(siblings_sleep, siblings_beside_greedy_ones);
with_mixes!(nested_siblings_sleep, nested_siblings_beside_greedy_ones);
with_mixes!(siblings_of_nested_greedy_ones_sleep, siblings_beside_nested_greedy_ones);
with_mixes!(nested_siblings_of_nested_ones_sleep, nested_siblings_beside_nested_greedy_ones);
with_mixes!(children_of_a_greedy_body_sleep, children_of_a_greedy_body);
with_mixes!(a_body_sleeps_beside_greedy_children, a_body_beside_greedy_children);
with_mixes!(items_of_a_pool_sleep, items_of_a_pool);
with_mixes!(items_of_a_pool_from_a_stream_sleep, items_of_a_stream);

on_tokio!(children_end_beside_a_body_that_always_receives, |clock: Clock| async move {
    let (received, ended) = (Count::default(), Count::default());
    let (sender, mut requests) = mpsc::channel(BUDGET);
    while sender.try_send(()).is_ok() {}
    let (requested, done) = (received.clone(), ended.clone());
    let body = |spawner: Spawner<'static, (), &'static str>| async move {
        while done.get() < 100 * BUDGET && requests.recv().await.is_some() {
            // There is always another.
            sender.try_send(()).unwrap();
            requested.add();
            let (clock, done) = (clock.clone(), done.clone());
            let child = async move {
                clock.after(NAP).await;
                done.add();
                Ok(())
            };
            spawner.spawn(child).unwrap();
        }
        spawner.cancel_with("enough");
        Ok(())
    };
    let (output, _) = Children::new().run(body).settle().await;
    assert_eq!(output, Some(()));
    // Each takes one of the budget, and the children have a quarter of it at least.
    let (received, ended) = (received.get(), ended.get());
    assert!(received <= 3 * ended + 10 * BUDGET, "{received} received, {ended} ended");
});

/// A greedy body and greedy children: how much of the budget each has after a hundred turns.
async fn shares(clock: Clock, children: usize) {
    let (bodies, others) = (Count::default(), Count::default());
    let mut nursery = Children::new();
    for _ in 0..children {
        nursery.spawn(greedy_counted(others.clone()));
    }
    let run = Box::pin(nursery.run(|_| greedy_counted(bodies.clone())));
    match select(clock.turns(100), run).await {
        Either::Left(_) => {}
        Either::Right(_) => panic!("it is endless"),
    }
    let (body, children) = (bodies.get(), others.get());
    assert!(body + children >= 50 * BUDGET, "the body has {body}, and the children {children}");
    assert!(4 * body.min(children) >= body + children, "{body} and {children}");
}

on_tokio!(a_busy_body_and_its_busy_child_share_fairly, |clock| shares(clock, 1));
on_tokio!(a_busy_body_and_its_three_busy_children_share_fairly, |clock| shares(clock, 3));

on_tokio!(two_greedy_children_share_fairly, |clock: Clock| async move {
    let counts = [Count::default(), Count::default()];
    let mut nursery = Children::new();
    for count in &counts {
        nursery.spawn(greedy_counted(count.clone()));
    }
    match select(clock.turns(100), nursery.join()).await {
        Either::Left(_) => {}
        Either::Right(_) => panic!("it is endless"),
    }
    let [one, other] = counts.map(|count| count.get());
    assert!(4 * one.min(other) >= one + other, "{one} and {other}");
});
