//! Caught panics.

use std::cell::Cell;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::thread;

use super::*;

#[test]
fn the_message_of_a_panic_is_the_text_it_was_given() {
    let caught = |run: fn()| Panic::of(catch_unwind(run).unwrap_err());
    assert_eq!(caught(|| std::panic::resume_unwind(Box::new("plain"))).message(), "plain");
    assert_eq!(Panic::of(Box::new(String::from("made"))).message(), "made");
    assert_eq!(Panic::of(Box::new(7_u8)).message(), "a payload that is not text");
}

#[test]
fn the_payload_can_be_seen_and_taken() {
    let panic = Panic::of(Box::new(7_u8));
    assert!(panic.is::<u8>() && !panic.is::<u16>());
    assert_eq!(panic.downcast_ref::<u16>(), None);
    assert_eq!(panic.downcast_ref::<u8>(), Some(&7));
    assert!(panic.is::<u8>(), "still there when it has been lent");
    assert_eq!(panic.into_payload().downcast_ref::<u8>(), Some(&7));

    let text = Panic::of(Box::new("text"));
    assert_eq!(text.into_payload().downcast_ref::<&str>(), Some(&"text"));
}

#[test]
fn a_payload_that_is_not_sync_can_be_taken() {
    let panic = Panic::of(Box::new(Cell::new(7)));
    assert!(panic.is::<Cell<i32>>());
    let payload = panic.into_payload().downcast::<Cell<i32>>();
    assert_eq!(payload.unwrap().get(), 7);
}

#[test]
fn threads_that_ask_for_the_payload_at_once_all_get_it() {
    for _ in 0..100 {
        let panic = Panic::of(Box::new(7_u8));
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    assert!(panic.is::<u8>());
                    assert_eq!(panic.downcast_ref::<u8>(), Some(&7));
                });
            }
        });
    }
}

#[test]
fn resuming_goes_on_with_the_first_panic_at_any_depth() {
    let inner = joined(0, vec![failed(0, "", "a"), panicked(1, 1_u8)]);
    let error = joined(0, vec![failed(0, "", "b"), group(1, "", inner), panicked(2, 2_u8)]);
    let payload = catch_unwind(AssertUnwindSafe(|| error.resume_panic())).unwrap_err();
    assert_eq!(payload.downcast_ref::<u8>(), Some(&1));
}

#[test]
fn resuming_without_a_panic_gives_the_error_back() {
    let error = joined(2, vec![failed(0, "", "a"), timed_out(1, "")]);
    let text = error.to_string();
    assert_eq!(error.resume_panic().to_string(), text);
}

#[test]
fn the_other_failures_are_dropped_before_a_panic_is_resumed() {
    struct NotUnwinding {
        _alive: Arc<()>,
    }
    impl Drop for NotUnwinding {
        fn drop(&mut self) {
            assert!(!thread::panicking());
        }
    }
    let alive = Arc::new(());
    let entry = |number| failed(number, "", NotUnwinding { _alive: Arc::clone(&alive) });
    let error = joined(0, vec![entry(0), panicked(1, 1_u8), entry(2)]);
    catch_unwind(AssertUnwindSafe(|| error.resume_panic())).err().unwrap();
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn an_error_that_is_not_send_can_be_joined() {
    let error = joined(0, vec![failed(0, "", Rc::new("local"))]);
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: local");
}

#[test]
fn a_boxed_error_as_payload_keeps_its_type() {
    let boxed: Box<dyn Error + Send + Sync> = "text".into();
    let panic = Panic::of(Box::new(boxed));
    assert_eq!(panic.boxed_error().unwrap().to_string(), "text");
}
