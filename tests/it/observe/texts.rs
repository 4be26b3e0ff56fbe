//! The texts of snapshots, to the letter.

use std::future::{pending, ready};

use futures::future::BoxFuture;
use nestling::observe::{AtPlace, Watch};
use nestling::{Nursery, Pool};

use super::{Hand, poll_once};

const FILE: &str = "tests/it/observe/texts.rs";

#[test]
fn a_table_is_aligned_with_wide_characters_and_long_names() {
    let clock = Hand::default();
    let watch = Watch::with_clock(clock.clone());
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().limit(3).name("同步").watch(&watch);
    let line = line!() + 2;
    let mut spawn =
        |name: &str| nursery.child().name(name).spawn(pending::<()>().at("等").map_ok());
    spawn("fetch");
    spawn("抓取 🚀");
    spawn(&"long ".repeat(20));
    spawn("a\u{1b}[31mb\nc");
    clock.pass(1_500);
    poll_once(nursery.next());
    clock.pass(250);
    let at = format!("{FILE}:{line}");
    let expected = format!(
        "\
4 children (1 queued) in 1 nursery
NURSERY  CHILD                                      STATE          FOR      AGE      POLLS  LONGEST  WOKEN BY  SPAWNED AT
同步     #0 fetch                                   waiting at 等  250 ms   1.750 s  1      0 ns               {at}
同步     #1 抓取 🚀                                 waiting at 等  250 ms   1.750 s  1      0 ns               {at}
同步     #2 long long long long long long long lo…  waiting at 等  250 ms   1.750 s  1      0 ns               {at}
同步     #3 a\\u{{1b}}[31mb\\nc                         queued         1.750 s  1.750 s                            {at}
"
    );
    assert_eq!(watch.snapshot().to_string(), expected);
}

#[test]
fn nothing_is_shown_as_a_line() {
    let shown = Watch::new().snapshot();
    assert_eq!((shown.to_string(), format!("{shown:#}")), (line0(), line0()));
    assert!(shown.groups().is_empty());
}

fn line0() -> String {
    String::from("0 children in 0 nurseries\n")
}

#[test]
fn a_tree_has_all_roots_and_what_is_inside() {
    let clock = Hand::default();
    let watch = Watch::with_clock(clock.clone());
    let mut first: Nursery<'_, (), ()> = Nursery::new().name("first").limit(2).watch(&watch);
    let mut spawn = |name: &str, daemon, future: BoxFuture<'static, Result<(), ()>>| {
        let child = first.child().name(name);
        if daemon { child.daemon().spawn(future) } else { child.spawn(future) }
    };
    let line = line!() - 2;
    spawn("metrics", true, Box::pin(pending()));
    spawn("抓取", false, Box::pin(outer()));
    spawn("ends", false, Box::pin(ready(Ok(()))));
    spawn("queued", false, Box::pin(pending()));
    spawn("too", false, Box::pin(pending()));
    let _next = Box::pin(async { while first.next().await.is_some() {} });
    poll_once(_next);
    let second: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    clock.pass(1_500);
    let inner = INNER.with(std::cell::Cell::get);
    let expected = format!(
        "\
6 children (1 queued) in 2 nurseries and 1 pool
nursery \"first\": 2 of 2 run, 1 queued, 1 daemon, 1 has ended
├─ #0 metrics  waiting, daemon 1.500 s  {FILE}:{line}
├─ #1 抓取     waiting 1.500 s          {FILE}:{line}
│  └─ pool \"inner\": 2 of 2 run
│     ├─ #0  waiting at 'a' 1.500 s  {FILE}:{inner}
│     └─ #1  waiting at 'b' 1.500 s  {FILE}:{inner}
├─ #3 queued   waiting 1.500 s          {FILE}:{line}
└─ #4 too      queued 1.500 s           {FILE}:{line}
nursery: 0 run
"
    );
    let shown = format!("{:#}", watch.snapshot());
    assert_eq!(shown, expected, "\n{shown}");
    assert_eq!(watch.snapshot().tree().to_string(), expected);
    drop(second);
}

thread_local! {
    static INNER: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

async fn outer() -> Result<(), ()> {
    let pool: Pool<'_, ()> = Pool::new(2).name("inner");
    INNER.set(line!() + 1);
    pool.for_each(['a', 'b', 'c'], |place| pending::<()>().at(format!("{place:?}")).map_ok())
        .await
        .map_err(drop)
}

#[test]
fn groups_are_told_the_largest_first() {
    let clock = Hand::default();
    let watch = Watch::with_clock(clock.clone());
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().limit(405).watch(&watch);
    let line = line!() + 1;
    let mut spawn = |future: BoxFuture<'static, Result<(), ()>>| nursery.spawn(future);
    for n in 0..412 {
        let place = if n < 400 { "connect" } else { "read" };
        spawn(Box::pin(pending::<()>().at(place).map_ok()));
    }
    let other = line!() + 1;
    nursery.child().daemon().spawn(pending());
    // More than one turn may start.
    for _ in 0..3 {
        poll_once(nursery.next());
    }
    clock.pass(31_000);
    let snapshot = watch.snapshot();
    let shown: Vec<_> = snapshot.groups().iter().map(ToString::to_string).collect();
    let expected = [
        format!(
            "412 children from {FILE}:{line}, oldest 31 s, 7 queued, 400 at connect, 5 at read"
        ),
        format!("1 child from {FILE}:{other}, oldest 31 s"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(snapshot.groups()[0].location().line(), line);
}

#[test]
fn a_deep_tree_needs_no_deep_stack() {
    fn nested(depth: usize) -> BoxFuture<'static, Result<(), ()>> {
        Box::pin(async move {
            let mut inner: Nursery<'_, (), ()> = Nursery::new();
            inner.spawn(if depth == 0 { Box::pin(pending()) } else { nested(depth - 1) });
            inner.join().await.map(drop).map_err(drop)
        })
    }
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    nursery.spawn(nested(100));
    poll_once(nursery.next());
    let snapshot = watch.snapshot();
    assert_eq!(snapshot.children().len(), 102);
    assert_eq!(format!("{snapshot:#}").lines().count(), 1 + 2 * 102);
}

trait MapOk: Sized {
    fn map_ok(self) -> impl Future<Output = Result<(), ()>> + Send;
}

impl<F: Future<Output = ()> + Send> MapOk for F {
    async fn map_ok(self) -> Result<(), ()> {
        self.await;
        Ok(())
    }
}
