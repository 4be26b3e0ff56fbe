//! `{:#}` and `{:?}`: the tree.

use std::error::Error;
use std::io;

use super::spots::at_root;
use super::*;
use crate::failure::Part;

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
nursery failed: the body and 1 of 1 child, first #0, spawned at spots.rs:7
├─ #0       nursery failed: 2 of 2 children, first #0
│  ├─ #0    a
│  └─ #1    b
└─ body     c";
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
nursery failed: 2 of 2 children, first #0, spawned at spots.rs:7
├─ #0 a    no answer
│     caused by: os error
│                111
└─ #1 b    no answer
      caused by: os error
                 111";
    let boxed: Box<dyn Error + Send + Sync> = error.with_sources().into();
    assert_eq!(at_root(format!("{boxed:#}")), tree);
}

#[test]
fn sources_of_boxed_errors_are_shown_inside_groups_too() {
    let boxed: Box<dyn Error + Send + Sync> = no_answer().into();
    let error = joined(0, vec![group(0, "", joined(0, vec![failed(0, "", boxed)]))]);
    let error = error.with_sources_by(|error| error.source());
    let tree = "\
nursery failed: 1 of 1 child, first #0
└─ #0 > #0    spots.rs:7   no answer
      caused by: os error
                 111";
    assert_eq!(at_root(error.tree()), tree);
}

#[test]
fn split_keeps_the_way_to_the_sources_and_map_forgets_it() {
    let error = joined(0, vec![failed(0, "", no_answer())]).with_sources();
    let error = error.filter(|_| true).unwrap();
    assert!(format!("{error:#}").contains("caused by"));
    assert!(!format!("{:#}", error.map(|error| error)).contains("caused by"));
}

#[test]
fn the_limits_of_a_tree_can_be_moved() {
    let inner = joined(0, vec![failed(0, "", "abcdef"), failed(1, "", "b"), failed(2, "", "c")]);
    let error = joined(0, vec![group(0, "", inner), failed(1, "", "d"), failed(2, "", "e")]);
    let tree = "\
nursery failed: 3 of 3 children, first #0, spawned at spots.rs:7
├─ #0       nursery failed: 3 of 3 children, first #0
│  ├─ #0    abc…
│  ├─ #1    b
│  └─ … and 1 more
├─ #1       d
└─ … and 1 more";
    assert_eq!(at_root(error.tree().width(3).entries(2)), tree);
    let few = "\
nursery failed: 3 of 3 children, first #0, spawned at spots.rs:7
├─ #0       nursery failed: 3 of 3 children, first #0
│  ├─ #0    abcdef
│  └─ … and 2 more
└─ … and 2 more";
    assert_eq!(at_root(error.tree().total(2)), few);
    let shallow = "\
nursery failed: 3 of 3 children, first #0, spawned at spots.rs:7
├─ #0       nursery failed: 3 of 3 children, first #0
│  ├─ #0    abcdef
│  └─ … and 2 more
├─ #1       d
└─ #2       e";
    assert_eq!(at_root(error.tree().depth(1)), shallow);
    assert_eq!(at_root(error.tree().depth(0)), shallow);
    assert_eq!(
        error.line().entries(2).width(2).to_string(),
        "3 of 3 children failed: #0: 3 of 3 children failed (#0: ab…; #1: b; and 1 more); #1: d; \
         and 1 more"
    );
}

#[test]
fn whatever_the_limits_are_the_first_leaf_is_named() {
    let inner = joined(0, vec![failed(7, "put", "disk full"), failed(8, "", "b")]);
    let error = joined(
        0,
        vec![
            group(0, "a", joined(0, vec![group(3, "b", inner), failed(4, "", "c")])),
            failed(1, "", "d"),
        ],
    );
    let tree = "\
nursery failed: 2 of 2 children, first #0
├─ #0 a                nursery failed: 2 of 2 children, first #3
│  ├─ #3 b > #7 put    disk full
│  └─ … and 2 more
└─ … and 1 more";
    let shown = error.tree().depth(0).entries(0).total(0).locations(false);
    assert_eq!(shown.to_string(), tree);
    assert_eq!(
        error.line().depth(0).entries(0).total(0).to_string(),
        "2 of 2 children failed: #0 a: 2 of 2 children failed (#3 b > #7 put: disk full; and 2 more); \
         and 1 more"
    );
}

