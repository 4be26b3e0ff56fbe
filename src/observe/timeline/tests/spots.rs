//! Where the children in the tests are spawned.

use std::panic::Location;

/// Line 7.
pub(crate) fn spot() -> &'static Location<'static> {
    Location::caller()
}

/// The text as if this file were at the root.
pub(crate) fn at_root(text: impl ToString) -> String {
    text.to_string().replace(file!(), "spots.rs")
}
