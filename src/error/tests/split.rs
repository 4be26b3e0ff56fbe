//! `split`, `filter` and `map`, case by case.

use super::*;

fn nested() -> JoinedError<i32> {
    let inner = named("inner", 3, vec![failed(0, "x", 10), failed(1, "y", 11)]);
    named(
        "outer",
        5,
        vec![failed(0, "a", 1), after_cancel(group(4, "g", inner)), failed(2, "b", 2)],
    )
}

fn even(entry: &ChildError<i32>) -> bool {
    entry.failure().error().is_some_and(|error| error % 2 == 0)
}

#[test]
fn split_keeps_nesting_and_names_in_both_halves() {
    let (even, odd) = nested().split(even);
    let (even, odd) = (even.unwrap(), odd.unwrap());
    assert_eq!((errors(&even), errors(&odd)), (vec![10, 2], vec![1, 11]));
    for half in [&even, &odd] {
        assert_eq!(half.name(), Some("outer"));
        let entry = half.iter().find(|entry| entry.failure().is_group()).unwrap();
        assert_eq!((entry.child().name(), entry.after_cancel()), (Some("g"), true));
        assert_eq!(entry.failure().group().unwrap().name(), Some("inner"));
    }
    assert_eq!((ids(&even), ids(&odd)), (vec![4, 2], vec![0, 4]));
}

#[test]
fn a_full_match_and_no_match_leave_one_side_empty() {
    let text = format!("{:#}", nested());
    let (all, none) = nested().split(|_| true);
    assert!(none.is_none());
    assert_eq!(format!("{:#}", all.unwrap()), text);
    let (none, all) = nested().split(|_| false);
    assert!(none.is_none());
    assert_eq!(format!("{:#}", all.unwrap()), text);
}

#[test]
fn the_halves_of_a_split_count_what_is_in_them_of_all_children() {
    let (even, odd) = nested().split(even);
    let (even, odd) = (even.unwrap().counts(), odd.unwrap().counts());
    assert_eq!((even.failed(), even.completed(), even.total()), (2, 5, 8));
    assert_eq!((odd.failed(), odd.completed(), odd.total()), (2, 5, 8));
}

#[test]
fn a_child_with_failures_in_both_halves_has_failed_in_both() {
    let counts = Counts { failed: 2, ..Counts::default() };
    let error = with_counts("", counts, vec![failed(0, "", 1), failed(0, "", 2), failed(1, "", 3)]);
    let (even, odd) = error.split(even);
    assert_eq!(even.unwrap().to_string(), "1 of 2 children failed: #0: 2");
    assert_eq!(odd.unwrap().to_string(), "2 of 2 children failed: #0: 1; #1: 3");
}

#[test]
fn failures_that_were_not_stored_count_in_both_halves() {
    let counts = Counts { failed: 12, not_stored: 10, ..Counts::default() };
    let error = with_counts("", counts, vec![failed(0, "", 1), failed(1, "", 2)]);
    let (even, odd) = error.split(even);
    assert_eq!(even.unwrap().to_string(), "11 of 12 children failed: #1: 2; and 10 more");
    assert_eq!(odd.unwrap().to_string(), "11 of 12 children failed: #0: 1; and 10 more");
}

#[test]
fn retain_drops_groups_that_it_emptied() {
    let error = nested().filter(|entry| entry.failure().error().is_some_and(|error| *error < 10));
    let error = error.unwrap();
    assert_eq!(ids(&error), [0, 2]);
    assert_eq!(error.counts().failed(), 2);
    assert!(nested().filter(|_| false).is_none());
}

#[test]
fn groups_that_are_emptied_take_the_groups_around_them_along() {
    let inner = joined(0, vec![group(0, "", joined(0, vec![failed(0, "", 1)]))]);
    let error = joined(0, vec![group(0, "", inner), failed(1, "", 2)]);
    assert_eq!(error.filter(even).unwrap().to_string(), "1 of 2 children failed: #1: 2");
}

#[test]
fn only_failures_that_are_no_groups_are_asked() {
    let mut asked = Vec::new();
    let _ = nested().filter(|entry| {
        asked.push(entry.failure().error().copied());
        true
    });
    assert_eq!(asked, [Some(1), Some(10), Some(11), Some(2)]);
}

#[test]
fn a_body_is_kept_apart_from_the_children() {
    let (even, odd) = joined(1, vec![failed(0, "", 1), body(2)]).split(even);
    assert_eq!(even.unwrap().to_string(), "the body failed: 2");
    assert_eq!(odd.unwrap().to_string(), "1 of 2 children failed: #0: 1");
}

#[test]
fn map_changes_errors_and_nothing_else() {
    let text = format!("{:#}", nested());
    let mapped = nested().map(|error| error.to_string());
    assert_eq!(format!("{mapped:#}"), text);
    assert_eq!((mapped.name(), mapped.counts()), (Some("outer"), nested().counts()));
    let panic = joined(0, vec![panicked::<i32>(0, "oh"), timed_out(1, "")]);
    let text = panic.to_string();
    assert_eq!(panic.map(|error| error + 1).to_string(), text);
}

#[test]
fn the_cause_is_kept_by_all_of_them() {
    let cause = Some(Cause::requested("enough".into()));
    let entries = vec![failed(0, "", 1), failed(1, "", 2)];
    let error = JoinedError::new(None, entries.into(), Counts::default(), cause);
    let (even, odd) = error.map(|error| error + 1).split(even);
    for half in [even.unwrap(), odd.unwrap().flatten()] {
        assert_eq!(half.cause().unwrap().message(), Some("enough"));
    }
}