#[test]
fn groups_with_one_entry_each_are_a_path() {
    let leaf = failed(3, "a", "permission denied");
    let src = named("src", 2, vec![group(1, "src", joined(0, vec![leaf]))]);
    let error = joined(0, vec![after_cancel(group(0, "walk", src)), failed(1, "", "no")]);
    let tree = "\
nursery failed: 2 of 2 children, first #0
├─ #0 walk > #1 src > #3 a    after cancel: permission denied
└─ #1                         no";
    assert_eq!(error.tree().locations(false).to_string(), tree);
    assert_eq!(
        error.to_string(),
        "2 of 2 children failed: #0 walk > #1 src > #3 a: after cancel: permission denied; #1: no"
    );
}

#[test]
fn names_can_stand_without_numbers() {
    let leaf = failed(3, "a", "permission denied");
    let src = joined(0, vec![group(1, "src", joined(0, vec![leaf])), failed(2, "", "no")]);
    let error = joined(0, vec![group(0, "walk", src), failed(1, "list", "timed out")]);
    let tree = "\
nursery failed: 2 of 2 children, first walk
├─ walk          nursery failed: 2 of 2 children, first src
│  ├─ src > a    permission denied
│  └─ #2         no
└─ list          timed out";
    assert_eq!(error.tree().numbers(false).locations(false).to_string(), tree);
    assert_eq!(
        error.line().numbers(false).to_string(),
        "2 of 2 children failed: walk: 2 of 2 children failed (src > a: permission denied; #2: no); \
         list: timed out"
    );
    let names = error.tree().numbers(false).names(3).locations(false).to_string();
    assert!(names.contains("\n└─ lis…"), "{names}");
}

#[test]
fn parts_of_a_tree_can_be_marked() {
    let inner = joined(0, vec![failed(3, "put", "disk\nfull"), failed(12, "", "no")]);
    let error = joined(1, vec![group(0, "uploads", inner)]);
    let marked = error.tree().locations(false).marked(|part| match part {
        Part::Title => ("<t>", "</t>"),
        Part::Child => ("<c>", "</c>"),
        Part::Location => ("<l>", "</l>"),
        Part::Message => ("<m>", "</m>"),
    });
    let tree = "\
<t>nursery failed: 1 of 2 children (1 completed), first #0</t>
└─ <c>#0 uploads</c>    <m>nursery failed: 2 of 2 children, first #3</m>
   ├─ <c>#3 put</c>     <m>disk</m>
   │     <m>full</m>
   └─ <c>#12</c>        <m>no</m>";
    assert_eq!(marked.to_string(), tree);
    // The columns stand where they stand without marks.
    let plain = error.tree().to_string();
    let marked = error.tree().marked(|_| ("<", ">")).to_string();
    assert_eq!(marked.replace(['<', '>'], ""), plain);
}

#[test]
fn of_a_long_path_the_nearest_are_named() {
    let error = (0..40).fold(joined(0, vec![failed(9, "leaf", "no")]), |error, number| {
        joined(0, vec![group(number, "", error)])
    });
    assert_eq!(
        error.to_string(),
        "1 of 1 child failed: … > #7 > #6 > #5 > #4 > #3 > #2 > #1 > #0 > #9 leaf: no"
    );
    assert!(error.line().depth(100).to_string().contains(": #39 > #38 > #37 > "));
    let tree = error.tree().depth(2).locations(false).to_string();
    assert_eq!(tree, "nursery failed: 1 of 1 child, first #39\n└─ … > #1 > #0 > #9 leaf    no");
}

#[test]
fn all_failures_can_be_shown() {
    let error = joined(0, (0..700).map(|number| failed(number, "", "no")).collect());
    assert_eq!(error.tree().all().to_string().lines().count(), 701);
    assert!(error.line().all().to_string().ends_with("; #699: no"));
}

#[test]
fn a_tree_can_be_in_spawn_order() {
    let inner = joined(0, vec![failed(5, "", "d"), failed(2, "", "c")]);
    let error = joined(0, vec![group(7, "", inner), failed(3, "", "b"), failed(0, "", "a")]);
    let tree = "\
nursery failed: 3 of 3 children, first #7
├─ #0       a
├─ #3       b
└─ #7       nursery failed: 2 of 2 children, first #5
   ├─ #2    c
   └─ #5    d";
    assert_eq!(error.tree().by_spawn_order().locations(false).to_string(), tree);
}

