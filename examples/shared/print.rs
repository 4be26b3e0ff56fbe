//! Printing that may fail.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line at once, and says whether that went well. A reader that closed the other end wants
/// no more: that is no failure.
pub(crate) fn print(program: &str, line: impl Display) -> bool {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            tell(program, format_args!("cannot print: {error}"));
            false
        }
        _ => true,
    }
}

/// Tells a line of diagnostics. Where that cannot be written, it is lost.
pub(crate) fn tell(program: &str, line: impl Display) {
    _ = writeln!(io::stderr(), "{program}: {line}");
}
