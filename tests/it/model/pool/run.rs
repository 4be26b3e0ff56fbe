//! Runs a pool and tells what happens.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::FutureExt;
use nestling::testing::{Cues, Executor, Hazards, SIGNALS, ScriptedPanic, Signal, yields};
use nestling::{CancelHandle, Nursery, Pool, Report, executor};

use super::super::drop_scripted;
use super::super::values::{Value, Values};
use super::super::watch::{Moment, Watch, Watches};
use super::script::{End, Item, Rule, Script};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The pool has pulled an item.
    Pulls,
    Made(usize),
    Polled(usize),
    /// An item is woken.
    Woken(usize),
    /// An item begins to run a nursery, or has run it to its end.
    Nests(usize, bool),
    Cancels,
    Ends(usize, End),
    Dropped(usize, bool),
    /// What becomes of the pool, as a future.
    Owner(Moment),
    /// What becomes of a lane that was handed to the executor.
    Lane(usize, Moment),
    /// The executor drops a lane, or has dropped it.
    Loses(bool),
    /// Nobody is woken any more, and so many signals were sent.
    Rest(u8),
}

/// What all parts of a run share.
#[derive(Clone, Default)]
struct World {
    events: Arc<Mutex<Vec<Event>>>,
    values: Arc<Values>,
    watches: Watches,
}

impl World {
    fn tell(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    fn watch<F>(
        &self,
        future: F,
        event: impl Fn(Moment) -> Option<Event> + Send + Sync + 'static,
    ) -> Watch<F> {
        let events = Arc::clone(&self.events);
        let hear = move |moment| events.lock().unwrap().extend(event(moment));
        Watch::new(future, &self.watches, Box::new(hear))
    }
}

/// A run that is over.
pub(super) struct Ran {
    pub(super) events: Vec<Event>,
    /// How often the policy was asked.
    pub(super) asked: usize,
    pub(super) report: Option<Report<Value, Value>>,
    world: World,
    /// It outlives the pool, and is to keep nothing of it.
    handle: CancelHandle,
}

impl Ran {
    /// Drops the report, and looks for what is left then.
    pub(super) fn leaves_nothing(self) -> Result<(), String> {
        let Self { report, world, handle, .. } = self;
        drop(report);
        let (values, watches) = (world.values.count(), Arc::strong_count(&world.watches) - 1);
        drop(handle);
        if !values.is_each_dropped_once() {
            return Err(format!("not each value was dropped once: {values:?}"));
        }
        if watches > 0 {
            return Err(format!("{watches} futures or wakers of them are left"));
        }
        Ok(())
    }
}

/// The future of an item, which tells what becomes of it.
struct Acting {
    number: usize,
    drop_panics: bool,
    world: World,
    future: Pin<Box<dyn Future<Output = Result<Value, Value>> + Send>>,
}

impl Future for Acting {
    type Output = Result<Value, Value>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.world.tell(Event::Polled(self.number));
        self.future.as_mut().poll(cx)
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        self.world.tell(Event::Dropped(self.number, self.drop_panics));
        if self.drop_panics && !std::thread::panicking() {
            resume_unwind(Box::new(ScriptedPanic::Drop));
        }
    }
}

