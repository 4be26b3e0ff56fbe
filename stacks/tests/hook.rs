//! What is kept of a waker with a hook is the waker that was there before.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Wake, Waker};

use nestling_stacks::with_clone_hook;

#[derive(Default)]
struct Counting {
    wakes: AtomicUsize,
}

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, SeqCst);
    }
}

fn counting() -> (Arc<Counting>, Waker) {
    let counting = Arc::new(Counting::default());
    (counting.clone(), Waker::from(counting))
}

#[test]
fn each_clone_by_the_body_calls_the_hook_once() {
    let (_, inner) = counting();
    let clones = AtomicUsize::new(0);
    let hook = || {
        clones.fetch_add(1, SeqCst);
    };
    let kept = with_clone_hook(&inner, &hook, |waker| {
        assert_eq!(clones.load(SeqCst), 0);
        let one = waker.clone();
        assert_eq!(clones.load(SeqCst), 1);
        // A clone of a clone is none of the hook's.
        let other = one.clone();
        assert_eq!(clones.load(SeqCst), 1);
        [one, other, waker.clone()]
    });
    assert_eq!(clones.load(SeqCst), 2);
    assert!(kept.iter().all(|kept| kept.will_wake(&inner)));
    drop(kept.clone());
    assert_eq!(clones.load(SeqCst), 2);
}

#[test]
fn clones_wake_and_own_the_inner_waker() {
    let (counting, inner) = counting();
    assert_eq!(Arc::strong_count(&counting), 2);
    let [first, second] = with_clone_hook(&inner, &|| (), |waker| {
        waker.wake_by_ref();
        assert_eq!(counting.wakes.load(SeqCst), 1);
        [waker.clone(), waker.clone()]
    });
    assert_eq!(Arc::strong_count(&counting), 4);
    drop(inner);
    // After the waker with the hook is gone, and on another thread.
    std::thread::spawn(move || first.wake()).join().unwrap();
    second.wake_by_ref();
    assert_eq!(counting.wakes.load(SeqCst), 3);
    drop(second);
    assert_eq!(Arc::strong_count(&counting), 1);
}

#[test]
fn a_kept_waker_is_replaced_as_it_does_not_wake_the_same() {
    let (_, inner) = counting();
    let clones = AtomicUsize::new(0);
    let hook = || {
        clones.fetch_add(1, SeqCst);
    };
    let mut kept = inner.clone();
    with_clone_hook(&inner, &hook, |waker| {
        assert!(!kept.will_wake(waker));
        kept.clone_from(waker);
    });
    assert_eq!(clones.load(SeqCst), 1);
    assert!(kept.will_wake(&inner));
}

#[test]
fn a_panic_of_the_hook_clones_nothing() {
    let (counting, inner) = counting();
    let hook = || std::panic::panic_any("no stack");
    with_clone_hook(&inner, &hook, |waker| {
        let panic = catch_unwind(AssertUnwindSafe(|| waker.clone())).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"no stack"));
        waker.wake_by_ref();
    });
    assert_eq!(counting.wakes.load(SeqCst), 1);
    assert_eq!(Arc::strong_count(&counting), 2);
}

#[test]
fn a_panic_of_the_body_leaves_its_clones_whole() {
    let (counting, inner) = counting();
    let mut kept = None;
    let panic = catch_unwind(AssertUnwindSafe(|| {
        with_clone_hook(&inner, &|| (), |waker| {
            kept = Some(waker.clone());
            std::panic::panic_any("body");
        })
    }));
    assert!(panic.is_err());
    kept.take().unwrap().wake();
    assert_eq!(counting.wakes.load(SeqCst), 1);
    assert_eq!(Arc::strong_count(&counting), 2);
}

#[test]
fn other_threads_clone_while_the_body_runs() {
    let (counting, inner) = counting();
    let clones = AtomicUsize::new(0);
    let hook = || {
        clones.fetch_add(1, SeqCst);
    };
    let kept = with_clone_hook(&inner, &hook, |waker| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..50).map(|_| waker.clone()).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        })
    });
    assert_eq!(clones.load(SeqCst), 200);
    kept.into_iter().for_each(Waker::wake);
    assert_eq!(counting.wakes.load(SeqCst), 200);
    assert_eq!(Arc::strong_count(&counting), 2);
}

#[test]
fn hooks_nest_and_both_are_called() {
    let (_, inner) = counting();
    let [outer_clones, inner_clones] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let outer_hook = || {
        outer_clones.fetch_add(1, SeqCst);
    };
    let inner_hook = || {
        inner_clones.fetch_add(1, SeqCst);
    };
    let kept = with_clone_hook(&inner, &outer_hook, |outer| {
        with_clone_hook(outer, &inner_hook, Waker::clone)
    });
    assert_eq!((outer_clones.load(SeqCst), inner_clones.load(SeqCst)), (1, 1));
    assert!(kept.will_wake(&inner));
}
