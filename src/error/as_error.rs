//! What is known to be an error.

use std::error::Error;

/// An [`Error`] without borrows, where a method looks into one: at its type, or at what it was
/// caused by.
///
/// Every such type is one. A box of a `dyn Error` and the error types made of it, such as that of
/// anyhow, are no [`Error`] themselves; for these each method has a twin that takes a closure.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `std::error::Error`, so what it was caused by cannot be found",
    label = "this needs an error type that implements `std::error::Error`",
    note = "a `Box<dyn Error>` or an `anyhow::Error` leads to one: say how, by \
            `find_with(|error| error.as_ref())`, `sources_by(|error| error.source())` or \
            `with_sources_by(|error| error.source())`"
)]
pub trait AsError {
    /// The error itself.
    fn as_error(&self) -> &(dyn Error + 'static);
}

#[diagnostic::do_not_recommend]
impl<E: Error + 'static> AsError for E {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

/// What an error was caused by.
pub(crate) fn source_of<E: AsError>(error: &E) -> Option<&(dyn Error + 'static)> {
    error.as_error().source()
}
