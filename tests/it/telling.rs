//! `on_failure`: each failure is told when it comes.

use std::future::{pending, ready};

use futures::FutureExt;
use nestling::{ChildError, Pool, executor};

use crate::support::{Log, counted_bomb, ends, here, yields};

type Told = Log<String>;

fn tell<E: std::fmt::Display>(log: &Told) -> impl FnMut(&ChildError<E>) + Send + use<E> {
    let log = log.clone();
    move |failure| log.add(failure.to_string())
}

behaviour!(each_failure_is_told_when_it_comes_and_is_in_the_result_too, async {
    let log = Told::new();
    let mut nursery = nursery::<(), &str>().keep_failures(1).on_failure(tell(&log));
    nursery.child().name("put").spawn(async { Err("disk full") });
    nursery.spawn(async { Ok(()) });
    nursery.spawn(async { panic!("oh") });
    nursery.child().timeout(|| ready(())).spawn(pending());
    nursery.spawn_group(async { Err("of the group".into()) });
    let own = log.clone();
    nursery.spawn(async move {
        yields(1).await;
        assert_eq!(own.take().len(), 4, "all are told before any of them is returned");
        Ok(())
    });
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), error.counts().failed()), (1, 4));
    assert!(log.take().is_empty());
});

behaviour!(failures_after_a_cancel_are_told_too, async {
    let log = Told::new();
    let mut nursery =
        nursery::<(), &str>().first_error().grace(pending::<()>).on_failure(tell(&log));
    for _ in 0..3 {
        nursery.spawn_with_context(|cx| async move {
            cx.cancelled().await;
            Err("cannot drain")
        });
    }
    nursery.spawn(async { Err("disk full") });
    nursery.join().await.unwrap_err();
    let after = "after cancel: cannot drain";
    let expected = [format!("#0: {after}"), format!("#1: {after}"), format!("#2: {after}")];
    let mut told = log.take();
    assert_eq!(told.remove(0), "#3: disk full");
    told.sort_unstable();
    assert_eq!(told, expected);
});

behaviour!(it_is_told_whatever_finishes_the_nursery, async {
    let log = Told::new();
    let make = || {
        let mut nursery = nursery::<u8, &str>().on_failure(tell(&log));
        nursery.spawn(async { Err("no") });
        nursery
    };
    let told = || assert_eq!(log.take(), ["#0: no"]);
    drop(make().settle().await);
    told();
    make().first_ok().await.unwrap_err();
    told();
    make().run(async |_| Ok(())).await.unwrap_err();
    told();
    make().next().await.unwrap();
    told();
    let (spawner, driver) = make().split();
    spawner.close();
    drop(driver.await);
    told();
});

behaviour!(a_failing_body_and_a_panicking_policy_are_told, async {
    let log = Told::new();
    let nursery = nursery::<(), &str>().on_failure(tell(&log)).cancel_when(|_| panic!("no rule"));
    let failed = nursery.run(async |_| Err::<(), _>("no")).await.unwrap_err();
    assert_eq!(failed.len(), 2);
    assert_eq!(log.take(), ["body: no", "body: panicked in the policy of `cancel_when`: no rule"]);
});

behaviour!(one_that_panics_is_a_failure_of_the_nursery_and_is_not_called_again, async {
    let log = Told::new();
    let own = log.clone();
    let line = here();
    let mut nursery = nursery::<(), &str>().on_failure(move |failure| {
        own.add(failure.to_string());
        panic!("no disk to log to");
    });
    // Its failures come one right after the other all the same.
    nursery.spawn(ends(Err("no"), || panic!("and more")));
    nursery.spawn(async { Err("never") });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(log.take(), ["#0: no"]);
    let texts: Vec<_> = error.iter().map(ToString::to_string).collect();
    assert_eq!(texts[..2], ["#0: no", "#0: panicked in the destructor: and more"]);
    assert_eq!(
        texts
            .iter()
            .filter(|text| text.starts_with("nursery: panicked in the callback of"))
            .count(),
        1
    );
    let fault = error.iter().find(|entry| entry.child().is_nursery()).unwrap();
    assert_eq!(fault.child().location().line(), line.line() + 1);
    assert_eq!(error.counts().failed(), 2);
});

behaviour!(a_callback_is_dropped_with_its_nursery_and_a_panic_of_that_is_a_failure, async {
    let gone = crate::support::Count::default();
    let bomb = counted_bomb(&gone, "too late");
    let nursery = nursery::<(), &str>().on_failure(move |_| {
        let _ = &bomb;
    });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(gone.get(), 1);
    assert_eq!(
        error.to_string(),
        "the nursery itself failed: panicked in the callback of `on_failure`: too late"
    );
});

#[test]
fn a_pool_tells_the_failures_of_its_items() {
    let log = Told::new();
    let pool = Pool::local(2).keep_failures(1).on_failure(tell(&log));
    let error = pool.for_each(0..4, |n| async move { Err::<(), _>(n) });
    error.now_or_never().unwrap().unwrap_err();
    assert_eq!(log.take(), ["#0: 0", "#1: 1", "#2: 2", "#3: 3"]);

    let pool =
        Pool::new(2).on_failure(tell(&log)).on(executor(|task| task.now_or_never().unwrap_or(())));
    pool.for_each(0..2, |n| async move { Err::<(), _>(n) }).now_or_never().unwrap().unwrap_err();
    assert_eq!(log.take(), ["#0: 0", "#1: 1"]);

    let pool = Pool::new(1).on_failure(|_: &ChildError<u8>| panic!("no log"));
    let error = pool.for_each(0..2, |n| async move { Err(n) }).now_or_never().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the pool itself and 2 of 2 items failed: #0: 0; \
         pool: panicked in the callback of `on_failure`: no log; #1: 1"
    );
}

behaviour!(what_is_told_has_the_causes_where_the_nursery_knows_the_way_to_them, async {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot fetch")]
    struct Fetch(#[source] std::io::Error);
    let log = Told::new();
    let mut nursery = nursery::<(), Fetch>().sources().first_error().on_failure(tell(&log));
    nursery.spawn(async { Err(Fetch(std::io::Error::other("refused"))) });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(log.take(), ["#0: cannot fetch: refused"]);
    assert_eq!(error.cause().unwrap().to_string(), "child #0 failed: cannot fetch: refused");
    let again: Option<nestling::JoinedError<_>> = error.into_iter().collect();
    assert_eq!(again.unwrap().to_string(), "1 of 1 child failed: #0: cannot fetch: refused");
});
