//! `find`, `leaves` and the orders of entries.

use std::error::Error;
use std::fmt;
use std::io;
use std::rc::Rc;

use super::*;

#[derive(Debug, thiserror::Error)]
#[error("inner {0}")]
struct Inner(u8);

#[derive(Debug, thiserror::Error)]
enum Outer {
    #[error("wraps")]
    Wraps(#[source] Inner),
    #[error("io")]
    Io(#[source] io::Error),
    #[error("plain")]
    Plain,
}

#[test]
fn find_sees_every_member_at_every_depth_through_source_chains() {
    let deep = joined(0, vec![failed(0, "", Outer::Plain), failed(1, "", Outer::Wraps(Inner(3)))]);
    let io = Outer::Io(io::Error::other(Inner(4)));
    let error = joined(0, vec![group(0, "", deep), failed(1, "", io)]);
    assert!(matches!(error.find(), Some(Outer::Plain)), "an error itself");
    assert_eq!(error.find::<Inner>().unwrap().0, 3, "a source in a group");
    assert_eq!(error.find::<io::Error>().unwrap().to_string(), "inner 4");
    assert!(error.find::<fmt::Error>().is_none());
}

#[test]
fn find_sees_the_payloads_of_panics() {
    let error: JoinedError<Outer> = joined(0, vec![panicked(0, Inner(5))]);
    assert!(error.find::<io::Error>().is_none());
    assert_eq!(error.find::<Inner>().unwrap().0, 5);

    let boxed: Box<dyn Error + Send + Sync> = Outer::Wraps(Inner(6)).into();
    let error: JoinedError<Outer> = joined(0, vec![panicked(0, boxed)]);
    assert_eq!(error.find::<Inner>().unwrap().0, 6);
}

#[test]
fn find_with_looks_into_boxed_errors() {
    let boxed: Box<dyn Error + Send + Sync> = Outer::Wraps(Inner(7)).into();
    let error = joined(0, vec![failed(0, "", boxed)]);
    assert_eq!(error.find_with::<Inner>(|error| error.as_ref()).unwrap().0, 7);
}

#[test]
fn find_local_finds_an_error_that_is_not_send() {
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Local(Rc<str>);
    let error = joined(0, vec![failed(0, "", Local("here".into()))]);
    assert_eq!(&*error.find_local::<Local>().unwrap().0, "here");
}

#[test]
fn entries_come_as_they_failed_or_as_they_were_spawned() {
    let error =
        joined(0, vec![body("d"), failed(7, "", "c"), failed(0, "", "a"), failed(3, "", "b")]);
    assert_eq!(error.iter().map(|entry| entry.child().id().number()).next_back(), Some(3));
    let spawned: Vec<_> = error.by_spawn_order().filter_map(|e| e.failure().error()).collect();
    assert_eq!(spawned, [&"a", &"b", &"c", &"d"]);
    assert_eq!(error.first().failure().error(), Some(&"d"));
    assert_eq!(error.len(), 4);
    assert_eq!(error.into_first().failure().error(), Some(&"d"));
}

#[test]
fn failures_of_one_child_keep_their_order() {
    let error = joined(0, vec![failed(1, "", "a"), failed(0, "", "b"), failed(1, "", "c")]);
    let spawned: Vec<_> = error.by_spawn_order().filter_map(|e| e.failure().error()).collect();
    assert_eq!(spawned, [&"b", &"a", &"c"]);
}

#[test]
fn the_spawn_order_keeps_dissolved_groups_apart() {
    let inner = |one, other| joined(0, vec![failed(1, "", one), failed(0, "", other)]);
    let error = joined(
        0,
        vec![
            group(7, "b", joined(0, vec![group(2, "", inner("f", "e")), failed(3, "", "g")])),
            group(0, "a", inner("b", "a")),
            failed(8, "", "h"),
            group(1, "c", inner("d", "c")),
        ],
    );
    let order = |error: &JoinedError<&'static str>| {
        let entries: Vec<_> = error.by_spawn_order().collect();
        entries.iter().filter_map(|e| e.failure().error()).copied().collect::<String>()
    };
    let flat = error.flatten();
    assert_eq!(order(&flat), "abcdefgh");
    // What was dissolved before, in a nursery around it.
    let twice = joined(0, vec![failed(4, "", "z"), group(2, "", flat)]).flatten();
    assert_eq!(order(&twice), "abcdefghz");
}

#[test]
fn the_spawn_order_of_a_deep_error_that_was_dissolved_takes_no_long_time() {
    let deep = (0..100_000).fold(joined(0, vec![failed(1, "", 0)]), |inner, level| {
        joined(0, vec![failed(1, "", level), group(0, "", inner)])
    });
    let flat = deep.flatten();
    let order: Vec<_> = flat.by_spawn_order().collect();
    assert_eq!(order.len(), 100_001);
    assert_eq!(order[0].failure().error(), Some(&0));
    assert_eq!(order[100_000].failure().error(), Some(&99_999));
}

#[test]
fn find_goes_on_in_joined_errors_that_hide_among_the_sources() {
    #[derive(Debug, thiserror::Error)]
    enum Error {
        #[error("starting")]
        Starting(#[source] JoinedError<Error>),
        #[error("inner")]
        Inner(#[source] Inner),
    }
    let inner = joined(0, vec![failed(0, "", Error::Inner(Inner(8)))]);
    let deep = joined(0, vec![failed(0, "", Error::Starting(inner))]);
    let error = joined(0, vec![failed(0, "", Error::Starting(deep))]);
    assert_eq!(error.find::<Inner>().unwrap().0, 8);
    assert_eq!(error.find_local::<Inner>().unwrap().0, 8);
    assert!(error.find::<io::Error>().is_none());
}

#[test]
fn leaves_come_where_their_group_is() {
    let inner = joined(0, vec![failed(0, "", 2), failed(1, "", 3)]);
    let error = joined(0, vec![failed(0, "", 1), group(1, "", inner), failed(2, "", 4)]);
    assert_eq!(errors(&error), [1, 2, 3, 4]);
    let owned: Vec<_> = error.into_leaves().map(|leaf| *leaf.failure().error().unwrap()).collect();
    assert_eq!(owned, [1, 2, 3, 4]);
}

#[test]
fn a_joined_error_iterates_by_reference_and_by_value() {
    let error = joined(0, vec![failed(4, "", "a"), failed(2, "", "b")]);
    let numbers: Vec<_> = (&error).into_iter().map(|entry| entry.child().id().number()).collect();
    assert_eq!(numbers, [4, 2]);
    let failures: Vec<_> = error.into_iter().map(ChildError::into_failure).collect();
    assert!(matches!(failures[..], [Failure::Error("a"), Failure::Error("b")]));
}

#[test]
fn the_source_of_a_failure_is_the_source_of_its_error() {
    let wraps = failed(0, "", Outer::Wraps(Inner(1)));
    assert_eq!(wraps.failure().source().unwrap().to_string(), "inner 1");
    let error = joined(0, vec![wraps]);
    assert!(error.source().is_none(), "its text is in the text already");
    assert!(group(0, "", error).failure().source().is_none());
}

#[test]
fn a_chain_of_sources_without_end_is_given_up() {
    #[derive(Debug, thiserror::Error)]
    #[error("round")]
    struct Round(#[source] Rest);
    #[derive(Debug)]
    struct Rest;
    impl std::fmt::Display for Rest {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("and round")
        }
    }
    impl std::error::Error for Rest {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(self)
        }
    }
    let error = joined(0, vec![failed(0, "", Round(Rest))]);
    assert!(error.find::<Rest>().is_some());
    assert!(error.find::<std::io::Error>().is_none());
}
