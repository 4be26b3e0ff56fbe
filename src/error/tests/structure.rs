//! `{:#?}`: the structure.

use super::*;

#[test]
fn the_structure_shows_all_that_is_stored() {
    let inner = named("inner", 0, vec![failed(1, "x", "no")]);
    let shown = format!("{:#?}", named("outer", 0, vec![after_cancel(group(4, "g", inner))]));
    for part in [
        "name: Some(\n        \"outer\",\n    )",
        "\"inner\"",
        "id: #4",
        "\"no\"",
        "after_cancel: true",
        "after_cancel: false",
        "failed: 1",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(!shown.contains("path"), "nothing was flattened: {shown}");
}

#[test]
fn the_structure_of_a_flattened_error_shows_paths() {
    let error = joined(0, vec![group(4, "g", joined(0, vec![failed(1, "x", "no")]))]).flatten();
    assert!(format!("{error:#?}").contains("path: #4 g > #1 x"));
    let outside = format!("{:?}", error.first().ancestors());
    assert!(outside.starts_with("[ChildInfo { id: #4, name: Some(\"g\")"), "{outside}");
}

#[test]
fn iterators_show_what_is_left_in_them() {
    let error = joined(0, vec![failed(0, "", "a"), failed(1, "", "b")]);
    let mut iter = error.iter();
    iter.next();
    assert_eq!(format!("{iter:?}"), "[#1: \"b\"]");
    assert_eq!(format!("{:?}", error.leaves()), "[#0: \"a\", #1: \"b\"]");
    assert_eq!(format!("{:?}", error.into_iter()), "[#0: \"a\", #1: \"b\"]");
}

#[test]
fn a_panic_shows_its_message() {
    let error = joined::<()>(0, vec![panicked(0, "no")]);
    let panic = error.first().failure().panic().unwrap();
    assert_eq!(format!("{panic:?}"), "Panic { message: \"no\", .. }");
}
