//! The trace that viewers open.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::build::*;
use super::perfetto::{check, of};
use super::reader::{Json, read};
use super::simulate::recordings;
use super::spots::at_root;
use crate::observe::timeline::json::json;
use crate::observe::timeline::recording::Recording;
use crate::observe::{EndKind, WokenBy};

fn trace(recording: &Recording) -> Json {
    let mut text = String::new();
    json(recording, &mut text).unwrap();
    read(&text)
}

proptest! {
    #[test]
    fn viewers_can_show_every_run(recording in recordings()) {
        let trace = trace(&recording);
        check(&trace);
        let events = trace["traceEvents"].list();
        let mut numbers = BTreeSet::new();
        let mut polls = 0;
        for event in of(events, "X") {
            match event["cat"].text() {
                "child" => assert!(numbers.insert(event["args"]["number"].number())),
                _ => {
                    let args = event.get("args");
                    polls += args.and_then(|args| args.get("polls")).map_or(1, Json::number);
                }
            }
        }
        let expected: BTreeSet<u64> = recording.children.iter().map(|child| child.number).collect();
        assert_eq!(numbers, expected);
        assert_eq!(polls, recording.children.iter().map(|child| child.polls.len() as u64).sum());
        let mut left = BTreeMap::new();
        for event in of(events, "C") {
            let args = &event["args"];
            left.insert(event["pid"].number(), args["running"].number() + args["queued"].number());
        }
        let unfinished = recording.children.iter().filter(|child| child.ended.is_none()).count();
        assert_eq!(left.values().sum::<u64>(), unfinished as u64);
    }
}

/// Two children, of which one wakes the other, and one that never started.
fn small() -> Recording {
    let a = child(1, "parse", 0, vec![poll(1, 3), poll(8, 9).woken(5, by(2, "fetch"))]);
    let b = child(2, "fetch", 0, vec![poll(4, 6)]);
    let c = child(3, "", 2, vec![]).spawned_by(1);
    let children = vec![a.completes(9), b.ends(6, EndKind::Failed), c.ends(9, EndKind::Cancelled)];
    empty().with(children, 9)
}

#[test]
fn the_trace_of_a_small_run() {
    let mut text = String::new();
    json(&small(), &mut text).unwrap();
    let expected = r##"{"displayTimeUnit":"ms","traceEvents":[
{"ph":"M","name":"process_name","pid":1,"args":{"name":"nursery"}},
{"ph":"M","name":"process_sort_index","pid":1,"args":{"sort_index":1}},
{"ph":"M","name":"thread_name","pid":1,"tid":2,"args":{"name":"lane 1"}},
{"ph":"M","name":"thread_sort_index","pid":1,"tid":2,"args":{"sort_index":2}},
{"ph":"M","name":"thread_name","pid":1,"tid":3,"args":{"name":"lane 2"}},
{"ph":"M","name":"thread_sort_index","pid":1,"tid":3,"args":{"sort_index":3}},
{"ph":"M","name":"thread_name","pid":1,"tid":4,"args":{"name":"never started 1"}},
{"ph":"M","name":"thread_sort_index","pid":1,"tid":4,"args":{"sort_index":4}},
{"ph":"X","name":"#1 parse","cat":"child","pid":1,"tid":2,"ts":1.000,"dur":8.000,"args":{"child":"#1 parse","number":1,"outcome":"completed","spawned at":"spots.rs:7","queued":"1 µs","polls":2,"polled":"3 µs","longest poll":"2 µs","woken by children":1}},
{"ph":"X","name":"poll","cat":"poll","pid":1,"tid":2,"ts":1.000,"dur":2.000},
{"ph":"X","name":"poll","cat":"poll","pid":1,"tid":2,"ts":8.000,"dur":1.000,"args":{"woken by":"#2 fetch","woken before":"3 µs"}},
{"ph":"b","name":"queued","cat":"queued","pid":1,"tid":2,"ts":0.000,"id":"0x1","args":{"child":"#1 parse"}},
{"ph":"e","name":"queued","cat":"queued","pid":1,"tid":2,"ts":1.000,"id":"0x1"},
{"ph":"X","name":"#2 fetch ✗ failed","cat":"child","pid":1,"tid":3,"ts":4.000,"dur":2.000,"cname":"terrible","args":{"child":"#2 fetch","number":2,"outcome":"failed","spawned at":"spots.rs:7","queued":"4 µs","polls":1,"polled":"2 µs","longest poll":"2 µs"}},
{"ph":"X","name":"poll","cat":"poll","pid":1,"tid":3,"ts":4.000,"dur":2.000},
{"ph":"b","name":"queued","cat":"queued","pid":1,"tid":3,"ts":0.000,"id":"0x2","args":{"child":"#2 fetch"}},
{"ph":"e","name":"queued","cat":"queued","pid":1,"tid":3,"ts":4.000,"id":"0x2"},
{"ph":"X","name":"#3 (cancelled)","cat":"child","pid":1,"tid":4,"ts":2.000,"dur":7.000,"cname":"grey","args":{"child":"#3","number":3,"outcome":"cancelled","spawned at":"spots.rs:7","spawned by":"#1 parse","queued":"7 µs","polls":0}},
{"ph":"s","name":"wake","cat":"wake","pid":1,"tid":3,"ts":5.000,"id":1},
{"ph":"f","name":"wake","cat":"wake","pid":1,"tid":2,"ts":8.000,"id":1,"bp":"e"},
{"ph":"C","name":"children","pid":1,"ts":0.000,"args":{"running":0,"queued":2}},
{"ph":"C","name":"children","pid":1,"ts":1.000,"args":{"running":1,"queued":1}},
{"ph":"C","name":"children","pid":1,"ts":2.000,"args":{"running":1,"queued":2}},
{"ph":"C","name":"children","pid":1,"ts":4.000,"args":{"running":2,"queued":1}},
{"ph":"C","name":"children","pid":1,"ts":6.000,"args":{"running":1,"queued":1}},
{"ph":"C","name":"children","pid":1,"ts":9.000,"args":{"running":0,"queued":0}}
]}
"##;
    assert_eq!(at_root(text), expected);
}

