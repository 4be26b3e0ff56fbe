//! Which span hangs from which, and when each is open.

use std::future::{pending, ready};

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt};
use nestling::observe::Watch;
use nestling::{Nursery, Pool, Spawner};
use smol::future::yield_now;
use tracing::{Level, info_span};

use super::recorder::Recorder;

#[test]
fn nested_nurseries_hang_from_the_child_around() {
    let (recorder, _guard) = Recorder::begin();
    let around = info_span!("request").entered();
    let mut outer: Nursery<'_, (), ()> = Nursery::new().name("outer").trace();
    let around = around.exit();
    outer.child().name("parent").spawn(async {
        let mut inner: Nursery<'_, (), ()> = Nursery::new().name("inner");
        inner.child().name("leaf").spawn(async {
            yield_now().await;
            tracing::info!("here");
            Ok(())
        });
        inner.spawn(ready(Ok(())));
        inner.join().await.map(drop).map_err(drop)
    });
    drop(around);
    block_on(outer.join()).unwrap();
    let outer = "request > nursery outer";
    let inner = &format!("{outer} > child parent > nursery inner");
    let expected = [
        "request".into(),
        outer.into(),
        format!("{outer} > child parent"),
        inner.into(),
        format!("{inner} > child leaf"),
        format!("{inner} > child 1"),
    ];
    assert_eq!(recorder.paths(), expected);
    assert_eq!(recorder.events(), [format!("{inner} > child leaf: INFO here")]);
    // From the inside to the outside.
    let closed =
        ["child 1", "child leaf", "nursery inner", "child parent", "nursery outer", "request"];
    assert_eq!(recorder.told().closed, closed);
    recorder.check_all_is_over();
    let told = recorder.told();
    assert!(told.spans.iter().all(|span| span.level == Level::INFO));
    let leaf = &told.spans[4];
    assert_eq!((leaf.enters, leaf.fields["id"].as_str()), (2, "0")); // it is dropped in its last poll
    assert!(leaf.fields["spawned_at"].starts_with(&format!("{}:", file!())));
}

#[test]
fn a_nursery_hangs_from_the_span_that_is_entered_in_a_child() {
    let (recorder, _guard) = Recorder::begin();
    let mut outer: Nursery<'_, (), ()> = Nursery::new().trace();
    outer.spawn(async {
        let entered = info_span!("fetch_all").entered();
        let mut inner: Nursery<'_, (), ()> = Nursery::new();
        drop(entered);
        inner.spawn(ready(Ok(())));
        inner.join().await.map(drop).map_err(drop)
    });
    block_on(outer.join()).unwrap();
    let paths = recorder.paths();
    assert_eq!(paths[4], "nursery > child 0 > fetch_all > nursery > child 0");
    recorder.check_all_is_over();
}

#[test]
fn a_child_that_a_child_spawns_hangs_from_the_nursery() {
    let (recorder, _guard) = Recorder::begin();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().trace();
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        spawner.child().name("second").spawn(ready(Ok(()))).unwrap();
        Ok(())
    });
    block_on(nursery.join()).unwrap();
    assert_eq!(recorder.paths(), ["nursery", "nursery > child 0", "nursery > child second"]);
    recorder.check_all_is_over();
}

