//! Typed handles: a child's own output, or how it was lost.

use std::cell::Cell;
use std::future::{pending, ready};
use std::rc::Rc;

use futures::FutureExt;
use nestling::failure::LostKind;
use nestling::outcome::CauseKind;
use nestling::{Nursery, Outcome};

use crate::support::{Count, Live, Task, drive, waits, yields};

behaviour!(heterogeneous_outputs_in_one_nursery_work_without_enums, async {
    let result = nursery::<(), &str>()
        .run(|spawner| async move {
            let name = spawner.spawn_join(async { Ok(String::from("nestling")) }).unwrap();
            let size = spawner.spawn_join(yields(3).map(|()| Ok(4_096_u64))).unwrap();
            Ok((name.await.unwrap(), size.await.unwrap()))
        })
        .await;
    assert_eq!(result.unwrap(), ((String::from("nestling"), 4_096), vec![]));
});

behaviour!(a_lost_childs_handle_says_why_and_its_error_is_in_the_joined_error_once, async {
    let (output, report) = nursery::<(), &str>()
        .run(|spawner| async move {
            let child = spawner.child().name("fetch").spawn_join(async { Err::<u8, _>("refused") });
            let lost = child.unwrap().await.unwrap_err();
            assert_eq!((lost.kind(), lost.child().name()), (LostKind::Failed, Some("fetch")));
            assert!(lost.cause().is_none());
            assert_eq!(lost.to_string(), "child #0 fetch failed");
            let child = spawner.spawn_join::<u8, _>(async { panic!("no more") });
            let lost = child.unwrap().await.unwrap_err();
            assert_eq!(lost.kind(), LostKind::Panicked);
            assert_eq!(lost.to_string(), "child #1 panicked");
            let child = spawner.child().timeout(|| yields(1)).spawn_join::<u8, _>(pending());
            let lost = child.unwrap().await.unwrap_err();
            assert_eq!(lost.to_string(), "child #2 timed out");
            let child = spawner.spawn_join::<u8, _>(pending()).unwrap();
            assert!(child.cancel_with("not needed"));
            assert!(!child.cancel_handle().cancel());
            let lost = child.await.unwrap_err();
            assert_eq!(lost.cause().unwrap().kind(), CauseKind::Requested);
            assert_eq!(lost.to_string(), "child #3 was cancelled: requested: not needed");
            Ok("body")
        })
        .settle()
        .await;
    assert_eq!(output, Some("body"));
    let error = report.error().unwrap();
    assert_eq!((error.len(), report.counts().failed(), report.counts().cancelled()), (3, 3, 1));
    assert_eq!(error.iter().filter(|one| one.failure().error() == Some(&"refused")).count(), 1);
});

behaviour!(a_joined_output_is_no_output_of_the_nursery_but_counted, async {
    let mut nursery = nursery::<u32, &str>();
    let joined = nursery.spawn_join(async { Ok("own") });
    nursery.spawn(async { Ok(1) });
    let report = nursery.settle().await;
    assert_eq!((report.outputs().len(), report.counts().completed()), (1, 2));
    assert_eq!(joined.await.unwrap(), "own");
});

behaviour!(next_says_that_it_was_delivered, async {
    let mut nursery = nursery::<u32, &str>();
    let joined = nursery.spawn_join(async { Ok("own") });
    let completion = nursery.next().await.unwrap();
    assert!(matches!(completion.outcome(), Outcome::Delivered));
    assert!(completion.outcome().is_completed() && completion.into_outcome().completed().is_none());
    assert!(joined.is_finished());
    assert_eq!(joined.await.unwrap(), "own");
});

behaviour!(a_joined_child_wins_no_race, async {
    let mut race = nursery::<u32, &str>();
    let joined = race.spawn_join(async { Ok("own") });
    race.spawn(async {
        yields(3).await;
        Ok(1)
    });
    assert_eq!(race.first_ok().await.unwrap().unwrap().1, 1);
    assert_eq!(joined.await.unwrap(), "own");
    let mut race = nursery::<u32, &str>();
    let joined = race.spawn_join(async { Ok("own") });
    assert!(race.first_ok().await.unwrap().is_none());
    assert_eq!(joined.await.unwrap(), "own");
});

behaviour!(
    a_handle_awaited_after_its_nursery_is_gone_has_the_output_or_says_how_it_was_lost,
    async {
        let mut nursery = nursery::<(), &str>();
        let done = nursery.spawn_join(async { Ok(7) });
        let waiting = nursery.spawn_join::<u8, _>(pending());
        let queued = nursery.spawn_join::<u8, _>(async { Ok(8) });
        assert!(nursery.next().await.is_some());
        drop(nursery);
        assert_eq!(done.await.unwrap(), 7);
        let lost = waiting.await.unwrap_err();
        assert_eq!((lost.kind(), lost.cause().is_none()), (LostKind::Dropped, true));
        assert_eq!(lost.to_string(), "child #1 was dropped with its nursery");
        // It may have been next.
        match queued.await {
            Ok(output) => assert_eq!(output, 8),
            Err(lost) => assert_eq!(lost.kind(), LostKind::Dropped),
        }
    }
);

