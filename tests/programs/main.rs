//! Programs as a user of the crate writes them, each in two versions: `plain` without the crate and
//! `nested` with it. Tests run both on the same input, and pin what they print and return.

#[cfg(unix)]
mod builds;
mod chat;
mod crawler;
mod importer;
mod validator;

/// What tokio says of a task that panicked, without the task's number: it depends on the tests that
/// ran before.
fn without_task_number(text: &str) -> String {
    match text.strip_prefix("task ").and_then(|text| text.split_once(' ')) {
        Some((_, rest)) => format!("task N {rest}"),
        None => text.to_owned(),
    }
}
