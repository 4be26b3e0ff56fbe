//! Ctrl-C and SIGTERM.

use std::future::{pending, ready};
use std::io;
use std::time::Duration;

use async_signal::{Signal, Signals};
use nestling::Spawner;
use smol::stream::StreamExt;

use super::problem::Problem;
use super::tell;

/// The signals that stop the server.
pub(crate) struct Stops(Signals);

impl Stops {
    pub(crate) fn listen() -> io::Result<Self> {
        // Elsewhere there is only Ctrl-C.
        let signals: &[Signal] =
            if cfg!(unix) { &[Signal::Int, Signal::Term] } else { &[Signal::Int] };
        Signals::new(signals).map(Self)
    }

    /// Stops the server at the first signal, and ends its grace at the next. Never ends itself: it
    /// is dropped when the server has ended.
    pub(crate) async fn stop<T>(mut self, server: &Spawner<'_, (), Problem>, grace: Duration) -> T {
        while let Some(signal) = self.0.next().await {
            let name = match signal {
                Ok(Signal::Term) => "SIGTERM",
                Ok(_) => "Ctrl-C",
                Err(error) => {
                    tell(format_args!("cannot hear signals any more: {error}"));
                    break;
                }
            };
            if server.cancel_with(name) {
                let most = format_args!("for at most {grace:?}, or until the next signal");
                tell(format_args!("{name}: waiting for the connections to end, {most}"));
            } else {
                tell(format_args!("{name}: dropping the connections that are left"));
                server.cancel_within(name, ready(()));
            }
        }
        pending().await
    }
}
