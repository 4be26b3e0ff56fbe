//! A snapshot and its findings as data, by `serde`. The form is one that others rely on.

use std::future::pending;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use nestling::Nursery;
use nestling::observe::{AtPlace, Watch};

#[test]
fn a_snapshot_is_data() {
    let watch = Watch::with_clock(|| Duration::from_millis(7));
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().name("sync").limit(1).watch(&watch);
    let line = line!() + 1;
    nursery.child().name("fetch").spawn(async {
        pending::<()>().at("connect").await;
        Ok(())
    });
    nursery.child().daemon().spawn(pending());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(nursery.next()).poll(&mut cx).is_pending());
    let snapshot = serde_json::to_value(watch.snapshot()).expect("it can be written");
    let nursery = &snapshot["nurseries"][0];
    assert_eq!(nursery["name"], "sync");
    assert_eq!(nursery["limit"], 1);
    assert_eq!(nursery["driver"], "resting");
    assert_eq!(nursery["parent"], serde_json::Value::Null);
    let children = snapshot["children"].as_array().expect("a list");
    assert_eq!(children.len(), 2);
    let fetch = &children[0];
    assert_eq!(fetch["id"], "#0");
    assert_eq!(fetch["name"], "fetch");
    assert_eq!(fetch["file"], "tests/snapshot_json.rs");
    assert_eq!(fetch["line"], line);
    assert_eq!(fetch["state"], "waiting");
    assert_eq!(fetch["place"], "connect");
    assert_eq!(fetch["nursery"], nursery["number"]);
    assert_eq!(fetch["woken_by"], serde_json::Value::Null);
    assert_eq!(children[1]["is_daemon"], true);
    let findings = serde_json::to_value(watch.check()).expect("it can be written");
    assert_eq!(findings[0]["kind"], "nothing_can_wake");
    assert_eq!(findings[0]["number"], fetch["number"]);
    assert_eq!(findings[0]["nursery"], "sync");
    // As in a joined error.
    let child = &findings[0]["child"];
    assert_eq!((&child["id"], &child["name"]), (&"#0".into(), &"fetch".into()));
}
