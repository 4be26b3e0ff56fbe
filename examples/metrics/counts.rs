//! What became of the measurements.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Each is counted where it happens. No order is needed: they are read when all threads are
/// through.
#[derive(Default)]
pub(crate) struct Counts {
    /// By the producers.
    pub(crate) recorded: AtomicU64,
    /// By the producers: there was no room in the queue.
    pub(crate) shed: AtomicU64,
    /// By the emitter: out of the queue, and into the hands of a sink.
    pub(crate) taken: AtomicU64,
    /// By the emitter: the sink has them.
    pub(crate) sent: AtomicU64,
}

impl Counts {
    pub(crate) fn recorded(&self) -> u64 {
        self.recorded.load(Relaxed)
    }

    /// Tells what was sent, and what was dropped where. So many are left in the queue.
    pub(crate) fn text(&self, left: usize) -> String {
        let [recorded, shed, taken, sent] = [&self.recorded, &self.shed, &self.taken, &self.sent]
            .map(|number| number.load(Relaxed));
        let lost = taken - sent;
        let dropped = shed + lost + left as u64;
        format!(
            "dropped {shed} for want of room, {lost} with a sink, {left} in the end\n\
             sent {sent}, dropped {dropped}, of {recorded}"
        )
    }
}

/// Counts one more.
pub(crate) fn count(number: &AtomicU64) {
    number.fetch_add(1, Relaxed);
}
