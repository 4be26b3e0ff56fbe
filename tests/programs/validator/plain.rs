//! The validator with `join_all`. A check that panics ends the whole run, and no problem is reported.

use std::error::Error;
use std::fmt::Write;

use futures::future::join_all;

use super::{CHECKS, Problem, Section, check, check_port_is_free, parse};

/// Returns the exit code, and what is printed.
pub(super) async fn validate(text: &str) -> (u8, String) {
    let sections = parse(text);
    let checked = (0..sections.len()).map(|index| validate_section(&sections, index));
    let checked = join_all(checked).await;
    let mut report = String::new();
    for (section, problems) in sections.iter().zip(checked).filter(|(_, all)| !all.is_empty()) {
        writeln!(report, "{}", section.name).unwrap();
        for (what, problem) in problems {
            writeln!(report, "  {what}: {}", with_sources(&problem)).unwrap();
        }
    }
    (u8::from(!report.is_empty()), report)
}

async fn validate_section(sections: &[Section<'_>], index: usize) -> Vec<(&'static str, Problem)> {
    let checks = CHECKS.map(|what| async move { (what, check(what, &sections[index]).await) });
    let mut checked = join_all(checks).await;
    checked.push(("free port", check_port_is_free(sections, index)));
    checked.into_iter().filter_map(|(what, result)| Some((what, result.err()?))).collect()
}

fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        write!(text, ": {error}").unwrap();
        source = error.source();
    }
    text
}
