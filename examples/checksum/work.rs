//! The pool.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures::executor::{ThreadPool, block_on};
use indicatif::{ProgressBar, ProgressStyle};
use nestling::{Pool, Report};

use super::args::Args;
use super::hash::hash;
use super::problem::Problem;
use super::source::items;
use super::sums::Line;

/// Hashes all files, and compares those that are listed.
pub(crate) fn run(args: &Args) -> Result<Report<Line, Problem>, Error> {
    let list = match &args.check {
        Some(list) => {
            Some(fs::read(list).map_err(|error| Error::List(list.clone(), error.to_string()))?)
        }
        None => None,
    };
    let threads = ThreadPool::builder().pool_size(args.jobs).create().map_err(Error::Threads)?;
    let items = items(&args.folders, &args.directory, args.check.as_deref().zip(list.as_deref()));
    let bar = ProgressBar::no_length().with_style(style("{spinner} {pos} files found"));
    // All of them before the first is hashed: so the bar can say how much is left.
    let items: Vec<_> = items.inspect(|_| bar.inc(1)).collect();
    bar.set_style(style("{wide_bar} {pos}/{len} files, {eta} left {msg}"));
    let directory: Arc<PathBuf> = Arc::new(args.directory.clone());
    let pool = Pool::new(args.jobs)
        .name("checksum")
        .on_progress(|now| {
            bar.set_length(now.total().unwrap_or(0));
            bar.set_position(now.done());
            if now.failed() > 0 {
                bar.set_message(format!("{} failed", now.failed()));
            }
        })
        // A thread for each lane: what runs there may block.
        .on(&threads)
        .map(items, move |item| {
            let directory = Arc::clone(&directory);
            async move {
                let (name, expected) = item?;
                let hash = hash(&directory.join(&name), &name)?;
                match expected {
                    Some(expected) if expected != hash => Err(Problem::Mismatch(name)),
                    _ => Ok(Line { name, hash }),
                }
            }
        });
    let report = block_on(pool.settle());
    bar.finish_and_clear();
    Ok(report)
}

/// Why nothing could be done at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: cannot be read: {}", .0.display(), .1)]
    List(PathBuf, String),
    #[error("there are no threads: {0}")]
    Threads(io::Error),
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
