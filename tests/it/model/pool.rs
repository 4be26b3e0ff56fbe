//! What a pool must do with its items, here or elsewhere.
//!
//! As for nurseries, a run tells what happens, and the rules say whether it may happen, and what
//! the pool must report of it: they know nothing of lanes, futures or wakers.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use arbitrary::{Arbitrary, Unstructured};
use futures::FutureExt;
use nestling::testing::{Cues, Executor, Hazards, SIGNALS, ScriptedPanic, yields};
use nestling::{CancelHandle, Failure, Nursery, Pool, Report, executor};

/// A pool and its items.
#[derive(Clone, Debug)]
struct Script {
    items: Vec<Item>,
    limit: usize,
    rule: Rule,
    keep: usize,
    /// The lanes run on an executor.
    remote: bool,
    /// The executor drops lanes: after so many polls, the lane of this number among those that are
    /// left.
    drops: Vec<(u8, u8)>,
    /// It is a child of a nursery whose other children leave little of each turn.
    nested: bool,
}

impl Script {
    /// The failure of a pool that gives up is to be seen.
    fn keep(&self) -> usize {
        if self.drops.is_empty() { self.keep } else { usize::MAX }
    }
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    Collect,
    FirstError,
    /// The policy says stop at the failure of this number, from 1.
    Nth(usize),
}

#[derive(Clone, Debug)]
struct Item {
    waits: Option<u8>,
    yields: usize,
    /// Cancels the whole pool by its handle.
    cancels: bool,
    end: End,
    drop_panics: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Output,
    Error,
    Panic,
    /// The closure panics: there is no future.
    NoFuture,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Made(usize),
    Polled(usize),
    Cancels,
    Ends(usize, End),
    Dropped(usize, bool),
    /// The executor drops a lane, or has dropped it.
    Loses(bool),
    /// Nobody is woken any more, and so many signals were sent.
    Rest(u8),
}

type Events = Arc<Mutex<Vec<Event>>>;

/// The future of an item, which tells what becomes of it.
struct Acting {
    number: usize,
    drop_panics: bool,
    events: Events,
    future: Pin<Box<dyn Future<Output = Result<usize, usize>> + Send>>,
}

impl Future for Acting {
    type Output = Result<usize, usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.events.lock().unwrap().push(Event::Polled(self.number));
        self.future.as_mut().poll(cx)
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        self.events.lock().unwrap().push(Event::Dropped(self.number, self.drop_panics));
        if self.drop_panics && !std::thread::panicking() {
            resume_unwind(Box::new(ScriptedPanic::Drop));
        }
    }
}

