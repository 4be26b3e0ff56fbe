//! `{:#}` and `{:?}`: the tree.

use std::error::Error;
use std::io;

use super::spots::at_root;
use super::*;

fn sync() -> JoinedError<&'static str> {
    let uploads = with_counts(
        "uploads",
        Counts { completed: 1, failed: 2, not_stored: 25, ..Counts::default() },
        vec![after_cancel(failed(3, "put", "flush failed"))],
    );
    let panic = Failure::Panic(Panic::of(Box::new("index out of bounds")));
    with_counts(
        "sync",
        Counts { completed: 35, failed: 3, cancelled: 2, ..Counts::default() },
        vec![
            failed(7, "fetch", "connection refused"),
            ChildError::new(
                ChildInfo::new(ChildId::new(9), None, spots::long()),
                panic,
                How::default(),
            ),
            group(12, "uploads", uploads),
        ],
    )
}

#[test]
fn the_tree_has_a_line_for_each_failure_in_columns() {
    let tree = "\
nursery \"sync\" failed: 3 of 40 children (35 completed, 2 cancelled), first #7
├─ #7 fetch       spots.rs:7    connection refused
├─ #9             spots.rs:12   panicked: index out of bounds
└─ #12 uploads    spots.rs:7    nursery \"uploads\" failed: 2 of 3 children (1 completed), first #3
   ├─ #3 put      spots.rs:7    after cancel: flush failed
   └─ … and 25 more";
    assert_eq!(at_root(format!("{:#}", sync())), tree);
    assert_eq!(at_root(sync().tree()), tree);
}

#[test]
fn debug_is_the_tree_with_errors_by_their_debug() {
    let debug = at_root(format!("{:?}", sync()));
    assert!(
        debug.contains("\n├─ #7 fetch       spots.rs:7    \"connection refused\"\n"),
        "{debug}"
    );
    assert!(debug.contains("\n   ├─ #3 put      spots.rs:7    after cancel: \"flush failed\"\n"));
}

#[test]
fn a_group_in_the_middle_keeps_the_trunk_beside_it() {
    let inner = joined(0, vec![failed(0, "", "a"), failed(1, "", "b")]);
    let error = joined(0, vec![group(0, "", inner), body("c")]);
    let tree = "\
nursery failed: the body and 1 of 1 child, first #0
├─ #0       spots.rs:7   nursery failed: 2 of 2 children, first #0
│  ├─ #0    spots.rs:7   a
│  └─ #1    spots.rs:7   b
└─ body     spots.rs:7   c";
    assert_eq!(at_root(error.tree()), tree);
}

#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer(#[source] io::Error);

fn no_answer() -> NoAnswer {
    NoAnswer(io::Error::other("os error\n111"))
}

#[test]
fn sources_are_shown_where_the_error_knows_the_way_to_them() {
    let error = joined(0, vec![failed(0, "a", no_answer()), failed(1, "b", no_answer())]);
    assert!(!format!("{error:#}").contains("caused by"));
    let tree = "\
nursery failed: 2 of 2 children, first #0
├─ #0 a    spots.rs:7   no answer
│     caused by: os error\\n111
└─ #1 b    spots.rs:7   no answer
      caused by: os error\\n111";
    let boxed: Box<dyn Error + Send + Sync> = error.with_sources().into();
    assert_eq!(at_root(format!("{boxed:#}")), tree);
}

#[test]
fn sources_of_boxed_errors_are_shown_inside_groups_too() {
    let boxed: Box<dyn Error + Send + Sync> = no_answer().into();
    let error = joined(0, vec![group(0, "", joined(0, vec![failed(0, "", boxed)]))]);
    let error = error.with_sources_by(|error| error.source());
    assert!(at_root(error.tree()).ends_with("\n         caused by: os error\\n111"));
}

#[test]
fn split_keeps_the_way_to_the_sources_and_map_forgets_it() {
    let error = joined(0, vec![failed(0, "", no_answer())]).with_sources();
    let error = error.retain(|_| true).unwrap();
    assert!(format!("{error:#}").contains("caused by"));
    assert!(!format!("{:#}", error.map(|error| error)).contains("caused by"));
}

#[test]
fn the_limits_of_a_tree_can_be_moved() {
    let inner = joined(0, vec![failed(0, "", "abcdef"), failed(1, "", "b"), failed(2, "", "c")]);
    let error = joined(0, vec![group(0, "", inner), failed(1, "", "d"), failed(2, "", "e")]);
    let tree = "\
nursery failed: 3 of 3 children, first #0
├─ #0       spots.rs:7   nursery failed: 3 of 3 children, first #0
│  ├─ #0    spots.rs:7   abc…
│  ├─ #1    spots.rs:7   b
│  └─ … and 1 more
├─ #1       spots.rs:7   d
└─ … and 1 more";
    assert_eq!(at_root(error.tree().width(3).entries(2)), tree);
    let few = "\
nursery failed: 3 of 3 children, first #0
├─ #0       spots.rs:7   nursery failed: 3 of 3 children, first #0
│  ├─ #0    spots.rs:7   abcdef
│  └─ … and 2 more
└─ … and 2 more";
    assert_eq!(at_root(error.tree().total(2)), few);
    let shallow = "\
nursery failed: 3 of 3 children, first #0
├─ #0    spots.rs:7   nursery failed: 3 of 3 children, first #0
│  └─ … and 3 more
├─ #1    spots.rs:7   d
└─ #2    spots.rs:7   e";
    assert_eq!(at_root(error.tree().depth(1)), shallow);
    assert_eq!(
        at_root(error.tree().depth(0)),
        "nursery failed: 3 of 3 children, first #0\n└─ … and 3 more"
    );
}