/// What the pool came to, how often the policy was asked, and all that happened on the way.
pub(super) fn run(script: &Script, seed: u64) -> Ran {
    let hazards = if seed % 2 == 0 { Hazards::none() } else { Hazards::all() };
    let world = World::default();
    let handed_over = Arc::new(Mutex::new(Vec::new()));
    let mut kit = Executor::new(seed).hazards(hazards);
    let cues = Cues::new(&kit);
    let asked = Arc::default();
    let pool = pool(script, &asked, &world);
    let handle = pool.cancel_handle();
    let make = {
        let (world, cues, handle) = (world.clone(), cues.clone(), handle.clone());
        let held = world.values.make(0);
        move |(number, item): (Value, Item)| {
            let _ = &held;
            act(number, item, &world, &cues, &handle)
        }
    };
    let items: Vec<_> = script.items.iter().cloned().enumerate().collect();
    let items = {
        let world = world.clone();
        items.into_iter().map(move |(number, item)| {
            world.tell(Event::Pulls);
            (world.values.make(number), item)
        })
    };
    let run = if script.remote {
        let (queue, held) = (Arc::clone(&handed_over), world.values.make(0));
        let far = Arc::new(executor(move |task| {
            let _ = &held;
            queue.lock().unwrap().push(task);
        }));
        pool.on(far).map(items, make).settle().boxed()
    } else {
        pool.map(items, make).settle().boxed()
    };
    let run = world.watch(run, |moment| Some(Event::Owner(moment)));
    let root = kit.spawn(if script.nested { among_others(run).boxed() } else { run.boxed() });
    let (mut lanes, mut drops) = (Vec::new(), script.drops.iter());
    let mut number = 0;
    for signal in 0..=SIGNALS {
        loop {
            let tasks = std::mem::take(&mut *handed_over.lock().unwrap());
            lanes.extend(tasks.into_iter().map(|task| {
                let lane = number;
                number += 1;
                kit.spawn(world.watch(task, move |moment| Some(Event::Lane(lane, moment))))
            }));
            lanes.retain(|lane| !lane.is_finished());
            let drop = drops.next();
            if let Some((polls, lane)) = drop {
                for _ in 0..*polls {
                    kit.step();
                }
                lanes.retain(|lane| !lane.is_finished());
                if !lanes.is_empty() {
                    let lane = lanes.swap_remove(usize::from(*lane) % lanes.len());
                    world.tell(Event::Loses(true));
                    kit.abandon(&lane);
                    world.tell(Event::Loses(false));
                }
            } else {
                let _ = kit.run();
            }
            if drop.is_none() && handed_over.lock().unwrap().is_empty() {
                break;
            }
        }
        world.tell(Event::Rest(signal));
        if signal < SIGNALS {
            cues.signal(signal).fire();
        }
    }
    let report = root.take();
    let events = world.events.lock().unwrap().clone();
    // Items that are left may panic when they are dropped.
    drop_scripted(kit);
    Ran { events, asked: asked.load(Ordering::Relaxed), report, world, handle }
}

/// Runs the pool as a child among others, which yield many times.
async fn among_others<R: Send>(pool: impl Future<Output = R> + Send) -> R {
    let mut nursery = Nursery::<'_, R, std::convert::Infallible>::new();
    for _ in 0..3 {
        drop(nursery.spawn_join(yields(200).map(Ok)));
    }
    nursery.spawn(pool.map(Ok));
    match nursery.join().await.map(|mut outputs| outputs.pop()) {
        Ok(Some(report)) => report,
        _ => unreachable!("the pool has a report, and the others have nothing"),
    }
}

fn pool(script: &Script, asked: &Arc<AtomicUsize>, world: &World) -> Pool<'static, Value> {
    let pool = Pool::new(script.limit).keep_failures(script.keep());
    match script.rule {
        Rule::Collect => pool,
        Rule::FirstError => pool.first_error(),
        Rule::Nth(nth) => {
            let (asked, held) = (Arc::clone(asked), world.values.make(0));
            pool.cancel_when(move |_| {
                let _ = &held;
                asked.fetch_add(1, Ordering::Relaxed) + 1 == nth
            })
        }
    }
}

fn act(
    value: Value,
    item: Item,
    world: &World,
    cues: &Cues,
    handle: &CancelHandle,
) -> Watch<Acting> {
    let number = *value;
    world.tell(Event::Made(number));
    if item.end == End::NoFuture {
        world.tell(Event::Ends(number, End::NoFuture));
        resume_unwind(Box::new(ScriptedPanic::End));
    }
    let (told, cues, handle) = (world.clone(), cues.clone(), handle.clone());
    let drop_panics = item.drop_panics;
    let future = Box::pin(async move {
        yields(item.yields).await;
        if let Some(signal) = item.waits {
            cues.signal(signal).wait().await;
        }
        let mut end = item.end;
        if let Some(signal) = item.nests {
            told.tell(Event::Nests(number, true));
            end = nest(cues.signal(signal).clone()).await;
            told.tell(Event::Nests(number, false));
        }
        if item.cancels {
            told.tell(Event::Cancels);
            handle.cancel();
        }
        if end == End::Never {
            std::future::pending::<()>().await;
        }
        told.tell(Event::Ends(number, end));
        match end {
            End::Output => Ok(value),
            End::Error => Err(value),
            End::Panic | End::NoFuture | End::Never => resume_unwind(Box::new(ScriptedPanic::End)),
        }
    });
    let acting = Acting { number, drop_panics, world: world.clone(), future };
    world.watch(acting, move |moment| (moment == Moment::Woken).then_some(Event::Woken(number)))
}

/// Runs a nursery of which one child fails, and another waits for the signal.
async fn nest(signal: Signal) -> End {
    let mut nursery = Nursery::<'_, (), ()>::new();
    nursery.spawn(async { Err(()) });
    nursery.spawn(async move {
        signal.wait().await;
        Ok(())
    });
    match nursery.join().await {
        Ok(_) => unreachable!("one child has failed"),
        Err(_) => End::Error,
    }
}
