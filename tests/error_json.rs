//! Joined errors and reports as data, by `serde`. The form is one that others rely on.

use std::future::pending;
use std::io;

use futures::executor::block_on;
use nestling::{JoinedError, Nursery};
use serde_json::{Value, json};

fn data(of: impl serde::Serialize) -> Value {
    serde_json::to_value(of).expect("it can be written")
}

/// A child as data, spawned in this file.
fn child(id: &str, name: Option<&str>, line: u32) -> Value {
    json!({"id": id, "name": name, "file": file!(), "line": line})
}

fn counts(completed: u64, failed: u64, cancelled: u64) -> Value {
    json!({
        "total": completed + failed + cancelled,
        "completed": completed,
        "failed": failed,
        "cancelled": cancelled,
        "overran_grace": 0,
        "after_cancel": 0,
        "not_stored": 0,
    })
}

/// A failure without anything special to it.
fn failure(child: Value, kind: &str, message: &str) -> Value {
    json!({
        "child": child,
        "kind": kind,
        "message": message,
        "caused_by": [],
        "after_cancel": false,
        "overran_grace": false,
        "lost_failures": 0,
        "cause": null,
        "ancestors": [],
        "panic": null,
        "group": null,
    })
}

#[derive(Debug, thiserror::Error)]
#[error("cannot fetch")]
struct CannotFetch(#[source] io::Error);

fn cannot_fetch() -> CannotFetch {
    CannotFetch(io::Error::other("connection refused"))
}

#[test]
fn a_joined_error_is_data_with_errors_as_text() {
    let mut nursery: Nursery<'_, (), CannotFetch> = Nursery::new().name("sync").sources();
    let line = line!() + 1;
    nursery.child().name("cache").spawn(async { Err(cannot_fetch()) });
    nursery.spawn(async { panic!("index out of bounds") });
    nursery.child().name("late").timeout(|| async {}).spawn(pending());
    nursery.child().name("parts").group().spawn(async {
        let mut parts: Nursery<'_, (), CannotFetch> = Nursery::new().first_error();
        parts.spawn(async { Err(cannot_fetch()) });
        parts.spawn(pending());
        parts.join().await.map(drop)
    });
    nursery.spawn(async { Ok(()) });
    let error = block_on(nursery.join()).unwrap_err();

    let mut cache = failure(child("#0", Some("cache"), line), "error", "cannot fetch");
    cache["caused_by"] = json!(["connection refused"]);
    let mut panicked =
        failure(child("#1", None, line + 1), "panic", "panicked: index out of bounds");
    panicked["panic"] =
        json!({"message": "index out of bounds", "of_destructor": false, "location": null});
    let mut late = failure(child("#2", Some("late"), line + 2), "timed_out", "timed out");
    late["cause"] = json!({
        "kind": "timeout",
        "child": late["child"],
        "message": null,
        "root": null,
        "text": "child #2 late timed out",
    });
    let mut part = failure(child("#0", None, line + 5), "error", "cannot fetch");
    part["caused_by"] = json!(["connection refused"]);
    let mut parts =
        failure(child("#3", Some("parts"), line + 3), "group", "1 of 2 children failed");
    parts["group"] = json!({
        "of": "nursery",
        "name": null,
        "counts": counts(0, 1, 1),
        "cause": {
            "kind": "child_failed",
            "child": part["child"],
            "message": "cannot fetch",
            "root": null,
            "text": "child #0 failed: cannot fetch",
        },
        "failures": [part],
        "left_out": 0,
    });
    let whole = json!({
        "of": "nursery",
        "name": "sync",
        "counts": counts(1, 4, 0),
        "cause": null,
        "failures": [cache, panicked, late, parts],
        "left_out": 0,
    });
    assert_eq!(data(&error), whole);
    assert_eq!(data(error.first()), whole["failures"][0]);
}

#[test]
fn errors_can_be_data_of_their_own() {
    #[derive(serde::Serialize)]
    struct TooLarge {
        bytes: u64,
    }
    let mut nursery: Nursery<'_, (), TooLarge> = Nursery::new();
    let line = line!() + 1;
    nursery.spawn(async { Err(TooLarge { bytes: 4096 }) });
    nursery.spawn(async { panic!("no") });
    nursery.spawn_group(async { Err(JoinedError::from(TooLarge { bytes: 7 })) });
    let error = block_on(nursery.join()).unwrap_err();

    let data = data(error.data());
    let mut first = failure(child("#0", None, line), "error", "");
    first["message"] = Value::Null;
    first["error"] = json!({"bytes": 4096});
    assert_eq!(data["failures"][0], first);
    assert_eq!(data["failures"][1]["message"], "panicked: no");
    assert_eq!(data["failures"][1]["error"], Value::Null);
    assert_eq!(data["failures"][2]["error"], json!({"bytes": 7}));
}

#[test]
fn a_report_is_data() {
    let mut nursery: Nursery<'_, u32, &str> = Nursery::new().name("sync").first_error();
    let line = line!() + 1;
    nursery.spawn(async { Ok(7) });
    nursery.spawn(pending());
    nursery.child().name("put").spawn(async { Err("disk full") });
    let report = block_on(nursery.settle());

    let put = child("#2", Some("put"), line + 2);
    let cause = json!({
        "kind": "child_failed",
        "child": put,
        "message": "disk full",
        "root": null,
        "text": "child #2 put failed: disk full",
    });
    let whole = json!({
        "of": "nursery",
        "name": "sync",
        "counts": counts(1, 1, 1),
        "cause": cause,
        "outputs": [{"child": child("#0", None, line), "output": 7}],
        "error": {
            "of": "nursery",
            "name": "sync",
            "counts": counts(1, 1, 1),
            "cause": cause,
            "failures": [failure(put, "error", "disk full")],
            "left_out": 0,
        },
        "cancelled": [{
            "child": child("#1", None, line + 1),
            "cause": cause,
            "overran_grace": false,
            "lost_failures": 0,
        }],
        "after_cancel": [],
    });
    assert_eq!(data(report), whole);
}

#[test]
fn a_completion_is_data() {
    let mut nursery: Nursery<'_, u32, &str> = Nursery::new();
    let line = line!() + 1;
    nursery.spawn(async { Ok(7) });
    nursery.spawn(async { Err("disk full") });
    let ended = data(block_on(nursery.next()));
    let whole = json!({
        "child": child("#0", None, line),
        "outcome": {"kind": "completed", "output": 7, "error": null, "cause": null},
        "cause": null,
        "overran_grace": false,
        "lost_failures": 0,
    });
    assert_eq!(ended, whole);
    let failed = data(block_on(nursery.next()));
    let error = failure(child("#1", None, line + 1), "error", "disk full");
    let outcome = json!({"kind": "failed", "output": null, "error": error, "cause": null});
    assert_eq!(failed["outcome"], outcome);
}

#[test]
fn causes_and_lost_outputs_are_data() {
    let mut nursery: Nursery<'_, (), ()> = Nursery::new();
    let lost = nursery.spawn_join(pending::<Result<(), ()>>());
    nursery.cancel_with("shutting down");
    let report = block_on(nursery.settle());
    let lost = data(block_on(lost).unwrap_err());
    assert_eq!(lost["kind"], "cancelled");
    assert_eq!(lost["child"]["id"], "#0");
    let cause = json!({
        "kind": "requested",
        "child": null,
        "message": "shutting down",
        "root": null,
        "text": "requested: shutting down",
    });
    assert_eq!(lost["cause"], cause);
    // The outputs and errors of this report are no data, and these are all the same.
    assert_eq!(data(report.cancelled())[0]["cause"], cause);
    assert_eq!(data(report.counts()), counts(0, 0, 1));
}

#[test]
fn a_failure_out_of_groups_has_their_children() {
    let inner = JoinedError::of_errors(["no"]).unwrap();
    let mut nursery: Nursery<'_, (), &str> = Nursery::new();
    let line = line!() + 1;
    nursery.child().name("outer").group().spawn(async { Err(inner) });
    let error = block_on(nursery.join()).unwrap_err().flatten();
    assert_eq!(data(error)["failures"][0]["ancestors"], json!([child("#0", Some("outer"), line)]));
}

#[test]
fn a_deep_chain_of_groups_ends_with_its_first_leaf_and_a_count() {
    let mut error = JoinedError::of_errors(["the first", "the second"]).unwrap();
    for _ in 0..100_000 {
        let mut nursery: Nursery<'_, (), &str> = Nursery::new();
        nursery.spawn_group(async { Err(error) });
        error = block_on(nursery.join()).unwrap_err();
    }
    let text = serde_json::to_string(&error).expect("it needs no deep stack");
    // Readers have limits too.
    let mut data: Value = serde_json::from_str(&text).expect("a reader takes it");
    let mut depth = 1;
    while !data["failures"][0]["group"].is_null() {
        assert_eq!(data["left_out"], 0);
        data = data["failures"][0]["group"].take();
        depth += 1;
    }
    assert_eq!(depth, 32);
    assert_eq!(data["failures"].as_array().unwrap().len(), 1);
    assert_eq!(data["failures"][0]["message"], "the first");
    assert_eq!(data["left_out"], 1);
}

#[test]
fn text_is_whole_and_fit_for_a_terminal() {
    let long = "x".repeat(10_000);
    let error = JoinedError::of_errors([format!("{long}\n\u{1b}[31mred\u{1b}[0m\u{7}")]).unwrap();
    assert_eq!(data(error)["failures"][0]["message"], format!("{long}\nred\\u{{7}}"));
}
