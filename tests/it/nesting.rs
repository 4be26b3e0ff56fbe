//! A nursery in a child of another.

use std::future::{pending, poll_fn};
use std::task::Poll;

use futures::channel::{mpsc, oneshot};
use futures::{FutureExt, StreamExt};
use nestling::{JoinedError, Nursery};

use crate::support::{Count, Live, Task, here, yields};

behaviour!(an_inner_nurserys_failure_is_one_nested_entry_of_the_outer_error, async {
    let mut outer = nursery::<usize, &str>().name("outer");
    outer.spawn(async { Err("beside it") });
    outer.child().name("uploads").group().spawn(async {
        let mut inner = nursery::<(), &str>().name("inner");
        inner.spawn(async { Err("one") });
        inner.spawn(async { Ok(()) });
        inner.spawn(async { Err("two") });
        inner.join().await.map(|outputs| outputs.len())
    });
    let error = outer.join().await.unwrap_err();
    assert_eq!((error.len(), error.leaves().count(), error.counts().failed()), (2, 3, 2));
    let nested = error.iter().find(|e| e.child().name() == Some("uploads")).unwrap();
    let group = nested.failure().group().unwrap();
    assert_eq!((group.name(), group.len(), group.counts().completed()), (Some("inner"), 2, 1));
});

behaviour!(an_inner_nursery_of_which_only_the_body_failed_is_a_group_all_the_same, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn_group(async {
        let inner = nursery::<(), &str>().name("inner");
        inner.run(|_| async { Err::<(), _>("the body") }).await.map(drop)
    });
    let error = outer.join().await.unwrap_err();
    let group = error.first().failure().group().unwrap();
    assert_eq!((group.name(), group.len()), (Some("inner"), 1));
    assert!(group.first().child().is_body());
});

behaviour!(an_inner_nursery_without_failures_is_an_output, async {
    let mut outer = nursery::<usize, &str>();
    outer.spawn_group(async {
        let mut inner = nursery::<(), &str>();
        inner.spawn(async { Ok(()) });
        inner.join().await.map(|outputs| outputs.len())
    });
    assert_eq!(outer.join().await.unwrap(), [1]);
});

behaviour!(an_inner_failure_cancels_the_outer_siblings_in_first_error_mode, async {
    let mut outer = nursery::<(), &str>().first_error();
    outer.spawn(pending());
    outer.spawn_group(async {
        let mut inner = nursery::<(), &str>();
        inner.spawn(async { Err("one") });
        inner.spawn(async { Err("two") });
        inner.join().await.map(drop)
    });
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.cause().unwrap().message(), Some("2 of 2 children failed: #0: one"));
    assert_eq!((error.len(), error.leaves().count(), error.counts().cancelled()), (1, 2, 1));
});

behaviour!(an_outer_failure_drops_inner_nurseries_with_all_their_children, async {
    let live = Count::default();
    let mut outer = nursery::<(), &str>().first_error();
    let grandchildren = live.clone();
    outer.spawn_group(async move {
        let mut inner = nursery::<(), &str>().limit(1);
        for _ in 0..3 {
            let grandchild = Live::new(&grandchildren);
            inner.spawn(async move {
                let _grandchild = grandchild;
                pending().await
            });
        }
        inner.join().await.map(drop)
    });
    outer.spawn(async {
        yields(3).await;
        Err("outer")
    });
    let error = outer.join().await.unwrap_err();
    assert_eq!((error.len(), error.leaves().count(), live.get()), (1, 1, 0));
});

behaviour!(a_spawner_of_the_outer_nursery_may_be_used_in_the_inner_one, async {
    let mut outer = nursery::<u32, &str>();
    let spawner = outer.spawner();
    outer.spawn_group(async move {
        let mut inner = nursery::<u32, &str>();
        inner.spawn(async move {
            yields(1).await;
            spawner.spawn(async { Ok(2) }).unwrap();
            Ok(1)
        });
        inner.join().await.map(|outputs| outputs[0])
    });
    assert_eq!(outer.join().await.unwrap(), [1, 2]);
});

