//! `{}`: one line.

use super::*;

#[test]
fn one_line_names_every_failure() {
    let error = joined(
        37,
        vec![
            failed(7, "fetch", "connection refused"),
            panicked(9, "index out of bounds"),
            timed_out(12, "put"),
        ],
    );
    assert_eq!(
        error.to_string(),
        "3 of 40 children failed: #7 fetch: connection refused; #9: panicked: index out of bounds; \
         #12 put: timed out: requested: too slow"
    );
}

#[test]
fn a_single_child_is_not_called_children() {
    assert_eq!(joined(0, vec![failed(0, "", "no")]).to_string(), "1 of 1 child failed: #0: no");
    assert_eq!(joined(1, vec![failed(0, "", "no")]).to_string(), "1 of 2 children failed: #0: no");
}

#[test]
fn the_nursery_is_named_first() {
    let error = named("sync", 0, vec![failed(0, "", "no")]);
    assert_eq!(error.to_string(), "nursery \"sync\": 1 of 1 child failed: #0: no");
}

#[test]
fn a_body_that_fails_alone_is_named_once() {
    assert_eq!(joined(3, vec![body("no")]).to_string(), "the body failed: no");
}

#[test]
fn a_body_that_fails_with_children_is_listed_among_them() {
    let error = joined(1, vec![failed(0, "get", "no"), body("never")]);
    let line = "the body and 1 of 2 children failed: #0 get: no; body: never";
    assert_eq!(error.to_string(), line);
}

#[test]
fn a_failure_after_cancel_says_so() {
    let error = joined(0, vec![failed(0, "", "no"), after_cancel(failed(1, "put", "lost"))]);
    let line = "2 of 2 children failed: #0: no; #1 put: after cancel: lost";
    assert_eq!(error.to_string(), line);
}

#[test]
fn a_group_is_listed_in_parentheses() {
    let inner = named("uploads", 1, vec![failed(3, "put", "full"), failed(1, "", "gone")]);
    let error = joined(0, vec![group(2, "up", inner), failed(0, "get", "no")]);
    assert_eq!(
        error.to_string(),
        "2 of 2 children failed: #2 up: nursery \"uploads\": 2 of 3 children failed \
         (#3 put: full; #1: gone); #0 get: no"
    );
}

#[test]
fn ten_entries_are_named_and_the_others_counted() {
    let error = joined(5, (0..35).map(|number| failed(number, "", "no")).collect());
    let line = error.to_string();
    assert!(line.starts_with("35 of 40 children failed: #0: no; #1: no; "), "{line}");
    assert!(line.ends_with("; #9: no; and 25 more"), "{line}");
}

#[test]
fn failures_that_were_not_stored_are_counted_as_more() {
    let counts = Counts { failed: 1_000_000, not_stored: 999_999, ..Counts::default() };
    let error = with_counts("", counts, vec![failed(4, "", "no")]);
    let line = "1000000 of 1000000 children failed: #4: no; and 999999 more";
    assert_eq!(error.to_string(), line);
}

#[test]
fn a_line_stays_short_for_groups_that_are_wide_and_deep() {
    fn tree(depth: u32) -> JoinedError<&'static str> {
        let entry = |number| match depth {
            0 => failed(number, "", "no"),
            _ => group(number, "", tree(depth - 1)),
        };
        joined(0, (0..5).map(entry).collect())
    }
    let line = tree(5).to_string();
    assert!(line.len() < 5_000, "{} bytes", line.len());
    assert_eq!(line.matches('(').count(), line.matches(')').count());
}

#[test]
fn an_entry_by_itself_is_one_line() {
    assert_eq!(failed(7, "fetch", "refused").to_string(), "#7 fetch: refused");
    assert_eq!(body("refused").to_string(), "body: refused");
    assert_eq!(after_cancel(failed(7, "", "refused")).to_string(), "#7: after cancel: refused");
    assert_eq!(format!("{:?}", failed(7, "", "refused")), "#7: \"refused\"");
}

#[test]
fn a_failure_by_itself_has_the_text_of_what_it_holds() {
    let text = |entry: ChildError<&str>| entry.failure().to_string();
    assert_eq!(text(failed(0, "", "refused")), "refused");
    assert_eq!(text(panicked(0, "oh")), "panicked: oh");
    assert_eq!(text(timed_out(0, "")), "timed out: requested: too slow");
    assert_eq!(
        text(group(0, "", joined(0, vec![failed(4, "", "no")]))),
        "1 of 1 child failed: #4: no"
    );
}
