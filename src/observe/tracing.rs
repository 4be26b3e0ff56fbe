//! Spans for the crate `tracing`, where its feature is on. Here is decided which code there is.

#[cfg(not(feature = "tracing"))]
mod none;
#[cfg(feature = "tracing")]
mod spans;

#[cfg(not(feature = "tracing"))]
pub(super) use self::none::{ChildSpan, NurserySpan};
#[cfg(feature = "tracing")]
pub(super) use self::spans::{ChildSpan, NurserySpan};

#[cfg(not(feature = "tracing"))]
pub(crate) use self::none::InSpan;
#[cfg(feature = "tracing")]
pub(crate) use self::spans::InSpan;

/// Whether there can be spans.
pub(super) const ON: bool = cfg!(feature = "tracing");
