//! `flatten`, and the paths that it leaves.

use super::*;

fn path<E>(entry: &ChildError<E>) -> Vec<u64> {
    entry.ancestors().map(|child| child.id().number()).collect()
}

fn nested() -> JoinedError<i32> {
    let inner = named("inner", 3, vec![failed(0, "x", 10), failed(1, "y", 11)]);
    let middle = named("middle", 2, vec![group(7, "i", inner), failed(8, "z", 12)]);
    named("outer", 5, vec![failed(0, "a", 1), group(4, "m", middle), failed(2, "b", 2)])
}

#[test]
fn flatten_merges_groups_in_the_order_of_the_leaves() {
    let flat = nested().flatten();
    assert!(flat.iter().all(|entry| !entry.failure().is_group()));
    assert_eq!(errors(&flat), errors(&nested()));
    assert_eq!(flat.name(), Some("outer"));
}

#[test]
fn each_flattened_failure_keeps_its_path_from_the_nearest_outwards() {
    let paths: Vec<_> = nested().flatten().iter().map(path).collect();
    assert_eq!(paths, [vec![], vec![7, 4], vec![7, 4], vec![4], vec![]]);
    assert_eq!(
        nested().flatten().to_string(),
        "nursery \"outer\": 5 of 15 children failed: #0 a: 1; #4 m > #7 i > #0 x: 10; \
         #4 m > #7 i > #1 y: 11; #4 m > #8 z: 12; #2 b: 2"
    );
}

#[test]
fn flatten_leaves_a_plain_error_as_it_is() {
    let plain = || named("plain", 3, vec![failed(0, "", 1), failed(1, "", 2)]);
    let flat = plain().flatten();
    assert_eq!(format!("{flat:#}"), format!("{:#}", plain()));
    assert_eq!(flat.counts(), plain().counts());
    assert!(flat.iter().all(|entry| path(entry).is_empty()));
}

#[test]
fn a_child_that_was_a_nursery_is_counted_by_the_children_in_it() {
    let counts = nested().flatten().counts();
    assert_eq!((counts.completed(), counts.failed(), counts.total()), (10, 5, 15));
}

#[test]
fn failures_that_were_not_stored_stay_counted() {
    let counts = Counts { failed: 11, not_stored: 10, ..Counts::default() };
    let inner = with_counts("", counts, vec![failed(0, "", 1)]);
    let flat = joined(0, vec![group(0, "", inner), failed(1, "", 2)]).flatten();
    assert_eq!(flat.to_string(), "12 of 12 children failed: #0 > #0: 1; #1: 2; and 10 more");
}

#[test]
fn the_body_of_an_inner_nursery_is_a_failed_child_when_flattened() {
    let flat = joined(1, vec![group(3, "up", joined(2, vec![body("no")]))]).flatten();
    assert_eq!(flat.to_string(), "1 of 4 children failed: #3 up > body: no");
    assert!(format!("{flat:#}").contains(", first #3 > body\n└─ #3 up > body "));
}

#[test]
fn flattening_again_after_nesting_again_joins_the_paths() {
    let once = joined(0, vec![group(1, "", joined(0, vec![failed(0, "", "deep")]))]).flatten();
    let twice = joined(0, vec![group(3, "", joined(0, vec![group(2, "", once)]))]).flatten();
    assert_eq!(path(twice.first()), [1, 2, 3]);
    let thrice = joined(0, vec![group(4, "", twice)]).flatten();
    assert_eq!(path(thrice.first()), [1, 2, 3, 4]);
    assert_eq!(thrice.to_string(), "1 of 1 child failed: #4 > #3 > #2 > #1 > #0: deep");
}

#[test]
fn a_failure_that_was_flattened_before_keeps_its_path_beside_a_new_group() {
    let once = joined(0, vec![group(1, "", joined(0, vec![failed(0, "", "old")]))]).flatten();
    let mut entries: Vec<_> = once.into_iter().collect();
    entries.push(group(2, "", joined(0, vec![failed(0, "", "new")])));
    let paths: Vec<_> = joined(0, entries).flatten().iter().map(path).collect();
    assert_eq!(paths, [[1], [2]]);
}

#[test]
fn a_path_survives_split_and_map() {
    let (part, _) = nested().flatten().split(|entry| entry.child().name() == Some("y"));
    let part = part.unwrap().map(|error| error + 1);
    let line = "nursery \"outer\": 1 of 15 children failed: #4 m > #7 i > #1 y: 12";
    assert_eq!(part.to_string(), line);
}

#[test]
fn joined_errors_as_errors_become_groups_or_dissolve() {
    let nested = || {
        let inner = named("inner", 0, vec![failed(5, "", "deep")]);
        joined(1, vec![failed(0, "a", inner), panicked(1, "oh")])
    };
    assert_eq!(nested().into_groups().first().failure().group().unwrap().name(), Some("inner"));
    assert_eq!(
        nested().into_groups().flatten().to_string(),
        "2 of 3 children failed: #0 a > #5: deep; #1: panicked: oh"
    );
}

#[test]
fn failures_at_all_levels_share_the_links_of_their_paths() {
    let chain = (0..5).fold(joined(0, vec![failed(0, "", 0)]), |inner, level| {
        joined(0, vec![group(level, "", inner), failed(9, "", 0)])
    });
    let flat = chain.flatten();
    let paths: Vec<Vec<_>> = flat.iter().map(|entry| entry.ancestors().collect()).collect();
    for pair in paths.windows(2) {
        let (deep, shallow) = (&pair[0], &pair[1]);
        assert_eq!(deep.len(), shallow.len() + 1);
        assert!(deep[1..].iter().zip(shallow).all(|(a, b)| std::ptr::eq(*a, *b)));
    }
}

#[test]
fn a_child_with_two_failures_counts_once_however_often_it_is_flattened() {
    let twice = || vec![failed(0, "", "error"), panicked(0, "in the destructor")];
    let mut innermost = joined(0, twice());
    innermost.0.counts.failed = 1;
    let inner = joined(0, vec![group(0, "", innermost)]).flatten();
    assert_eq!((inner.len(), inner.counts().failed()), (2, 1));
    let outer = joined(0, vec![group(0, "", inner)]).flatten();
    assert_eq!((outer.len(), outer.counts().failed()), (2, 1));
    assert_eq!(outer.first().ancestors().count(), 2);
}
