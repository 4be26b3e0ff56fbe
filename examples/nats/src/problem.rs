//! What can fail.

use std::io;
use std::process::ExitStatus;

use super::ask::PATIENCE;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// For good: another attempt may get another worker, and that may know better.
    #[error("{worker} refused it: {reason}")]
    Refused { worker: String, reason: String },
    #[error("{worker} took it, and said no more within {PATIENCE:?}")]
    Silent { worker: String },
    #[error("no worker took it within {PATIENCE:?}")]
    Untaken,
    #[error("there was no worker")]
    NoWorker,
    #[error("cannot read a reply: {0}")]
    Reply(#[from] serde_json::Error),
    #[error("the client of the server: {0}")]
    Client(#[source] async_nats::Error),
    #[error("{worker}, process {id}, has ended: {status}")]
    Ended { worker: String, id: u32, status: ExitStatus },
    #[error("{worker} could not be started: {error}")]
    Start { worker: String, error: io::Error },
    #[error("the server could not be started: {0}")]
    Server(io::Error),
}
