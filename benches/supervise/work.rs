//! What supervised children do: the same for each supervisor.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Idle children, and one among them that fails again and again, where restarts are wanted.
pub(crate) struct Work {
    children: usize,
    restarts: usize,
    /// Which child fails.
    failing: usize,
    /// How many children have started.
    started: AtomicUsize,
    /// How often the child that fails has started.
    runs: AtomicUsize,
    pub(crate) all_started: Notify,
    gate: Notify,
    never: Notify,
    pub(crate) all_restarted: Notify,
    /// Notified when the children are gone that have said so.
    pub(crate) all_gone: Notify,
}

/// What a child fails with.
pub(crate) const FAILURE: &str = "it failed";

impl Work {
    /// Children that are idle.
    pub(crate) fn idle(children: usize) -> Arc<Self> {
        Self::new(children, 0, usize::MAX)
    }

    /// A child that fails so many times, in the middle of so many idle ones: a supervisor may look for
    /// it from either end.
    pub(crate) fn one(siblings: usize, restarts: usize) -> Arc<Self> {
        Self::new(siblings + 1, restarts, siblings / 2)
    }

    /// The last of so many children fails: when it starts, all others have started.
    pub(crate) fn last(children: usize, restarts: usize) -> Arc<Self> {
        Self::new(children, restarts, children - 1)
    }

    fn new(children: usize, restarts: usize, failing: usize) -> Arc<Self> {
        Arc::new(Self {
            children,
            restarts,
            failing,
            started: AtomicUsize::new(0),
            runs: AtomicUsize::new(0),
            all_started: Notify::new(),
            gate: Notify::new(),
            never: Notify::new(),
            all_restarted: Notify::new(),
            all_gone: Notify::new(),
        })
    }

    pub(crate) fn children(&self) -> usize {
        self.children
    }

    /// Lets the child fail that is to fail.
    pub(crate) fn open(&self) {
        self.gate.notify_one();
    }

    /// The start of a child. It is an error if the child is to fail.
    ///
    /// The first run of a child that fails waits until all children have started: no start of another
    /// is measured with its restarts.
    pub(crate) async fn start(&self, child: usize) -> Result<(), &'static str> {
        if child != self.failing {
            self.count_start();
            return Ok(());
        }
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        if run == 0 {
            self.count_start();
            self.gate.notified().await;
        }
        if run < self.restarts {
            return Err(FAILURE);
        }
        self.all_restarted.notify_one();
        Ok(())
    }

    /// A child that is idle once it has started. It keeps a waker, as what it waits for might come.
    pub(crate) async fn run(self: Arc<Self>, child: usize) -> Result<(), &'static str> {
        self.start(child).await?;
        self.never.notified().await;
        Ok(())
    }

    /// A child is gone: for supervisors that end before their children.
    pub(crate) fn end(&self) {
        if self.started.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.all_gone.notify_one();
        }
    }

    fn count_start(&self) {
        if self.started.fetch_add(1, Ordering::Relaxed) + 1 == self.children {
            self.all_started.notify_one();
        }
    }
}

/// A supervisor that runs.
pub(crate) trait Running {
    /// Lets it run until there is this signal.
    fn until(&mut self, signal: &Notify);

    /// Shuts it down, until all children are gone.
    fn stop(self: Box<Self>);
}

/// A way to supervise.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// The children are given by their names.
    pub(crate) start: fn(&Arc<Work>, Vec<String>) -> Box<dyn Running>,
}

impl Way {
    /// Starts all children.
    pub(crate) fn start(&self, work: &Arc<Work>) -> Box<dyn Running> {
        let names = (0..work.children()).map(|child| format!("child {child:06}")).collect();
        let mut running = (self.start)(work, names);
        running.until(&work.all_started);
        running
    }
}
