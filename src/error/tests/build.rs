//! Joined errors made of failures, put together and handled in parts.

use super::spots::at_root;
use super::*;

#[test]
fn failures_are_collected_into_one_error_or_none() {
    let failures = vec![failed(3, "", "no"), panicked(3, "oh"), failed(1, "", "never")];
    let error: Option<JoinedError<&str>> = failures.into_iter().collect();
    assert_eq!(
        error.unwrap().to_string(),
        "2 of 2 children failed: #3: no; #3: panicked: oh; #1: never"
    );
    assert!(Option::<JoinedError<&str>>::from_iter([]).is_none());
}

#[test]
fn two_failures_of_one_child_are_of_one_child() {
    let failures = [failed(3, "", "no"), panicked(3, "in its destructor"), body("oh")];
    let error: Option<JoinedError<&str>> = failures.into_iter().collect();
    let mut error = error.unwrap();
    assert_eq!(error.counts().failed(), 1);
    error.extend([failed(3, "", "no"), failed(4, "", "no")]);
    assert_eq!((error.counts().failed(), error.len()), (3, 5));
    let lost = How::default().losing(2);
    let losing = ChildError::new(child(5, ""), Failure::Error("no"), lost);
    error.extend([losing, after_cancel(failed(6, "", "no"))]);
    let counts = error.counts();
    assert_eq!((counts.failed(), counts.not_stored(), counts.after_cancel()), (5, 2, 1));
}

#[test]
fn an_error_that_is_extended_keeps_its_counts_and_its_name() {
    let mut error = named("sync", 7, vec![failed(0, "", "no")]);
    error.extend([panicked(0, "oh"), failed(1, "", "never")]);
    assert_eq!(
        error.to_string(),
        "nursery \"sync\": 2 of 9 children failed: #0: no; #0: panicked: oh; #1: never"
    );
}

#[test]
fn merging_keeps_every_entry_and_adds_the_counts() {
    let inner = joined(0, vec![failed(5, "", "deep"), failed(6, "", "down")]);
    let one = with_counts(
        "",
        Counts { failed: 2, cancelled: 1, not_stored: 1, ..Counts::default() },
        vec![failed(0, "", "a")],
    );
    let both = one.merge(named("sync", 3, vec![group(0, "g", inner)]));
    assert_eq!(
        both.to_string(),
        "nursery \"sync\": 3 of 7 children failed: #0: a; \
         #0 g: 2 of 2 children failed (#5: deep; #6: down); and 1 more"
    );
    let bare = JoinedError::from("no").merge(joined(1, vec![failed(0, "", "a")]));
    assert_eq!(bare.to_string(), "the body and 1 of 2 children failed: body: no; #0: a");
    assert!(bare.into_bare().is_err());
}

#[test]
fn a_handler_for_each_kind_gets_its_part_and_the_rest_goes_on() {
    let inner = joined(0, vec![failed(0, "", "io"), panicked(1, "oh")]);
    let error = joined(4, vec![group(0, "g", inner), failed(1, "", "io"), failed(2, "", "bad")]);
    let (mut io, mut panics, mut others) = (None, None, None);
    let rest = Err::<(), _>(error)
        .or_else(|error| error.handle(|e| e.failure().error() == Some(&"io"), |e| io = Some(e)))
        .or_else(|error| error.handle(|e| e.failure().is_panic(), |e| panics = Some(e)))
        .or_else(|error| error.handle(|e| e.failure().is_timed_out(), |e| others = Some(e)));
    assert_eq!(errors(&io.unwrap()), ["io", "io"]);
    assert_eq!(panics.unwrap().to_string(), "1 of 7 children failed: #0 g > #1: panicked: oh");
    assert!(others.is_none());
    assert_eq!(rest.unwrap_err().to_string(), "1 of 7 children failed: #2: bad");
    let all = joined(0, vec![failed(0, "", "io")]);
    assert!(all.handle(|_| true, drop).is_ok());
}

#[test]
fn a_group_that_matches_goes_whole() {
    let inner = |word| joined(0, vec![failed(0, "", word), failed(1, "", "b")]);
    let outer = joined(0, vec![group(0, "whole", inner("a")), failed(1, "", "c")]);
    let error = joined(0, vec![group(0, "g", outer), group(1, "h", inner("d"))]);
    let (whole, rest) = error.split_groups(|entry| {
        entry.child().name() == Some("whole") || entry.failure().error() == Some(&"d")
    });
    assert_eq!(
        whole.unwrap().to_string(),
        "2 of 2 children failed: \
         #0 g > #0 whole: 2 of 2 children failed (#0: a; #1: b); #1 h > #0: d"
    );
    assert_eq!(rest.unwrap().to_string(), "2 of 2 children failed: #0 g > #1: c; #1 h > #1: b");
    let (all, none) = joined(0, vec![group(0, "g", inner("a"))]).split_groups(|_| true);
    assert_eq!(all.unwrap().leaves().count(), 2);
    assert!(none.is_none());
}

#[test]
fn leaves_by_value_know_the_way_to_them() {
    let inner = joined(0, vec![failed(0, "a", "x"), failed(1, "", "y")]);
    let error = joined(0, vec![group(3, "up", inner), failed(4, "", "z")]);
    let leaves: Vec<_> = error.into_leaves().map(|leaf| leaf.to_string()).collect();
    assert_eq!(leaves, ["#3 up > #0 a: x", "#3 up > #1: y", "#4: z"]);
}

#[test]
fn a_child_displays_its_line() {
    assert_eq!(at_root(child(2, "uploads")), "#2 uploads spots.rs:7");
    assert_eq!(at_root(ChildInfo::body(spots::short())), "body spots.rs:7");
}

#[test]
fn errors_of_no_nursery_are_numbered() {
    let error = JoinedError::of_errors(["a", "b"]).unwrap();
    assert_eq!(error.to_string(), "2 of 2 children failed: #0: a; #1: b");
    assert_eq!(error.first().child().location().file(), file!());
    assert!(JoinedError::<&str>::of_errors([]).is_none());
}
