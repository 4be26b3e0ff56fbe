//! Subscribers that are of no help: they filter, panic, or are others in between.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::executor::block_on;
use nestling::Nursery;
use smol::future::yield_now;
use tracing::dispatcher::with_default;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber, info_span};
use tracing_subscriber::filter::{FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use super::recorder::Recorder;

fn filtered(recorder: &Recorder, keep: fn(&Metadata<'_>) -> bool) -> Dispatch {
    let filter: FilterFn<fn(&Metadata<'_>) -> bool> = filter_fn(keep);
    Dispatch::new(Registry::default().with(filter).with(recorder.clone()))
}

#[test]
fn a_span_that_is_filtered_out_is_passed_over() {
    for (out, expected) in [
        ("nursery", ["request", "request > child 0", "request > child 0 > leaf"]),
        ("child", ["request", "request > nursery", "request > nursery > leaf"]),
    ] {
        let recorder = Recorder::default();
        let keep = match out {
            "nursery" => |of: &Metadata<'_>| of.name() != "nursery",
            _ => |of: &Metadata<'_>| of.name() != "child",
        };
        with_default(&filtered(&recorder, keep), || {
            let around = info_span!("request").entered();
            let mut nursery: Nursery<'_, (), ()> = Nursery::new().trace();
            drop(around);
            nursery.spawn(async {
                // Made where there is no span of the child.
                let mut inner: Nursery<'_, (), ()> = Nursery::new();
                inner.spawn(async {
                    drop(info_span!("leaf"));
                    Ok(())
                });
                inner.join().await.map(drop).map_err(drop)
            });
            nursery.spawn(ready(Err(())));
            block_on(nursery.join()).unwrap_err();
        });
        let paths = recorder.paths();
        assert_eq!(paths[..2], expected[..2], "{out}");
        if out == "child" {
            assert_eq!(recorder.events(), ["request > nursery: WARN failed id=1"]);
            assert_eq!(paths[2], "request > nursery > nursery");
        } else {
            assert_eq!(recorder.events(), ["request > child 1: WARN failed"]);
            assert_eq!(
                paths[2..4],
                ["request > child 0 > child 0", "request > child 0 > child 0 > leaf"]
            );
        }
        recorder.check_all_is_over();
    }
}

#[test]
fn a_level_filters_all_of_it() {
    let recorder = Recorder::default();
    let warn = Registry::default().with(LevelFilter::WARN).with(recorder.clone());
    with_default(&Dispatch::new(warn), || {
        let mut nursery: Nursery<'_, (), ()> = Nursery::new().trace();
        nursery.child().name("fetch").spawn(ready(Err(())));
        block_on(nursery.join()).unwrap_err();
    });
    assert!(recorder.paths().is_empty());
    assert_eq!(recorder.events(), [": WARN failed id=0 name=fetch"]);
}

#[test]
fn spans_stay_with_the_subscriber_of_their_nursery() {
    let recorder = Recorder::default();
    let other = Recorder::default();
    let mut nursery: Nursery<'_, (), ()> =
        with_default(&recorder.subscriber(), || Nursery::new().trace());
    with_default(&other.subscriber(), || {
        // Numbers of spans that the first does not know.
        let _spans = [info_span!("a"), info_span!("b"), info_span!("c")].map(|a| a.entered());
        let spawner = nursery.spawner();
        drop(spawner.spawn(async {
            yield_now().await;
            Ok(())
        }));
        nursery.spawn_with_handle(pending()).cancel();
        block_on(nursery.join()).unwrap();
    });
    assert_eq!(recorder.paths(), ["nursery", "nursery > child 0"]);
    assert_eq!(other.paths().len(), 3);
    recorder.check_all_is_over();
    other.check_all_is_over();
}

/// Panics whenever it is told something.
#[derive(Clone, Default)]
struct Panics(Arc<AtomicUsize>);

impl Panics {
    fn panic(&self) -> ! {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::panic::resume_unwind(Box::new("a subscriber"))
    }
}

impl Subscriber for Panics {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        match attributes.metadata().name() {
            // So the others can be called, too.
            "child" | "nursery" => Id::from_u64(1),
            _ => self.panic(),
        }
    }

    fn record(&self, _: &Id, _: &Record<'_>) {
        self.panic()
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {
        self.panic()
    }

    fn event(&self, _: &Event<'_>) {
        self.panic()
    }

    fn enter(&self, _: &Id) {
        if self.0.load(Ordering::Relaxed) % 2 == 0 {
            self.panic()
        }
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn exit(&self, _: &Id) {
        self.panic()
    }

    fn try_close(&self, _: Id) -> bool {
        self.panic()
    }
}

#[test]
fn a_subscriber_that_panics_does_no_harm() {
    let subscriber = Panics::default();
    let calls = Arc::clone(&subscriber.0);
    with_default(&Dispatch::new(subscriber), || {
        let nursery: Nursery<'_, u32, u32> = Nursery::new().trace().name("sync");
        let run = nursery.run(|spawner| async move {
            let handle = spawner.spawn_with_handle(pending()).unwrap();
            spawner
                .spawn(async move {
                    yield_now().await;
                    handle.cancel();
                    Ok(1)
                })
                .unwrap();
            spawner.spawn(async { panic!("a child") }).unwrap();
            spawner.spawn(async { Err(3) }).unwrap();
            Ok(())
        });
        let error = block_on(run).unwrap_err();
        let counts = error.counts();
        assert_eq!((counts.completed(), counts.failed(), counts.cancelled()), (1, 2, 1));
        assert!(error.iter().any(|failure| failure.to_string().contains("a child")));
    });
    assert!(calls.load(Ordering::Relaxed) > 10);
}
