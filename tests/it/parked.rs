//! Children that have parked, and are polled in their places in the set: nothing is different
//! there.

use std::future::poll_fn;
use std::panic::panic_any;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Poll, Waker};

use nestling::CancelHandle;
use nestling::outcome::CauseKind;

use crate::support::{Count, Live, OnDrop, cancel_in_mid_poll, yields};

/// What parked children wait for. A sibling pokes them.
#[derive(Clone, Default)]
struct Poke(Arc<Mutex<(usize, Vec<Waker>)>>);

impl Poke {
    /// Parks until the next poke, without waking itself.
    async fn wait(&self) {
        let mut awaited = None;
        poll_fn(|cx| {
            let (pokes, wakers) = &mut *self.0.lock().unwrap();
            if *pokes >= *awaited.get_or_insert(*pokes + 1) {
                return Poll::Ready(());
            }
            wakers.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// A child that pokes all who have parked, again and again.
    async fn all<O, E>(self, times: usize, output: O) -> Result<O, E> {
        for _ in 0..times {
            yields(3).await;
            let wakers = {
                let (pokes, wakers) = &mut *self.0.lock().unwrap();
                *pokes += 1;
                std::mem::take(wakers)
            };
            wakers.into_iter().for_each(Waker::wake);
        }
        Ok(output)
    }
}

behaviour!(a_parked_child_that_panics_is_recorded_and_the_others_finish, async {
    let (poke, polls, live) = (Poke::default(), Count::default(), Count::default());
    let mut nursery = nursery::<u32, &str>();
    for n in 0..3 {
        let (poke, polls, child) = (poke.clone(), polls.clone(), Live::new(&live));
        nursery.spawn(async move {
            let _child = child;
            poke.wait().await;
            polls.add();
            if n == 1 {
                panic_any(42_u64);
            }
            poke.wait().await;
            Ok(n)
        });
    }
    nursery.spawn(poke.all(4, 9));
    let report = nursery.settle().await;
    assert!(report.outputs().iter().map(|(_, output)| *output).eq([0, 2, 9]));
    let panic = report.error().unwrap().first().failure().panic().unwrap();
    assert_eq!(panic.downcast_ref(), Some(&42_u64));
    assert_eq!((report.counts().failed(), polls.get(), live.get()), (1, 3, 0));
});

behaviour!(a_parked_child_whose_destructor_panics_after_success_gives_output_and_panic, async {
    let poke = Poke::default();
    let mut nursery = nursery::<u32, &str>();
    let (waits, guard) = (poke.clone(), OnDrop(|| panic!("on the way out")));
    let mut output = Box::pin(async move {
        waits.wait().await;
        Ok(1)
    });
    nursery.spawn(poll_fn(move |cx| {
        let _ = &guard;
        output.as_mut().poll(cx)
    }));
    nursery.spawn(poke.all(2, 2));
    let report = nursery.settle().await;
    assert!(report.outputs().iter().map(|(_, output)| *output).eq([1, 2]));
    let error = report.error().unwrap();
    assert_eq!(error.len(), 1);
    assert_eq!(error.first().to_string(), "#0: panicked in the destructor: on the way out");
});

behaviour!(a_parked_child_whose_destructor_panics_when_cancelled_has_failed, async {
    let poke = Poke::default();
    let mut nursery = nursery::<u32, &str>();
    let (waits, guard) = (poke.clone(), OnDrop(|| panic!("not so fast")));
    let handle = nursery.spawn_with_handle(async move {
        let _guard = guard;
        loop {
            waits.wait().await;
        }
    });
    nursery.spawn(async move {
        poke.all::<_, &str>(2, ()).await?;
        assert!(handle.cancel());
        handle.finished().await;
        Ok(1)
    });
    let report = nursery.settle().await;
    let error = report.error().unwrap().first();
    assert!(error.after_cancel() && error.failure().is_panic());
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 0));
});

#[derive(Clone, Copy)]
enum End {
    Pending,
    Ok,
    Err,
}

behaviour!(a_parked_child_that_cancels_itself_keeps_an_end_that_it_comes_to_in_that_poll, async {
    for (end, ends) in [(End::Pending, [1, 0, 1]), (End::Ok, [2, 0, 0]), (End::Err, [1, 1, 0])] {
        let poke = Poke::default();
        let own = Arc::new(OnceLock::<CancelHandle>::new());
        let mut nursery = nursery::<u32, &str>();
        let (handle, waits) = (own.clone(), poke.clone());
        own.set(nursery.spawn_with_handle(async move {
            waits.wait().await;
            assert!(handle.get().unwrap().cancel());
            match end {
                End::Pending => std::future::pending().await,
                End::Ok => Ok(1),
                End::Err => Err("all the same"),
            }
        }))
        .unwrap();
        nursery.spawn(poke.all(2, 2));
        let report = nursery.settle().await;
        let counts = report.counts();
        assert_eq!([counts.completed(), counts.failed(), counts.cancelled()], ends);
        assert!(report.error().is_none_or(|error| error.first().after_cancel()));
        assert_eq!(own.get().unwrap().cause().unwrap().kind(), CauseKind::Requested);
    }
});

behaviour!(a_cancel_from_another_thread_in_a_later_poll_acts_when_that_poll_ends, async {
    let poke = Poke::default();
    let (entered, has_entered) = channel();
    let (cancelled, is_cancelled) = channel();
    let polls = Count::default();
    let (waits, polled) = (poke.clone(), polls.clone());
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.spawn_with_handle(async move {
        waits.wait().await;
        entered.send(()).unwrap();
        is_cancelled.recv().unwrap();
        poll_fn(|_| {
            polled.add();
            Poll::Pending
        })
        .await
    });
    nursery.spawn(poke.all(3, 1));
    let thread = cancel_in_mid_poll(handle, has_entered, cancelled);
    let report = nursery.settle().await;
    assert_eq!(report.cancelled()[0].cause().message(), Some("mid-poll"));
    assert_eq!(polls.get(), 1);
    assert!(thread.join().unwrap().is_finished());
});

behaviour!(the_limit_holds_for_children_that_park, async {
    for limit in [1, 10, 100] {
        let (poke, running, peak) = (Poke::default(), Count::default(), Count::default());
        // One slot is the poking child's.
        let mut nursery = nursery::<(), &str>().limit(limit + 1);
        nursery.spawn(poke.clone().all(1_000, ()));
        for _ in 0..250 {
            let (poke, running, peak) = (poke.clone(), running.clone(), peak.clone());
            nursery.spawn(async move {
                peak.at_least(running.add());
                poke.wait().await;
                running.remove();
                Ok(())
            });
        }
        assert_eq!(nursery.join().await.unwrap().len(), 251);
        assert_eq!((peak.get(), running.get()), (limit, 0));
    }
});

behaviour!(every_parked_child_that_is_woken_in_one_moment_is_polled, async {
    let poke = Poke::default();
    let mut nursery = nursery::<usize, &str>().first_error();
    for n in 0..100 {
        let poke = poke.clone();
        nursery.spawn(async move {
            for _ in 0..n % 7 {
                poke.wait().await;
            }
            Ok(n)
        });
    }
    nursery.spawn(poke.all(8, 100));
    assert!(nursery.join().await.unwrap().into_iter().eq(0..=100));
});
