//! What all nurseries of a run share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nestling::observe::{ChildState, Watch};
use nestling::testing::{Cues, Executor, Workers};

use super::event::{Event, Sight};
use super::rules::Rules;
use super::values::Values;
use super::watch::Watches;

pub(crate) struct World {
    pub(super) cues: Cues,
    /// The executor that children are spawned onto: the one that the run is on, too.
    pub(super) workers: Workers,
    rules: Mutex<Rules>,
    pub(super) values: Values,
    pub(super) watches: Watches,
    /// There if the run is watched.
    pub(super) watch: Option<Watch>,
}

impl World {
    pub(crate) fn new(executor: &Executor<'_>, watch: Option<Watch>) -> Self {
        let (cues, workers) = (Cues::new(executor), executor.workers());
        let (values, watches) = Default::default();
        Self { cues, workers, rules: Mutex::default(), values, watches, watch }
    }

    pub(crate) fn tell(&self, event: Event) {
        self.rules().hear(event);
    }

    pub(crate) fn fire(&self, signal: u8) {
        self.tell(Event::Fired(signal));
        self.cues.signal(signal).fire();
    }

    /// What the watch sees of each nursery, in the order in which they were opened.
    pub(crate) fn look(&self) -> Option<Vec<Sight>> {
        let snapshot = self.watch.as_ref()?.snapshot();
        let sight = |nursery| {
            let mut sight = Sight::default();
            for child in snapshot.children_of(nursery) {
                match child.state() {
                    _ if child.info().is_body() => sight.body = true,
                    ChildState::Queued => sight.queued += 1,
                    _ => sight.started += 1,
                }
            }
            sight
        };
        Some(snapshot.nurseries().iter().map(sight).collect())
    }

    /// What is left of the run.
    pub(crate) fn over(&self) -> Event {
        Event::Over { values: self.values.count(), watches: Arc::strong_count(&self.watches) - 1 }
    }

    pub(crate) fn verdict(&self) -> Result<(), String> {
        self.rules().verdict()
    }

    pub(super) fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
