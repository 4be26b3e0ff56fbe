//! Spans for the crate `tracing`, where its feature is on. Here is decided which code there is.

#[cfg(not(feature = "tracing"))]
mod none;
#[cfg(feature = "tracing")]
mod spans;

#[cfg(not(feature = "tracing"))]
pub(super) use self::none::{ChildSpan, NurserySpan, on_drop};
#[cfg(feature = "tracing")]
pub(super) use self::spans::{ChildSpan, NurserySpan, on_drop};

#[cfg(not(feature = "tracing"))]
pub(crate) use self::none::{EnterOnDrop, ExitOnDrop, InSpan};
#[cfg(feature = "tracing")]
pub(crate) use self::spans::{EnterOnDrop, ExitOnDrop, InSpan};

/// Whether there can be spans.
pub(super) const ON: bool = cfg!(feature = "tracing");
