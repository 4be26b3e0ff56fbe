//! The supervisor itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::oneshot;
use nestling::supervise::{
    AutoShutdown, ChildSpec, Decision, Incarnation, Refused, Restart, RunState, Strategy,
    SupervisorHandle,
};
use nestling::testing::{Executor, Task};
use nestling::{Report, Supervisor};

use super::clock::HandClock;
use super::rules::{End, Shown};
use super::script::{Auto, Child, Comes, Event, Script, Way, bounds};

/// How an incarnation is ended.
type Orders = Arc<Mutex<HashMap<String, (Incarnation, oneshot::Sender<Result<(), String>>)>>>;

pub(super) struct Real {
    executor: Executor<'static>,
    task: Task<Report<(), String>>,
    handle: SupervisorHandle<'static, String>,
    clock: HandClock,
    orders: Orders,
    /// The names of the children, by their numbers.
    names: Vec<String>,
    auto: Auto,
    /// What was asked for and has no answer.
    asked: Vec<Asked>,
}

struct Asked {
    event: Event,
    name: String,
    /// The child's at the time.
    incarnation: u64,
    answer: Task<Result<(), Refused>>,
}

impl Real {
    /// `None` if the rules cannot be meant so.
    pub(super) fn new(script: &Script) -> Option<Self> {
        let (clock, orders) = (HandClock::default(), Orders::default());
        let (restarts, window) = bounds(script.intensity);
        let mut supervisor = Supervisor::new(clock.clone())
            .intensity(restarts, Duration::from_secs(window))
            .keep_failures(1_000)
            .strategy(match script.strategy {
                Way::OneForOne => Strategy::OneForOne,
                Way::OneForAll => Strategy::OneForAll,
                Way::RestForOne => Strategy::RestForOne,
            })
            .auto_shutdown(match script.auto {
                Auto::Never => AutoShutdown::Never,
                Auto::Any => AutoShutdown::Any,
                Auto::All => AutoShutdown::All,
            });
        let mut names = Vec::new();
        for child in &script.children {
            let child = child.tame(script.auto);
            let name = names.len().to_string();
            supervisor = supervisor.child(spec(name.clone(), child, &orders));
            names.push(name);
        }
        let supervision = supervisor.build().ok()?;
        let handle = supervision.handle();
        let mut executor = Executor::new(script.seed.into());
        let task = executor.spawn(supervision.settle());
        let _ = executor.run();
        Some(Self {
            executor,
            task,
            handle,
            clock,
            orders,
            names,
            auto: script.auto,
            asked: Vec::new(),
        })
    }

    /// Says whether a child that was to be added was taken.
    pub(super) fn happens(&mut self, event: Event) -> bool {
        match event {
            Event::Fails(at) => self.order(at, Err("no".to_owned())),
            Event::Succeeds(at) => self.order(at, Ok(())),
            Event::IsUp(at) => {
                if let Some(name) = self.name(at)
                    && let Some((incarnation, _)) = self.orders.lock().unwrap().get(&name)
                {
                    incarnation.ready();
                }
            }
            Event::Stop(at) | Event::Remove(at) | Event::Restart(at) => self.ask(event, at),
            Event::Add(child) => {
                let name = self.names.len().to_string();
                self.names.push(name.clone());
                let added = self.handle.add(spec(name, child.tame(self.auto), &self.orders));
                return self.executor.block_on(added).is_ok();
            }
            Event::Pass(seconds) => {
                for _ in 0..seconds % 6 {
                    self.clock.tick();
                    let _ = self.executor.run();
                }
            }
            Event::Shutdown => self.handle.shutdown("enough"),
        }
        let _ = self.executor.run();
        true
    }

    fn ask(&mut self, event: Event, at: u8) {
        let Some(name) = self.name(at) else { return };
        let incarnation = self.handle.get(&name).map_or(0, |child| child.incarnation());
        let answer = match event {
            Event::Stop(_) => self.executor.spawn(self.handle.stop(name.as_str())),
            Event::Remove(_) => self.executor.spawn(self.handle.remove(name.as_str())),
            _ => self.executor.spawn(self.handle.restart(name.as_str())),
        };
        self.asked.push(Asked { event, name, incarnation, answer });
    }

