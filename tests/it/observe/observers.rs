//! What observers are told, in which order; and what one that panics does.

use std::fmt::Write as _;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nestling::observe::{EndKind, Observer, PollSeen, SeenChild, TimeSource, Watch, WokenBy};
use nestling::{Cause, Nursery};

use super::{Hand, poll_once};
use crate::support::yields;

/// Writes down all that it is told, without times.
#[derive(Clone, Default)]
struct Diary {
    lines: Arc<Mutex<String>>,
    clock: Hand,
}

impl Diary {
    fn note(&self, child: &SeenChild, what: &str) {
        writeln!(self.lines.lock().unwrap(), "{} {what}", child.info().label()).unwrap();
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

impl Observer for Diary {
    fn spawned(&self, child: &SeenChild, at: Duration) {
        assert_eq!(child.spawned_at(), at);
        self.note(child, "spawned");
    }

    fn started(&self, child: &SeenChild, _: Duration) {
        self.note(child, "started");
    }

    fn polled(&self, child: &SeenChild, poll: &PollSeen) {
        assert!(poll.began() <= poll.ended() && poll.took() == poll.ended() - poll.began());
        match poll.woken() {
            Some((at, by)) => {
                assert!(at <= poll.began());
                self.note(child, &format!("polled, woken by {by}"));
            }
            None => self.note(child, "polled"),
        }
    }

    fn woken(&self, child: &SeenChild, _: Duration, by: &WokenBy) {
        self.note(child, &format!("woken by {by}"));
    }

    fn cancelled(&self, child: &SeenChild, _: Duration, cause: &Cause) {
        self.note(child, &format!("cancelled: {cause}"));
    }

    fn ended(&self, child: &SeenChild, _: Duration, kind: EndKind) {
        self.note(child, kind.to_string().as_str());
    }

    fn clock(&self) -> Option<Arc<dyn TimeSource>> {
        Some(Arc::new(self.clock.clone()))
    }
}

#[test]
fn a_life_is_told_in_order() {
    let diary = Diary::default();
    let mut nursery: Nursery<'_, (), &str> = Nursery::new().limit(1).observe(diary.clone());
    nursery.child().name("one").spawn(async {
        yields(1).await;
        Ok(())
    });
    nursery.child().name("two").spawn(ready(Err("disk full")));
    futures::executor::block_on(nursery.join()).unwrap_err();
    let expected = "\
        #0 one spawned\n#1 two spawned\n\
        #0 one started\n#0 one woken by itself\n#0 one polled\n\
        #0 one polled, woken by itself\n#0 one completed\n\
        #1 two started\n#1 two polled\n#1 two failed\n";
    assert_eq!(diary.take(), expected);
}

#[test]
fn every_end_is_told_as_what_it_is() {
    let diary = Diary::default();
    let mut nursery: Nursery<'_, (), &str> = Nursery::new().observe(diary.clone());
    nursery.child().name("panics").spawn(async { panic!("a child") });
    nursery.child().name("late").timeout(|| ready(())).spawn(pending());
    let handle = nursery.child().name("handle").spawn_with_handle(pending());
    nursery.child().name("dropped").spawn(pending());
    poll_once(async { while nursery.next().await.is_some() {} });
    handle.cancel_with("enough");
    poll_once(nursery.run(|_| pending::<Result<(), _>>()));
    let told = diary.take();
    for end in [
        "#0 panics panicked",
        "#1 late cancelled: child #1 late timed out",
        "#1 late timed out",
        "#2 handle cancelled: requested: enough",
        "#2 handle cancelled",
        "#3 dropped cancelled",
        "body cancelled",
    ] {
        assert_eq!(told.lines().filter(|line| *line == end).count(), 1, "{end} in:\n{told}");
    }
}

#[test]
fn a_nursery_that_is_cancelled_tells_of_those_that_go_on() {
    let diary = Diary::default();
    let nursery: Nursery<'_, (), ()> = Nursery::new().grace(pending::<()>);
    let mut nursery = nursery.observe(diary.clone());
    nursery.spawn(pending());
    poll_once(nursery.next());
    diary.take();
    nursery.cancel_with("enough");
    nursery.cancel_with("more");
    assert_eq!(diary.take(), "#0 cancelled: requested: enough\n");
}

#[test]
fn a_child_that_never_starts_is_told_all_the_same() {
    let diary = Diary::default();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().observe(diary.clone());
    nursery.spawn(pending());
    drop(nursery);
    assert_eq!(diary.take(), "#0 spawned\n#0 cancelled\n");
}

#[test]
fn children_of_a_spawner_are_told_before_they_start() {
    let diary = Diary::default();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().observe(diary.clone());
    let spawner = nursery.spawner();
    spawner.spawn(ready(Ok(()))).unwrap();
    // Told by the driver: a spawner may stand in any code.
    assert_eq!(diary.take(), "");
    futures::executor::block_on(nursery.join()).unwrap();
    assert_eq!(diary.take(), "#0 spawned\n#0 started\n#0 polled\n#0 completed\n");
}

#[test]
fn a_child_that_is_cancelled_before_it_was_told_of_is_told_as_ended() {
    let diary = Diary::default();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().observe(diary.clone());
    let spawner = nursery.spawner();
    spawner.spawn_with_handle(pending()).unwrap().cancel();
    assert_eq!(diary.take(), "");
    assert_eq!(futures::executor::block_on(nursery.settle()).counts().cancelled(), 1);
    assert_eq!(diary.take(), "#0 spawned\n#0 cancelled\n");
}

/// The order of what is told of each child, where many threads spawn, cancel and run.
#[test]
fn what_is_told_of_a_child_is_in_order_on_many_threads() {
    #[derive(Default)]
    struct Order(Mutex<std::collections::BTreeMap<u64, u8>>);
    impl Order {
        fn reach(&self, child: &SeenChild, from: &[u8], to: u8) {
            let mut stages = self.0.lock().unwrap();
            let stage = stages.entry(child.number()).or_default();
            assert!(from.contains(stage), "{} goes from {stage} to {to}", child.info());
            *stage = to;
        }
    }
    impl Observer for Order {
        fn spawned(&self, child: &SeenChild, _: Duration) {
            self.reach(child, &[0], 1);
        }

        fn started(&self, child: &SeenChild, _: Duration) {
            self.reach(child, &[1], 2);
        }

        fn polled(&self, child: &SeenChild, _: &PollSeen) {
            self.reach(child, &[2], 2);
        }

        fn ended(&self, child: &SeenChild, _: Duration, _: EndKind) {
            self.reach(child, &[1, 2], 3);
        }
    }
    let order = Arc::new(Order::default());
    let threads = nestling::executor(|task| {
        std::thread::spawn(|| futures::executor::block_on(task));
    });
    let pool: nestling::Pool<'_, ()> = nestling::Pool::new(4).observe(Arc::clone(&order));
    futures::executor::block_on(pool.on(threads).for_each(0..500, |_| yields(1).map_ok())).unwrap();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().limit(8).observe(Arc::clone(&order));
    let spawner = nursery.spawner();
    let (release, released) = futures::channel::oneshot::channel::<()>();
    nursery.spawn(async { released.await.map_err(drop) });
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..500 {
                spawner.spawn_with_handle(pending()).unwrap().cancel();
                spawner.spawn(yields(1).map_ok()).unwrap();
            }
            release.send(()).unwrap();
        });
        assert_eq!(futures::executor::block_on(nursery.settle()).counts().total(), 1_001);
    });
    // An observer that panics is not called again.
    let stages = order.0.lock().unwrap();
    assert_eq!(stages.values().filter(|stage| **stage == 3).count(), 500 + 1_001);
}

