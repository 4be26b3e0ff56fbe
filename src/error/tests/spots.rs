//! Spawn locations. The trees in the tests name the lines, which differ in width.

use std::panic::Location;

/// Line 7.
pub(super) fn short() -> &'static Location<'static> {
    Location::caller()
}

/// Line 12.
pub(super) fn long() -> &'static Location<'static> {
    Location::caller()
}

/// The tree as if this file were at the root.
pub(super) fn at_root(tree: impl ToString) -> String {
    tree.to_string().replace(file!(), "spots.rs")
}
