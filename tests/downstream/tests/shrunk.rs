//! proptest and the kit: proptest makes up the choices of a run, and shrinks them where the run
//! fails.

use futures::future::select;
use nestling::testing::{Executor, Hazards};
use nestling_downstream::{Fault, faulty};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};

/// Choices by bytes. A smaller byte never gives a greater choice, and where there are no more the
/// plain choice is made: so what proptest shrinks is a run with fewer choices that are not plain.
fn choosing(bytes: Vec<u8>) -> Executor<'static> {
    let mut bytes = bytes.into_iter();
    Executor::from_choices(move |n| usize::from(bytes.next().unwrap_or(0)) * n / 256)
}

/// Three tasks send through a channel of one slot, and the first of them may give up. Returns how
/// many tasks are stuck.
fn one_gives_up(mut executor: Executor<'static>, fault: Fault) -> usize {
    let (sender, mut receiver) = faulty(1, fault);
    let enough = executor.signal();
    let (first, wait) = (sender.clone(), enough.wait());
    executor.spawn(async move {
        select(wait, first.send(0)).await;
    });
    for n in 1..3 {
        let sender = sender.clone();
        executor.spawn(async move { sender.send(n).await });
    }
    drop(sender);
    executor.spawn(async move { enough.fire() });
    executor.spawn(async move { while receiver.recv().await.is_some() {} });
    executor.run().stuck()
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_choices_make_the_channel_lose_a_wake(bytes: Vec<u8>) {
        prop_assert_eq!(one_gives_up(choosing(bytes), Fault::None), 0);
    }
}

#[test]
fn a_lost_wake_shrinks_to_the_one_choice_that_it_needs() {
    let failed = TestRunner::new(config()).run(&any::<Vec<u8>>(), |bytes| {
        let executor = choosing(bytes).hazards(Hazards::none());
        prop_assert_eq!(one_gives_up(executor, Fault::LostWake), 0);
        Ok(())
    });
    let Err(TestError::Fail(_, bytes)) = failed else { panic!("not found: {failed:?}") };
    // All is in turns, but that one task is polled before another.
    assert_eq!(bytes.iter().filter(|&&byte| byte > 0).count(), 1, "{bytes:?}");
}
