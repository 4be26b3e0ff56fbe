//! What miette's handlers show of a joined error that is a diagnostic.

use std::fmt::Display;

use futures::executor::block_on;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use nestling::failure::Diagnosed;
use nestling::{JoinedError, Nursery};

use super::refused;

#[derive(Debug, thiserror::Error)]
#[error("the port is no number")]
struct BadPort {
    file: String,
    #[source]
    cause: std::num::ParseIntError,
}

impl BadPort {
    fn new() -> Self {
        Self { file: "port = many".into(), cause: "many".parse::<u16>().unwrap_err() }
    }
}

impl Diagnostic for BadPort {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new("config::port"))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new("ports go up to 65535"))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.file)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new([LabeledSpan::at(7..11, "here")].into_iter()))
    }
}

fn shown(diagnostic: &dyn Diagnostic) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    let mut text = String::new();
    handler.with_width(100).render_report(&mut text, diagnostic).unwrap();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[test]
fn each_failure_is_related_and_shows_what_its_error_says_of_itself() {
    let mut nursery: Nursery<'_, (), BadPort> = Nursery::new().name("config");
    nursery.child().name("main").spawn(async { Err(BadPort::new()) });
    nursery.child().name("extra").spawn(async { panic!("no such section") });
    nursery.spawn(async { Ok(()) });
    let error = block_on(nursery.join()).unwrap_err();
    assert_eq!(
        shown(&error),
        "  \
  × nursery \"config\": 2 of 3 children failed: #0 main: the port is no number; #1 extra: panicked:
  │ no such section

Error: config::port

  × #0 main: the port is no number
  ╰─▶ invalid digit found in string
   ╭────
 1 │ port = many
   ·        ──┬─
   ·          ╰── here
   ╰────
  help: ports go up to 65535

Error:
  × #1 extra: panicked: no such section"
    );
}

#[test]
fn failures_of_a_group_are_related_to_it() {
    let mut nursery: Nursery<'_, (), BadPort> = Nursery::new();
    nursery.child().name("parts").group().spawn(async {
        let mut parts: Nursery<'_, (), BadPort> = Nursery::new();
        parts.spawn(async { Err(BadPort::new()) });
        parts.spawn(async { Err(BadPort::new()) });
        parts.join().await.map(drop)
    });
    let error = block_on(nursery.join()).unwrap_err();
    let group = error.related().unwrap().next().unwrap();
    let parts: Vec<_> = group.related().unwrap().map(ToString::to_string).collect();
    assert_eq!(parts, ["#0: the port is no number", "#1: the port is no number"]);
    assert!(group.code().is_none() && group.help().is_none());
}

#[test]
fn a_joined_error_becomes_a_report_by_the_question_mark() {
    fn start(error: JoinedError<BadPort>) -> miette::Result<()> {
        Err(error)?;
        Ok(())
    }
    let error = JoinedError::of_errors([BadPort::new()]).unwrap();
    let report = start(error).unwrap_err();
    assert_eq!(report.related().unwrap().count(), 1);
}

#[test]
fn errors_that_are_no_diagnostics_are_made_some() {
    let error = JoinedError::of_errors([refused()]).unwrap().map(Diagnosed::error);
    let text =
        "  × 1 of 1 child failed: #0: connection refused\n\nError:\n  × #0: connection refused";
    assert_eq!(shown(&error), text);

    let report = miette::Report::new(BadPort::new()).wrap_err("reading the configuration");
    let error = JoinedError::of_errors([report]).unwrap().map(Diagnosed::report);
    assert_eq!(
        shown(&error),
        "  \
  × 1 of 1 child failed: #0: reading the configuration

Error: config::port

  × #0: reading the configuration
  ├─▶ the port is no number
  ╰─▶ invalid digit found in string
   ╭────
 1 │ port = many
   ·        ──┬─
   ·          ╰── here
   ╰────
  help: ports go up to 65535"
    );
}

#[test]
fn a_group_of_one_failure_says_what_that_says() {
    let mut error = JoinedError::of_errors([BadPort::new()]).unwrap();
    // As many as would overflow the stack.
    for _ in 0..100_000 {
        let mut nursery: Nursery<'_, (), BadPort> = Nursery::new();
        nursery.spawn_group(async { Err(error) });
        error = block_on(nursery.join()).unwrap_err();
    }
    let path = "… > #0 > #0 > #0 > #0 > #0 > #0 > #0 > #0 > #0";
    assert_eq!(
        shown(&error),
        format!(
            "  × 1 of 1 child failed: {path}: the port is no number

Error: config::port

  × {path}: the port is no number
  ╰─▶ invalid digit found in string
   ╭────
 1 │ port = many
   ·        ──┬─
   ·          ╰── here
   ╰────
  help: ports go up to 65535"
        )
    );
}

#[test]
fn groups_are_related_down_to_a_limit_and_no_stack_overflows() {
    let mut error = JoinedError::of_errors([BadPort::new(), BadPort::new()]).unwrap();
    for _ in 0..100_000 {
        let mut nursery: Nursery<'_, (), BadPort> = Nursery::new();
        nursery.spawn_group(async { Err(error) });
        nursery.spawn(async { Err(BadPort::new()) });
        error = block_on(nursery.join()).unwrap_err();
    }
    let text = shown(&error);
    assert_eq!(text.matches("\nError:").count(), 32, "{text}");
    // What is read later goes as deep again.
    assert_eq!(shown(&error), text);
}