behaviour!(a_child_that_is_cancelled_with_its_nursery_is_lost_by_that_cause, async {
    let mut nursery = nursery::<(), &str>().first_error();
    let joined = nursery.spawn_join::<u8, _>(pending());
    nursery.child().name("fetch").spawn(async { Err("refused") });
    let _ = nursery.join().await.unwrap_err();
    assert_eq!(
        joined.await.unwrap_err().to_string(),
        "child #0 was cancelled: child #1 fetch failed: refused"
    );
});

behaviour!(a_destructor_that_panics_after_the_output_does_not_lose_it, async {
    let mut nursery = nursery::<(), &str>();
    let joined = nursery.spawn_join(crate::support::ends(Ok(7), || panic!("in the destructor")));
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), error.counts().failed()), (1, 1));
    assert_eq!(joined.await.unwrap(), 7);
});

behaviour!(a_handle_that_is_dropped_does_nothing_to_its_child_and_the_output_is_dropped, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    let output = live.clone();
    drop(nursery.spawn_join(async move {
        yields(2).await;
        Ok(Live::new(&output))
    }));
    let report = nursery.settle().await;
    assert_eq!((report.counts().completed(), live.get()), (1, 0));
});

behaviour!(the_output_stays_with_the_handle_until_it_is_taken, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    let output = live.clone();
    let handle = nursery.spawn_join(async move { Ok(Live::new(&output)) });
    nursery.join().await.unwrap();
    assert_eq!(live.get(), 1);
    drop(handle);
    assert_eq!(live.get(), 0);
});

behaviour!(a_refused_child_is_given_back_as_it_was, async {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    nursery.cancel_with("enough");
    let rejected = spawner.spawn_join(ready(Ok(7))).unwrap_err();
    assert!(matches!(rejected.reason, nestling::spawn::Rejection::Cancelled(_)));
    assert_eq!(rejected.future.await, Ok(7));
    let lost = nursery.spawn_join::<u8, _>(pending()).await.unwrap_err();
    assert_eq!(lost.kind(), LostKind::Cancelled);
});

by_hand!(a_handle_is_not_ready_before_the_destructor_has_run, {
    let mut nursery = nursery::<(), &str>();
    let live = Count::default();
    let guard = Live::new(&live);
    let handle = nursery.spawn_join(async move {
        let _guard = guard;
        yields(1).await;
        Ok(7)
    });
    let mut joining = Task::new(handle);
    assert!(joining.run().is_pending());
    nursery.join().now_or_never().unwrap().unwrap();
    assert_eq!(live.get(), 0);
    assert!(joining.run().is_ready(), "it was woken");
});

by_hand!(
    #[should_panic(expected = "a `JoinHandle` was polled after it was ready")]
    a_handle_that_was_ready_is_not_to_be_polled_again,
    {
        let mut nursery = nursery::<(), &str>();
        let mut handle = nursery.spawn_join(async { Ok(7) });
        nursery.join().now_or_never().unwrap().unwrap();
        assert!((&mut handle).now_or_never().is_some());
        let _ = (&mut handle).now_or_never();
    }
);

#[test]
fn in_a_local_nursery_outputs_need_not_be_send_and_may_borrow() {
    let text = String::from("borrowed");
    let mut nursery = Nursery::<(), &str, _>::local();
    let (word, shared) = (
        nursery.spawn_join(async { Ok(&text[..3]) }),
        nursery.spawn_join(async { Ok(Rc::new(Cell::new(1))) }),
    );
    nursery.join().now_or_never().unwrap().unwrap();
    assert_eq!(word.now_or_never().unwrap().unwrap(), "bor");
    assert_eq!(shared.now_or_never().unwrap().unwrap().get(), 1);
}

behaviour!(a_child_can_await_the_handle_of_a_sibling, async {
    let mut nursery = nursery::<u32, &str>();
    let first = nursery.spawn_join(yields(5).map(|()| Ok(20)));
    nursery.spawn(async move { first.await.map(|number: u32| number + 1).map_err(|_| "lost") });
    assert_eq!(nursery.join().await.unwrap(), [21]);
});

behaviour!(a_cancelled_child_with_grace_still_hands_over_its_output, async {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.child().grace(pending::<()>).spawn_join_with_context(|cx| async move {
        cx.cancelled().await;
        Ok("partial")
    });
    let stuck = nursery.child().grace(|| yields(1)).spawn_join::<u8, _>(waits(|| {}));
    drive(&mut nursery);
    handle.cancel();
    stuck.cancel();
    let report = nursery.settle().await;
    assert_eq!(handle.await.unwrap(), "partial");
    assert_eq!(stuck.await.unwrap_err().kind(), LostKind::Cancelled);
    assert_eq!(report.overran_grace().count(), 1);
});

by_hand!(a_handle_says_whether_its_child_is_gone_and_why_it_was_cancelled, {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_join(pending::<Result<u8, &str>>());
    drive(&mut nursery);
    assert!(!handle.is_finished() && handle.cause().is_none());
    assert!(handle.cancel_with("enough"));
    assert!(!handle.is_finished());
    assert_eq!(handle.cause().unwrap().message(), Some("enough"));
    assert!(nursery.join().now_or_never().unwrap().is_ok());
    assert!(handle.is_finished());
});
