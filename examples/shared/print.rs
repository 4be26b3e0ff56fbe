//! Printing that may fail.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line at once, and says whether that went well. Whoever closed the other end wants to
/// read no more: that is no failure.
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

/// Tells a line of diagnostics. Where that cannot be written, there is nobody to tell.
pub(crate) fn tell(program: &str, line: impl Display) {
    _ = writeln!(io::stderr(), "{program}: {line}");
}
