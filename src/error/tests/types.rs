//! Sizes and auto traits.

use std::error::Error;
use std::mem::size_of;
use std::panic::{RefUnwindSafe, UnwindSafe};

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
fn a_joined_error_of_any_text_goes_into_a_boxed_error() {
    fn fails() -> Result<(), Box<dyn Error + Send + Sync>> {
        Err(joined(0, vec![failed(0, "", String::from("no"))]))?
    }
    let error = fails().unwrap_err();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: no");
    assert!(error.is::<JoinedError<String>>());
}
