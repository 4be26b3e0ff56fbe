//! What the fuzzer's bytes stand for: some tasks, and the choices of the executor that runs them.

use futures::future::select;
use nestling::testing::{Counters, Executor, Signal};
use nestling_downstream::{Fault, faulty};

/// The first byte says how many tasks there are, each of the next which task, and the rest are
/// choices.
pub fn check(data: &[u8], fault: Fault) {
    let (count, rest) = data.split_first().unwrap_or((&0, &[]));
    let (tasks, choices) = rest.split_at(rest.len().min(usize::from(count % 9)));
    let mut choices = Vec::from(choices).into_iter();
    let choose = move |n| usize::from(choices.next().unwrap_or(0)) * n / 256;
    let mut executor = Executor::from_choices(choose);
    let counters = Counters::new();
    let (sender, mut receiver) = faulty(1, fault);
    let [enough, leave] = [executor.signal(), executor.signal()];
    let fire = |signal: &Signal| {
        let signal = signal.clone();
        async move { signal.fire() }
    };
    for task in tasks {
        let (sender, value, wait) = (sender.clone(), counters.track(()), enough.wait());
        match task % 4 {
            0 => drop(executor.spawn(async move { drop(sender.send(value).await) })),
            1 => drop(executor.spawn(async move { drop(select(wait, sender.send(value)).await) })),
            2 => drop(executor.spawn(fire(&enough))),
            _ => drop(executor.spawn(fire(&leave))),
        }
    }
    drop(sender);
    let wait = leave.wait();
    executor.spawn(async move {
        select(wait, std::pin::pin!(async { while receiver.recv().await.is_some() {} })).await;
    });
    executor.run().expect_done();
    drop(executor);
    counters.assert_nothing_left();
}
