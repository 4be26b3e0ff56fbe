//! Moments at which a plain drop would take something along that has nothing to do with it.

use std::future::{pending, poll_fn, ready};
use std::panic::panic_any;
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;
use nestling::Nursery;

use super::{Around, Bomb, Bombs, discard, ends_holding, waits_holding, while_panicking};
use crate::support::{OnDrop, Task, drive};

type Children = Nursery<'static, Bomb, &'static str>;

#[test]
fn a_winner_that_waits_for_its_losers_is_dropped_with_the_race() {
    for around in Around::ALL {
        let bombs = Bombs::default();
        let mut nursery = Children::new();
        let loser = waits_holding(bombs.bomb("a loser"));
        nursery.child().grace(pending::<()>).spawn(loser);
        nursery.spawn(ready(Ok(bombs.bomb("the winner"))));
        let mut race = Task::new(nursery.first_ok());
        assert!(race.run().is_pending());
        around.drop(race, &bombs, "a race");
    }
}

#[test]
fn a_winner_alone_that_goes_while_panicking_aborts_nothing() {
    let bombs = Bombs::default();
    let mut nursery = Children::new();
    nursery.child().grace(pending::<()>).spawn(pending());
    nursery.spawn(ready(Ok(bombs.bomb("the winner"))));
    let mut race = Task::new(nursery.first_ok());
    assert!(race.run().is_pending());
    while_panicking(|| drop(race));
    bombs.assert_all_gone("the race");
}

#[test]
fn what_has_ended_and_is_not_handed_out_takes_no_option_along() {
    for around in Around::ALL {
        let bombs = Bombs::default();
        let mut payload = Some(bombs.bomb("a payload"));
        let destructor = OnDrop(move || panic_any(payload.take()));
        let mut output = Some(bombs.dud());
        let mut nursery = Children::new().deadline(waits_holding::<()>(bombs.bomb("a deadline")));
        nursery.spawn(poll_fn(move |_| {
            let _held = &destructor;
            Poll::Ready(Ok(output.take().expect("polled after it was ready")))
        }));
        nursery.spawn(waits_holding(bombs.bomb("a child")));
        // The output comes first, and the panic of the destructor would be the next.
        let first = nursery.next().now_or_never().flatten();
        let first = first.and_then(|end| end.into_outcome().completed());
        assert!(first.is_some());
        discard(first);
        around.drop(nursery, &bombs, "a nursery");
    }
}

#[test]
fn a_grace_that_another_replaces_while_panicking_aborts_nothing() {
    let bombs = Bombs::default();
    let mut nursery = Children::new();
    let spawner = nursery.spawner();
    assert!(spawner.cancel_within("first", waits_holding::<()>(bombs.bomb("a grace"))));
    while_panicking(|| {
        spawner.cancel_within("second", pending::<()>());
    });
    bombs.assert_all_gone("the grace");
}

#[test]
fn a_future_that_is_refused_for_all_its_slot_comes_back_without_its_timers() {
    let bombs = Bombs::default();
    let mut nursery = Children::new().limit(1);
    let spawner = nursery.spawner();
    let timeout = waits_holding::<()>(bombs.bomb("a timeout"));
    let grace = waits_holding::<()>(bombs.bomb("a grace"));
    let slot = spawner.try_reserve().expect("there is room for one");
    let child = slot.timeout(move || timeout).grace(move || grace);
    drop(nursery);
    let rejected = child.spawn(ready(Ok(bombs.dud()))).expect_err("the nursery is gone");
    assert!(rejected.reason.is_closed());
    drop(rejected);
    bombs.assert_all_gone("both timers");
}

#[test]
fn a_timer_that_is_over_takes_no_output_of_the_same_poll_along() {
    for grace in [false, true] {
        let bombs = Bombs::default();
        let mut nursery = Children::new();
        let timer = ends_holding(bombs.bomb("a timer"), ());
        let name = if grace { "grace" } else { "timeout" };
        if grace {
            let (send, sent) = oneshot::channel();
            let handle = nursery
                .child()
                .grace(move || timer)
                .spawn_with_handle(async { sent.await.map_err(|_| "hung up") });
            drive(&mut nursery);
            handle.cancel();
            assert!(send.send(bombs.dud()).is_ok());
        } else {
            nursery.child().timeout(move || timer).spawn(ready(Ok(bombs.dud())));
        }
        let Poll::Ready(report) = Task::new(nursery.settle()).run() else { panic!("it has ended") };
        let error = report.error().expect("the timer has panicked").to_string();
        assert!(error.contains(&format!("panicked in the {name}: a timer")), "{error}");
        let (outputs, error, _) = report.into_parts();
        assert_eq!(outputs.len(), 1, "{name}");
        discard(outputs);
        drop(error);
        bombs.assert_all_gone(name);
    }
}
