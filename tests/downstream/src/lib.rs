//! A small channel that is tested with `nestling::testing`, as its users may test their own code.

mod channel;
mod ring;
mod sync;

pub use channel::{Fault, Receiver, Recv, Send, Sender, channel, faulty};

// The locks of loom and shuttle work only in their own runs.
#[cfg(all(test, not(any(loom, feature = "shuttle"))))]
mod tests;
