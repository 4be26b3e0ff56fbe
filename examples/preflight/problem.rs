//! What can be wrong with a target, and with what was given as one.

use std::io;
use std::time::Duration;

use super::bad_target::BadTarget;
use super::http::ANSWER_MAX;
use super::input::Origin;
use super::list::{LINE_MAX, LIST_MAX};

/// One thing that is wrong. What it was caused by is its source, so that the tree shows it on a
/// line of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    // Of the input.
    #[error("{at}: {why}")]
    Target { at: Origin, why: BadTarget },
    #[error("{at}: not UTF-8")]
    NotUtf8 { at: Origin },
    #[error("{at}: longer than {LINE_MAX} bytes")]
    LongLine { at: Origin },
    #[error("{at}: the list is longer than {} MiB, and the rest of it was not read", LIST_MAX >> 20)]
    LongList { at: Origin },
    #[error("{at}: the list names no target")]
    EmptyList { at: Origin },
    #[error("{at}: cannot read the list")]
    Read { at: Origin, source: io::Error },
    #[error("{at}: not a regular file")]
    NotAFile { at: Origin },
    #[error("{at}: standard input can be read only once")]
    StdinTwice { at: Origin },

    // Of the network.
    #[error("cannot look up the host")]
    Lookup { source: io::Error },
    #[error("the host has no address")]
    NoAddress,
    #[error("cannot connect")]
    Connect { source: io::Error },
    #[error("no {awaited} within {after:?}")]
    TimedOut { awaited: &'static str, after: Duration },

    // Of the answer.
    #[error("the connection broke")]
    Broken { source: io::Error },
    #[error("answered {0}")]
    Status(String),
    #[error("answered what is not HTTP")]
    Garbage { source: httparse::Error },
    #[error("closed the connection without an answer")]
    NoAnswer,
    #[error("closed the connection before the end of the answer's status line")]
    HalfAnswer,
    #[error("no final status within the first {} KiB of the answer", ANSWER_MAX >> 10)]
    LongAnswer,
}
