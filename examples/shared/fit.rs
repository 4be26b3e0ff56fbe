//! Fitting what is printed to the terminal.

use std::fmt::Write as _;

use console::Term;

/// The text with its long lines broken between words where it goes to a terminal. What is broken
/// goes on within its branch of the tree.
pub(crate) fn fit(text: &str) -> String {
    let Some(columns) = columns() else { return text.to_owned() };
    let mut fitted = String::new();
    for line in text.lines() {
        let trunk = line.chars().take_while(|c| " │├└─".contains(*c));
        let indent: String = trunk.map(|c| if "│├".contains(c) { '│' } else { ' ' }).collect();
        let indent = format!("{indent}   ");
        let options = textwrap::Options::new(columns.into()).subsequent_indent(&indent);
        for part in textwrap::wrap(line, options) {
            _ = writeln!(fitted, "{part}");
        }
    }
    fitted
}

/// The width of the terminal, if that is where the output goes.
pub(crate) fn columns() -> Option<u16> {
    /// Less than this is no width, but a terminal that does not tell its own.
    const LEAST: u16 = 20;
    let stdout = Term::stdout();
    stdout.is_term().then(|| stdout.size().1.max(LEAST))
}