/// What the pool came to, how often the policy was asked, and all that happened on the way.
fn run(script: &Script, seed: u64) -> (Vec<Event>, usize, Option<Report<usize, usize>>) {
    let hazards = if seed % 2 == 0 { Hazards::none() } else { Hazards::all() };
    let events = Events::default();
    let handed_over = Arc::new(Mutex::new(Vec::new()));
    let mut kit = Executor::new(seed).hazards(hazards);
    let cues = Cues::new(&kit);
    let asked = Arc::default();
    let pool = pool(script, &asked);
    let make = {
        let (events, cues, handle) = (Arc::clone(&events), cues.clone(), pool.cancel_handle());
        move |(number, item): (usize, Item)| act(number, item, &events, &cues, &handle)
    };
    let items: Vec<_> = script.items.iter().cloned().enumerate().collect();
    let run = if script.remote {
        let queue = Arc::clone(&handed_over);
        let far = Arc::new(executor(move |task| queue.lock().unwrap().push(task)));
        pool.on(far).map(items, make).settle().boxed()
    } else {
        pool.map(items, make).settle().boxed()
    };
    let root = kit.spawn(if script.nested { among_others(run).boxed() } else { run });
    let (mut lanes, mut drops) = (Vec::new(), script.drops.iter());
    for signal in 0..=SIGNALS {
        loop {
            let tasks = std::mem::take(&mut *handed_over.lock().unwrap());
            lanes.extend(tasks.into_iter().map(|task| kit.spawn(task)));
            lanes.retain(|lane| !lane.is_finished());
            let drop = drops.next();
            if let Some((polls, lane)) = drop {
                for _ in 0..*polls {
                    kit.step();
                }
                lanes.retain(|lane| !lane.is_finished());
                if !lanes.is_empty() {
                    let lane = lanes.swap_remove(usize::from(*lane) % lanes.len());
                    events.lock().unwrap().push(Event::Loses(true));
                    kit.abandon(&lane);
                    events.lock().unwrap().push(Event::Loses(false));
                }
            } else {
                let _ = kit.run();
            }
            if drop.is_none() && handed_over.lock().unwrap().is_empty() {
                break;
            }
        }
        events.lock().unwrap().push(Event::Rest(signal));
        if signal < SIGNALS {
            cues.signal(signal).fire();
        }
    }
    let report = root.take();
    let told = events.lock().unwrap().clone();
    // Items that are left may panic when they are dropped.
    super::drop_scripted(kit);
    (told, asked.load(Ordering::Relaxed), report)
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

fn pool(script: &Script, asked: &Arc<AtomicUsize>) -> Pool<'static, usize> {
    let pool = Pool::new(script.limit).keep_errors(script.keep());
    match script.rule {
        Rule::Collect => pool,
        Rule::FirstError => pool.first_error(),
        Rule::Nth(nth) => {
            let asked = Arc::clone(asked);
            pool.cancel_when(move |_| asked.fetch_add(1, Ordering::Relaxed) + 1 == nth)
        }
    }
}

fn act(number: usize, item: Item, events: &Events, cues: &Cues, handle: &CancelHandle) -> Acting {
    let tell = |event| events.lock().unwrap().push(event);
    tell(Event::Made(number));
    if item.end == End::NoFuture {
        tell(Event::Ends(number, End::NoFuture));
        resume_unwind(Box::new(ScriptedPanic::End));
    }
    let (told, cues, handle) = (Arc::clone(events), cues.clone(), handle.clone());
    let drop_panics = item.drop_panics;
    let future = Box::pin(async move {
        let tell = |event| told.lock().unwrap().push(event);
        yields(item.yields).await;
        if let Some(signal) = item.waits {
            cues.signal(signal).wait().await;
        }
        if item.cancels {
            tell(Event::Cancels);
            handle.cancel();
        }
        if item.end == End::Never {
            std::future::pending::<()>().await;
        }
        tell(Event::Ends(number, item.end));
        match item.end {
            End::Output => Ok(number),
            End::Error => Err(number),
            End::Panic | End::NoFuture | End::Never => resume_unwind(Box::new(ScriptedPanic::End)),
        }
    });
    Acting { number, drop_panics, events: Arc::clone(events), future }
}

/// What the rules make of the events.
#[derive(Default)]
struct Expected {
    made: usize,
    alive: BTreeMap<usize, Option<End>>,
    outputs: BTreeSet<usize>,
    /// Whose they are, of which kind, and whether they came after the stop.
    failures: Vec<(usize, Kind, bool)>,
    failed: BTreeSet<usize>,
    /// How often the policy was asked.
    asked: usize,
    cancelled: BTreeSet<usize>,
    /// A handle, or the policy, has stopped it.
    stopped: bool,
    /// A lane is being dropped, and whether any was.
    losing: bool,
    lost: bool,
    /// Items that were lost before a handle's cancel of which the pool heard first.
    late: BTreeSet<usize>,
    /// The pool has reported that no lane is left.
    gave_up: bool,
    /// Whoever cancels is in its poll still.
    in_poll: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Error,
    Panic,
    DropPanic,
    /// The executor has dropped the item's lane.
    Lost,
}

