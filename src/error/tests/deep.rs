//! Chains of groups 100,000 deep, on a small stack.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use super::*;

const DEPTH: usize = 100_000;

/// A group in a group in a group, with one failure at each level and its level as the error.
fn chain() -> JoinedError<usize> {
    chain_of(|level| level)
}

fn chain_of<E>(error: impl Fn(usize) -> E) -> JoinedError<E> {
    let inmost = joined(0, vec![failed(0, "", error(DEPTH))]);
    (0..DEPTH).rev().fold(inmost, |inner, level| {
        joined(0, vec![failed(0, "", error(level)), group(1, "", inner)])
    })
}

pub(super) fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_deep_error_is_shown() {
    on_small_stack(|| {
        let error = chain();
        for shown in [
            error.to_string(),
            format!("{error:#}"),
            format!("{error:?}"),
            format!("{error:#?}"),
            format!("{}", error.iter().next_back().unwrap()),
            format!("{:#?}", error.iter().next_back().unwrap()),
            format!("{:?}", error.iter().next_back().unwrap().failure()),
        ] {
            assert!(shown.contains('…') || shown.contains("and 1 more"), "{shown}");
            assert!(shown.len() < 200_000, "{} bytes", shown.len());
        }
    });
}

#[test]
fn a_deep_error_is_walked() {
    on_small_stack(|| {
        let error = chain();
        assert!(error.leaves().map(|leaf| *leaf.failure().error().unwrap()).eq(0..=DEPTH));
        assert!(error.into_leaves().map(|leaf| *leaf.failure().error().unwrap()).eq(0..=DEPTH));
    });
}

#[test]
fn a_deep_error_is_searched() {
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Level(usize);
    #[derive(Debug, thiserror::Error)]
    #[error("bottom")]
    struct Bottom;
    on_small_stack(|| {
        let error = chain_of(|level| -> Box<dyn std::error::Error + Send + Sync> {
            if level == DEPTH { Bottom.into() } else { Level(level).into() }
        });
        assert!(error.find_with::<Bottom>(|error| error.as_ref()).is_some());
    });
}

#[test]
fn a_deep_error_is_mapped_and_split() {
    on_small_stack(|| {
        let mut calls = 0;
        let error = chain().map(|level| {
            calls += 1;
            level + 1
        });
        assert_eq!(calls, DEPTH + 1);
        let (even, odd) = error.split(|leaf| leaf.failure().error().unwrap() % 2 == 0);
        assert_eq!(even.unwrap().leaves().count(), DEPTH / 2);
        assert_eq!(odd.as_ref().unwrap().leaves().count(), DEPTH / 2 + 1);
        assert!(odd.unwrap().filter(|leaf| leaf.failure().error() == Some(&0)).is_none());
    });
}

#[test]
fn a_deep_error_is_flattened() {
    on_small_stack(|| {
        let flat = chain().flatten();
        assert_eq!(flat.len(), DEPTH + 1);
        assert_eq!(flat.counts().failed(), DEPTH as u64 + 1);
        let deepest = flat.iter().next_back().unwrap();
        assert_eq!(deepest.ancestors().count(), DEPTH);
        assert!(format!("{flat:#?}").len() < 100 << 20);
        // The links of the deepest path hold each other, and nothing else holds them.
        let deepest = flat.into_iter().next_back().unwrap();
        drop(deepest);
    });
}

#[test]
fn a_deep_error_that_is_flattened_level_by_level_is_dropped() {
    on_small_stack(|| {
        let inmost = joined(0, vec![failed(0, "", 0)]);
        let flat =
            (0..DEPTH).fold(inmost, |inner, _| joined(0, vec![group(1, "", inner)]).flatten());
        assert_eq!(flat.first().ancestors().count(), DEPTH);
    });
}

#[test]
fn a_deep_error_resumes_the_panic_at_its_bottom() {
    on_small_stack(|| {
        let inmost = joined(0, vec![panicked::<()>(0, 7_u8)]);
        let error = (0..DEPTH).fold(inmost, |inner, _| joined(0, vec![group(1, "", inner)]));
        let caught = std::panic::catch_unwind(|| error.resume_panic());
        assert_eq!(caught.unwrap_err().downcast_ref::<u8>(), Some(&7));
    });
}

#[test]
fn a_deep_error_is_dropped_once_at_each_level() {
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&drops);
    on_small_stack(move || {
        let error = chain_of(|_| Count(Arc::clone(&count)));
        drop(error.into_first());
        assert_eq!(count.load(Relaxed), DEPTH + 1);
    });
}

#[test]
fn a_deep_error_in_which_a_destructor_panics_is_dropped() {
    struct Bad(bool);
    impl Drop for Bad {
        fn drop(&mut self) {
            if self.0 {
                std::panic::resume_unwind(Box::new("bad"));
            }
        }
    }
    on_small_stack(|| {
        let error = chain_of(|level| Bad(level == 0));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(error)));
        assert!(caught.is_err());
    });
}

#[test]
fn a_map_that_panics_in_the_middle_of_a_deep_error_leaves_no_recursion() {
    on_small_stack(|| {
        let error = chain();
        let caught = std::panic::catch_unwind(|| {
            error.map(|level| {
                if level == DEPTH / 2 {
                    std::panic::resume_unwind(Box::new("middle"));
                }
            })
        });
        assert!(caught.is_err());
    });
}
