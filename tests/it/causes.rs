//! Why something was cancelled: the first cause wins, and says who it was.

use std::future::pending;

use futures::FutureExt;
use nestling::outcome::CauseKind;

use crate::support::{Count, Log, drive, here, yields};

behaviour!(a_run_without_failures_and_cancels_has_no_cause, async {
    let mut nursery = nursery::<u32, &str>().first_error();
    let handle = nursery.spawn_with_handle(async { Ok(1) });
    assert!(nursery.cause().is_none() && nursery.spawner().cause().is_none());
    let report = nursery.settle().await;
    assert!(report.cause().is_none() && handle.cause().is_none());
});

behaviour!(failures_that_stop_nothing_are_no_cause, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { Err("no") });
    assert!(nursery.join().await.unwrap_err().cause().is_none());
});

behaviour!(the_cause_names_the_sibling_that_failed, async {
    let mut nursery = nursery::<(), &str>().first_error();
    let handle = nursery.spawn_with_handle(pending());
    nursery.spawn(pending());
    let line = here().line() + 1;
    let culprit = nursery.child().name("fetch").spawn(async {
        yields(1).await;
        Err("connection refused")
    });
    let report = nursery.settle().await;
    let cause = report.cause().unwrap();
    for cause in [
        cause,
        report.cancelled()[0].cause(),
        report.cancelled()[1].cause(),
        &handle.cause().unwrap(),
    ] {
        assert_eq!(cause.kind(), CauseKind::ChildFailed);
        assert_eq!(cause.message(), Some("connection refused"));
        let child = cause.child().unwrap();
        assert_eq!((child.id(), child.name()), (culprit, Some("fetch")));
        assert_eq!((child.location().file(), child.location().line()), (file!(), line));
    }
    assert_eq!(cause.to_string(), "child #2 fetch failed: connection refused");
});

behaviour!(the_cause_of_a_group_names_the_first_failure_in_it, async {
    let mut outer = nursery::<(), &str>().first_error();
    outer.spawn(pending());
    outer.child().name("sync").group().spawn(async {
        let mut inner = nursery::<(), &str>();
        inner.spawn(async { Ok(()) });
        inner.spawn(async {
            yields(3).await;
            Err("timed out")
        });
        inner.child().name("put").spawn(async { Err("connection refused") });
        inner.join().await.map(drop)
    });
    let cause = outer.join().await.unwrap_err().cause().cloned().unwrap();
    assert_eq!(
        cause.to_string(),
        "child #1 sync failed: 2 of 3 children failed: #2 put: connection refused"
    );
});

by_hand!(the_first_failure_in_a_group_is_told_by_the_policys_own_text, {
    let told: fn(&u32) -> String = |code| format!("code {code}");
    let panics: fn(&u32) -> String = |_| panic!("no text");
    for (text, expected) in [
        (None, "1 of 1 child failed: #0"),
        (Some(told), "1 of 1 child failed: #0: code 7"),
        (Some(panics), "1 of 1 child failed: #0"),
    ] {
        let mut outer = nursery::<(), u32>().cancel_when(|_| true);
        if let Some(text) = text {
            outer = outer.cause_text(text);
        }
        outer.spawn_group(async {
            let mut inner = nursery::<(), u32>();
            inner.spawn(async { Err(7) });
            inner.join().await.map(drop)
        });
        let error = outer.join().now_or_never().unwrap().unwrap_err();
        assert_eq!(error.cause().unwrap().message(), Some(expected));
    }
});

by_hand!(the_cause_of_a_group_is_told_and_bounded_at_any_depth, {
    let said = |depth: usize, text: String| {
        let mut group = nestling::JoinedError::from(text);
        for _ in 0..depth {
            let mut around = nursery::<(), String>();
            around.child().name("level").group().spawn(async { Err(group) });
            group = around.join().now_or_never().unwrap().unwrap_err();
        }
        let mut outer = nursery::<(), String>().first_error();
        outer.spawn_group(async { Err(group) });
        let error = outer.join().now_or_never().unwrap().unwrap_err();
        error.cause().unwrap().message().unwrap().to_owned()
    };
    assert_eq!(said(1, String::from("no")), "1 of 1 child failed: #0 level: no");
    assert_eq!(
        said(3, String::from("two\nlines")),
        "1 of 1 child failed: #0 level > #0 level > #0 level: two…"
    );
    let deep = said(100_000, "x".repeat(1 << 20));
    assert!(
        deep.starts_with("1 of 1 child failed: … > #0 level > #0 level > #0 level > #0 level: xxx"),
        "{deep}"
    );
    assert!(deep.chars().count() < 500, "{deep}");
});

behaviour!(a_body_that_failed_is_named_as_the_cause, async {
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(pending());
    let error = nursery.run(|_| async { Err::<(), _>("no") }).await.unwrap_err();
    let cause = error.cause().unwrap();
    assert!(cause.child().unwrap().is_body());
    assert_eq!(cause.to_string(), "the body failed: no");
});