impl Expected {
    fn fail(&mut self, script: &Script, number: usize, kinds: &[Kind]) {
        let before = self.stopped;
        let mut stops = false;
        for kind in kinds {
            self.failures.push((number, *kind, before));
            self.asked += usize::from(!before);
            let stops_at = match script.rule {
                Rule::Collect => false,
                Rule::FirstError => true,
                Rule::Nth(nth) => self.failures.len() == nth,
            };
            stops |= stops_at && !before;
            if stops {
                // The policy is not asked again, and what follows of the same item came with it.
                break;
            }
        }
        if stops {
            let told = self.failures.iter().filter(|(whose, ..)| *whose == number).count();
            self.failures.extend(kinds[told..].iter().map(|kind| (number, *kind, false)));
        }
        self.failed.insert(number);
        self.stopped |= stops;
    }

    fn see(&mut self, script: &Script, event: Event) -> Result<(), String> {
        match event {
            Event::Made(number) => {
                if number != self.made {
                    return Err(format!("{number} is made, and it is the turn of {}", self.made));
                }
                if self.stopped && !script.remote {
                    return Err(format!("{number} is made after the stop"));
                }
                self.made += 1;
                self.alive.insert(number, None);
                if self.alive.len() > script.limit {
                    return Err(format!("{} run, and {} may", self.alive.len(), script.limit));
                }
            }
            Event::Polled(number) => {
                self.in_poll = Some(number);
                match self.alive.get(&number) {
                    Some(None) if !self.stopped || script.remote => {}
                    other => return Err(format!("{number} is polled, and is {other:?}")),
                }
            }
            Event::Cancels => self.stopped = true,
            Event::Ends(number, end) => {
                if end == End::NoFuture {
                    self.alive.remove(&number);
                    self.fail(script, number, &[Kind::Panic]);
                } else if self.alive.insert(number, Some(end)) != Some(None) {
                    return Err(format!("{number} ends, and was not running"));
                }
            }
            Event::Dropped(number, panics) => {
                let Some(end) = self.alive.remove(&number) else {
                    return Err(format!("{number} is dropped, and was not there"));
                };
                let newer = self.alive.keys().next_back().is_some_and(|newest| *newest > number);
                if end.is_none() && newer && !script.remote {
                    return Err(format!("{number} is dropped before one that was made later"));
                }
                if end.is_none() && !self.stopped && !self.losing {
                    return Err(format!("{number} is dropped, and nothing has stopped the pool"));
                }
                let bomb = if panics { &[Kind::DropPanic][..] } else { &[] };
                match end {
                    Some(End::Output) => {
                        self.outputs.insert(number);
                        if panics {
                            self.fail(script, number, bomb);
                        }
                    }
                    Some(End::Error) => self.fail(script, number, &[&[Kind::Error], bomb].concat()),
                    Some(_) => self.fail(script, number, &[&[Kind::Panic], bomb].concat()),
                    None if !self.stopped && !self.late.contains(&number) => {
                        self.fail(script, number, &[&[Kind::Lost], bomb].concat());
                    }
                    None if panics => self.fail(script, number, bomb),
                    None => drop(self.cancelled.insert(number)),
                }
            }
            Event::Loses(begins) => (self.losing, self.lost) = (begins, true),
            Event::Rest(signals) => return self.rest(script, signals),
        }
        Ok(())
    }

    /// Nobody is woken any more: whoever is there waits for something that has not come, and no
    /// lane is free for an item that is there.
    fn rest(&self, script: &Script, signals: u8) -> Result<(), String> {
        if self.stopped && !self.alive.is_empty() {
            return Err(format!("{:?} are there after the stop", self.alive));
        }
        for number in self.alive.keys() {
            let item = &script.items[*number];
            if item.end != End::Never && item.waits.is_none_or(|signal| signal < signals) {
                return Err(format!("{number} rests after {signals} signals"));
            }
        }
        let may_make = !self.stopped && self.made < script.items.len();
        // A lane that was lost may be replaced later. Without one the pool goes on, or gives up.
        let least = if self.lost { usize::from(!self.gave_up) } else { script.limit };
        if may_make && self.alive.len() < least {
            return Err(format!("{} is not made, and a lane is free", self.made));
        }
        Ok(())
    }
}

