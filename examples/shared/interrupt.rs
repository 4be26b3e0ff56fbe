//! Ctrl-C and SIGTERM, where a run that is cut short is to be reported.

use std::future::pending;
use std::io;
use std::process;

use async_signal::{Signal, Signals};
use smol::stream::StreamExt;

/// The signals that cut a run short.
pub(crate) struct Interrupts(Signals);

impl Interrupts {
    /// From here on a signal does not end the program by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        // Elsewhere there is only Ctrl-C.
        let signals: &[Signal] =
            if cfg!(unix) { &[Signal::Int, Signal::Term] } else { &[Signal::Int] };
        Signals::new(signals).map(Self)
    }

    /// Cancels the run at the first signal, with its name. At the next one the program ends: what
    /// blocks a thread cannot be cancelled. Never ends itself.
    pub(crate) async fn cancel<T>(&self, cancel: impl Fn(&'static str)) -> T {
        let mut was_cancelled = false;
        // Where signals cannot be heard any more, the run goes on to its end.
        while let Some(Ok(signal)) = (&self.0).next().await {
            if was_cancelled {
                process::exit(1);
            }
            cancel(if signal == Signal::Term { "SIGTERM" } else { "Ctrl-C" });
            was_cancelled = true;
        }
        pending().await
    }
}
