//! Each finding: a program that has it, and one that nearly has it.

use std::future::{pending, poll_fn, ready};
use std::task::Poll;

use futures::channel::oneshot;
use futures::future::join;
use nestling::observe::{FindingKind, Thresholds, Watch};
use nestling::{Nursery, Pool};

use super::{Hand, millis, poll_once};
use crate::support::yields;

struct Seen {
    clock: Hand,
    watch: Watch,
}

impl Seen {
    fn new() -> Self {
        let clock = Hand::default();
        Self { watch: Watch::with_clock(clock.clone()), clock }
    }

    fn nursery<'env>(&self) -> Nursery<'env, (), ()> {
        Nursery::new().name("n").watch(&self.watch)
    }

    /// What is found, as kind and child.
    fn found(&self) -> Vec<(FindingKind, String)> {
        let found = self.watch.check().into_iter();
        found.map(|it| (it.kind(), it.child().map_or_else(String::new, name_of))).collect()
    }

    /// The line of the only finding, without the place of the spawn.
    fn line(&self) -> String {
        let found = self.watch.check();
        let [finding] = &*found else { panic!("one finding, not {found:#?}") };
        let line = finding.to_string();
        match line.rsplit_once(" (") {
            Some((text, place)) if place.contains(".rs:") => text.to_owned(),
            _ => line,
        }
    }
}

fn name_of(child: &nestling::spawn::ChildInfo) -> String {
    child.label().to_string()
}

#[test]
fn nothing_can_wake_a_child() {
    let seen = Seen::new();
    let mut nursery = seen.nursery();
    let (sender, receiver) = oneshot::channel::<()>();
    nursery.child().name("lost").spawn(pending());
    nursery.child().name("reader").spawn(async { receiver.await.map_err(drop) });
    nursery.child().name("metrics").daemon().spawn(pending());
    nursery.child().name("queued").spawn(async {
        yields(1).await;
        pending().await
    });
    poll_once(async { while nursery.next().await.is_some() {} });
    seen.clock.pass(31_000);
    let lost = |name: &str| (FindingKind::NothingCanWake, name.to_owned());
    // The one that yielded is woken, and is polled in the next turn.
    let found: Vec<_> =
        seen.found().into_iter().filter(|it| it.0 == FindingKind::NothingCanWake).collect();
    assert!(found.contains(&lost("#0 lost")) && !found.contains(&lost("#1 reader")), "{found:?}");
    assert!(!found.contains(&lost("#2 metrics")), "{found:?}");
    drop(sender);
}

#[test]
fn the_line_names_child_nursery_time_and_place() {
    use nestling::observe::AtPlace;
    let seen = Seen::new();
    let mut nursery = seen.nursery();
    nursery.child().name("lost").spawn(async {
        pending::<()>().at("connect").await;
        Ok(())
    });
    poll_once(nursery.next());
    seen.clock.pass(31_000);
    let expected = "#0 lost in \"n\" waits, and nothing can wake it: 31 s, at connect";
    assert_eq!(seen.line(), expected);
}

#[test]
fn the_innermost_child_that_nothing_can_wake_is_told() {
    let seen = Seen::new();
    let mut nursery = seen.nursery();
    nursery.child().name("outer").spawn(async {
        let mut inner: Nursery<'_, (), ()> = Nursery::new();
        inner.child().name("inner").spawn(pending());
        inner.join().await.map(drop).map_err(drop)
    });
    poll_once(nursery.next());
    assert_eq!(seen.found(), [(FindingKind::NothingCanWake, "#0 inner".into())]);
}

#[test]
fn a_woken_child_is_not_polled_as_the_owner_awaits_something_else() {
    let seen = Seen::new();
    let mut nursery = seen.nursery();
    let (sender, receiver) = oneshot::channel::<()>();
    nursery.child().name("reader").spawn(async { receiver.await.map_err(drop) });
    poll_once(nursery.next());
    sender.send(()).unwrap();
    seen.clock.pass(999);
    assert_eq!(seen.found(), [], "it has time");
    seen.clock.pass(1);
    let expected = "#0 reader in \"n\" was woken 1 s ago and is not polled: \
                    what drives its nursery awaits something else";
    assert_eq!(seen.line(), expected);
    futures::executor::block_on(nursery.join()).unwrap();
}

