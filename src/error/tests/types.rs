//! Sizes and auto traits.

use std::error::Error;
use std::mem::size_of;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::spots::at_root;
use super::*;

#[test]
fn a_joined_error_is_one_word_in_a_result() {
    assert_eq!(size_of::<JoinedError<[u64; 8]>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<JoinedError<[u64; 8]>>>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), JoinedError<String>>>(), size_of::<usize>());
}

#[test]
fn a_failure_is_hardly_larger_than_its_error() {
    assert_eq!(size_of::<Panic>(), size_of::<usize>());
    assert_eq!(size_of::<Failure<()>>(), 2 * size_of::<usize>());
    assert!(size_of::<Failure<Box<dyn Error>>>() <= 3 * size_of::<usize>());
}

#[test]
fn what_is_joined_is_send_and_sync_as_the_error_is() {
    fn check<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    check::<JoinedError<String>>();
    check::<ChildError<String>>();
    check::<Failure<String>>();
    check::<Panic>();
    fn check_send<T: Send>() {}
    check_send::<JoinedError<std::cell::Cell<u8>>>();
    check_send::<super::super::IntoIter<std::cell::Cell<u8>>>();
}

#[test]
fn an_error_made_by_from_is_no_group_whatever_was_done_to_it() {
    let bare = || JoinedError::from(String::from("no"));
    assert_eq!(bare().into_bare().unwrap(), "no");
    assert_eq!(bare().map(|text| text.len()).into_bare().unwrap(), 2);
    assert_eq!(bare().filter(|_| true).unwrap().into_bare().unwrap(), "no");
    assert_eq!(bare().flatten().into_bare().unwrap(), "no");
    // What came of the groups in it is not alone.
    let inner = joined(0, vec![failed(0, "", "a"), failed(1, "", "b")]);
    let flat = JoinedError::from(inner).into_groups().flatten().into_bare().unwrap_err();
    assert_eq!(flat.len(), 2);
    // As a group it is the error of a nursery.
    let group = JoinedError::from(bare()).into_groups().into_bare().unwrap_err();
    assert!(group.first().failure().is_group());
    // One failure in a nursery of its own is another thing.
    assert!(joined(0, vec![body("no")]).into_bare().is_err());
}

#[test]
fn a_childs_error_is_caused_by_what_its_failure_was_caused_by() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::fmt::Error);
    let error = failed(7, "", Outer(std::fmt::Error));
    assert!(error.source().unwrap().is::<std::fmt::Error>());
    assert!(error.into_failure().into_error().is_ok());
    assert!(panicked::<Outer>(1, "boom").into_failure().into_error().unwrap_err().is_panic());
}

#[test]
fn a_child_is_told_on_one_line_whatever_its_name() {
    let shown = at_root(child(7, "a\n\u{1b}[31m"));
    assert_eq!(shown, "#7 a\\n\\u{1b}[31m spots.rs:7");
    assert!(child(7, &"x".repeat(1 << 20)).to_string().len() < 400);
}

#[test]
fn a_joined_error_of_any_text_goes_into_a_boxed_error() {
    fn fails() -> Result<(), Box<dyn Error + Send + Sync>> {
        Err(joined(0, vec![failed(0, "", String::from("no"))]))?
    }
    let error = fails().unwrap_err();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: no");
    assert!(error.is::<JoinedError<String>>());
}
