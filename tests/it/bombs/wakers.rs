//! Wakers that are bombs, wherever one is kept, and each way that it is given up.

use std::future::{pending, poll_fn};
use std::panic::panic_any;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use nestling::{CancelHandle, ChildContext, Nursery};

use super::{Bomb, Bombs, while_panicking};
use crate::support::{Task, drive};

type Children = Nursery<'static, (), &'static str>;

/// What a task waits for.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// The end of a child, by its handle.
    Finished,
    /// The output of a child.
    Joined,
    /// A cancel of the child.
    ChildCancelled,
    /// A cancel of the nursery.
    NurseryCancelled,
    /// A slot.
    Slot,
    /// The nursery itself.
    Driver,
}

use Wait::*;

const WAITS: [Wait; 6] = [Finished, Joined, ChildCancelled, NurseryCancelled, Slot, Driver];

/// How it ceases to wait with that waker.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It is polled with another.
    Replaced,
    Dropped,
    DroppedWhilePanicking,
    /// The nursery is dropped.
    NurseryDropped,
    /// What it waits for comes.
    Comes,
}

const ENDS: [End; 5] =
    [End::Replaced, End::Dropped, End::DroppedWhilePanicking, End::NurseryDropped, End::Comes];

type Waiting = BoxFuture<'static, ()>;

/// A nursery that a task waits for, and that task.
fn waiting(wait: Wait) -> (Option<Children>, CancelHandle, Waiting) {
    let mut nursery = Children::new().limit(1);
    let context = Arc::new(OnceLock::<ChildContext<'static, (), &'static str>>::new());
    let keep = context.clone();
    let handle = nursery.child().grace(pending::<()>).spawn_with_context(move |cx| {
        let _ = keep.set(cx);
        pending()
    });
    let spawner = nursery.spawner();
    drive(&mut nursery);
    let wait: Waiting = match wait {
        Finished => Box::pin(handle.clone().finished()),
        Joined => {
            let other = nursery.child().daemon().spawn_join(pending::<Result<(), _>>());
            Box::pin(async { drop(other.await) })
        }
        ChildCancelled => {
            let context = context.get().expect("the closure was called").clone();
            Box::pin(async move { drop(context.cancelled().await) })
        }
        NurseryCancelled => Box::pin(async move { drop(spawner.cancelled().await) }),
        Slot => Box::pin(async move { drop(spawner.reserve().await) }),
        Driver => {
            // Without children: where one waits, its wakes go by a queue that has the waker too.
            let (spawner, driver) = Children::new().split();
            let driver = async {
                let _open = spawner;
                let _ = driver.await;
            };
            return (None, handle, Box::pin(driver));
        }
    };
    drive(&mut nursery);
    (Some(nursery), handle, wait)
}

#[test]
fn a_waker_that_panics_when_it_is_dropped_harms_nothing() {
    for wait in WAITS {
        for end in ENDS {
            let context = format!("{wait:?}, {end:?}");
            let bombs = Bombs::default();
            let (mut nursery, handle, wait) = waiting(wait);
            let mut task = Task::new(wait);
            assert!(task.poll_with(&bombs.waker()).is_pending(), "{context}");
            match end {
                End::Replaced => assert!(task.poll().is_pending(), "{context}"),
                End::Dropped => drop(task),
                End::DroppedWhilePanicking => while_panicking(|| drop(task)),
                End::NurseryDropped => {
                    nursery = None;
                    drop(task);
                }
                End::Comes => {
                    handle.cancel();
                    if let Some(nursery) = &mut nursery {
                        nursery.cancel_with("enough");
                    }
                    nursery = None;
                    let _ = task.poll();
                    drop(task);
                }
            }
            drop(nursery);
            bombs.assert_all_gone(&context);
        }
    }
}

/// A waker that panics with a bomb when it wakes.
struct Thrower(Mutex<Option<Bomb>>);

impl Wake for Thrower {
    fn wake(self: Arc<Self>) {
        panic_any(self.0.lock().unwrap().take());
    }
}

#[test]
fn what_a_waker_panics_with_may_panic_when_it_is_dropped() {
    for wait in [Finished, Joined, ChildCancelled, NurseryCancelled, Slot] {
        let context = format!("{wait:?}");
        let bombs = Bombs::default();
        let (nursery, handle, wait) = waiting(wait);
        let mut task = Task::new(wait);
        let bomb = bombs.bomb("what it panics with");
        let waker = Waker::from(Arc::new(Thrower(Mutex::new(Some(bomb)))));
        assert!(task.poll_with(&waker).is_pending(), "{context}");
        handle.cancel();
        if let Some(mut nursery) = nursery {
            nursery.cancel_with("enough");
        }
        assert!(!bombs.any_armed(), "{context}: it was not woken");
        drop(task);
        bombs.assert_all_gone(&context);
    }
}

/// A waker of a task that is dropped as soon as it is woken.
struct Ender {
    task: Mutex<Option<BoxFuture<'static, ()>>>,
    _bomb: Bomb,
}

impl Wake for Ender {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        drop(self.task.lock().unwrap().take());
    }
}

#[test]
fn a_waker_that_drops_its_task_may_panic_when_it_is_dropped() {
    let bombs = Bombs::default();
    let ender = Arc::new(Ender { task: Mutex::default(), _bomb: bombs.bomb("the waker") });
    let child = Arc::new(OnceLock::<Waker>::new());
    let keep = child.clone();
    let mut nursery = Children::new();
    nursery.spawn(poll_fn(move |cx| {
        let _ = keep.set(cx.waker().clone());
        Poll::Pending
    }));
    let mut join = async { drop(nursery.join().await) }.boxed();
    let waker = Waker::from(ender.clone());
    assert!(join.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    *ender.task.lock().unwrap() = Some(join);
    drop((ender, waker));
    // The nursery is gone before its waker is, which is dropped by the wake.
    child.get().expect("the child was polled").wake_by_ref();
    bombs.assert_all_gone("a waker");
}