#[test]
fn a_child_that_may_start_is_not_polled() {
    let seen = Seen::new();
    let mut nursery = seen.nursery().limit(1);
    nursery.child().name("first").spawn(ready(Ok(())));
    nursery.child().name("second").spawn(ready(Ok(())));
    seen.clock.pass(1_000);
    let not_polled = |name: &str| (FindingKind::NotPolled, name.to_owned());
    assert_eq!(seen.found(), [not_polled("#0 first"), not_polled("#1 second")]);
}

#[test]
fn what_is_left_alone_inside_a_child_is_told_once() {
    let seen = Seen::new();
    let mut nursery = seen.nursery();
    let (sender, receiver) = oneshot::channel::<()>();
    let (go, gone) = oneshot::channel::<()>();
    nursery.child().name("outer").spawn(async {
        let mut inner: Nursery<'_, (), ()> = Nursery::new();
        inner.child().name("inner").spawn(async { receiver.await.map_err(drop) });
        poll_once(inner.next());
        // It should have awaited the nursery.
        gone.await.map_err(drop)
    });
    poll_once(nursery.next());
    sender.send(()).unwrap();
    seen.clock.pass(1_000);
    assert_eq!(seen.found(), [(FindingKind::NotPolled, "#0 inner".into())]);
    // Where the outer one is not polled either, that is why.
    go.send(()).unwrap();
    seen.clock.pass(1_000);
    assert_eq!(seen.found(), [(FindingKind::NotPolled, "#0 outer".into())]);
}

#[test]
fn a_child_waits_for_one_in_the_backlog() {
    let seen = Seen::new();
    let mut nursery = seen.nursery().limit(1);
    let (tell, handle) = oneshot::channel::<nestling::CancelHandle>();
    nursery.child().name("waits").spawn(async {
        handle.await.map_err(drop)?.finished().await;
        Ok(())
    });
    let queued = nursery.child().name("queued").spawn_with_handle(ready(Ok(())));
    tell.send(queued).unwrap();
    poll_once(nursery.next());
    let expected =
        "#0 waits in \"n\" has the only slot, and waits for child #1 queued in the backlog";
    assert_eq!(seen.line(), expected);
    // With a slot more, it goes on.
    nursery.set_limit(2);
    futures::executor::block_on(nursery.join()).unwrap();
}

#[test]
fn children_wait_for_slots_that_they_hold() {
    let seen = Seen::new();
    let mut nursery = seen.nursery().limit(2);
    for name in ["one", "two"] {
        nursery.child().name(name).spawn_with_context(|cx| async move {
            let slot = cx.spawner().reserve().await.map_err(drop)?;
            slot.spawn(ready(Ok(()))).map_err(drop).map(drop)
        });
    }
    poll_once(nursery.next());
    let stuck = |name: &str| (FindingKind::SlotNeverFree, name.to_owned());
    assert_eq!(seen.found(), [stuck("#0 one"), stuck("#1 two")]);
}

#[test]
fn a_child_that_waits_for_a_slot_beside_one_that_ends_is_fine() {
    let seen = Seen::new();
    let mut nursery = seen.nursery().limit(2);
    let (sender, receiver) = oneshot::channel::<()>();
    nursery.spawn_with_context(|cx| async move {
        let slot = cx.spawner().reserve().await.map_err(drop)?;
        slot.spawn(ready(Ok(()))).map_err(drop).map(drop)
    });
    nursery.spawn(async { receiver.await.map_err(drop) });
    poll_once(nursery.next());
    assert_eq!(seen.found(), []);
    assert!(seen.watch.snapshot().children()[0].waits_for_slot().is_some());
    sender.send(()).unwrap();
    futures::executor::block_on(nursery.join()).unwrap();
}

