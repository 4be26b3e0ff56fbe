//! What measures, and must not wait for what takes the figures.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use smol::channel::{self, Receiver, Sender};
use smol::unblock;

use super::counts::{Counts, count};
use super::sink::Problem;

/// One measurement. It is shown as it is sent.
pub(crate) struct Measurement {
    producer: u64,
    value: u64,
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "producer_{} {}", self.producer, self.value)
    }
}

/// Takes measurements from any thread. The queue is closed when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Meter {
    queue: Sender<Measurement>,
    counts: Arc<Counts>,
}

impl Meter {
    pub(crate) fn new(room: usize) -> (Self, Receiver<Measurement>) {
        let (sender, receiver) = channel::bounded(room);
        (Self { queue: sender, counts: Arc::default() }, receiver)
    }

    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Never waits: where there is no room in the queue, the measurement is dropped and counted.
    fn record(&self, measurement: Measurement) {
        count(&self.counts.recorded);
        if self.queue.try_send(measurement).is_err() {
            count(&self.counts.shed);
        }
    }
}

/// Measures on a thread of its own, and waits for it.
pub(crate) async fn produce(
    producer: u64,
    times: u64,
    pause: Duration,
    meter: Meter,
) -> Result<(), Problem> {
    unblock(move || {
        for value in 1..=times {
            meter.record(Measurement { producer, value });
            // Stands for the work that is measured.
            thread::sleep(pause);
        }
    })
    .await;
    Ok(())
}
