//! What comes of a run, once it is in the caller's hands.

use std::future::ready;
use std::panic::panic_any;
use std::task::Poll;

use futures::FutureExt;
use nestling::{JoinedError, Nursery};

use super::{Bomb, Bombs, panic_of, while_panicking};
use crate::support::Task;

/// Two errors, and a panic with a bomb as its payload.
fn error(bombs: &Bombs) -> JoinedError<Bomb> {
    let mut nursery = Nursery::<'_, (), Bomb>::new();
    for name in ["one", "two"] {
        nursery.spawn(ready(Err(bombs.bomb(name))));
    }
    let payload = bombs.bomb("a payload");
    nursery.spawn(async { panic_any(payload) });
    nursery.join().now_or_never().unwrap().unwrap_err()
}

#[test]
fn a_joined_error_that_is_dropped_leaves_none() {
    let bombs = Bombs::default();
    assert!(panic_of(|| drop(error(&bombs))).is_some());
    while_panicking(|| drop(error(&bombs)));
    bombs.assert_all_gone("both errors");
}

#[test]
fn failures_that_are_not_retained_take_no_other_along() {
    for kept in ["one", "two"] {
        let bombs = Bombs::default();
        let thrown = panic_of(|| {
            let retained = error(&bombs).filter(|one| {
                one.failure().error().is_some_and(|bomb| bomb.name.as_deref() == Some(kept))
            });
            drop(retained);
        });
        assert!(thrown.is_some());
        bombs.assert_all_gone(kept);
    }
}

#[test]
fn the_first_failure_goes_with_the_others_when_one_of_them_panics() {
    let bombs = Bombs::default();
    assert!(panic_of(|| drop(error(&bombs).into_first())).is_some());
    bombs.assert_all_gone("into_first");
}

#[test]
fn a_panic_that_is_resumed_leaves_none_of_the_others() {
    let bombs = Bombs::default();
    let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drop(error(&bombs).resume_panic());
    }));
    let payload = thrown.unwrap_err();
    assert!(payload.is::<Bomb>());
    assert_eq!(bombs.armed.get(), 1);
    assert_eq!(panic_of(|| drop(payload)).as_deref(), Some("a payload"));
}

#[test]
fn a_report_that_is_turned_into_its_error_drops_the_outputs() {
    let bombs = Bombs::default();
    let mut nursery = Nursery::<'_, Bomb, &str>::new();
    for name in ["one", "two"] {
        nursery.spawn(ready(Ok(bombs.bomb(name))));
    }
    nursery.spawn(ready(Err("failed")));
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!(report.into_result().map(drop).unwrap_err().len(), 1);
    bombs.assert_all_gone("outputs");
}

#[test]
fn a_text_that_panics_with_a_bomb_still_stops_the_others() {
    let bombs = Bombs::default();
    let payload = bombs.bomb("the payload");
    let held = std::sync::Mutex::new(Some(payload));
    // The text is asked for by a plain function, so the error brings the payload along.
    let mut nursery = Nursery::<'_, (), std::sync::Mutex<Option<Bomb>>>::new()
        .cause_text(|held| panic_any(held.lock().unwrap().take().unwrap()))
        .cancel_when(|_| true);
    nursery.spawn(ready(Err(held)));
    nursery.spawn(std::future::pending());
    let Poll::Ready(Err(error)) = Task::new(nursery.join()).run() else {
        panic!("the failure stops it")
    };
    assert_eq!((error.len(), error.counts().cancelled()), (1, 1));
    bombs.assert_all_gone("the text");
}