#[test]
fn a_poll_is_too_long() {
    for (took, found) in [(9, 0), (10, 1)] {
        let seen = Seen::new();
        let mut nursery = seen.nursery();
        let clock = seen.clock.clone();
        let (_sender, receiver) = oneshot::channel::<()>();
        nursery.child().name("hashes").spawn(async move {
            clock.pass(took);
            receiver.await.map_err(drop)
        });
        poll_once(nursery.next());
        assert_eq!(seen.watch.check().len(), found, "{took} ms");
        if found == 1 {
            assert_eq!(seen.line(), "#0 hashes in \"n\" took 10 ms in one poll");
        }
    }
}

#[test]
fn a_long_poll_is_told_of_the_innermost_child() {
    let seen = Seen::new();
    let mut nursery = seen.nursery();
    let clock = seen.clock.clone();
    let watch = seen.watch.clone();
    nursery.child().name("outer").spawn(async move {
        let mut inner: Nursery<'_, (), ()> = Nursery::new();
        inner.child().name("inner").spawn(async move {
            yields(1).await;
            clock.pass(2_000);
            let found = watch.check();
            let lines: Vec<_> = found.iter().map(|it| name_of(it.child().unwrap())).collect();
            assert_eq!(lines, ["#0 inner"], "{found:#?}");
            assert_eq!(found[0].kind(), FindingKind::LongPoll);
            Ok(())
        });
        inner.join().await.map(drop).map_err(drop)
    });
    futures::executor::block_on(nursery.join()).unwrap();
}

#[test]
fn a_first_poll_does_not_end() {
    for (took, kind) in [(999, FindingKind::LongPoll), (1_000, FindingKind::NeverYields)] {
        let seen = Seen::new();
        let mut nursery = seen.nursery();
        let (clock, watch) = (seen.clock.clone(), seen.watch.clone());
        nursery.child().name("spins").spawn(async move {
            clock.pass(took);
            let kinds: Vec<_> = watch.check().iter().map(|it| it.kind()).collect();
            assert_eq!(kinds, [kind]);
            Ok(())
        });
        futures::executor::block_on(nursery.join()).unwrap();
    }
}

