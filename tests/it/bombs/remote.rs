//! All that a child on an executor is given, and the wakers of both ends.

use std::future::ready;
use std::panic::panic_any;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::task::{Spawn, SpawnError};
use nestling::spawn::Task as Remote;
use nestling::{Nursery, executor};

use super::{Around, Bomb, Bombs, panic_of, waits_holding, while_panicking};
use crate::remote::ByHand;
use crate::support::{Task, drive};

type Children = Nursery<'static, Bomb, Bomb>;

/// Takes tasks, and is a bomb.
struct Armed(ByHand, #[allow(dead_code, reason = "it is there to be dropped")] Bomb);

impl Spawn for Armed {
    fn spawn_obj(&self, task: Remote) -> Result<(), SpawnError> {
        self.0.spawn_obj(task)
    }
}

#[test]
fn a_child_that_has_not_started_goes_with_its_executor() {
    for around in Around::ALL {
        let bombs = Bombs::default();
        let mut nursery = Children::new();
        let far = Armed(ByHand::default(), bombs.bomb("an executor"));
        nursery.spawn_on(far, waits_holding(bombs.bomb("a child")));
        around.drop(nursery, &bombs, "both");
    }
}

#[test]
fn a_future_that_is_not_taken_survives_its_executor() {
    let bombs = Bombs::default();
    let spawner = Children::new().spawner();
    let far = Armed(ByHand::default(), bombs.bomb("an executor"));
    let thrown = panic_of(|| {
        let rejected = spawner.spawn_on(far, ready(Ok(bombs.dud()))).err();
        drop(rejected.expect("the nursery is gone"));
    });
    assert_eq!(thrown, None);
    bombs.assert_all_gone("both");
}

#[test]
fn an_executor_that_keeps_a_task_and_panics_harms_no_drop() {
    for around in Around::ALL {
        let bombs = Bombs::default();
        let (kept, payload) = (ByHand::default(), Mutex::new(Some(bombs.bomb("a payload"))));
        let tasks = kept.clone();
        let far = executor(move |task| {
            let _ = tasks.spawn_obj(task);
            panic_any(payload.lock().unwrap().take())
        });
        let mut nursery = Children::new();
        nursery.spawn_on(far, waits_holding(bombs.dud()));
        drive(&mut nursery);
        match around {
            Around::Nothing => drop(nursery),
            Around::Panic => while_panicking(|| drop(nursery)),
        }
        kept.poll();
        bombs.assert_all_gone("both");
    }
}

#[test]
fn what_a_task_of_no_nursery_comes_to_harms_no_executor() {
    for end in ["output", "error", "payload", "destructor"] {
        let (bombs, far) = (Bombs::default(), ByHand::default());
        let bomb = bombs.bomb(end);
        let nursery = Arc::new(Mutex::new(None::<Children>));
        let owner = nursery.clone();
        let mut children = Children::new();
        if end == "destructor" {
            children.spawn_on(far.clone(), waits_holding(bomb));
        } else {
            children.spawn_on(far.clone(), async move {
                // In its last poll.
                drop(owner.lock().unwrap().take());
                match end {
                    "output" => Ok(bomb),
                    "error" => Err(bomb),
                    _ => panic_any(bomb),
                }
            });
        }
        drive(&mut children);
        *nursery.lock().unwrap() = Some(children);
        if end == "destructor" {
            *nursery.lock().unwrap() = None;
        }
        while far.len() > 0 {
            far.poll();
        }
        bombs.assert_all_gone(end);
    }
}

/// Takes the one task, to be polled with any waker.
#[derive(Clone, Default)]
struct One(Arc<Mutex<Option<Remote>>>);

impl Spawn for One {
    fn spawn_obj(&self, task: Remote) -> Result<(), SpawnError> {
        *self.0.lock().unwrap() = Some(task);
        Ok(())
    }
}

#[test]
fn a_waker_of_the_executor_harms_no_task() {
    for end in ["replaced", "dropped", "told to go", "over"] {
        let (bombs, far) = (Bombs::default(), One::default());
        let mut nursery = Children::new();
        let (send, sent) = oneshot::channel::<()>();
        let output = bombs.dud();
        let handle = nursery.spawn_on(far.clone(), async move {
            let _ = sent.await;
            Ok(output)
        });
        drive(&mut nursery);
        let mut task = Task::new(far.0.lock().unwrap().take().unwrap());
        assert!(task.poll_with(&bombs.waker()).is_pending());
        match end {
            "replaced" => assert!(task.poll().is_pending()),
            "over" => {
                // The channel's waker is dropped by its sender, which is not to panic here.
                drop(panic_of(|| drop(send)));
                assert!(task.poll().is_ready());
            }
            "told to go" => {
                handle.cancel();
                assert!(nursery.next().now_or_never().is_none());
                assert!(task.poll().is_ready());
            }
            _ => {}
        }
        drop(panic_of(|| drop(task)));
        drop(panic_of(|| drop(nursery)));
        bombs.assert_all_gone(end);
    }
}
