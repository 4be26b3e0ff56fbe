//! What `tracing-chrome` writes of a nursery, as a viewer of traces reads it.

use std::collections::BTreeMap;
use std::fs::{File, read_to_string};
use std::future::pending;

use futures::executor::{ThreadPool, block_on};
use nestling::Nursery;
use serde_json::Value;
use smol::future::yield_now;
use tracing::Dispatch;
use tracing::dispatcher::with_default;
use tracing_chrome::{ChromeLayerBuilder, TraceStyle};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

/// The entries of the trace of a small nursery.
fn trace(style: TraceStyle) -> Vec<Value> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let writer = File::create(file.path()).unwrap();
    let layer = ChromeLayerBuilder::new().writer(writer).include_args(true).trace_style(style);
    let (layer, flush) = layer.build();
    with_default(&Dispatch::new(Registry::default().with(layer)), || {
        let mut nursery: Nursery<'_, (), &str> = Nursery::new().name("sync").trace();
        for name in ["database", "queue"] {
            nursery.child().name(name).spawn(async {
                let mut inner: Nursery<'_, (), &str> = Nursery::new();
                inner.child().name("part").spawn(async {
                    yield_now().await;
                    Ok(())
                });
                inner.join().await.map(drop).map_err(|_| "part")
            });
        }
        nursery.child().name("fails").spawn(async {
            yield_now().await;
            Err("disk full")
        });
        nursery.child().name("panics").spawn(async { panic!("a child") });
        nursery.child().name("late").timeout(yield_now).spawn(pending());
        let threads = ThreadPool::builder().pool_size(1).create().unwrap();
        nursery.child().name("remote").spawn_on(threads, async {
            yield_now().await;
            Ok(())
        });
        block_on(nursery.join()).unwrap_err();
    });
    drop(flush);
    serde_json::from_str(&read_to_string(file.path()).unwrap()).unwrap()
}

/// The names of children, which the trace has in quotes.
fn name(entry: &Value) -> Option<&str> {
    entry["args"]["name"].as_str().map(|name| name.trim_matches('"'))
}

#[test]
fn each_poll_is_a_slice_and_slices_are_nested() {
    let trace = trace(TraceStyle::Threaded);
    let mut stacks: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    let mut slices: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &trace {
        let stack = stacks.entry(entry["tid"].as_u64().unwrap()).or_default();
        match entry["ph"].as_str().unwrap() {
            "B" => {
                stack.push(entry);
                *slices.entry(name(entry).unwrap()).or_default() += 1;
            }
            "E" => {
                let begin = stack.pop().unwrap();
                assert_eq!((&begin["name"], &begin["args"]), (&entry["name"], &entry["args"]));
                assert!(begin["ts"].as_f64() <= entry["ts"].as_f64());
            }
            _ => {}
        }
    }
    assert!(stacks.values().all(Vec::is_empty));
    let names: Vec<_> = slices.keys().copied().collect();
    assert_eq!(names, ["database", "fails", "late", "panics", "part", "queue", "remote"]);
    assert!(slices.values().all(|count| *count >= 2), "{slices:?}");
    let told = |what: &str| {
        let is_told = |entry: &&Value| entry["args"]["message"].as_str() == Some(what);
        trace.iter().filter(is_told).count()
    };
    assert_eq!(["failed", "panicked", "timed out"].map(told), [1, 1, 1]);
}

#[test]
fn each_span_begins_and_ends_once() {
    let trace = trace(TraceStyle::Async);
    let mut begun: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    let mut open = begun.clone();
    for entry in &trace {
        let what = (entry["name"].as_str().unwrap(), name(entry));
        match entry["ph"].as_str().unwrap() {
            "b" => {
                *begun.entry(what).or_default() += 1;
                *open.entry(what).or_default() += 1;
            }
            "e" => *open.get_mut(&what).unwrap() -= 1,
            _ => {}
        }
    }
    assert!(open.values().all(|count| *count == 0), "{open:?}");
    // Whatever a viewer shows is known where a span begins.
    assert_eq!(begun.remove(&("nursery", Some("sync"))), Some(1));
    assert_eq!(begun.remove(&("nursery", None)), Some(2));
    assert_eq!(begun.remove(&("child", Some("part"))), Some(2));
    for child in ["database", "fails", "late", "panics", "queue", "remote"] {
        assert_eq!(begun.remove(&("child", Some(child))), Some(1));
    }
    assert!(begun.is_empty(), "{begun:?}");
}
