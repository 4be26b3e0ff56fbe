//! Work that drives a nursery or a pool can be handed to `tokio::spawn`, whatever its children borrow.
//!
//! It is the compiler that checks these: such futures are easily `Send` and yet "not general enough".

use std::future::{pending, ready};

use futures::stream;
use nestling::{JoinedError, Nursery, Pool};

async fn check(item: &str) -> Result<(), String> {
    ready(()).await;
    if item.is_empty() { Err("empty".to_owned()) } else { Ok(()) }
}

/// As `tokio::spawn` asks for it.
fn spawned<F: Future + Send + 'static>(work: F) -> F::Output {
    futures::executor::block_on(work)
}

fn items() -> Vec<String> {
    ["a", "", "b"].map(String::from).into()
}

#[test]
fn a_nursery_whose_children_borrow_can_be_spawned() {
    let error = spawned(async {
        let items = items();
        let mut nursery = Nursery::new()
            .limit(2)
            .on_failure(|failure| drop(failure.to_string()))
            .cancel_when(|failure| failure.failure().is_panic());
        for item in &items {
            nursery.child().name(item.as_str()).spawn(check(item));
        }
        for later in items.iter().map(|item| check(item)) {
            nursery.spawn(later);
        }
        let _joins: Vec<_> = items.iter().map(|item| nursery.spawn_join(check(item))).collect();
        nursery.reserve().await.unwrap().spawn(check(&items[0]));
        nursery.join().await
    });
    assert_eq!(error.unwrap_err().counts().failed(), 3);
}

#[test]
fn a_body_a_context_and_a_group_that_borrow_can_be_spawned() {
    async fn group(items: &[String]) -> Result<(), JoinedError<String>> {
        let mut nursery = Nursery::new();
        items.iter().for_each(|item| drop(nursery.spawn_with_handle(check(item))));
        nursery.join().await.map(drop)
    }
    let error = spawned(async {
        let items = items();
        let items = &items;
        let mut nursery = Nursery::new();
        nursery.spawn_group(group(items));
        nursery.child().grace(pending::<()>).group().spawn_with_context(|cx| async move {
            let mut inner = cx.nursery();
            inner.spawn(check(&items[1]));
            cx.until_cancelled(ready(())).await;
            inner.join().await.map(drop)
        });
        nursery
            .run(async |spawner| {
                for item in items {
                    spawner.spawn(check(item)).map_err(|no| no.to_string())?;
                }
                Ok::<_, String>(())
            })
            .await
            .map(drop)
    });
    assert_eq!(error.unwrap_err().leaves().count(), 3);
}

#[test]
fn a_pool_whose_items_borrow_can_be_spawned() {
    let failed = spawned(async {
        let items = items();
        let one = Pool::new(2).for_each(&items, |item: &String| check(item)).await;
        let two = Pool::new(2).for_each(items.iter().map(String::as_str), check).await;
        let stream = stream::iter(&items);
        let three = Pool::new(2).map_stream(stream, |item: &String| check(item)).await;
        let four =
            Pool::new(2).map(items.iter().enumerate(), |(_, item)| check(item)).settle().await;
        [one.is_err(), two.is_err(), three.is_err(), four.error().is_some()]
    });
    assert_eq!(failed, [true; 4]);
}
