//! Where panics were raised. A binary of its own, since the hook is the whole program's.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use futures::FutureExt;
use nestling::{Nursery, keep_panic_locations};

/// The hook is set by whoever comes first, and the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// How often the hook was called that had been there before.
static HEARD: AtomicUsize = AtomicUsize::new(0);

/// Runs children in turn, with the hook of the crate in front of one of ours.
fn with_hook(test: impl FnOnce()) {
    let _turn = TURN.lock().unwrap();
    static OURS: std::sync::Once = std::sync::Once::new();
    OURS.call_once(|| {
        std::panic::set_hook(Box::new(|_| {
            HEARD.fetch_add(1, Ordering::Relaxed);
        }));
        keep_panic_locations();
    });
    keep_panic_locations();
    test();
}

/// The one failure of a nursery with this child, as text.
fn failure(child: impl Future<Output = Result<(), ()>> + Send) -> String {
    let mut nursery = Nursery::new();
    nursery.spawn(child);
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.len(), 1);
    error.first().failure().panic().unwrap().to_string()
}

/// `at` this file, `lines` below the caller's line.
#[track_caller]
fn at(lines: u32) -> String {
    let line = std::panic::Location::caller().line() + lines;
    format!("at {}:{line}", file!())
}

#[test]
fn a_panic_tells_its_line_and_the_hook_that_was_there_hears_of_it_once() {
    with_hook(|| {
        let before = HEARD.load(Ordering::Relaxed);
        let line = at(1);
        let text = failure(async { panic!("here") });
        assert_eq!(text, format!("panicked {line}: here"));
        assert_eq!(HEARD.load(Ordering::Relaxed), before + 1);
    });
}

#[test]
fn the_location_is_that_of_the_panic_and_not_of_the_spawn() {
    with_hook(|| {
        let mut nursery = Nursery::<'_, (), ()>::new();
        nursery.spawn(async { None::<()>.ok_or(()).or_else(|()| panic_any(7_u8)) });
        let error = nursery.join().now_or_never().unwrap().unwrap_err();
        let location = error.first().failure().panic().unwrap().location().unwrap();
        let line = error.first().child().location().line();
        assert_eq!((location.file(), location.line()), (file!(), line));
        assert!(location.column() > error.first().child().location().column());
        assert_eq!(location.to_string(), format!("{}:{line}:{}", file!(), location.column()));
    });
}

#[test]
fn a_panic_in_a_destructor_tells_its_line() {
    struct Bomb;
    let line = at(3);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on the way out");
        }
    }
    with_hook(|| {
        let bomb = Bomb;
        let mut nursery = Nursery::<'_, (), ()>::new();
        let handle = nursery.spawn_with_handle(async move {
            let _bomb = bomb;
            std::future::pending().await
        });
        assert!(nursery.next().now_or_never().is_none());
        handle.cancel();
        let error = nursery.join().now_or_never().unwrap().unwrap_err();
        let text = error.first().failure().panic().unwrap().to_string();
        assert_eq!(text, format!("panicked in the destructor {line}: on the way out"));
    });
}

#[test]
fn a_panic_that_a_child_caught_by_itself_is_not_taken_for_a_later_one() {
    with_hook(|| {
        let mut nursery = Nursery::<'_, (), ()>::new();
        nursery.spawn(async {
            assert!(catch_unwind(|| panic!("caught")).is_err());
            Ok(())
        });
        // Thrown past the hook: nobody knows from where.
        nursery.spawn(async { resume_unwind(Box::new("thrown")) });
        let error = nursery.join().now_or_never().unwrap().unwrap_err();
        let panic = error.first().failure().panic().unwrap();
        assert_eq!((panic.location(), panic.message()), (None, "thrown"));
    });
}

#[test]
fn a_panic_of_a_policy_tells_its_line() {
    with_hook(|| {
        let line = at(1);
        let policy = |_: &nestling::ChildError<()>| panic!("no judgement");
        let mut nursery = Nursery::<'_, (), ()>::new().cancel_when(policy);
        nursery.spawn(async { Err(()) });
        let error = nursery.join().now_or_never().unwrap().unwrap_err();
        let text = error.iter().nth(1).unwrap().failure().panic().unwrap().to_string();
        assert_eq!(text, format!("panicked in the policy of `cancel_when` {line}: no judgement"));
    });
}

/// Panics when it is dropped, at its own line.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

#[test]
fn a_panic_keeps_its_line_although_others_are_raised_while_it_unwinds() {
    with_hook(|| {
        let line = at(8);
        let text = failure(async {
            let mut inner = Nursery::<'_, (), ()>::new();
            inner.spawn(async {
                let _bomb = Bomb;
                std::future::pending().await
            });
            assert!(inner.next().now_or_never().is_none());
            panic!("around it")
        });
        assert_eq!(text, format!("panicked {line}: around it"));
    });
}

#[test]
fn a_panic_of_a_nursery_that_ends_with_its_child_keeps_its_line() {
    with_hook(|| {
        let line = OnceLock::new();
        let mut outer = Nursery::<'_, (), ()>::new();
        let handle = outer.child().group().spawn_with_handle(async {
            let mut inner = Nursery::<'_, (), ()>::new();
            inner.spawn(async {
                let _bomb = Bomb;
                std::future::pending().await
            });
            line.set(at(1)).unwrap();
            inner.spawn(on_drop(|| panic!("the newest")));
            inner.join().await.map(drop)
        });
        assert!(outer.next().now_or_never().is_none());
        handle.cancel();
        let error = outer.join().now_or_never().unwrap().unwrap_err();
        let panic = error.leaves().next().unwrap().failure().panic().unwrap();
        let text = panic.to_string();
        assert_eq!(text, format!("panicked in the destructor {}: the newest", line.get().unwrap()));
        // Thrown on, and caught again.
        let text = failure(async {
            drop(error.resume_panic());
            Ok(())
        });
        assert_eq!(text, format!("panicked {}: the newest", line.get().unwrap()));
    });
}

/// Is pending for ever, and calls a closure when it is dropped.
fn on_drop(call: impl FnMut() + Send) -> impl Future<Output = Result<(), ()>> + Send {
    struct OnDrop<F: FnMut()>(F);
    impl<F: FnMut()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let guard = OnDrop(call);
    async move {
        let _guard = guard;
        std::future::pending().await
    }
}

#[test]
fn a_panic_that_wakes_others_while_it_unwinds_keeps_its_location() {
    with_hook(|| {
        let (sender, receiver) = futures::channel::oneshot::channel::<()>();
        let mut nursery = Nursery::<'_, (), ()>::new();
        nursery.spawn(async { receiver.await.map_err(drop).or(Ok(())) });
        let line = at(3);
        nursery.spawn(async move {
            let _sender = sender;
            panic!("with a sender")
        });
        let error = nursery.join().now_or_never().unwrap().unwrap_err();
        let text = error.first().failure().panic().unwrap().to_string();
        assert_eq!(text, format!("panicked {line}: with a sender"));
    });
}

#[test]
fn a_panic_of_a_thread_that_runs_a_nursery_of_its_own_is_told_there() {
    with_hook(|| {
        let line = at(1);
        let child = || async { panic!("elsewhere") };
        let text = std::thread::spawn(move || failure(child())).join().unwrap();
        assert_eq!(text, format!("panicked {line}: elsewhere"));
        assert!(catch_unwind(AssertUnwindSafe(|| panic!("outside"))).is_err());
        let text = failure(async { resume_unwind(Box::new("not that one")) });
        assert_eq!(text, "panicked: not that one");
    });
}
