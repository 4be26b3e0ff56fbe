//! The runtimes of tokio.

use std::sync::LazyLock;

use tokio::runtime::{self, Builder};

pub trait Runtime: Send + 'static {
    const THREADS: bool;

    fn runtime() -> &'static runtime::Runtime;

    fn block_on<F: Future>(future: F) -> F::Output {
        Self::runtime().block_on(future)
    }
}

/// The children run in the thread of their owner.
pub struct OneThread;

impl Runtime for OneThread {
    const THREADS: bool = false;

    fn runtime() -> &'static runtime::Runtime {
        static RUNTIME: LazyLock<runtime::Runtime> =
            LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));
        &RUNTIME
    }
}

/// The children run in two threads beside that of their owner.
pub struct TwoThreads;

impl Runtime for TwoThreads {
    const THREADS: bool = true;

    fn runtime() -> &'static runtime::Runtime {
        static RUNTIME: LazyLock<runtime::Runtime> = LazyLock::new(|| {
            Builder::new_multi_thread().worker_threads(2).build().expect("a runtime")
        });
        &RUNTIME
    }
}
