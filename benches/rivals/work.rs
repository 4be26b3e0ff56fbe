//! What a way to run children can do, and what it is given to do.

use std::pin::pin;

use futures::future::{Either, select};

/// What a child ends with.
pub type Outcome = Result<usize, usize>;

/// What a work needs of a way. A way says what it lacks, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To run children to their end.
    All,
    /// To wait for the end of one child, and go on.
    Ends,
    /// To cancel one child.
    Handles,
    /// To cancel all, and to go on when they are gone.
    CancelAll,
    /// To cancel all at the first error.
    FirstError,
    /// To cancel all at the first error, while those that were spawned before wait.
    PromptError,
    /// To spawn from a child.
    Spawner,
    /// To spawn from another thread.
    Outside,
}

/// What has come of all children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    pub outputs: usize,
    pub errors: usize,
    pub panics: usize,
}

/// What the owner keeps of the ends, as it takes them.
#[derive(Default)]
pub struct Taken {
    outputs: Vec<usize>,
    errors: Vec<usize>,
    panics: usize,
}

impl Taken {
    pub fn take(&mut self, outcome: Outcome) {
        match outcome {
            Ok(output) => self.outputs.push(output),
            Err(error) => self.errors.push(error),
        }
    }

    pub fn panic(&mut self) {
        self.panics += 1;
    }

    pub fn ends(&self) -> Ends {
        Ends { outputs: self.outputs.len(), errors: self.errors.len(), panics: self.panics }
    }
}

/// Spawns children for a set, from elsewhere.
pub trait Spawner<'s>: Clone + Send + Sync + 's {
    fn spawn(&self, child: impl Future<Output = Outcome> + Send + 's);
}

/// There is none.
#[derive(Clone, Copy)]
pub enum Never {}

impl<'s> Spawner<'s> for Never {
    fn spawn(&self, _: impl Future<Output = Outcome> + Send + 's) {
        match *self {}
    }
}

/// Children, in the hands of their owner. What a way lacks is never called.
pub trait Set<'s>: Send + Sized + 's {
    type Spawner: Spawner<'s>;
    type Outside: Spawner<'static>;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 's);

    /// Spawns a child that can be cancelled by itself.
    fn spawn_with_handle(&mut self, _: impl Future<Output = Outcome> + Send + 's) {
        unreachable!("it has no handles")
    }

    /// Waits for the end of a child: of this one, of which it is known that it is the next to end.
    /// It may be dropped, and called again.
    fn end(&mut self, child: usize) -> impl Future<Output = ()> + Send;

    /// Runs all children to their end.
    fn all(self) -> impl Future<Output = Ends> + Send;

    /// Cancels this child, until it is gone.
    fn cancel(&mut self, _child: usize) -> impl Future<Output = ()> + Send {
        async { unreachable!("it has no handles") }
    }

    /// Cancels all children, until they are gone.
    fn cancel_all(self) -> impl Future<Output = ()> + Send {
        async { unreachable!("it cannot cancel") }
    }

    /// Runs the children until the first error, and cancels the others, until they are gone.
    fn first_error(self) -> impl Future<Output = usize> + Send {
        async { unreachable!("it cannot cancel") }
    }

    fn spawner(&mut self) -> Self::Spawner {
        unreachable!("children cannot spawn")
    }

    fn outside(&mut self) -> Self::Outside {
        unreachable!("other threads cannot spawn")
    }

    /// Runs the children, of which none ends, until `signal` is ready.
    fn run_until(&mut self, signal: impl Future<Output = ()> + Send) -> impl Future + Send {
        async {
            if let Either::Left(_) = select(pin!(self.end(0)), pin!(signal)).await {
                panic!("a child has ended that should wait");
            }
        }
    }
}

/// What is done with a set of children.
pub trait Work: Clone + Send + Sync + 'static {
    const NEEDS: Need;

    /// The first error of a child cancels the others: a way may have to know it from the start.
    const FIRST_ERROR: bool = false;

    type Output: Send + 'static;

    fn run<'s, S: Set<'s>>(self, set: S) -> impl Future<Output = Self::Output> + Send + 's;
}

/// A way to run children.
pub trait Way: 'static {
    const NAME: &'static str;

    /// What it cannot do, and why.
    const LACKS: &'static [(Need, &'static str)] = &[];

    /// Whether children run on other threads.
    const THREADS: bool = false;

    /// Makes a set of children, does the work with it, and is over when the children are gone.
    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send;

    /// Runs a future, on what the children need.
    fn block_on<F: Future>(future: F) -> F::Output;

    fn can(need: Need) -> bool {
        Self::LACKS.iter().all(|(lacks, _)| match lacks {
            Need::FirstError => need != Need::FirstError && need != Need::PromptError,
            lacks => need != *lacks,
        })
    }
}
