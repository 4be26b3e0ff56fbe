//! What Perfetto asks of a trace, as its importer reads it.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::Json;

/// A slice of a thread, with its times in nanoseconds.
struct Slice<'a> {
    from: u64,
    to: u64,
    event: &'a Json,
}

/// Panics if a viewer would drop, misplace or misname something.
pub(crate) fn check(trace: &Json) {
    let events = trace["traceEvents"].list();
    check_names(events);
    check_slices(events);
    check_queues(events);
    check_counters(events);
}

pub(crate) fn of<'a>(events: &'a [Json], phase: &str) -> Vec<&'a Json> {
    events.iter().filter(|event| event["ph"].text() == phase).collect()
}

fn check_names(events: &[Json]) {
    let mut names = BTreeSet::new();
    let mut ids = BTreeMap::new();
    for event in of(events, "M") {
        if let name @ ("process_name" | "thread_name") = event["name"].text() {
            let (pid, tid) = (event["pid"].number(), event.get("tid").map(Json::number));
            assert!(!event["args"]["name"].text().is_empty());
            assert_eq!(tid.is_some(), name == "thread_name");
            assert!(names.insert((pid, tid)), "named twice: {event:?}");
            assert_eq!(ids.insert(tid.unwrap_or(pid), event), None, "an id stands twice");
        }
    }
    for event in events {
        let (pid, tid) = (event["pid"].number(), event.get("tid").map(Json::number));
        assert!(names.contains(&(pid, None)), "{event:?}");
        assert!(names.contains(&(pid, tid)), "{event:?}");
        if event["ph"].text() != "M" {
            event["ts"].nanos();
        }
    }
}

/// As the importer does it: all events are sorted by time, then longer slices before shorter ones
/// and before all others, and then as in the file. A slice is put on the stack of its thread, from
/// which those are taken before that have ended; an arrow belongs to the topmost one.
fn check_slices(events: &[Json]) {
    let mut sorted: Vec<(u64, u64, &Json)> = Vec::new();
    for event in events {
        match event["ph"].text() {
            "X" => sorted.push((event["ts"].nanos(), u64::MAX - event["dur"].nanos(), event)),
            "s" | "f" => sorted.push((event["ts"].nanos(), u64::MAX, event)),
            _ => {}
        }
    }
    sorted.sort_by_key(|&(time, length, _)| (time, length));
    let mut stacks: BTreeMap<(u64, u64), Vec<Slice<'_>>> = BTreeMap::new();
    let mut open: BTreeMap<u64, u64> = BTreeMap::new();
    let mut done = BTreeSet::new();
    for (time, _, event) in sorted {
        let stack = stacks.entry((event["pid"].number(), event["tid"].number())).or_default();
        if event["ph"].text() != "X" {
            let slice = stack.last().expect("an arrow without a slice");
            assert_eq!(slice.event["name"].text(), "poll", "{event:?}");
            assert!(slice.from <= time && time <= slice.to, "{event:?} in {:?}", slice.event);
            let id = event["id"].number();
            if event["ph"].text() == "s" {
                assert_eq!(open.insert(id, time), None);
                assert!(!done.contains(&id));
            } else {
                assert_eq!(event["bp"].text(), "e");
                assert_eq!(slice.from, time);
                assert!(open.remove(&id).expect("an arrow that began") <= time);
                done.insert(id);
            }
            continue;
        }
        let slice = Slice { from: time, to: time + event["dur"].nanos(), event };
        let is_moment = slice.from == slice.to;
        while let Some(last) = stack.last() {
            // Moments are kept on the stack by moments.
            let is_over = last.to < time || last.to == time && !(last.from == time && is_moment);
            if !is_over {
                break;
            }
            stack.pop();
        }
        if let Some(around) = stack.last() {
            assert!(slice.to <= around.to, "{event:?} leaves {:?}", around.event);
        }
        // A poll in a child, and nothing else.
        assert_eq!(stack.len(), usize::from(event["name"].text() == "poll"), "{event:?}");
        stack.push(slice);
    }
    assert_eq!(open, BTreeMap::new(), "arrows without an end");
}

fn check_queues(events: &[Json]) {
    let mut open = BTreeMap::new();
    let mut done = BTreeSet::new();
    for event in events {
        let id = event.get("id").filter(|id| matches!(id, Json::Text(_))).map(Json::text);
        match event["ph"].text() {
            "b" => assert_eq!(open.insert(id.unwrap(), event["ts"].nanos()), None),
            "e" => {
                assert!(open.remove(id.unwrap()).expect("a beginning") < event["ts"].nanos());
                assert!(done.insert(id.unwrap()));
            }
            _ => {}
        }
    }
    assert_eq!(open, BTreeMap::new());
}

fn check_counters(events: &[Json]) {
    let mut times = BTreeMap::new();
    for event in of(events, "C") {
        let (pid, time) = (event["pid"].number(), event["ts"].nanos());
        assert!(times.insert(pid, time).is_none_or(|last| last < time), "{event:?}");
        // Numbers are read as such only if they are not negative.
        event["args"]["running"].number();
        event["args"]["queued"].number();
    }
}
