//! Options: what holds together, and what holds when one is set late.

use std::fmt;
use std::future::pending;
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use futures::FutureExt;
use nestling::Spawner;

use crate::support::{Task, drive};

behaviour!(cancel_when_with_a_description_says_in_the_cause_what_the_error_was, async {
    let mut nursery =
        nursery::<(), u32>().cancel_when(|_| true).cause_text(|n| format!("code {n}"));
    nursery.spawn(pending());
    nursery.spawn(async { Err(7) });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.cause().unwrap().to_string(), "child #1 failed: code 7");
});

behaviour!(first_error_keeps_a_description_whichever_comes_first, async {
    for described_first in [true, false] {
        let nursery = nursery::<(), u32>();
        let describe: fn(&u32) -> String = |n| format!("code {n}");
        let mut nursery = if described_first {
            nursery.cause_text(describe).first_error()
        } else {
            nursery.first_error().cause_text(describe)
        };
        nursery.spawn(async { Err(7) });
        let error = nursery.join().await.unwrap_err();
        assert_eq!(error.cause().unwrap().message(), Some("code 7"));
    }
});

behaviour!(of_first_error_and_cancel_when_the_last_holds, async {
    let mut nursery = nursery::<(), u32>().first_error().cancel_when(|_| false);
    nursery.spawn(async { Err(1) });
    nursery.spawn(async { Err(2) });
    assert_eq!(nursery.join().await.unwrap_err().len(), 2);
});

by_hand!(a_limit_that_is_lowered_ends_no_child_and_holds_for_those_to_start, {
    let mut nursery = nursery::<(), &str>();
    let handles = [(); 3].map(|()| nursery.spawn_with_handle(pending()));
    drive(&mut nursery);
    let mut nursery = nursery.limit(1);
    nursery.spawn(pending());
    for handle in handles {
        drive(&mut nursery);
        assert_eq!(nursery.queued(), 1);
        handle.cancel();
        assert!(nursery.next().now_or_never().unwrap().unwrap().outcome().is_cancelled());
    }
    drive(&mut nursery);
    assert_eq!((nursery.running(), nursery.queued()), (1, 0));
});

by_hand!(a_limit_that_is_raised_lets_waiters_in, {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(pending());
    let mut waiting = [(); 3].map(|()| Task::new(spawner.reserve()));
    assert!(waiting.iter_mut().all(|task| task.poll().is_pending()));
    let mut nursery = nursery.limit(3);
    assert_eq!(waiting.each_ref().map(Task::wakes), [1, 1, 0]);
    for task in &mut waiting[..2] {
        let Poll::Ready(Ok(slot)) = task.run() else { panic!("there is room") };
        slot.spawn(pending()).unwrap();
    }
    assert!(waiting[2].run().is_pending());
    drive(&mut nursery);
    assert_eq!(nursery.running(), 3);
});

by_hand!(a_policy_may_spawn_and_cancel, {
    #[allow(clippy::arc_with_non_send_sync, reason = "it is both in one of the flavours")]
    let own = Arc::new(OnceLock::<Spawner<'_, u32, &str, Flavour>>::new());
    let spawner = own.clone();
    let mut nursery = nursery::<u32, &str>().cancel_when(move |error| {
        let spawner = spawner.get().unwrap();
        spawner.spawn(async { Ok(1) }).unwrap();
        error.failure().error() == Some(&"last") && spawner.cancel_with("by the policy")
    });
    own.set(nursery.spawner()).unwrap();
    nursery.spawn(async { Err("first") });
    nursery.spawn(async { Err("last") });
    nursery.spawn(pending());
    let report = nursery.settle().now_or_never().unwrap();
    let counts = report.counts();
    assert_eq!((counts.failed(), counts.total()), (2, 5));
    assert_eq!(report.cause().unwrap().message(), Some("by the policy"));
});

/// An error that spawns when it is displayed.
struct Chatty(Arc<OnceLock<Spawner<'static, u32, Chatty>>>);

impl fmt::Display for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().unwrap().spawn(async { Ok(1) }).map_err(|_| fmt::Error)?;
        f.write_str("chatty")
    }
}

by_hand!(shared, an_error_may_spawn_when_it_is_displayed_for_the_cause, {
    let own = Arc::new(OnceLock::new());
    let mut nursery = nursery::<u32, Chatty>().first_error();
    assert!(own.set(nursery.spawner()).is_ok());
    let error = Chatty(own);
    nursery.spawn(async { Err(error) });
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!((report.counts().failed(), report.counts().cancelled()), (1, 1));
    assert_eq!(report.cause().unwrap().message(), Some("chatty"));
});
