//! What the nurseries of a run are cancelled for, as far as no event tells it: a deadline, or the
//! end of the child that a nursery is inside.

use std::cell::RefCell;

use nestling::generic::Flavor;
use nestling::{Cause, Spawner};

use super::values::Value;

type Probe = Box<dyn Fn() -> Option<Cause>>;

thread_local! {
    /// By the number of the nursery. A run stays on one thread, and a local spawner too.
    static PROBES: RefCell<Vec<Option<Probe>>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the spawner of the nursery that was opened last.
pub(super) fn keep<M: Flavor>(spawner: Option<Spawner<'static, Value, Value, M>>) {
    let probe = spawner.map(|spawner| Box::new(move || spawner.cause()) as Probe);
    PROBES.with_borrow_mut(|probes| probes.push(probe));
}

/// Why a nursery is cancelled, if it is, and has a spawner.
pub(super) fn cause(nursery: usize) -> Option<Cause> {
    PROBES.with_borrow(|probes| probes.get(nursery)?.as_ref()?())
}

/// Drops the spawners.
pub(super) fn clear() {
    PROBES.take();
}