#[test]
fn a_tree_of_a_thousand_failures_shows_fifty() {
    let error = joined(0, (0..1000).map(|number| failed(number, "", "no")).collect());
    let tree = format!("{error:#}");
    assert_eq!(tree.lines().count(), 1 + 50 + 1);
    assert!(tree.ends_with("\n└─ … and 950 more"));
}

#[test]
fn a_tree_of_many_groups_shows_five_hundred_failures() {
    let inner = || joined(0, (0..40).map(|number| failed(number, "", "no")).collect());
    let error = joined(0, (0..40).map(|number| group(number, "", inner())).collect());
    let tree = format!("{error:#}");
    assert_eq!(tree.lines().filter(|line| line.contains('#')).count(), 1 + 500);
    assert!(tree.lines().count() < 550);
}

#[test]
fn a_long_name_is_cut_and_leaves_the_other_columns_where_they_are() {
    let long = "x".repeat(500);
    let error = named(&long, 0, vec![failed(0, &long, "a"), failed(1, "b", "c")]);
    let tree = at_root(error.tree());
    let cut = "x".repeat(37);
    let expected = format!(
        "nursery \"{}…\" failed: 2 of 2 children, first #0\n\
         ├─ #0 {cut}…    spots.rs:7   a\n\
         └─ #1 b{}    spots.rs:7   c",
        "x".repeat(40),
        " ".repeat(37),
    );
    assert_eq!(tree, expected);
}

#[test]
fn names_that_begin_alike_can_be_told_apart() {
    let url = |end| format!("http://localhost:8080/a/rather/long/path/{end}");
    let inner = named(&url("d"), 0, vec![failed(0, &url("d"), "x")]);
    let error = named(
        &url("a"),
        0,
        vec![failed(0, &url("b"), "x"), failed(1, &url("c"), "y"), group(2, &url("d"), inner)],
    );
    let tree = "\
nursery \"URL/a\" failed: 3 of 3 children, first #0
├─ #0 URL/b       x
├─ #1 URL/c       y
└─ #2 URL/d       nursery \"URL/d\" failed: 1 of 1 child, first #0
   └─ #0 URL/d    x";
    let tree = tree.replace("URL/", &url(""));
    assert_eq!(error.tree().names(60).locations(false).to_string(), tree);
    let flat = error.flatten();
    let flat = flat.tree().names(60).locations(false).to_string();
    assert!(flat.ends_with(&format!("└─ #2 {} / #0 {}    x", url("d"), url("d"))), "{flat}");
}

#[test]
fn names_can_be_cut_shorter_and_the_location_is_not_cut_with_them() {
    let error = named("uploads", 0, vec![failed(0, "fetch", "no")]);
    let tree = "\
nursery \"upl…\" failed: 1 of 1 child, first #0
└─ #0 …    spots.rs:7   no";
    assert_eq!(at_root(error.tree().names(3)), tree);
}

#[test]
fn a_long_path_leaves_the_other_columns_where_they_are() {
    let long = "x".repeat(35);
    let inner = joined(0, vec![failed(0, &long, "a")]);
    let tree =
        at_root(joined(0, vec![group(0, &long, inner), failed(1, "b", "c")]).flatten().tree());
    let lines: Vec<_> = tree.lines().collect();
    assert_eq!(lines[1], format!("├─ #0 {long} / #0 {long}    spots.rs:7   a"));
    assert_eq!(lines[2], format!("└─ #1 b{}    spots.rs:7   c", " ".repeat(56)));
}

#[test]
fn wide_characters_count_as_one_column() {
    let error = joined(0, vec![failed(0, "取得", "a"), failed(1, "put", "b")]);
    let tree = "\
nursery failed: 2 of 2 children, first #0
├─ #0 取得     spots.rs:7   a
└─ #1 put    spots.rs:7   b";
    assert_eq!(at_root(error.tree()), tree);
}

#[test]
fn of_a_long_location_the_end_is_shown() {
    use crate::text::place;
    assert_eq!(place("src/main.rs", 31), "src/main.rs:31");
    let just_fits = format!("{}:31", "x".repeat(37));
    assert_eq!(place(&just_fits[..37], 31), just_fits);
    let long = format!("{}/src/main.rs", "dir/".repeat(50));
    let place = place(&long, 31);
    assert_eq!(place.chars().count(), 41);
    assert!(place.starts_with('…') && place.ends_with("/src/main.rs:31"), "{place}");
}