by_hand!(shared, one_wake_polls_each_of_two_hundred_nurseries_around_it_once, {
    fn nest(depth: u32, polls: Count, leaf: Nested) -> Nested {
        Box::pin(async move {
            let mut nursery = Nursery::new();
            nursery.spawn_group(if depth == 0 {
                leaf
            } else {
                nest(depth - 1, polls.clone(), leaf)
            });
            let mut join = nursery.join();
            poll_fn(|cx| {
                polls.add();
                join.poll_unpin(cx)
            })
            .await
            .map(drop)
        })
    }
    type Nested = futures::future::BoxFuture<'static, Result<(), JoinedError<&'static str>>>;
    const DEPTH: u32 = 200;

    // At the first message the leaf goes on waiting, at the second it ends.
    let (send, mut receive) = mpsc::unbounded();
    let leaf = Box::pin(async move {
        while let Some(last) = receive.next().await {
            if last {
                break;
            }
        }
        Ok(())
    });
    let polls = Count::default();
    let mut task = Task::new(nest(DEPTH, polls.clone(), leaf));
    assert!(task.run().is_pending());
    for last in [false, true] {
        let (before, wakes) = (polls.get(), task.wakes());
        send.unbounded_send(last).unwrap();
        assert_eq!(task.run().is_ready(), last);
        assert_eq!((polls.get() - before, task.wakes() - wakes), (DEPTH as usize + 1, 1));
    }
});

behaviour!(a_child_that_yields_twenty_nurseries_deep_ends, async {
    fn nest(depth: u32) -> Boxed<'static, Result<(), JoinedError<&'static str>>> {
        Box::pin(async move {
            let mut nursery = nursery();
            if depth == 0 {
                nursery.spawn(async {
                    yields(3).await;
                    Err("at the bottom")
                });
            } else {
                nursery.spawn_group(nest(depth - 1));
            }
            nursery.join().await.map(drop)
        })
    }

    let flat = nest(20).await.unwrap_err().flatten();
    assert_eq!((flat.len(), flat.first().ancestors().count()), (1, 20));
});

by_hand!(a_wake_of_a_grandchild_polls_its_line_of_ancestors_only, {
    let (siblings, cousins) = (Count::default(), Count::default());
    let (send, receive) = oneshot::channel::<()>();
    let never = |polls: &Count| {
        let polls = polls.clone();
        poll_fn(move |_| {
            polls.add();
            Poll::Pending
        })
    };
    let mut outer = nursery::<(), &str>();
    outer.spawn(never(&siblings));
    let cousin = never(&cousins);
    outer.spawn_group(async move {
        let mut inner = nursery::<(), &str>();
        inner.spawn(cousin);
        inner.spawn(async move {
            receive.await.unwrap();
            Err("woken")
        });
        while let Some(completion) = inner.next().await {
            assert!(completion.outcome().is_failed());
        }
        Ok(())
    });
    let mut join = Task::new(outer.join());
    assert!(join.poll().is_pending());
    let before = (siblings.get(), cousins.get());
    send.send(()).unwrap();
    assert_eq!(join.wakes(), 1);
    assert!(join.poll().is_pending());
    assert_eq!((siblings.get(), cousins.get(), join.wakes()), (before.0, before.1, 1));
});

behaviour!(an_error_of_the_work_around_a_groups_children_is_the_childs_own, async {
    let mut outer = nursery::<u32, String>();
    outer.spawn_group(async {
        let number: u32 = "x".parse().map_err(|_| String::from("not a number"))?;
        Ok(number)
    });
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: not a number");
    assert!(error.first().failure().is_error());
});

behaviour!(
    shared,
    an_error_outside_of_any_nursery_is_that_of_a_body_at_the_line_of_the_conversion,
    async {
        let line = here().line() + 2;
        let convert = || -> Result<u32, JoinedError<String>> {
            let number: u32 = "x".parse().map_err(|_| String::from("not a number"))?;
            Ok(number)
        };
        let error = convert().unwrap_err();
        let body = error.first().child();
        assert!(body.is_body());
        assert_eq!((body.location().file(), body.location().line()), (file!(), line));
        assert_eq!(
            format!("{error:#}"),
            format!("nursery failed: the body\n└─ body    {}:{line}   not a number", file!()),
        );
    }
);
