//! What is measured: works that say how long the measured part of them took.

mod batch;
mod nest;
mod parked;
mod parking;
mod signal;
mod spawned;

use std::time::Duration;

pub use batch::{Batch, Kind, yield_times};
pub use nest::Nest;
pub use parked::{CancelAll, CancelOne, FirstError, Parked, Woken};
pub use parking::Parking;
pub use signal::Signal;
pub use spawned::{Followed, Threads, Tree};

/// How long the part took that is measured. Without it all is measured, from before there is a set.
pub type Part = Option<Duration>;
