//! Colour in a tree, where the terminal shows it.

use nestling::failure::Part;

/// Marks for the parts of a tree. There are none where the output is no terminal, or where
/// `NO_COLOR` says that it is to have none.
pub(crate) fn marks(part: Part) -> (&'static str, &'static str) {
    const END: &str = "\x1b[0m";
    match part {
        _ if !console::colors_enabled() => ("", ""),
        Part::Title => ("\x1b[31m", END),   // red
        Part::Child => ("\x1b[1m", END),    // bold
        Part::Location => ("\x1b[2m", END), // faint
        _ => ("", ""),
    }
}
