//! What is tried again, and children that come back: `retry` and `Supervisor`, on the virtual clock.
//!
//! No test waits for a wall clock. A test is named for what it shows.

mod model;
mod retry;
mod supervisor;