#[test]
fn a_child_wakes_itself_all_the_time() {
    // In each poll, and in eight of ten.
    for (often, found) in [(10, true), (8, false)] {
        let seen = Seen::new();
        let mut nursery = seen.nursery();
        let watch = seen.watch.clone();
        let mut polls = 0;
        nursery.child().name("spins").spawn(async move {
            poll_fn(|cx| {
                polls += 1;
                if polls % 10 < often {
                    cx.waker().wake_by_ref();
                } else {
                    // As if a socket had woken it.
                    let waker = cx.waker().clone();
                    std::thread::spawn(move || waker.wake()).join().unwrap();
                }
                if polls == 120 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            let kinds: Vec<_> = watch.check().iter().map(|it| it.kind()).collect();
            assert_eq!(kinds.contains(&FindingKind::WakesItself), found, "{often} of 10");
            Ok(())
        });
        futures::executor::block_on(nursery.join()).unwrap();
    }
}

#[test]
fn a_future_is_large() {
    async fn large<const N: usize>() -> Result<(), ()> {
        let bytes = [0_u8; N];
        std::future::pending::<()>().await;
        assert_eq!(bytes.len(), N);
        Ok(())
    }
    let seen = Seen::new();
    let mut nursery = seen.nursery();
    nursery.child().name("nearly").spawn(large::<16_000>());
    nursery.child().name("large").spawn(large::<16_384>());
    assert_eq!(seen.found(), [(FindingKind::LargeFuture, "#1 large".into())]);
}

#[test]
fn a_limit_is_too_low() {
    for limit in [2, 3] {
        let seen = Seen::new();
        let mut nursery = seen.nursery().limit(limit);
        let channels: Vec<_> = (0..3).map(|_| oneshot::channel::<()>()).collect();
        let mut senders = Vec::new();
        for (sender, receiver) in channels {
            senders.push(sender);
            nursery.spawn(async { receiver.await.map_err(drop) });
        }
        poll_once(nursery.next());
        seen.clock.pass(1_000);
        let kinds: Vec<_> = seen.found().into_iter().map(|it| it.0).collect();
        let expected: &[_] = if limit == 2 { &[FindingKind::LimitTooLow] } else { &[] };
        assert_eq!(kinds, expected);
    }
}

#[test]
fn a_limit_that_is_too_low_is_seen_from_the_body_too() {
    let seen = Seen::new();
    let mut nursery = seen.nursery().limit(1);
    for _ in 0..2 {
        nursery.spawn(std::future::pending());
    }
    let found = std::cell::RefCell::new(Vec::new());
    let body = nursery.run(async |_| {
        crate::support::yields(1).await;
        seen.clock.pass(1_000);
        *found.borrow_mut() = seen.found();
        Ok(())
    });
    poll_once(body);
    let kinds: Vec<_> = found.take().into_iter().map(|it| it.0).collect();
    assert!(kinds.contains(&FindingKind::LimitTooLow), "{kinds:?}");
}

#[test]
fn a_limit_is_not_too_low_where_children_are_busy() {
    let seen = Seen::new();
    let mut nursery = seen.nursery().limit(1);
    let (_sender, receiver) = oneshot::channel::<()>();
    let clock = seen.clock.clone();
    nursery.spawn(async move {
        clock.pass(1_000);
        receiver.await.map_err(drop)
    });
    nursery.spawn(ready(Ok(())));
    poll_once(nursery.next());
    let kinds: Vec<_> = seen.found().into_iter().map(|it| it.0).collect();
    assert_eq!(kinds, [FindingKind::LongPoll]);
}

#[test]
fn a_nursery_was_serial() {
    for (overlap, found) in [(false, true), (true, false)] {
        let seen = Seen::new();
        let mut nursery = seen.nursery();
        for _ in 0..3 {
            let clock = seen.clock.clone();
            nursery.spawn(async move {
                if overlap {
                    yields(1).await;
                }
                clock.pass(40);
                Ok(())
            });
        }
        futures::executor::block_on(async { while nursery.next().await.is_some() {} });
        let kinds: Vec<_> = seen.found().into_iter().map(|it| it.0).collect();
        assert_eq!(kinds.contains(&FindingKind::Serial), found, "overlap: {overlap}");
    }
}

#[test]
fn a_serial_nursery_with_a_limit_of_one_is_as_asked_for() {
    let seen = Seen::new();
    let mut nursery = seen.nursery().limit(1);
    for _ in 0..3 {
        let clock = seen.clock.clone();
        nursery.spawn(async move {
            clock.pass(40);
            Ok(())
        });
    }
    futures::executor::block_on(async { while nursery.next().await.is_some() {} });
    assert_eq!(seen.found(), []);
}

#[test]
fn thresholds_are_the_caller_s() {
    let seen = Seen::new();
    let mut nursery = seen.nursery();
    let clock = seen.clock.clone();
    let (_sender, receiver) = oneshot::channel::<()>();
    nursery.spawn(async move {
        clock.pass(2);
        receiver.await.map_err(drop)
    });
    poll_once(nursery.next());
    assert_eq!(seen.found(), []);
    let strict = Thresholds::default().long_poll(millis(2)).large_future(1);
    let found = seen.watch.snapshot().findings(&strict);
    let kinds: Vec<_> = found.iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, [FindingKind::LongPoll, FindingKind::LargeFuture]);
}

#[test]
fn items_of_a_pool_are_found_too() {
    let seen = Seen::new();
    let pool: Pool<'_, ()> = Pool::new(2).name("p").watch(&seen.watch);
    let mut run = Box::pin(pool.for_each(0..9, |_| join(pending::<()>(), ready(())).map_ok()));
    poll_once(run.as_mut());
    let lost = |name: &str| (FindingKind::NothingCanWake, name.to_owned());
    assert_eq!(seen.found(), [lost("#0"), lost("#1")]);
}

trait MapOk: Sized {
    fn map_ok(self) -> impl Future<Output = Result<(), ()>>;
}

impl<T, F: Future<Output = T>> MapOk for F {
    async fn map_ok(self) -> Result<(), ()> {
        self.await;
        Ok(())
    }
}

#[test]
fn the_alarm_tells_what_is_new() {
    use futures::{FutureExt, StreamExt};
    let seen = Seen::new();
    let mut nursery = seen.nursery();
    let mut alarm = Box::pin(seen.watch.alarm(|_| yields(1), millis(5)));
    let mut tick = || {
        // A sleep takes one yield.
        let found = alarm.next().now_or_never();
        found.or_else(|| alarm.next().now_or_never()).flatten().map(|found| found.len())
    };
    assert_eq!(tick(), None);
    nursery.child().name("lost").spawn(pending());
    poll_once(nursery.next());
    assert_eq!(tick(), Some(1));
    assert_eq!(tick(), None, "it is known");
    nursery.child().name("lost too").spawn(pending());
    poll_once(nursery.next());
    assert_eq!(tick(), Some(1));
}

#[test]
fn the_last_waker_of_a_child_has_ended() {
    use futures::StreamExt;
    use futures::channel::mpsc;
    for (forgotten, from_outside) in [(true, false), (false, false), (true, true)] {
        let seen = Seen::new();
        let mut nursery = seen.nursery();
        let (sender, mut receiver) = mpsc::unbounded::<u8>();
        nursery.child().name("writer").spawn(async move {
            while receiver.next().await.is_some() {}
            Ok(())
        });
        let own = sender.clone();
        nursery.child().name("producer").spawn(async move { own.unbounded_send(1).map_err(drop) });
        poll_once(async { while nursery.next().await.is_some() {} });
        if from_outside {
            sender.unbounded_send(2).unwrap();
            poll_once(async { while nursery.next().await.is_some() {} });
        }
        seen.clock.pass(10_000);
        let found = seen.found();
        let expected = (FindingKind::LastWakerEnded, "#0 writer".to_owned());
        // The sender that is left is that of the test, which could still send.
        assert_eq!(found.contains(&expected), !from_outside, "{found:?}");
        if !from_outside && forgotten {
            assert_eq!(
                seen.line(),
                "#0 writer in \"n\" has waited 10 s: only other children have ever woken it, and \
                 the last, #1 producer, has ended. A sender may be forgotten, or a lock",
            );
        }
        if !forgotten {
            drop(sender);
            futures::executor::block_on(nursery.join()).unwrap();
        }
    }
}

#[test]
fn all_children_wait() {
    for (alone, woken) in [(false, false), (true, false), (false, true)] {
        let seen = Seen::new();
        let mut nursery = seen.nursery();
        let mut senders = Vec::new();
        for _ in 0..if alone { 1 } else { 2 } {
            let (sender, mut receiver) = futures::channel::mpsc::unbounded::<()>();
            senders.push(sender);
            nursery.spawn(async move {
                use futures::StreamExt;
                while receiver.next().await.is_some() {}
                Ok(())
            });
        }
        poll_once(nursery.next());
        if woken {
            senders[0].unbounded_send(()).unwrap();
            poll_once(nursery.next());
        }
        seen.clock.pass(9_999);
        assert_eq!(seen.found(), []);
        seen.clock.pass(1);
        if alone || woken {
            assert_eq!(seen.found(), []);
        } else {
            let expected = "nursery \"n\" has 2 children that all wait, for 10 s at least, and \
                            nothing from outside has ever woken one: they may wait for each other, \
                            or for what drives the nursery";
            assert_eq!(seen.line(), expected);
        }
    }
}
