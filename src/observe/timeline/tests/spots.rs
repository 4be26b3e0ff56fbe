//! Where the children in the tests are spawned.

use std::panic::Location;

/// Line 7.
pub(crate) fn spot() -> &'static Location<'static> {
    Location::caller()
}

/// The text as if this file were at the root, whether it is JSON or not.
pub(crate) fn at_root(text: impl ToString) -> String {
    let escaped = file!().replace('\\', r"\\");
    text.to_string().replace(&escaped, "spots.rs").replace(file!(), "spots.rs")
}
