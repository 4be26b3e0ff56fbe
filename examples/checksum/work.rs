//! The pool.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures::executor::{ThreadPool, block_on};
use indicatif::{ProgressBar, ProgressStyle};
use nestling::{Pool, Report};
use smol::future::or;

use super::args::Args;
use super::hash::hash;
use super::interrupt::Interrupts;
use super::problem::Problem;
use super::source::{Item, items};
use super::sums::Line;
use super::tell;
use super::timeline::{self, Recording};

/// What came of it.
pub(crate) struct Run {
    pub(crate) report: Report<Line, Problem>,
    /// How many there were to be hashed.
    pub(crate) files: usize,
    pub(crate) recording: Option<Recording>,
}

/// Hashes all files, and compares those that are listed.
pub(crate) fn run(args: &Args) -> Result<Run, Error> {
    let list = match &args.check {
        Some(list) => {
            Some(fs::read(list).map_err(|error| Error::List(list.clone(), error.to_string()))?)
        }
        None => None,
    };
    let threads = ThreadPool::builder().pool_size(args.jobs).create().map_err(Error::Threads)?;
    let recording = timeline::create(args.timeline.as_ref())?;
    let items = items(&args.folders, &args.directory, args.check.as_deref().zip(list.as_deref()));
    let bar = ProgressBar::no_length().with_style(style("{spinner} {pos} files found"));
    // All of them before the first is hashed: so the bar can say how much is left.
    let items: Vec<_> = items.inspect(|_| bar.inc(1)).collect();
    bar.set_style(style("{wide_bar} {pos}/{len} files, {eta} left {msg}"));
    let directory: Arc<PathBuf> = Arc::new(args.directory.clone());
    let files = items.len();
    let mut pool = Pool::new(args.jobs).name("checksum").on_progress(|now| {
        bar.set_length(now.total().unwrap_or(0));
        bar.set_position(now.done());
        if now.failed() > 0 {
            bar.set_message(format!("{} failed", now.failed()));
        }
    });
    if let Some(recording) = &recording {
        pool = pool.observe(recording.timeline());
    }
    let handle = pool.cancel_handle();
    // A thread for each lane: what runs there may block.
    let mut run = pool.on(&threads).map(items, move |item: Item| {
        let directory = Arc::clone(&directory);
        async move {
            let (name, expected) = item?;
            let hash = hash(&directory.join(&name), &name).await?;
            match expected {
                Some(expected) if expected != hash => Err(Problem::Mismatch(name)),
                _ => Ok(Line { name, hash }),
            }
        }
    });
    let report = if recording.is_some() {
        // Who looks at the recording knows an item by its file.
        run = run.item_name(name);
        let interrupts = Interrupts::listen().map_err(Error::Signals)?;
        bar.suspend(|| tell("recording; Ctrl-C ends the run with a report"));
        block_on(or(run.settle(), interrupts.cancel(|signal| _ = handle.cancel_with(signal))))
    } else {
        block_on(run.settle())
    };
    bar.finish_and_clear();
    Ok(Run { report, files, recording })
}

/// What an item is called in a recording: its file, if there is one.
fn name(item: &Item) -> String {
    item.as_ref().map_or_else(|_| String::new(), |(name, _)| name.display().to_string())
}

/// Why nothing could be done at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: cannot be read: {}", .0.display(), .1)]
    List(PathBuf, String),
    #[error("there are no threads: {0}")]
    Threads(io::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    #[error(transparent)]
    Timeline(#[from] timeline::Problem),
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
