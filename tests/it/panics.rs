//! A panic is a failure of one child, and of that child only.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

use futures::FutureExt;
use nestling::outcome::CauseKind;

use crate::support::{Count, Live, OnDrop, yields};

behaviour!(a_panic_is_recorded_with_payload_and_message_and_the_others_finish, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { panic!("at the {} poll", "first") });
    nursery.spawn(async {
        yields(3).await;
        panic!("at a later poll")
    });
    nursery.spawn(async { panic_any(42_u64) });
    nursery.spawn(async {
        yields(9).await;
        Ok(7)
    });
    let report = nursery.settle().await;
    assert_eq!(report.outputs()[0].1, 7);
    let mut error = report.error().unwrap().by_spawn_order();
    let mut next = || error.next().unwrap().failure().panic().unwrap();
    assert_eq!(next().message(), "at the first poll");
    assert_eq!(next().message(), "at a later poll");
    assert_eq!(next().downcast_ref(), Some(&42_u64));
});

behaviour!(the_slot_of_a_child_that_panicked_is_free_again, async {
    let mut nursery = nursery::<u32, &str>().limit(1);
    nursery.spawn(async { panic!("at once") });
    nursery.spawn(async {
        yields(1).await;
        panic!("later")
    });
    nursery.spawn(async { Ok(1) });
    let report = nursery.settle().await;
    assert_eq!((report.counts().failed(), report.counts().completed()), (2, 1));
});

behaviour!(a_panic_in_first_error_mode_cancels_siblings_that_wait, async {
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(pending());
    nursery.child().name("fuse").spawn(async { panic!("blown") });
    let error = nursery.join().await.unwrap_err();
    let cause = error.cause().unwrap();
    assert_eq!((cause.kind(), cause.message()), (CauseKind::ChildFailed, Some("panicked: blown")));
    assert_eq!(cause.child().unwrap().name(), Some("fuse"));
    assert_eq!((error.len(), error.counts().cancelled()), (1, 1));
});

behaviour!(a_policy_that_panics_ends_the_run_with_an_error, async {
    let mut nursery = nursery::<(), &str>().cancel_when(|_| panic!("no judgement"));
    nursery.spawn(pending());
    nursery.spawn(async { Err("judge me") });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.first().failure().error(), Some(&"judge me"));
    assert_eq!(error.iter().nth(1).unwrap().failure().panic().unwrap().message(), "no judgement");
    assert_eq!((error.len(), error.counts().cancelled()), (2, 1));
});

behaviour!(a_text_for_the_cause_that_panics_leaves_the_cause_without_text, async {
    let mut nursery = nursery::<(), u32>().first_error().cause_text(|_| panic!("no words"));
    nursery.spawn(pending());
    nursery.spawn(async { Err(1) });
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), error.cause().unwrap().message()), (1, None));
});

behaviour!(resume_panic_resumes_only_after_every_child_has_ended, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>().first_error();
    for _ in 0..3 {
        let child = Live::new(&live);
        nursery.spawn(async move {
            let _child = child;
            pending().await
        });
    }
    nursery.spawn(async { panic_any(7_u8) });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(live.get(), 0);
    let payload = catch_unwind(AssertUnwindSafe(|| error.resume_panic())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&7_u8));
});

behaviour!(a_panic_deep_in_a_nested_nursery_is_resumed_as_well, async {
    let mut outer = nursery();
    outer.spawn_group(async {
        let mut inner = nursery::<(), &str>();
        inner.spawn(async { Err("not this") });
        inner.spawn(async { panic_any("this") });
        inner.join().await.map(drop)
    });
    let error = outer.join().await.unwrap_err();
    let payload = catch_unwind(AssertUnwindSafe(|| error.resume_panic())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"this"));
});

behaviour!(a_body_that_panics_is_one_more_failure_and_the_children_go_on, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async {
        yields(5).await;
        Ok(1)
    });
    let (output, report) = nursery
        .run(|_| async {
            yields(1).await;
            panic!("in the body");
            #[allow(unreachable_code)]
            Ok(())
        })
        .settle()
        .await;
    assert!(output.is_none());
    assert_eq!(report.outputs()[0].1, 1);
    let error = report.error().unwrap();
    assert!(error.first().child().is_body());
    assert_eq!(error.first().failure().panic().unwrap().message(), "in the body");
});

behaviour!(a_closure_that_panics_before_there_is_a_body_goes_to_the_caller, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    let child = Live::new(&live);
    nursery.spawn(async move {
        let _child = child;
        pending().await
    });
    let make = |_| -> std::future::Ready<Result<(), &str>> { panic!("no body") };
    assert!(catch_unwind(AssertUnwindSafe(|| drop(nursery.run(make)))).is_err());
    assert_eq!(live.get(), 0);
});

by_hand!(a_child_that_panicked_is_never_polled_again_and_is_dropped_before_it_is_reported, {
    let (polls, live) = (Count::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    let (polled, child) = (polls.clone(), Live::new(&live));
    nursery.spawn(poll_fn(move |cx| {
        let _ = &child;
        cx.waker().wake_by_ref();
        if polled.add() == 3 { panic!("third") } else { std::task::Poll::Pending }
    }));
    let completion = nursery.next().now_or_never().unwrap().unwrap();
    assert!(completion.outcome().failure().unwrap().is_panic());
    assert_eq!((polls.get(), live.get()), (3, 0));
    assert!(nursery.next().now_or_never().unwrap().is_none());
    assert_eq!(polls.get(), 3);
});

by_hand!(dropping_an_error_drops_the_payload_and_goes_no_further, {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    let payload = Live::new(&live);
    nursery.spawn(async move { panic_any(payload) });
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!(live.get(), 1);
    drop(error);
    assert_eq!(live.get(), 0);
});

by_hand!(a_payload_whose_destructor_panics_does_not_stop_the_others_in_the_tree, {
    let live = Count::default();
    let mut nursery = nursery::<(), Live>();
    nursery.spawn(async { panic_any(OnDrop(|| panic!("in the payload's destructor"))) });
    let error = Live::new(&live);
    nursery.spawn(async move { Err(error) });
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(error))).is_err());
    assert_eq!(live.get(), 0);
});
