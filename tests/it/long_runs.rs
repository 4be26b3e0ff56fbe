//! A million failures, and trees a hundred thousand deep.

use std::future::pending;

use futures::FutureExt;

use crate::support::{Count, Live};

const MILLION: u64 = 1_000_000;

by_hand!(keep_errors_over_a_million_failures_stores_ten_in_join, {
    let live = Count::default();
    let mut nursery = nursery::<(), Live>().keep_failures(10);
    let peak = Count::default();
    for _ in 0..MILLION {
        let (live, peak) = (live.clone(), peak.clone());
        nursery.spawn(async move {
            let error = Live::new(&live);
            peak.at_least(live.get());
            Err(error)
        });
    }
    let error = futures::executor::block_on(nursery.join()).unwrap_err();
    assert_eq!((error.len(), error.counts().not_stored()), (10, MILLION - 10));
    assert_eq!((error.counts().failed(), error.counts().total()), (MILLION, MILLION));
    assert_eq!((peak.get(), live.get()), (11, 10));
    assert!(error.iter().map(|e| e.child().id().number()).eq(0..10));
});

by_hand!(keep_errors_over_a_million_failures_stores_ten_in_reserve, {
    let live = Count::default();
    let peak = Count::default();
    let mut nursery = nursery::<(), Live>().keep_failures(10).limit(4);
    let error = futures::executor::block_on(async {
        for _ in 0..MILLION {
            let (live, peak) = (live.clone(), peak.clone());
            nursery.reserve().await.unwrap().spawn(async move {
                let error = Live::new(&live);
                peak.at_least(live.get());
                Err(error)
            });
        }
        nursery.join().await.unwrap_err()
    });
    assert_eq!((error.len(), error.counts().not_stored()), (10, MILLION - 10));
    assert_eq!(error.counts().failed(), MILLION);
    // The latest is kept beside the ten, in case these are handed out, and one is at hand.
    assert_eq!((peak.get(), live.get()), (12, 10));
    assert!(error.iter().map(|e| e.child().id().number()).eq(0..10));
});

by_hand!(an_error_a_hundred_thousand_nurseries_deep_is_shown_walked_flattened_and_dropped, {
    const DEPTH: usize = 100_000;
    let build = || {
        let mut nursery = nursery::<(), &str>();
        nursery.spawn(async { Err("at the bottom") });
        let mut error = nursery.join().now_or_never().unwrap().unwrap_err();
        for _ in 1..DEPTH {
            let mut outer = crate::support::shared::nursery();
            outer.spawn_group(async { Err::<(), _>(error) });
            error = outer.join().now_or_never().unwrap().unwrap_err();
        }
        error
    };
    let error = build();
    assert!(error.to_string().len() < 10_000);
    assert!(format!("{error:#}").lines().count() < 1_000);
    assert!(format!("{error:?}").len() < 100_000 && !format!("{error:#?}").is_empty());
    assert_eq!(error.leaves().count(), 1);
    let flat = error.flatten();
    assert_eq!(flat.first().failure().error(), Some(&"at the bottom"));
    assert_eq!(flat.first().ancestors().count(), DEPTH - 1);
    drop((flat, build()));
});

by_hand!(a_long_run_that_waits_for_slots_keeps_no_end_that_is_of_no_use, {
    let mut nursery = nursery::<(), String>().limit(2).long_running();
    for n in 0..1_000 {
        let slot = nursery.reserve().now_or_never().unwrap().unwrap();
        match n % 3 {
            0 => drop(slot.spawn_join(async { Ok(()) })),
            1 => drop(slot.spawn(async move { Err(format!("no {n}")) })),
            _ => drop(slot.spawn_with_handle(pending()).cancel()),
        }
    }
    let mut handed = 0;
    while nursery.next().now_or_never().unwrap().is_some() {
        handed += 1;
    }
    assert!(handed <= 210, "{handed} ends were kept");
});
