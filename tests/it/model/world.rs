//! What all nurseries of a run share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nestling::testing::{Cues, Executor, Workers};

use super::event::Event;
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
}

impl World {
    pub(crate) fn new(executor: &Executor<'_>) -> Self {
        let (cues, workers) = (Cues::new(executor), executor.workers());
        let (values, watches) = Default::default();
        Self { cues, workers, rules: Mutex::default(), values, watches }
    }

    pub(crate) fn tell(&self, event: Event) {
        self.rules().hear(event);
    }

    pub(crate) fn fire(&self, signal: u8) {
        self.tell(Event::Fired(signal));
        self.cues.signal(signal).fire();
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