trait MapOk: Future<Output = ()> + Sized {
    fn map_ok(self) -> impl Future<Output = Result<(), ()>> + Send
    where
        Self: Send,
    {
        async {
            self.await;
            Ok(())
        }
    }
}

impl<F: Future<Output = ()>> MapOk for F {}

#[test]
fn a_child_knows_what_spawned_it_and_where_it_is() {
    #[derive(Default)]
    struct Links(Mutex<Vec<Link>>);
    /// Its number, that of what spawned it, and that of what it is inside.
    type Link = (u64, Option<u64>, Option<u64>);
    impl Observer for Links {
        fn spawned(&self, child: &SeenChild, _: Duration) {
            let parent = child.nursery().parent().map(|parent| parent.number());
            self.0.lock().unwrap().push((child.number(), child.spawned_by(), parent));
        }
    }
    let links = Arc::new(Links::default());
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().observe(Arc::clone(&links));
    nursery.spawn_with_context(|cx| async move {
        cx.spawner().spawn(ready(Ok(()))).unwrap();
        let mut inner: Nursery<'_, (), ()> = Nursery::new();
        inner.spawn(ready(Ok(())));
        inner.join().await.map(drop).map_err(drop)
    });
    futures::executor::block_on(nursery.join()).unwrap();
    let links = links.0.lock().unwrap();
    let first = links[0].0;
    // The inner nursery's child is told at once, the sibling in the driver's next round.
    assert_eq!((links[0].1, links[0].2), (None, None));
    assert_eq!((links[1].1, links[1].2), (Some(first), Some(first)));
    assert_eq!((links[2].1, links[2].2), (Some(first), None));
}

