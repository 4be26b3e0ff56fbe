//! A summary as a table.

use super::build::*;
use super::spots::at_root;
use crate::observe::EndKind;
use crate::observe::WokenBy::Outside;
use crate::observe::timeline::recording::{ChildTrack, Recording};
use crate::observe::timeline::summary::summary;

fn of(children: Vec<ChildTrack>, to: u64) -> String {
    at_root(summary(&empty().with(children, to)))
}

#[test]
fn nothing_recorded() {
    assert_eq!(summary(&Recording::default()).to_string(), "children         none recorded");
    let recording = Recording { dropped: 1, ..Recording::default() };
    assert_eq!(
        summary(&recording).to_string(),
        "\
children         none recorded
left out         1 entry, for the timeline's bound",
    );
}

#[test]
fn one_child() {
    assert_eq!(
        of(vec![child(1, "fetch", 0, vec![poll(0, 5)]).completes(5)], 5),
        "\
wall time        5 µs
children         1, completed
parallelism      mean 1.0, peak 1
polled           5 µs in all, 100 % of the time
longest polls    5 µs  #1 fetch spots.rs:7
critical path    5 µs, through one child
                 5 µs  #1 fetch spots.rs:7  polled",
    );
}

#[test]
fn children_that_have_not_ended() {
    let children = vec![child(1, "fetch", 0, vec![poll(0, 5)]), child(2, "", 0, vec![])];
    assert_eq!(
        of(children, 1_000),
        "\
wall time        1 ms
children         2, all unfinished (1 never started)
parallelism      mean 1.0, peak 1
queued           mean 500 µs, longest 1 ms: #2 spots.rs:7
polled           5 µs in all, less than 1 % of the time
longest polls    5 µs  #1 fetch spots.rs:7
critical path    1 ms, through one child
                 1 ms  #1 fetch spots.rs:7  waited 995 µs, polled 5 µs",
    );
}

#[test]
fn nothing_that_takes_time() {
    // As under a clock that stands still.
    let children = vec![child(1, "", 3, vec![poll(3, 3)]).completes(3)];
    assert_eq!(
        of(children, 3),
        "\
wall time        0 ns
children         1, completed
parallelism      peak 1",
    );
}

#[test]
fn some_children_one_after_the_other() {
    let a = child(1, "", 0, vec![poll(2, 100)]).completes(100);
    let b = child(2, "", 100, vec![poll(101, 300)]).ends(300, EndKind::TimedOut);
    assert_eq!(
        of(vec![a, b], 300),
        "\
wall time        300 µs
children         2: 1 completed, 1 timed out
parallelism      mean 1.0, peak 1: one ran after the other
queued           mean 1.50 µs, longest 2 µs: #1 spots.rs:7
polled           297 µs in all, 99 % of the time
longest polls    199 µs  #2 spots.rs:7
                  98 µs  #1 spots.rs:7
critical path    200 µs of 300 µs, through one child
                 200 µs  #2 spots.rs:7  polled 199 µs, queued 1 µs",
    );
}

#[test]
fn many_children_with_names_of_all_kinds() {
    let long = "a name that is much too long for one line";
    let names = ["取得 🦀", "e\u{301}te\u{301}", "\u{1b}[31m\n", long, "b", "c", "d"];
    let mut children = Vec::new();
    for (number, name) in (1..).zip(names) {
        let start = number * 1_000;
        let polls = vec![
            poll(start, start + number),
            poll(start + 900, start + 1_400).woken(start + 800, Outside),
        ];
        // In the second poll of the one before.
        let track = child(number, name, start - 50, polls).completes(start + 1_400);
        children.push(if number > 1 { track.spawned_by(number - 1) } else { track });
    }
    children.push(child(20, "last", 0, vec![]).ends(900, EndKind::Cancelled));
    let recording = Recording { dropped: 40, ..empty().with(children, 8_400) };
    assert_eq!(
        at_root(summary(&recording)),
        "\
wall time        8.40 ms
children         8: 7 completed, 1 cancelled (1 never started)
parallelism      mean 1.2, peak 2
queued           mean 156 µs, longest 900 µs: #20 last spots.rs:7
woken to polled  mean 100 µs, longest 100 µs: #1 取得 🦀 spots.rs:7
polled           3.50 ms in all, 42 % of the time
longest polls    500 µs  #1 取得 🦀 spots.rs:7
                 500 µs  #2 e\u{301}te\u{301} spots.rs:7
                 500 µs  #3 \\u{1b}[31m\\n spots.rs:7
                 500 µs  #4 a name that is much too long for one … spots.rs:7
                 500 µs  #5 b spots.rs:7
critical path    7.45 ms of 8.40 ms, through 7 children
                 1.45 ms  #7 d spots.rs:7                                       \
                 waited 793 µs, polled 507 µs, woken 100 µs, queued 50 µs
                    1 ms  #1 取得 🦀 spots.rs:7                                 \
                 waited 799 µs, woken 100 µs, polled 51 µs, queued 50 µs
                    1 ms  #2 e\u{301}te\u{301} spots.rs:7                                     \
                 waited 798 µs, woken 100 µs, polled 52 µs, queued 50 µs
                    1 ms  #3 \\u{1b}[31m\\n spots.rs:7                            \
                 waited 797 µs, woken 100 µs, polled 53 µs, queued 50 µs
                    1 ms  #4 a name that is much too long for one … spots.rs:7  \
                 waited 796 µs, woken 100 µs, polled 54 µs, queued 50 µs
                 … and 2 more, 2 ms
left out         40 entries, for the timeline's bound",
    );
}