fn check(script: &Script, seed: u64) -> Result<(), String> {
    let (events, asked, report) = run(script, seed);
    let failures =
        || report.iter().flat_map(|report| report.error()).flat_map(|error| error.iter());
    let gave_up = failures().any(|error| error.child().is_nursery());
    // Elsewhere the pool hears later of what came before a cancel.
    let exact = !script.remote || !events.contains(&Event::Cancels);
    let mut late = BTreeSet::new();
    if !exact && report.is_some() {
        let lost = failures().filter(|error| matches!(error.failure(), Failure::Executor(_)));
        let lost: BTreeSet<_> = lost.map(|error| error.child().id().number() as usize).collect();
        late = (0..script.items.len()).filter(|number| !lost.contains(number)).collect();
    }
    let mut expected = Expected { gave_up, late, ..Expected::default() };
    let all = || format!("\nseed {seed}, {script:#?}\n{events:?}");
    for event in &events {
        expected.see(script, *event).map_err(|fault| fault + &all())?;
    }
    if exact && matches!(script.rule, Rule::Nth(_)) && asked != expected.asked {
        return Err(format!("the policy is asked {asked} times{}", all()));
    }
    if gave_up && (expected.stopped || !expected.lost) {
        return Err(format!("the pool gives up{}", all()));
    }
    let Some(report) = &report else {
        // All signals were sent: who is there waits for ever.
        let waits = !expected.alive.is_empty();
        return if waits { Ok(()) } else { Err(format!("the pool hangs{}", all())) };
    };
    let wrong = |what: &str| Err(format!("{what} is wrong: {report:?}{}", all()));
    if !expected.alive.is_empty() {
        return wrong("the end");
    }
    if !expected.stopped && !gave_up && expected.made < script.items.len() {
        return wrong("the number of items");
    }
    let outputs: BTreeSet<_> = report.outputs().iter().map(|(_, number)| *number).collect();
    if outputs != expected.outputs {
        return wrong("what has succeeded");
    }
    let number = |child: &nestling::ChildInfo| child.id().number() as usize;
    let cancelled: BTreeSet<_> = report.cancelled().iter().map(|one| number(one.child())).collect();
    // Elsewhere items are pulled ahead, and no lane has begun these.
    let begun: BTreeSet<_> = cancelled.iter().copied().filter(|one| *one < expected.made).collect();
    let ahead = cancelled.len() - begun.len();
    let most = if script.remote { 2 * script.limit } else { begun.len() };
    if begun != expected.cancelled || begun.len() + ahead > most {
        return wrong("who is cancelled");
    }
    let failures: Vec<_> = failures()
        .filter(|error| !error.child().is_nursery())
        .map(|error| {
            let kind = match error.failure() {
                Failure::Error(_) => Kind::Error,
                Failure::Panic(panic) if panic.to_string().contains("destructor") => {
                    Kind::DropPanic
                }
                Failure::Executor(_) => Kind::Lost,
                _ => Kind::Panic,
            };
            (number(error.child()), kind, error.after_cancel())
        })
        .collect();
    let mut wanted = expected.failures.clone();
    let counts = report.counts();
    if counts.not_stored() != wanted.len().saturating_sub(script.keep()) as u64 {
        return wrong("the count of what was not stored");
    }
    wanted.truncate(script.keep());
    let same = failures.len() == wanted.len()
        && failures.iter().zip(&wanted).all(|(seen, wanted)| {
            (seen.0, seen.1) == (wanted.0, wanted.1) && (!exact || seen.2 == wanted.2)
        });
    if !same {
        return wrong("a failure");
    }
    let completed = expected.outputs.difference(&expected.failed).count();
    let told = (counts.completed(), counts.failed(), counts.cancelled());
    if told != (completed as u64, expected.failed.len() as u64, cancelled.len() as u64) {
        return wrong("a count");
    }
    if report.cause().is_some() != (expected.stopped || gave_up) {
        return wrong("the cause");
    }
    Ok(())
}

