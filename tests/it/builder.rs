//! What every way to spawn has in common: the name, the line, and the order.

use std::collections::HashSet;
use std::future::{Ready, ready};
use std::task::Poll;

use futures::FutureExt;
use nestling::Nursery;
use nestling::generic::{Flavor, Hold};

use crate::support::{Task, here, yields};

behaviour!(code_that_is_generic_over_the_flavour_makes_its_nursery_by_default, async {
    async fn sum<M>(children: u32) -> u32
    where
        M: Flavor + for<'a> Hold<'a, Ready<Result<u32, &'static str>>>,
    {
        let mut nursery = Nursery::<'_, u32, &str, M>::default();
        for n in 0..children {
            nursery.spawn(ready(Ok(n)));
        }
        nursery.join().await.unwrap().into_iter().sum()
    }

    assert_eq!(sum::<Flavour>(4).await, 6);
});

behaviour!(every_way_to_spawn_tells_the_line_of_its_caller, async {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    let from = here().line();
    nursery.spawn(async { Err("1") });
    let _ = nursery.spawn_with_handle(async { Err("2") });
    nursery.spawn_group(async { Err(group()) });
    nursery.try_reserve().unwrap().spawn(async { Err("4") });
    nursery.reserve().await.unwrap().spawn(async { Err("5") });
    spawner.spawn(async { Err("6") }).unwrap();
    let _ = spawner.spawn_with_handle(async { Err("7") }).unwrap();
    spawner.spawn_group(async { Err(group()) }).unwrap();
    spawner.try_reserve().unwrap().spawn(async { Err("9") }).unwrap();
    spawner.reserve().await.unwrap().spawn(async { Err("10") }).unwrap();
    nursery.child().spawn(async { Err("11") });
    nursery.reserve().await.unwrap().name("12").spawn(async { Err("12") });
    spawner.child().spawn(async { Err("13") }).unwrap();
    let error = nursery.join().await.unwrap_err();
    let lines = error.by_spawn_order().map(|e| {
        let location = e.child().location();
        assert_eq!(location.file(), file!());
        location.line() - from
    });
    assert!(lines.eq(1..=13));
});

/// An error of a nursery of its own.
fn group() -> nestling::JoinedError<&'static str> {
    let mut nursery = nestling::Nursery::<(), _>::new();
    nursery.spawn(async { Err("in a group") });
    nursery.join().now_or_never().unwrap().unwrap_err()
}

behaviour!(every_way_to_spawn_keeps_the_name, async {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    nursery.child().name("0").spawn(async { Err("") });
    let first = nursery.child().name("1").spawn_with_handle(async { Err("") });
    nursery.child().name("2").group().spawn(async { Err(group()) });
    let _ = nursery.child().name("3").group().spawn_with_handle(async { Err(group()) });
    nursery.try_reserve().unwrap().name("4").spawn(async { Err("") });
    nursery.reserve().await.unwrap().name("5").spawn(async { Err("") });
    spawner.child().name("6").spawn(async { Err("") }).unwrap();
    let _ = spawner.child().name("7").spawn_with_handle(async { Err("") }).unwrap();
    spawner.child().name("8").group().spawn(async { Err(group()) }).unwrap();
    let _ = spawner.child().name("9").group().spawn_with_handle(async { Err(group()) }).unwrap();
    spawner.try_reserve().unwrap().name("10").spawn(async { Err("") }).unwrap();
    spawner.reserve().await.unwrap().name("11").spawn(async { Err("") }).unwrap();
    assert_eq!(first.child().name(), Some("1"));
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.len(), 12);
    for entry in &error {
        assert_eq!(entry.child().name(), Some(&*entry.child().id().number().to_string()));
    }
});

behaviour!(an_empty_name_is_none_and_names_need_not_be_unique, async {
    let mut nursery = nursery::<(), &str>().name("");
    nursery.child().name("").spawn(async { Err("1") });
    nursery.child().name("twin").spawn(async { Err("2") });
    nursery.child().name("twin").spawn(async { Err("3") });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.name(), None);
    let names: Vec<_> = error.iter().map(|e| e.child().name()).collect();
    assert_eq!(names, [None, Some("twin"), Some("twin")]);
    let ids: HashSet<_> = error.iter().map(|e| e.child().id()).collect();
    assert_eq!(ids.len(), 3);
});

behaviour!(a_report_and_a_refusal_say_what_happened_on_one_line, async {
    let mut nursery = nursery::<u32, &str>().limit(4);
    nursery.spawn(async { Ok(1) });
    nursery.spawn(async { Err("no") });
    nursery.child().name("late").spawn(std::future::pending());
    nursery.spawn(async {
        yields(1).await;
        Ok(2)
    });
    let full = nursery.try_reserve().unwrap_err();
    assert!(full.to_string().starts_with("the nursery is full: as many children are unfinished"));
    while !nursery.next().await.unwrap().outcome().is_failed() {}
    nursery.cancel_with("shutting\ndown");
    let report = nursery.settle().await;
    assert_eq!(
        report.to_string(),
        "4 children: 1 completed, 1 failed, 2 cancelled (requested: shutting…)"
    );
    assert_eq!(report.cancelled()[0].to_string(), "#2 late: requested: shutting…");
});

by_hand!(a_future_that_is_polled_after_it_was_ready_panics_and_does_not_hang, {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let polled_again = |mut poll: Box<dyn FnMut() -> bool>| {
        assert!(poll());
        catch_unwind(AssertUnwindSafe(poll)).is_err()
    };
    let empty = nursery::<(), &str>;
    let mut task = Task::new(empty().join());
    assert!(polled_again(Box::new(move || task.poll().is_ready())));
    let mut task = Task::new(empty().join().by_child());
    assert!(polled_again(Box::new(move || task.poll().is_ready())));
    let mut task = Task::new(empty().settle());
    assert!(polled_again(Box::new(move || task.poll().is_ready())));
    let mut task = Task::new(empty().first_ok());
    assert!(polled_again(Box::new(move || task.poll().is_ready())));
    let mut task = Task::new(empty().first_ok().settle());
    assert!(polled_again(Box::new(move || task.poll().is_ready())));
    let mut task = Task::new(empty().run(|_| async { Ok(()) }));
    assert!(polled_again(Box::new(move || task.poll().is_ready())));
    let spawner = empty().spawner();
    let mut task = Task::new(spawner.reserve());
    assert!(polled_again(Box::new(move || task.poll().is_ready())));
    let mut nursery = nursery::<(), &str>();
    let mut task = Task::new(nursery.reserve());
    assert!(matches!(task.poll(), Poll::Ready(_)));
    assert!(catch_unwind(AssertUnwindSafe(|| task.poll().is_ready())).is_err());
});