/// Panics at the call with this number.
struct Panics {
    calls: AtomicUsize,
    at: usize,
}

impl Panics {
    fn call(&self) {
        assert!(self.calls.fetch_add(1, Ordering::Relaxed) != self.at, "an observer");
    }
}

impl Observer for Panics {
    fn spawned(&self, _: &SeenChild, _: Duration) {
        self.call();
    }

    fn started(&self, _: &SeenChild, _: Duration) {
        self.call();
    }

    fn polled(&self, _: &SeenChild, _: &PollSeen) {
        self.call();
    }

    fn woken(&self, _: &SeenChild, _: Duration, _: &WokenBy) {
        self.call();
    }

    fn ended(&self, _: &SeenChild, _: Duration, _: EndKind) {
        self.call();
    }
}

#[test]
fn an_observer_that_panics_is_not_called_again_and_harms_nothing() {
    // Six calls for one child that yields once.
    for at in 0..6 {
        let (panics, diary) = (Arc::new(Panics { calls: 0.into(), at }), Diary::default());
        let nursery: Nursery<'_, u8, ()> = Nursery::new().observe(Arc::clone(&panics));
        let mut nursery = nursery.observe(diary.clone());
        nursery.spawn(async {
            yields(1).await;
            Ok(7)
        });
        assert_eq!(futures::executor::block_on(nursery.join()).unwrap(), [7]);
        assert_eq!(panics.calls.load(Ordering::Relaxed), at + 1);
        assert_eq!(diary.take().lines().count(), 6, "the other is told all");
    }
}

#[test]
fn an_observer_with_a_bad_clock_or_destructor_harms_nothing() {
    struct Bad;
    impl Observer for Bad {
        fn clock(&self) -> Option<Arc<dyn TimeSource>> {
            panic!("no clock")
        }
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("a destructor");
        }
    }
    let mut nursery: Nursery<'_, u8, ()> = Nursery::new().observe(Bad);
    nursery.spawn(ready(Ok(7)));
    assert_eq!(futures::executor::block_on(nursery.join()).unwrap(), [7]);
}

#[test]
fn an_observer_may_do_what_it_likes_with_the_nursery() {
    struct Spawns(Mutex<Option<nestling::Spawner<'static, u8, ()>>>, Watch);
    impl Observer for Spawns {
        fn started(&self, _: &SeenChild, _: Duration) {
            let spawner = self.0.lock().unwrap().take();
            if let Some(spawner) = spawner {
                spawner.spawn(ready(Ok(2))).unwrap();
            }
            let _ = self.1.snapshot();
        }

        fn woken(&self, _: &SeenChild, _: Duration, _: &WokenBy) {
            let _ = self.1.snapshot();
        }
    }
    let watch = Watch::new();
    let observer = Arc::new(Spawns(Mutex::new(None), watch.clone()));
    let nursery: Nursery<'static, u8, ()> = Nursery::new().watch(&watch);
    let mut nursery = nursery.observe(Arc::clone(&observer));
    *observer.0.lock().unwrap() = Some(nursery.spawner());
    nursery.spawn(async {
        yields(1).await;
        Ok(1)
    });
    assert_eq!(futures::executor::block_on(nursery.join()).unwrap(), [1, 2]);
}

#[test]
fn no_clock_is_read_where_nothing_looks() {
    let clock = Hand::default();
    let watch = Watch::with_clock(clock.clone());
    // The watch is there, and is not given to this nursery.
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().limit(1);
    for _ in 0..3 {
        nursery.spawn(yielding());
    }
    futures::executor::block_on(nursery.join()).unwrap();
    assert_eq!(clock.reads(), 0);
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    nursery.spawn(yielding());
    futures::executor::block_on(nursery.join()).unwrap();
    // When it was opened, at the spawn, and twice for each poll, of which the last is the end. The
    // wakes are its own, and are told to nothing.
    assert_eq!(clock.reads(), 1 + 1 + 2 * 2);
}

async fn yielding() -> Result<(), ()> {
    yields(1).await;
    Ok(())
}

#[test]
fn the_clock_is_named_in_one_file_only() {
    fn visit(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // The guide's programs read what they like.
            if path.ends_with("tests") || path.ends_with("guide") {
                continue;
            }
            if path.is_dir() {
                visit(&path, found);
            } else if std::fs::read_to_string(&path).unwrap().contains("Instant::now") {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    visit(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
    assert_eq!(found, ["clock.rs"]);
}