/// Checks the run that the bytes stand for: seed, shape, items.
pub(crate) fn check_bytes(data: &[u8]) {
    let made: arbitrary::Result<_> = (|| {
        let mut bytes = Unstructured::new(data);
        let seed = u64::from(u16::arbitrary(&mut bytes)?);
        Ok(check(&script_of(&mut bytes)?, seed))
    })();
    // Bytes that stand for no run are none of ours.
    if let Ok(Err(fault)) = made {
        panic!("{fault}");
    }
}

fn script_of(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Script> {
    let (remote, nested) = (bytes.arbitrary()?, bytes.ratio(1, 8)?);
    let (limit, keep) = (bytes.int_in_range(1..=9)?, bytes.int_in_range(1..=5)?);
    let rule = match bytes.int_in_range(0..=4)? {
        0 => Rule::FirstError,
        1 => Rule::Nth(bytes.int_in_range(1..=4)?),
        _ => Rule::Collect,
    };
    let mut items = Vec::new();
    while items.len() < 20 && !bytes.is_empty() {
        items.push(Item {
            waits: bytes.ratio(1, 3)?.then(|| bytes.int_in_range(0..=SIGNALS - 1)).transpose()?,
            yields: bytes.int_in_range(0..=3)?,
            cancels: bytes.ratio(1, 20)?,
            end: match bytes.int_in_range(0..=11)? {
                0..=2 => End::Error,
                3 => End::Panic,
                4 => End::NoFuture,
                5 => End::Never,
                _ => End::Output,
            },
            drop_panics: bytes.ratio(1, 10)?,
        });
    }
    let mut drops = Vec::new();
    while remote && drops.len() < 8 && bytes.ratio(1, 4)? {
        drops.push((bytes.int_in_range(0..=30)?, bytes.arbitrary()?));
    }
    Ok(Script { items, limit, rule, keep, remote, drops, nested })
}

#[cfg(test)]
mod cases {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::memory::left_by;
    use super::{End, Item, Rule, SIGNALS, Script, check, check_bytes};
    use crate::support::random_cases;

    fn script() -> impl Strategy<Value = Script> {
        let end = prop_oneof![
            6 => Just(End::Output),
            3 => Just(End::Error),
            1 => Just(End::Panic),
            1 => Just(End::NoFuture),
            1 => Just(End::Never),
        ];
        let item = (
            proptest::option::weighted(0.3, 0..SIGNALS),
            0..4_usize,
            proptest::bool::weighted(0.05),
            end,
            proptest::bool::weighted(0.1),
        )
            .prop_map(|(waits, yields, cancels, end, drop_panics)| Item {
                waits,
                yields,
                cancels,
                end,
                drop_panics,
            });
        let rule = prop_oneof![
            3 => Just(Rule::Collect),
            1 => Just(Rule::FirstError),
            1 => (1..4_usize).prop_map(Rule::Nth),
        ];
        let drops = prop_oneof![2 => Just(Vec::new()), 1 => vec((0..30_u8, any::<u8>()), 1..8)];
        let shape = (any::<bool>(), drops, proptest::bool::weighted(0.2));
        (vec(item, 0..16), 1..10_usize, rule, 1..6_usize, shape).prop_map(
            |(items, limit, rule, keep, (remote, drops, nested))| Script {
                items,
                limit,
                rule,
                keep,
                remote,
                drops: if remote { drops } else { Vec::new() },
                nested,
            },
        )
    }

    #[test]
    fn a_pool_does_what_the_model_says_here_and_elsewhere() {
        proptest!(random_cases(5_000), |(script in script(), seed: u64)| {
            match left_by(|| check(&script, seed)) {
                Ok(left) => prop_assert_eq!(left, 0, "allocations of seed {}", seed),
                Err(fault) => prop_assert!(false, "{}", fault),
            }
        });
    }

    #[test]
    fn it_does_so_with_scripts_that_are_made_from_bytes() {
        proptest!(random_cases(1_000), |(data in vec(any::<u8>(), 0..300))| check_bytes(&data));
    }
}