#[test]
fn an_arrow_leads_from_the_waker_to_the_poll() {
    let trace = trace(&small());
    check(&trace);
    let events = trace["traceEvents"].list();
    let times = |phase| of(events, phase).iter().map(|e| e["ts"].nanos()).collect::<Vec<_>>();
    assert_eq!((times("s"), times("f")), (vec![5_000], vec![8_000]));
}

#[test]
fn a_wake_at_the_end_of_a_poll_belongs_to_it() {
    let woken = poll(3, 4).woken(2, by(1, "a"));
    let a = child(1, "a", 0, vec![poll(1, 2), poll(2, 3)]).completes(3);
    // At this time the next poll begins, and it may as well have been that.
    let b = child(2, "b", 0, vec![poll(0, 1), woken]).completes(4);
    let trace = trace(&empty().with(vec![a, b], 4));
    check(&trace);
    let woken = poll(3, 4).woken(2, by(1, "a"));
    let a = child(1, "a", 0, vec![poll(1, 2)]).completes(3);
    let b = child(2, "b", 0, vec![poll(0, 1), woken]).completes(4);
    let trace = self::trace(&empty().with(vec![a, b], 4));
    check(&trace);
    assert_eq!(of(trace["traceEvents"].list(), "s")[0]["ts"].nanos(), 1_999);
}

#[test]
fn no_arrow_comes_from_what_is_missing() {
    // The last one was noted after the poll began.
    let late = poll(7, 9).woken(8, by(3, "c"));
    let wakes = [by(9, "gone"), by(2, "b"), WokenBy::Itself, WokenBy::Outside];
    let polls = wakes.into_iter().zip(2..).map(|(by, at)| poll(at, at).woken(1, by));
    let a = child(1, "a", 0, polls.chain([late]).collect());
    // It was woken in a poll that is not in the recording.
    let b = child(2, "b", 0, vec![poll(2, 3)]);
    let c = child(3, "c", 0, vec![poll(8, 9)]);
    let trace = trace(&empty().with(vec![a, b, c], 9));
    check(&trace);
    assert!(of(trace["traceEvents"].list(), "s").is_empty());
}

#[test]
fn nurseries_inside_follow_the_one_around() {
    let mut recording = empty();
    recording.scopes[0].name = Some("sync\u{7}".to_owned());
    recording.scopes.push(inside(5, 99));
    recording.scopes.push(inside(3, 1));
    recording.scopes.push(inside(4, 2));
    let children = vec![
        child(1, "fetch", 0, vec![poll(0, 9)]),
        child(2, "part", 1, vec![poll(1, 8)]).in_scope(3),
        child(3, "chunk", 2, vec![poll(2, 7)]).in_scope(4),
        child(4, "stray", 2, vec![]).in_scope(77),
    ];
    let trace = trace(&recording.with(children, 9));
    check(&trace);
    let events = of(trace["traceEvents"].list(), "M");
    let names = events.iter().filter(|event| event["name"].text() == "process_name");
    let names: Vec<&str> = names.map(|event| event["args"]["name"].text()).collect();
    let expected =
        ["nursery \"sync\\u{7}\"", "pool in #1 fetch", "pool in #2 part", "pool", "nursery"];
    assert_eq!(names, expected);
}

#[test]
fn nothing_recorded_is_a_trace_too() {
    let mut recording = Recording { dropped: 3, ..Recording::default() };
    let trace = trace(&recording);
    assert_eq!(trace["otherData"]["entries dropped"].text(), "3");
    assert!(trace["traceEvents"].list().is_empty());
    recording.scopes = vec![inside(1, 2)];
    check(&self::trace(&recording));
}

#[test]
fn the_longest_times_are_no_overflow() {
    let mut a = child(1, "a", 0, vec![poll(0, 1), poll(1, 2)]);
    let mut recording = empty();
    recording.to = std::time::Duration::MAX;
    a.polls[0].ended = recording.to;
    a.polls[1].ended = recording.to;
    a.polls[1].began = recording.to;
    recording.children = vec![a];
    let trace = trace(&recording);
    assert_eq!(of(trace["traceEvents"].list(), "X")[0]["dur"].nanos(), u64::MAX);
}