fn link(spawner: Spawner<'_, (), ()>, left: u32) -> BoxFuture<'_, Result<(), ()>> {
    async move {
        if left > 0 {
            drop(spawner.spawn(link(spawner.clone(), left - 1)));
        }
        Ok(())
    }
    .boxed()
}

#[test]
fn a_chain_of_10_000_children_is_two_spans_deep() {
    let (recorder, _guard) = Recorder::begin();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().trace().discard_outputs();
    let spawner = nursery.spawner();
    nursery.spawn(link(spawner, 9_999));
    block_on(nursery.join()).unwrap();
    recorder.check_all_is_over();
    let told = recorder.told();
    assert_eq!(told.spans.len(), 10_001);
    assert!(told.spans[1..].iter().all(|span| span.parent == Some(0)));
    // The nursery's, and that of the child that runs.
    assert_eq!(told.most_open, 2);
}

#[test]
fn children_that_wait_for_a_slot_have_no_span_open() {
    let (recorder, _guard) = Recorder::begin();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().limit(2).trace();
    for _ in 0..10 {
        nursery.spawn(async {
            yield_now().await;
            Ok(())
        });
    }
    assert_eq!(recorder.told().spans.len(), 0);
    block_on(nursery.join()).unwrap();
    assert_eq!(recorder.told().most_open, 3);
    recorder.check_all_is_over();
}

#[test]
fn the_body_has_a_span() {
    let (recorder, _guard) = Recorder::begin();
    let nursery: Nursery<'_, (), ()> = Nursery::new().name("server").trace();
    let run = nursery.run(|spawner| async move {
        tracing::info!("in the body");
        drop(spawner.spawn(ready(Ok(()))));
        Ok(())
    });
    block_on(run).unwrap();
    let server = "nursery server";
    let expected = [server.into(), format!("{server} > body"), format!("{server} > child 0")];
    assert_eq!(recorder.paths(), expected);
    assert_eq!(recorder.events(), ["nursery server > body: INFO in the body"]);
    assert_eq!(recorder.told().spans[1].fields.keys().collect::<Vec<_>>(), [&"spawned_at"]);
    recorder.check_all_is_over();
}

#[test]
fn items_have_spans_in_that_of_their_pool() {
    let (recorder, _guard) = Recorder::begin();
    let pool = Pool::new(2).name("files").trace();
    let run = pool.map(["a", "b", "c"], |name| async move {
        yield_now().await;
        let mut inner: Nursery<'_, (), ()> = Nursery::new();
        inner.spawn(ready(Ok(())));
        inner.join().await.unwrap();
        if name == "b" { Err(()) } else { Ok(()) }
    });
    block_on(run.item_name(|name| name.to_string())).unwrap_err();
    let mut paths = recorder.paths();
    paths.sort();
    let mut expected = vec![String::from("pool files")];
    for name in ["a", "b", "c"] {
        for rest in ["", " > nursery", " > nursery > child 0"] {
            expected.push(format!("pool files > item {name}{rest}"));
        }
    }
    assert_eq!(paths, expected);
    assert_eq!(recorder.events(), ["pool files > item b: WARN failed"]);
    assert_eq!(recorder.told().closed.last().unwrap(), "pool files");
    recorder.check_all_is_over();
}

#[test]
fn nothing_is_traced_unless_asked_for() {
    let (recorder, _guard) = Recorder::begin();
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    nursery.spawn(ready(Err(())));
    block_on(nursery.join()).unwrap_err();
    block_on(Pool::new(1).for_each(0..3, |_| ready(Err::<(), _>(())))).unwrap_err();
    assert!(recorder.paths().is_empty() && recorder.events().is_empty());
}

#[test]
fn all_goes_on_without_a_subscriber() {
    let mut nursery: Nursery<'_, u32, ()> = Nursery::new().trace();
    nursery.spawn_with_handle(pending()).cancel();
    nursery.spawn(async {
        let mut inner = Nursery::new();
        inner.spawn(ready(Ok(2)));
        inner.join().await.map(|two: Vec<u32>| two[0]).map_err(|_: nestling::JoinedError<()>| ())
    });
    assert_eq!(block_on(nursery.join()).unwrap(), [2]);
}

#[test]
fn a_nursery_keeps_one_span_when_options_are_added() {
    let (recorder, _guard) = Recorder::begin();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().trace();
    nursery.child().name("early").spawn(ready(Ok(())));
    let watch = Watch::new();
    let mut nursery = nursery.watch(&watch).trace().name("late");
    nursery.child().name("later").spawn(ready(Ok(())));
    assert_eq!(watch.snapshot().children().len(), 1);
    block_on(nursery.join()).unwrap();
    let paths = recorder.paths();
    assert_eq!(paths.iter().filter(|path| !path.contains(" > ")).count(), 1, "{paths:?}");
    assert_eq!(paths.len(), 3);
    recorder.check_all_is_over();
}
