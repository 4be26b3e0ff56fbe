//! The command line.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use lexopt::prelude::*;

use super::timeline::Target;
use super::tree::Tree;

pub(crate) const HELP: &str = "\
Hashes files with SHA-256, on all cores, and reports all that cannot be read or is wrong.

Usage: checksum [OPTIONS] [FOLDER]...

It prints a line for each file under the folders, as sha256sum does. Links to folders are not followed.
With nothing given it makes a small tree of its own, and checks that.

Options:
  -c, --check FILE     check the files that FILE lists, in sha256sum's format; with folders as well, all
                       under them have to be listed
  -C, --directory DIR  names in FILE, and folders, are relative to DIR [default: .]
  -j, --jobs N         hash so many files at once [default: one for each core]
  -q, --quiet          with --check: print nothing of the files that are as they should be
      --timeline FILE  record the run in FILE: as a picture if its name ends in
                       .svg, as a trace for ui.perfetto.dev if it ends in .json; a
                       summary goes to standard error. Ctrl-C and SIGTERM then end
                       the run with a report, and end it at once the second time
  -h, --help           print this help

Exit status: 0 if all is well, 1 if anything is not, 2 if an argument is wrong.
";

pub(crate) enum Command {
    Hash(Args),
    Help,
}

pub(crate) struct Args {
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) check: Option<PathBuf>,
    pub(crate) directory: PathBuf,
    pub(crate) jobs: usize,
    pub(crate) quiet: bool,
    pub(crate) timeline: Option<Target>,
}

impl Args {
    /// The same for a tree of its own.
    pub(crate) fn of(self, tree: &Tree) -> Self {
        Self { check: Some(tree.sums()), directory: tree.path().to_owned(), ..self }
    }
}

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut args = Args {
        folders: Vec::new(),
        check: None,
        directory: PathBuf::from("."),
        jobs: thread::available_parallelism().map_or(1, NonZeroUsize::get),
        quiet: false,
        timeline: None,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('c') | Long("check") => args.check = Some(parser.value()?.into()),
            Short('C') | Long("directory") => args.directory = parser.value()?.into(),
            Short('j') | Long("jobs") => args.jobs = parser.value()?.parse_with(jobs)?,
            Short('q') | Long("quiet") => args.quiet = true,
            Long("timeline") => args.timeline = Some(Target::of(parser.value()?)?),
            Value(folder) => args.folders.push(folder.into()),
            unknown => return Err(unknown.unexpected()),
        }
    }
    Ok(Command::Hash(args))
}

fn jobs(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(jobs @ 1..=1024) => Ok(jobs),
        _ => Err("the number of jobs is from 1 to 1024"),
    }
}
