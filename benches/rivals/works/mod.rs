//! What is measured. Each work says how long the measured part of it took.

mod batch;
mod nest;
mod parked;
mod parking;
mod signal;
mod spawned;

pub use batch::{Batch, Kind, yield_times};
pub use nest::Nest;
pub use parked::{CancelAll, CancelOne, FirstError, Parked, Woken};
pub use parking::Parking;
pub use signal::Signal;
pub use spawned::{Followed, Threads, Tree};
