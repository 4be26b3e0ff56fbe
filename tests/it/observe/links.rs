//! Nurseries and pools inside a child join what it is observed by.

use std::future::{pending, ready};

use nestling::observe::{Snapshot, Watch};
use nestling::{Nursery, Pool};

use super::{child, poll_once};

/// The name of the child that each nursery is inside.
fn parents(snapshot: &Snapshot) -> Vec<(Option<&str>, Option<&str>)> {
    let name = |number| snapshot.child(number).and_then(|child| child.info().name());
    let nurseries = snapshot.nurseries().iter();
    nurseries.map(|nursery| (nursery.name(), nursery.parent().and_then(name))).collect()
}

/// A library that knows of no watch.
async fn library() -> Result<(), ()> {
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().name("inner");
    nursery.child().name("deep").spawn(async {
        let pool: Pool<'_, ()> = Pool::new(2).name("pool");
        pool.for_each(["a", "b", "c"], |_| pending()).item_name(|name| *name).await.map_err(drop)
    });
    nursery.join().await.map(drop).map_err(drop)
}

#[test]
fn nurseries_and_pools_inside_join_by_themselves() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().name("outer").watch(&watch);
    nursery.child().name("library").spawn(library());
    poll_once(nursery.next());
    let snapshot = watch.snapshot();
    let expected =
        [(Some("outer"), None), (Some("inner"), Some("library")), (Some("pool"), Some("deep"))];
    assert_eq!(parents(&snapshot), expected);
    let names: Vec<_> = snapshot.children().iter().map(|it| it.info().name().unwrap()).collect();
    assert_eq!(names, ["library", "deep", "a", "b"]);
    for (name, nursery) in [("library", 0), ("deep", 1), ("a", 2)] {
        let number = snapshot.nurseries()[nursery].number();
        assert_eq!(child(&snapshot, name).nursery(), number, "{name}");
    }
    assert!(snapshot.nurseries()[2].is_pool());
}

#[test]
fn a_nursery_in_the_body_joins() {
    let watch = Watch::new();
    let nursery: Nursery<'_, (), ()> = Nursery::new().name("outer").watch(&watch);
    poll_once(nursery.run(|_| async {
        let mut inner: Nursery<'_, (), ()> = Nursery::new().name("inner");
        inner.spawn(ready(Ok(())));
        let snapshot = watch.snapshot();
        assert_eq!(snapshot.nurseries().len(), 2);
        let parent = snapshot.child(snapshot.nurseries()[1].parent().unwrap()).unwrap();
        assert!(parent.info().is_body());
        pending::<Result<(), ()>>().await
    }));
}

#[test]
fn a_nursery_made_elsewhere_does_not_join() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let mut own: Nursery<'_, (), ()> = Nursery::new();
    own.spawn(pending());
    nursery.spawn(async { own.join().await.map(drop).map_err(drop) });
    poll_once(nursery.next());
    assert_eq!(watch.snapshot().nurseries().len(), 1);
    assert_eq!(watch.snapshot().children().len(), 1);
}

#[test]
fn a_nursery_beside_an_observed_one_is_not_observed() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    nursery.spawn(ready(Ok(())));
    futures::executor::block_on(nursery.join()).unwrap();
    let mut after: Nursery<'_, (), ()> = Nursery::new();
    after.spawn(ready(Ok(())));
    assert!(watch.snapshot().nurseries().is_empty());
}

#[test]
fn the_context_s_nursery_joins_too() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    nursery.child().name("parent").spawn_with_context(|cx| async move {
        let mut inner = cx.nursery::<(), ()>().name("inner");
        inner.spawn(pending());
        inner.join().await.map(drop).map_err(drop)
    });
    poll_once(nursery.next());
    assert_eq!(parents(&watch.snapshot())[1], (Some("inner"), Some("parent")));
}
