//! What has become of the workers, as a table.

use comfy_table::{ContentArrangement, Table, presets};

use super::fit::columns;
use super::story::Worker;

pub(crate) fn of(workers: &[Worker]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header([
        "worker",
        "answers",
        "incarnations",
        "restarts",
        "last failure",
    ]);
    // On a terminal long cells are broken into lines; in a pipe a row is one line.
    if let Some(columns) = columns() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
    }
    for Worker { status, answers } in workers {
        table.add_row([
            status.name().to_owned(),
            answers.to_string(),
            status.incarnation().to_string(),
            status.restarts().to_string(),
            status.last_failure().unwrap_or_default().to_owned(),
        ]);
    }
    table.to_string()
}
