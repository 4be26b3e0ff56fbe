//! What the children do while their owner does something else.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use super::probe::count;
use super::{Program, wait_a_while};
use crate::work::{Need, Set, Spawner, Way, Work};
use crate::works::{Signal, yield_times};

/// How many steps a child has to do.
const STEPS: usize = 10;

/// The owner waits for something else than its children.
pub struct Frozen;

impl Program for Frozen {
    const NEEDS: Need = Need::All;

    fn run<Y: Way>(_: usize) -> String {
        match Y::block_on(Y::scope(Elsewhere::<Y>(PhantomData))) {
            STEPS => "goes on".into(),
            0 => "frozen".into(),
            steps => format!("frozen after {steps} of {STEPS} steps"),
        }
    }
}

struct Elsewhere<Y>(PhantomData<fn() -> Y>);

impl<Y> Clone for Elsewhere<Y> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<Y: Way> Work for Elsewhere<Y> {
    const NEEDS: Need = Need::All;
    type Output = usize;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> usize {
        let steps = Arc::new(AtomicUsize::new(0));
        let done = Arc::clone(&steps);
        set.spawn(async move {
            for _ in 0..STEPS {
                done.fetch_add(1, Ordering::AcqRel);
                yield_times(1).await;
            }
            Ok(0)
        });
        wait_a_while::<Y>().await;
        let seen = count(&steps);
        set.all().await;
        seen
    }
}

/// The owner takes one output of many, and then waits for something else.
pub struct Outputs;

impl Program for Outputs {
    const NEEDS: Need = Need::Ends;

    fn run<Y: Way>(children: usize) -> String {
        let [first, later] = Y::block_on(Y::scope(TakeOne::<Y>(children, PhantomData)));
        if first == later { format!("{first}") } else { format!("{first}, later {later}") }
    }
}

struct TakeOne<Y>(usize, PhantomData<fn() -> Y>);

impl<Y> Clone for TakeOne<Y> {
    fn clone(&self) -> Self {
        Self(self.0, PhantomData)
    }
}

impl<Y: Way> Work for TakeOne<Y> {
    const NEEDS: Need = Need::Ends;
    type Output = [usize; 2];

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> [usize; 2] {
        let ended = Arc::new(AtomicUsize::new(0));
        for n in 0..self.0 {
            let ended = Arc::clone(&ended);
            set.spawn(async move {
                ended.fetch_add(1, Ordering::AcqRel);
                Ok(n)
            });
        }
        set.end(0).await;
        let first = count(&ended) - 1;
        wait_a_while::<Y>().await;
        [first, count(&ended) - 1]
    }
}

/// Another thread spawns while the owner is parked.
pub struct Outside;

/// How long a child that was spawned may take to start.
const PATIENCE: Duration = Duration::from_secs(2);

impl Program for Outside {
    const NEEDS: Need = Need::Outside;

    fn run<Y: Way>(_: usize) -> String {
        let at_once = Y::block_on(Y::scope(Parked));
        if at_once { "at once".into() } else { "when something else wakes it".into() }
    }
}

#[derive(Clone)]
struct Parked;

impl Work for Parked {
    const NEEDS: Need = Need::Outside;
    type Output = bool;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> bool {
        let (started, seen) = (Arc::new(Signal::default()), Arc::new(AtomicBool::new(false)));
        let release = Arc::new(Signal::default());
        let spawner = set.outside();
        let (by_thread, released) = (Arc::clone(&seen), Arc::clone(&release));
        let thread = spawn(move || {
            // The owner is parked by then; if it is not, the spawn is seen all the more.
            sleep(Duration::from_millis(50));
            let start = Arc::clone(&started);
            spawner.spawn(async move {
                start.send();
                Ok(1)
            });
            let spawned = Instant::now();
            while !started.is_sent() && spawned.elapsed() < PATIENCE {
                sleep(Duration::from_millis(1));
            }
            by_thread.store(started.is_sent(), Ordering::Release);
            release.send();
        });
        set.spawn(async move {
            released.wait().await;
            Ok(0)
        });
        set.all().await;
        thread.join().expect("it does not panic");
        seen.load(Ordering::Acquire)
    }
}
