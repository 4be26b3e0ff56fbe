//! What can be wrong with the server and with a connection.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::connection::LINE_MAX;
use super::timeline;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    // Of the server.
    #[error("cannot listen on {at}")]
    Listen { at: SocketAddr, source: io::Error },
    #[error("cannot listen for signals")]
    Signals { source: io::Error },
    #[error("cannot open the log {}", path.display())]
    OpenLog { path: PathBuf, source: io::Error },
    #[error("cannot write the log {}", path.display())]
    WriteLog { path: PathBuf, source: io::Error },
    #[error("cannot record the run")]
    Timeline { source: timeline::Problem },

    // Of a connection.
    #[error("cannot read the message of the day {}", path.display())]
    Motd { path: PathBuf, source: io::Error },
    #[error("a line is longer than {} KiB", LINE_MAX >> 10)]
    LongLine,
    #[error("a line is not UTF-8")]
    NotUtf8 { source: std::str::Utf8Error },
    #[error("the connection broke")]
    Broken { source: io::Error },
}