behaviour!(a_request_before_a_failure_wins, async {
    let mut nursery = nursery::<(), &str>().first_error();
    let spawner = nursery.spawner();
    nursery.spawn(pending());
    nursery.spawn(async move {
        assert!(spawner.cancel_with("requested first"));
        Err("failed second")
    });
    let report = nursery.settle().await;
    assert_eq!(report.cause().unwrap().message(), Some("requested first"));
    assert_eq!(report.cancelled()[0].cause().message(), Some("requested first"));
});

behaviour!(a_failure_before_a_request_wins, async {
    let mut nursery = nursery::<(), &str>().first_error();
    let spawner = nursery.spawner();
    nursery.spawn(pending());
    nursery.spawn(async { Err("failed first") });
    assert!(nursery.next().await.unwrap().outcome().is_failed());
    assert!(!nursery.cancel_with("requested second") && !spawner.cancel_with("requested third"));
    assert_eq!(nursery.cause().unwrap().message(), Some("failed first"));
    assert_eq!(spawner.cause().unwrap().kind(), CauseKind::ChildFailed);
});

behaviour!(a_childs_own_cause_wins_over_that_of_its_nursery, async {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_with_handle(pending());
    nursery.spawn(pending());
    drive(&mut nursery);
    assert!(handle.cancel_with("just this one"));
    assert!(nursery.cancel_with("all of them"));
    assert_eq!(handle.cause().unwrap().message(), Some("just this one"));
    let report = nursery.settle().await;
    let reasons: Vec<_> = report.cancelled().iter().map(|c| c.cause().message().unwrap()).collect();
    assert_eq!(reasons, ["just this one", "all of them"]);
});

behaviour!(the_nurserys_cause_reaches_a_handle_and_a_later_cancel_changes_nothing, async {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_with_handle(pending());
    assert!(nursery.cancel_with("all of them"));
    assert!(!handle.cancel_with("too late"));
    assert_eq!(handle.cause().unwrap().message(), Some("all of them"));
    assert!(nursery.join().await.unwrap().is_empty());
});

behaviour!(the_text_of_a_cause_is_on_one_line_and_bounded, async {
    let mut nursery = nursery::<(), &str>();
    nursery.cancel_with(format!("two {}\nlines", "x".repeat(1 << 20)));
    let text = nursery.cause().unwrap().to_string();
    assert!(text.starts_with("requested: two xxx") && text.len() < 1_000);
});

behaviour!(a_cancel_by_a_spawner_wins_over_one_by_the_owner_before_the_driver_hears_of_it, async {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    assert!(nursery.spawner().cancel_with("by a spawner"));
    let polled = polls.clone();
    nursery.spawn(async move {
        polled.add();
        Ok(())
    });
    assert!(!nursery.cancel_with("by the owner"));
    let report = nursery.settle().await;
    assert_eq!((report.counts().cancelled(), polls.get()), (1, 0));
    assert_eq!(report.cause().unwrap().message(), Some("by a spawner"));
});

by_hand!(nursery_and_spawner_agree_on_the_cause, {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    assert!(spawner.cancel_with("over"));
    for cause in [nursery.cause(), spawner.cause()] {
        assert_eq!(cause.unwrap().message(), Some("over"));
    }
});

by_hand!(a_spawners_cancel_wins_over_that_of_a_handle_before_the_driver_hears_of_it, {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    drive(&mut nursery);
    assert!(spawner.cancel_with("first"));
    assert!(!handle.cancel_with("second"));
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!(report.cancelled()[0].cause().message(), Some("first"));
    assert_eq!(handle.cause().unwrap().message(), Some("first"));
});

by_hand!(a_chain_of_a_hundred_thousand_causes_is_read_shown_and_dropped, {
    let mut nurseries = Vec::new();
    let mut around = None;
    for _ in 0..100_000 {
        let mut nursery = match around {
            None => nursery::<(), &str>(),
            Some(cx) => nestling::ChildContext::nursery(&cx),
        };
        // The contexts are handed on: no nursery is driven inside of another.
        let own = Log::new();
        let known = own.clone();
        nursery.child().grace(pending::<()>).spawn_with_context(move |cx| {
            known.add(cx);
            pending()
        });
        drive(&mut nursery);
        around = own.take().pop();
        nurseries.push(nursery);
    }
    nurseries[0].cancel_with("the first");
    nurseries.iter_mut().for_each(drive);
    let cause = nurseries.last().unwrap().cause().unwrap();
    assert_eq!(cause.root().message(), Some("the first"));
    assert_eq!(cause.to_string(), "child #0 was cancelled: requested: the first");
    assert!(format!("{cause:?}").contains("the first"));
    drop((nurseries, around));
    drop(cause);
});
