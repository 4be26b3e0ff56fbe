//! What a person reads: a table of what is up, the tree of what is not, and the sum of it.

use std::fmt::Write as _;
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use nestling::spawn::ChildInfo;
use nestling::{Cause, Report};

use super::check::Up;
use super::fit::columns;
use super::list::LINE_MAX;
use super::plain::plain;
use super::problem::Problem;

/// The whole report as text.
pub(crate) fn text(report: &Report<Up, Problem>, took: Duration) -> String {
    let counts = report.counts();
    let mut text = String::new();

    if counts.completed() + counts.cancelled() > 0 {
        let mut table = empty_table();
        for (child, up) in report.outputs() {
            table.add_row([name(child), "up".to_owned(), detail(up), time(up.took)]);
        }
        for cancelled in report.cancelled() {
            let why = stopped_by(cancelled.cause());
            table.add_row([name(cancelled.child()), "not checked".to_owned(), why, String::new()]);
        }
        _ = writeln!(text, "{}\n", table.trim_fmt());
    }
    if let Some(error) = report.error() {
        // All of it: a long report can be piped, one that is cut cannot be mended. Where the
        // children were spawned is of no use to a user of this program. Names are cut only where they
        // are longer than a line of a list, with the place where it stands.
        let tree = error.tree().sources().locations(false).names(2 * LINE_MAX);
        let tree = tree.entries(usize::MAX).total(usize::MAX);
        _ = writeln!(text, "{tree}\n");
    }
    _ = write!(text, "{} of {} up, {} failed", counts.completed(), counts.total(), counts.failed());
    if let Some(cause) = report.cause().filter(|_| counts.cancelled() > 0) {
        _ = write!(text, ", {} not checked: {cause}", counts.cancelled());
    }
    _ = writeln!(text, " ({})", time(took));
    text
}

fn empty_table() -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_FULL_CONDENSED)
        .set_header(["target", "state", "detail", "time"]);
    // On a terminal long cells are broken into lines; in a pipe a row is one line.
    if let Some(columns) = columns() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
    }
    table
}

fn name(child: &ChildInfo) -> String {
    plain(child.name().unwrap_or_default())
}

fn detail(up: &Up) -> String {
    let mut detail = plain(up.status.as_deref().unwrap_or("connected"));
    if let Some(ip) = up.ip {
        _ = write!(detail, " ({ip})");
    }
    detail
}

/// The cause in short: it stands below in full.
fn stopped_by(cause: &Cause) -> String {
    match cause.child() {
        Some(child) => format!("stopped by {}", child.id()),
        None => cause.to_string(),
    }
}

fn time(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        "< 1 ms".to_owned()
    } else if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
