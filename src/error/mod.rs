//! The errors a nursery returns: every failure of every child, as one value.
//!
//! The pieces, from the smallest: a [`Failure`] is how one child failed, a [`ChildError`] says
//! which child that was, and a [`JoinedError`] holds them all.

mod algebra;
mod as_error;
mod build;
mod child_error;
mod counts;
#[cfg(feature = "serde")]
mod data;
#[cfg(feature = "miette")]
mod diagnostic;
mod executor;
mod failure;
mod first;
mod flatten;
mod head;
mod iter;
mod joined;
mod line;
mod nested;
mod order;
mod panic;
mod path;
mod regrow;
mod search;
mod settings;
mod shown;
mod tree;
mod walk;

#[cfg(all(test, not(nestling_loom)))]
mod tests;

pub use as_error::AsError;
pub(crate) use as_error::source_of;
pub use child_error::ChildError;
pub use counts::Counts;
#[cfg(feature = "serde")]
pub use data::Data;
#[cfg(feature = "miette")]
pub use diagnostic::Diagnosed;
pub use executor::ExecutorError;
pub use failure::Failure;
pub(crate) use first::First;
pub(crate) use head::LostInside;
pub use iter::{IntoIter, Iter, Leaves};
pub use joined::JoinedError;
pub(crate) use joined::{Sources, Stored};
pub(crate) use line::{text, with_causes};
pub use panic::Panic;
pub use path::Ancestors;
pub use settings::Part;
pub(crate) use shown::Ends;
pub use shown::Shown;
