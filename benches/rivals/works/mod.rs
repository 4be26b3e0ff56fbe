//! What is measured. Each work says how long the measured part of it took.

mod batch;
mod nest;
mod parked;
mod parking;
mod signal;
mod spawned;

pub(crate) use batch::{Batch, Kind, yield_times};
pub(crate) use nest::Nest;
pub(crate) use parked::{CancelAll, CancelOne, FirstError, Parked, Woken};
pub(crate) use parking::Parking;
pub(crate) use signal::Signal;
pub(crate) use spawned::{Followed, Threads, Tree};
