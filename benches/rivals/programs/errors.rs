//! What the owner sees of errors, and when.

use std::sync::Arc;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use super::Program;
use super::probe::{Probe, count};
use crate::work::{Need, Set, Way, Work};
use crate::works::Signal;

/// Three of four children fail.
pub struct Errors;

impl Program for Errors {
    const NEEDS: Need = Need::All;

    fn run<Y: Way>(_: usize) -> String {
        Y::block_on(Y::scope(ThreeFail)).to_string()
    }
}

#[derive(Clone)]
struct ThreeFail;

impl Work for ThreeFail {
    const NEEDS: Need = Need::All;
    type Output = usize;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> usize {
        for n in 0..4 {
            set.spawn(async move { if n == 1 { Ok(n) } else { Err(n) } });
        }
        set.all().await.errors
    }
}

/// The last child fails while all others wait.
pub struct Prompt;

/// How long the first error may take to be seen.
const PATIENCE: Duration = Duration::from_secs(1);

impl Program for Prompt {
    const NEEDS: Need = Need::FirstError;

    fn run<Y: Way>(children: usize) -> String {
        let fails = LastFails {
            probe: Probe::new(children - 1),
            failed: Arc::default(),
            over: Arc::default(),
        };
        let watched = fails.clone();
        let watch = spawn(move || watched.watch());
        Y::block_on(Y::scope(fails));
        watch.join().expect("it does not panic")
    }
}

#[derive(Clone)]
struct LastFails {
    probe: Arc<Probe>,
    failed: Arc<Signal>,
    over: Arc<Signal>,
}

impl LastFails {
    /// Lets the others come to their end only when the error was not seen without that.
    fn watch(&self) -> String {
        while !self.failed.is_sent() {
            sleep(Duration::from_millis(1));
        }
        let polls = count(&self.probe.polls);
        if self.is_over() {
            return match count(&self.probe.polls) - polls {
                0 => "at once".into(),
                polls => format!("at once, after {polls} polls of others"),
            };
        }
        for n in 1..self.probe.children() {
            self.probe.call(n);
        }
        let early = self.is_over();
        self.probe.call(0);
        if early { "after some others" } else { "when all before it have ended" }.into()
    }

    fn is_over(&self) -> bool {
        let start = Instant::now();
        while !self.over.is_sent() && start.elapsed() < PATIENCE {
            sleep(Duration::from_millis(1));
        }
        self.over.is_sent()
    }
}

impl Work for LastFails {
    const NEEDS: Need = Need::FirstError;
    const FIRST_ERROR: bool = true;
    type Output = ();

    async fn run<'s, S: Set<'s>>(self, mut set: S) {
        for n in 0..self.probe.children() {
            set.spawn(self.probe.child(n));
        }
        let Self { probe, failed, over } = self;
        set.spawn(async move {
            probe.all_parked.wait().await;
            failed.send();
            Err(7)
        });
        assert_eq!(set.first_error().await, 7);
        over.send();
    }
}
