//! How the end of a child is told, and what it leaves behind.

use std::future::pending;
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;

use crate::support::{Count, Live, Task, yields};

// After a poll that panicked, `FutureGroup` of futures-concurrency keeps the child and waits for
// its wake: who catches the panic and asks for the next item waits for ever once the others are
// through. `join_all` of up to 30 polls it once more, which panics. `FuturesUnordered` drops it;
// here the panic is an item as well.
behaviour!(who_asks_for_the_next_after_a_panic_comes_to_the_end, async {
    let (wake, woken) = oneshot::channel::<()>();
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { panic!("at once") });
    nursery.spawn(async {
        woken.await.map_err(|_| "hung up")?;
        panic!("after it was parked")
    });
    nursery.spawn(async {
        yields(3).await;
        wake.send(()).map_err(|()| "gone")?;
        Ok(2)
    });
    let mut ends = Vec::new();
    while let Some(completion) = nursery.next().await {
        let n = completion.child().id().number();
        ends.push((n, completion.outcome().failure().is_some_and(|failure| failure.is_panic())));
    }
    ends.sort_unstable();
    assert_eq!(ends, [(0, true), (1, true), (2, false)]);
    let report = nursery.settle().await;
    assert_eq!((report.counts().failed(), report.counts().completed()), (2, 1));
});

// `try_join_all` of up to 30 reports an error at once. From 31 on it goes by `FuturesOrdered`, and
// reports it only when all before it in the list are through: here, never.
behaviour!(the_first_error_is_told_at_once_however_many_are_before_it, async {
    for siblings in [30, 31, 10_000] {
        let live = Count::default();
        let mut nursery = nursery::<(), &str>().first_error();
        for _ in 0..siblings {
            let one = Live::new(&live);
            nursery.spawn(async move {
                let _one = one;
                pending().await
            });
        }
        nursery.spawn(async {
            yields(2).await;
            Err("the last")
        });
        let error = nursery.join().await.unwrap_err();
        assert_eq!((error.len(), error.first().failure().error()), (1, Some(&"the last")));
        assert_eq!((error.counts().cancelled(), live.get()), (siblings, 0));
    }
});

// The same trap for who goes on after an error: the ends come as they come.
behaviour!(the_end_of_one_is_told_at_once_however_many_are_before_it, async {
    for siblings in [30, 31, 10_000] {
        let mut nursery = nursery::<(), &str>();
        for _ in 0..siblings {
            nursery.spawn(pending());
        }
        nursery.spawn(async {
            yields(2).await;
            Err("the last")
        });
        let completion = nursery.next().await.unwrap();
        assert_eq!(completion.child().id().number(), siblings);
        assert_eq!(nursery.running() as u64, siblings);
    }
});

// Where every task is spawned and then waits for a permit of a semaphore, as is usual with
// `JoinSet`, the limit bounds how many run and not how many there are: it holds no producer up.
by_hand!(a_producer_is_never_more_than_one_child_ahead_of_the_limit, {
    const ALL: usize = 50;
    for by_spawner in [false, true] {
        let (made, live) = (Count::default(), Count::default());
        let (releases, released): (Vec<_>, Vec<_>) =
            (0..ALL).map(|_| oneshot::channel::<()>()).unzip();
        let children = released.into_iter().map(|released| {
            made.add();
            let one = Live::new(&live);
            async move {
                let _one = one;
                released.await.map_err(|_| "hung up")
            }
        });
        let mut nursery = nursery::<(), &str>().limit(1);
        let mut producer = Task::new(async {
            if by_spawner {
                let body = nursery.run(|spawner| async move {
                    for child in children {
                        let slot = spawner.reserve().await.map_err(|_| "it was refused")?;
                        slot.spawn(child).map_err(|_| "it was refused")?;
                    }
                    Ok(())
                });
                return body.await.map(|(_, outputs)| outputs.len());
            }
            for child in children {
                nursery.reserve().await.unwrap().spawn(child);
            }
            nursery.join().await.map(|outputs| outputs.len())
        });
        for (ended, release) in releases.into_iter().enumerate() {
            assert!(producer.run().is_pending());
            assert_eq!((made.get(), live.get()), ((ended + 2).min(ALL), (ALL - ended).min(2)));
            release.send(()).unwrap();
        }
        assert_eq!(producer.run().map(Result::unwrap), Poll::Ready(ALL));
    }
});

// A `JoinSet` keeps what a task returned until it is joined: of a hundred tasks that are through, a
// hundred outputs are there before the first is asked for.
behaviour!(no_output_is_there_before_it_is_asked_for, async {
    let (live, ended) = (Count::default(), Count::default());
    let (release, released) = oneshot::channel::<()>();
    let released = released.shared();
    let mut nursery = nursery::<Live, oneshot::Canceled>();
    for n in 0..300 {
        let (live, ended, released) = (live.clone(), ended.clone(), released.clone());
        nursery.spawn(async move {
            match n % 3 {
                0 => {}
                1 => yields(n % 7).await,
                _ => released.await?,
            }
            ended.add();
            Ok(Live::new(&live))
        });
    }
    let (mut asked, mut release) = (0, Some(release));
    while let Some(completion) = nursery.next().await {
        asked += 1;
        assert_eq!((ended.get(), live.get()), (asked, 1));
        drop(completion);
        // What the owner does with it takes a while.
        yields(2).await;
        assert_eq!((ended.get(), live.get()), (asked, 0));
        if asked == 200 {
            // The last hundred are woken in one moment.
            release.take().unwrap().send(()).unwrap();
        }
    }
    assert_eq!(asked, 300);
});