    /// Checks that what was asked for is answered when it is done, and not before.
    pub(super) fn check_answers(&mut self) {
        let handle = &self.handle;
        self.asked.retain(|asked| {
            let child = handle.get(&asked.name);
            let state = child.as_ref().map(|child| child.state());
            let is_later = child.is_some_and(|child| child.incarnation() > asked.incarnation);
            let is_done = match asked.event {
                // It was restarted meanwhile: it is gone, and may wait for its turn.
                Event::Stop(_) => {
                    use RunState::{Down, Queued, Waiting};
                    matches!(state, None | Some(Down | Queued | Waiting)) || is_later
                }
                Event::Remove(_) => state.is_none(),
                _ => is_later,
            };
            let answer = asked.answer.take();
            let Asked { event, name, .. } = asked;
            match &answer {
                Some(Ok(())) => assert!(is_done, "{event:?} of {name} was answered too early"),
                // A restart may be overtaken, and all is refused at the end.
                Some(Err(_)) => {}
                None => assert!(!is_done, "{event:?} of {name} has no answer, and is done"),
            }
            answer.is_none()
        });
    }

    fn name(&self, at: u8) -> Option<String> {
        self.names.get(usize::from(at).checked_rem(self.names.len())?).cloned()
    }

    fn order(&self, at: u8, end: Result<(), String>) {
        let Some(name) = self.name(at) else { return };
        let order = self.orders.lock().unwrap().remove(&name);
        if let Some((_, order)) = order {
            // One that is gone is not ended.
            let _ = order.send(end);
        }
    }

    pub(super) fn shows(&self) -> Vec<Shown> {
        let show = |child: &nestling::supervise::ChildStatus| Shown {
            name: child.name().to_owned(),
            incarnation: child.incarnation(),
            restarts: child.restarts(),
            state: match child.state() {
                RunState::Starting => "starting",
                RunState::Running => "running",
                RunState::Waiting | RunState::Queued => "to start",
                RunState::Stopping => "stopping",
                _ => "down",
            },
        };
        if self.handle.is_finished() {
            return Vec::new();
        }
        self.handle.children().iter().map(show).collect()
    }

    /// How it has ended, once it is told to.
    pub(super) fn end(mut self) -> End {
        self.handle.shutdown("the end");
        let _ = self.executor.run();
        for _ in 0..100 {
            self.clock.tick();
            let _ = self.executor.run();
        }
        let report = self.task.take().expect("it ends when it is told to");
        let cause = report.cause().expect("it is told").to_string();
        let gave_up_on =
            report.cause().and_then(|cause| cause.child()).and_then(|child| child.name());
        let gave_up_on = gave_up_on.filter(|_| cause.starts_with("gave up")).map(str::to_owned);
        let mut failures: Vec<_> = report
            .error()
            .into_iter()
            .flat_map(|error| error.iter())
            .filter_map(|child| Some((child.child().name()?.to_owned(), child.failure().group()?)))
            .map(|(name, group)| {
                (name, group.iter().map(|failed| failed.child().id().number()).collect())
            })
            .collect();
        failures.sort();
        End { gave_up_on, failures }
    }
}

fn spec(name: String, child: Child, orders: &Orders) -> ChildSpec<'static, String> {
    let orders = Arc::clone(orders);
    let of = name.clone();
    let mut spec = ChildSpec::new(name, move |incarnation: Incarnation| {
        let (order, ordered) = oneshot::channel();
        orders.lock().unwrap().insert(of.clone(), (incarnation, order));
        async move { ordered.await.unwrap_or_else(|_| unreachable!("it is kept until it is sent")) }
    });
    spec = spec.restart(match child.comes {
        Comes::Always => Restart::Permanent,
        Comes::AfterFailures => Restart::Transient,
        Comes::Never => Restart::Temporary,
    });
    if child.significant {
        spec = spec.significant();
    }
    if child.grace() > 0 {
        spec = spec.grace(Duration::from_secs(child.grace()));
    }
    if child.says_ready {
        spec = spec.says_ready(Duration::from_secs(100_000));
    }
    if child.delays.is_some() {
        let delays = move || (0..).map(move |at| Duration::from_secs(child.delay(at)));
        spec = spec.backoff(Duration::from_secs(child.stable()), delays);
    }
    // Which delays can be meant so is shown elsewhere: a decision may choose any.
    spec = spec.decide(|_| Decision::Restart);
    if let Some(intensity) = child.intensity {
        let (restarts, window) = bounds(intensity);
        spec = spec.intensity(restarts, Duration::from_secs(window));
    }
    spec
}
