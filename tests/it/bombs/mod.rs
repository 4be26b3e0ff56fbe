//! Values that panic whenever they are dropped, also while the thread is panicking.
//!
//! Tables of what a nursery or a pool is given, by one and by two, and of the moments at which it
//! is dropped. Wherever a plain drop stands in the place of one that is guarded, one of these tests
//! fails, or the process is aborted: a second panic while the first one unwinds leaves nothing
//! else.

mod moments;
mod nurseries;
mod pools;
mod remote;
mod results;
mod wakers;

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};

use crate::support::{Count, OnDrop};

/// Counts bombs that were made, and those that have gone off.
#[derive(Clone, Default)]
struct Bombs {
    made: Count,
    gone: Count,
    /// Those that will panic.
    armed: Count,
}

impl Bombs {
    /// One that panics with its name.
    fn bomb(&self, name: &str) -> Bomb {
        self.made.add();
        self.armed.add();
        Bomb { bombs: self.clone(), name: Some(name.to_owned()) }
    }

    /// One that is only counted.
    fn dud(&self) -> Bomb {
        self.made.add();
        Bomb { bombs: self.clone(), name: None }
    }

    /// A waker that is a bomb.
    fn waker(&self) -> Waker {
        Waker::from(Arc::new(BombWaker(self.bomb("a waker"))))
    }

    /// Whether there is one that will panic.
    fn any_armed(&self) -> bool {
        self.armed.get() > 0
    }

    /// Checks that each was dropped, and none twice.
    #[track_caller]
    fn assert_all_gone(&self, context: &str) {
        assert_eq!(self.gone.get(), self.made.get(), "of {context}");
    }
}

struct Bomb {
    bombs: Bombs,
    name: Option<String>,
}

impl fmt::Debug for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bomb").field(&self.name).finish()
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.bombs.gone.add();
        if let Some(name) = self.name.take() {
            self.bombs.armed.remove();
            panic!("{name}");
        }
    }
}

struct BombWaker(#[allow(dead_code, reason = "it is there to be dropped")] Bomb);

impl Wake for BombWaker {
    fn wake(self: Arc<Self>) {}
}

/// Is ready at its first poll; `held` goes with the future itself.
fn ends_holding<O>(held: Bomb, output: O) -> impl Future<Output = O> {
    let mut output = Some(output);
    poll_fn(move |_| {
        let _held = &held;
        Poll::Ready(output.take().expect("polled after it was ready"))
    })
}

/// Is pending for ever; `held` goes with the future itself.
fn waits_holding<O>(held: Bomb) -> impl Future<Output = O> {
    poll_fn(move |_| {
        let _held = &held;
        Poll::Pending
    })
}

/// What `call` panics with.
fn panic_of(call: impl FnOnce()) -> Option<String> {
    let thrown = catch_unwind(AssertUnwindSafe(call)).err()?;
    Some(thrown.downcast_ref::<String>().cloned().unwrap_or_default())
}

/// Calls it in a destructor while the thread is panicking; a panic of its own would end the
/// process.
fn while_panicking(call: impl FnOnce()) {
    let mut call = Some(call);
    let thrown = catch_unwind(AssertUnwindSafe(|| {
        let _guard = OnDrop(|| call.take().expect("it is dropped once")());
        panic!("around");
    }));
    assert_eq!(thrown.unwrap_err().downcast_ref(), Some(&"around"));
}

/// Drops each by itself, whatever it panics with.
fn discard<V>(values: impl IntoIterator<Item = V>) {
    values.into_iter().for_each(|value| drop(panic_of(|| drop(value))));
}

/// How something is dropped.
#[derive(Clone, Copy, Debug)]
enum Around {
    Nothing,
    Panic,
}

impl Around {
    const ALL: [Self; 2] = [Self::Nothing, Self::Panic];

    /// Drops `value`, which holds what is left of the bombs. The first panic goes on, if there is
    /// any, unless the thread is panicking.
    #[track_caller]
    fn drop<V>(self, value: V, bombs: &Bombs, context: &str) {
        match self {
            Self::Nothing => {
                let armed = bombs.any_armed();
                let thrown = panic_of(|| drop(value));
                assert_eq!(thrown.is_some(), armed, "{context}: {thrown:?}");
            }
            Self::Panic => while_panicking(|| drop(value)),
        }
        bombs.assert_all_gone(context);
    }
}

/// Each of them alone, and each two of them.
fn by_one_and_two<K: Copy>(kinds: &[K]) -> Vec<Vec<K>> {
    let one = kinds.iter().map(|kind| vec![*kind]);
    let two = kinds.iter().flat_map(|one| kinds.iter().map(|other| vec![*one, *other]));
    one.chain(two).collect()
}
