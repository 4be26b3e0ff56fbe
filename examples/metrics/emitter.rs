//! The emitter: one sink after the other.

use nestling::failure::LostKind;
use nestling::{JoinedError, Nursery};
use smol::channel::Receiver;
use smol::future::yield_now;

use super::args::Args;
use super::counts::{Counts, count};
use super::producer::Measurement;
use super::sink::{Problem, Sink};
use super::tell;

/// How many failures of sinks are told one by one in the end. The others are counted.
const FAILURES: usize = 10;

/// Sends what is in the queue until that is closed and empty.
///
/// A sink that fails or panics is one failure of the report, and the next one goes on. Each takes a
/// measurement before it can fail, so that this ends. Where none can be opened, there is nothing to
/// go on with, and the emitter fails.
pub(crate) async fn emit(
    args: &Args,
    queue: &Receiver<Measurement>,
    counts: &Counts,
) -> Result<(), JoinedError<Problem>> {
    // It goes on when the emitter is told to end: there is a queue to drain.
    let sinks = Nursery::new().name("sinks").keep_failures(FAILURES).shielded();
    let run = sinks.run(|sinks| async move {
        for number in 1.. {
            let sink = Sink::open(args, number == 1).await?;
            let child = sinks.child().name(format!("sink {number}"));
            // It is refused, or cancelled, once the time of the emitter is over.
            let Ok(pouring) = child.spawn_join(pour(sink, queue, counts)) else { break };
            match pouring.await {
                Ok(()) => break,
                Err(lost) if lost.kind() == LostKind::Cancelled => break,
                Err(lost) => tell(format_args!("{lost}; going on with a new sink")),
            }
        }
        Ok(())
    });
    let result: Result<((), Vec<()>), _> = run.await;
    result.map(drop)
}

async fn pour(
    mut sink: Sink,
    queue: &Receiver<Measurement>,
    counts: &Counts,
) -> Result<(), Problem> {
    while let Ok(measurement) = queue.recv().await {
        count(&counts.taken);
        sink.send(&measurement).await?;
        count(&counts.sent);
        // A queue that is never empty would never let this child wait, or another go on.
        yield_now().await;
    }
    Ok(())
}