#[test]
fn a_message_of_several_lines_keeps_to_the_trunk() {
    let text = "cannot build\n\nCaused by:\n    0: no space\n    1: left\n";
    let error = joined(0, vec![failed(0, "a", text), failed(1, "b", "no")]);
    let tree = "\
nursery failed: 2 of 2 children, first #0
├─ #0 a    cannot build
│     Caused by:
│         0: no space
│         1: left
└─ #1 b    no";
    assert_eq!(error.tree().locations(false).to_string(), tree);
    assert_eq!(error.to_string(), "2 of 2 children failed: #0 a: cannot build…; #1 b: no");
    let short = error.tree().lines(2).locations(false).to_string();
    assert!(short.contains("cannot build\n│     Caused by:…\n└─"), "{short}");
}

#[test]
fn a_joined_error_that_hides_in_an_error_is_a_subtree() {
    #[derive(Debug, thiserror::Error)]
    #[error("starting: {0}")]
    struct Starting(JoinedError<&'static str>);
    let inner = || named("db", 1, vec![failed(0, "a", "refused"), failed(1, "b", "reset")]);
    let error = joined(0, vec![failed(4, "", Starting(inner())), failed(5, "", Starting(inner()))]);
    let tree = "\
nursery failed: 2 of 2 children, first #4
├─ #4         starting: nursery \"db\" failed: 2 of 3 children (1 completed), first #0
│  ├─ #0 a    refused
│  └─ #1 b    reset
└─ #5         starting: nursery \"db\" failed: 2 of 3 children (1 completed), first #0
   ├─ #0 a    refused
   └─ #1 b    reset";
    assert_eq!(error.tree().locations(false).to_string(), tree);
    assert_eq!(
        error.first().to_string(),
        "#4: starting: nursery \"db\": 2 of 3 children failed: #0 a: refused; #1 b: reset"
    );
}

#[test]
fn what_an_error_tells_of_its_causes_itself_is_not_shown_twice() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot load: {0}")]
    struct Load(#[source] NoAnswer);
    let error = joined(0, vec![failed(0, "", Load(no_answer()))]).with_sources();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: cannot load: no answer: os error…");
    let tree = "\
nursery failed: 1 of 1 child, first #0
└─ #0    cannot load: no answer
      caused by: os error
                 111";
    assert_eq!(error.tree().locations(false).to_string(), tree);
}

#[test]
fn a_cause_that_is_a_part_of_longer_words_is_shown() {
    let cause = io::Error::other("no");
    let error = joined(0, vec![failed(0, "", NoAnswer(cause))]).with_sources();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: no answer");
    let cause = io::Error::other("answe");
    let error = joined(0, vec![failed(0, "", NoAnswer(cause))]).with_sources();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: no answer: answe");
}

#[test]
fn a_tree_of_a_thousand_failures_shows_a_hundred() {
    let error = joined(0, (0..1000).map(|number| failed(number, "", "no")).collect());
    let tree = format!("{error:#}");
    assert_eq!(tree.lines().count(), 1 + 100 + 1);
    assert!(tree.ends_with("\n└─ … and 900 more"));
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
        "nursery \"{}…\" failed: 2 of 2 children, first #0, spawned at spots.rs:7\n\
         ├─ #0 {cut}…    a\n\
         └─ #1 b{}    c",
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
├─ #0 URL/bPAD    x
├─ #1 URL/cPAD    y
└─ #2 URL/d > #0 URL/d    x";
    // As long as the path, up to the most that a column is wide.
    let tree = tree.replace("PAD", &" ".repeat(60 - 4 - url("b").len() + 1));
    let tree = tree.replace("URL/", &url(""));
    assert_eq!(error.tree().names(60).locations(false).to_string(), tree);
    let flat = error.flatten();
    let flat = flat.tree().names(60).locations(false).to_string();
    assert!(flat.ends_with(&format!("└─ #2 {} > #0 {}    x", url("d"), url("d"))), "{flat}");
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
    assert_eq!(lines[1], format!("├─ #0 {long} > #0 {long}    a"));
    assert_eq!(lines[2], format!("└─ #1 b{}    c", " ".repeat(56)));
}

#[test]
fn wide_characters_count_as_one_column() {
    let error = joined(0, vec![failed(0, "取得", "a"), failed(1, "put", "b")]);
    let tree = "\
nursery failed: 2 of 2 children, first #0, spawned at spots.rs:7
├─ #0 取得     a
└─ #1 put    b";
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

#[test]
fn every_limit_can_be_lifted() {
    let inner = joined(0, vec![failed(0, "a", "x"), failed(1, "b", "y")]);
    let error = joined(0, vec![group(0, "g", inner), failed(1, "", "z")]);
    const MAX: usize = usize::MAX;
    let all = |shown: Shown<'_, &'static str>| {
        let shown = shown.depth(MAX).entries(MAX).total(MAX).width(MAX).names(MAX).lines(MAX);
        shown.locations(false).to_string()
    };
    assert!(all(error.tree()).contains("\n│  ├─ #0 a    x\n"), "{}", all(error.tree()));
    assert!(all(error.line()).ends_with("(#0 a: x; #1 b: y); #1: z"));
}

#[derive(Debug, thiserror::Error)]
enum Deep {
    #[error("starting: {0}")]
    Starting(#[source] JoinedError<Deep>),
    #[error("quietly")]
    Quietly(#[source] JoinedError<Deep>),
    #[error("refused")]
    Refused,
}

#[test]
fn a_hidden_joined_error_is_shown_once_also_where_it_is_a_source() {
    let inner = || joined(0, vec![failed(0, "a", Deep::Refused), failed(1, "b", Deep::Refused)]);
    let error = joined(0, vec![failed(4, "", Deep::Starting(inner()))]).with_sources();
    let rows = "
   ├─ #0 a    refused
   └─ #1 b    refused";
    let title = "nursery failed: 1 of 1 child, first #4\n└─ #4         ";
    let head = "nursery failed: 2 of 2 children, first #0";
    let tree = |error: &JoinedError<Deep>| error.tree().locations(false).to_string();
    assert_eq!(tree(&error), format!("{title}starting: {head}{rows}"));
    assert_eq!(format!("{:?}", error.tree()).matches("#0 a").count(), 1);
    assert_eq!(error.to_string().matches("#0 a").count(), 1);
    let error = joined(0, vec![failed(4, "", Deep::Quietly(inner()))]).with_sources();
    assert_eq!(tree(&error), format!("{title}quietly\n      caused by: {head}{rows}"));
    // Not twice at each level, which would be without end.
    let deep = (0..16).fold(inner(), |inner, _| {
        joined(0, vec![failed(0, "", Deep::Starting(inner))]).with_sources()
    });
    assert_eq!(tree(&deep).matches("#0 a").count(), 0, "it is too deep");
    assert!(tree(&deep).lines().count() < 20);
}

#[test]
fn a_tree_within_the_structure_has_a_total_of_its_own() {
    struct Shows(JoinedError<&'static str>);
    impl std::fmt::Debug for Shows {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{:#}", self.0)
        }
    }
    let inner = joined(0, (0..3).map(|number| failed(number, "", "no")).collect());
    let error = joined(0, vec![failed(0, "", Shows(inner))]);
    let structure = std::thread::spawn(move || format!("{error:#?}")).join().unwrap();
    assert!(structure.contains("#2") && !structure.contains("more"), "{structure}");
}

#[test]
fn a_joined_error_can_be_shown_as_its_thread_ends() {
    struct Last(std::sync::mpsc::Sender<String>);
    impl Drop for Last {
        fn drop(&mut self) {
            let error = joined(0, vec![failed(0, "", "no")]);
            self.0.send(format!("{error} {error:#}")).unwrap();
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
    }
    let (told, shown) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        LAST.set(Some(Last(told)));
        drop(joined(0, vec![failed(0, "", "first")]).to_string());
    });
    assert!(shown.recv().unwrap().contains("#0: no"));
}

#[test]
fn a_hidden_joined_error_is_asked_once_also_where_it_is_a_source() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    #[derive(Debug)]
    enum Asked {
        Starting(JoinedError<Asked>),
        Refused,
    }
    impl std::fmt::Display for Asked {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            match self {
                Self::Starting(inner) => write!(f, "starting: {inner}"),
                Self::Refused => {
                    ASKED.fetch_add(1, Relaxed);
                    f.write_str("refused")
                }
            }
        }
    }
    impl Error for Asked {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            match self {
                Self::Starting(inner) => Some(inner),
                Self::Refused => None,
            }
        }
    }
    let inmost = joined(0, vec![failed(0, "", Asked::Refused)]);
    let error = (0..8).fold(inmost, |inner, _| {
        joined(0, vec![failed(0, "", Asked::Starting(inner))]).with_sources()
    });
    let tree = format!("{error:#}");
    assert_eq!(ASKED.swap(0, Relaxed), 1, "{tree}");
    let line = error.to_string();
    assert!(ASKED.swap(0, Relaxed) <= 1, "{line}");
}
