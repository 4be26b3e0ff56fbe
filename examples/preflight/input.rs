//! From arguments, lists and standard input to targets, each with the place where it was written.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;

use super::list;
use super::problem::Problem;
use super::target::{Target, list_path, without_user};

/// One target to check, or what is wrong with it already.
pub(crate) struct Input {
    /// What it is called in the report. It may hold any character.
    pub(crate) name: String,
    pub(crate) target: Result<Target, Problem>,
}

impl Input {
    /// What is called by its place only.
    pub(crate) fn bad(at: Origin, problem: impl FnOnce(Origin) -> Problem) -> Self {
        Self { name: at.short(), target: Err(problem(at)) }
    }
}

/// Where a target was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Among the targets of the command line, counted from 1.
    Target(usize),
    /// A list, and the line in it where there is one, counted from 1.
    List(String, Option<usize>),
}

impl Origin {
    /// The same without the folders that a list is in.
    fn short(&self) -> String {
        match self {
            Self::List(list, line) => {
                let file = Path::new(list).file_name().unwrap_or(list.as_ref());
                Self::List(file.to_string_lossy().into_owned(), *line).to_string()
            }
            Self::Target(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(number) => write!(f, "target {number}"),
            Self::List(list, None) => f.write_str(list),
            Self::List(list, Some(line)) => write!(f, "{list}:{line}"),
        }
    }
}

/// All targets in the order in which they were given. Nothing is left out: what cannot be read or
/// understood is an input with a problem.
pub(crate) fn read_all(arguments: &[OsString]) -> Vec<Input> {
    const STDIN: &str = "standard input";
    let mut inputs = Vec::new();
    let mut stdin_was_read = false;
    for (argument, at) in arguments.iter().zip((1..).map(Origin::Target)) {
        let Some(text) = argument.to_str() else {
            let name = without_user(&argument.to_string_lossy());
            inputs.push(Input { name, target: Err(Problem::NotUtf8 { at }) });
            continue;
        };
        match list_path(text) {
            // By that path, too, it can be read once.
            path if text == "-" || path == Some("/dev/stdin") => {
                if stdin_was_read {
                    let target = Err(Problem::StdinTwice { at });
                    inputs.push(Input { name: STDIN.to_owned(), target });
                } else {
                    stdin_was_read = true;
                    list::read(STDIN, io::stdin().lock(), &mut inputs);
                }
            }
            Some(path) if !path.is_empty() => list::open(path, &mut inputs),
            _ => inputs.push(parse(text, at)),
        }
    }
    inputs
}

pub(crate) fn parse(text: &str, at: Origin) -> Input {
    let (mut name, target) = match text.parse() {
        Ok(target) => (text.to_owned(), Ok(target)),
        // A password must show neither in the name nor in what is said of the target.
        Err(_) => {
            let text = without_user(text);
            let target = text.parse();
            (text, target)
        }
    };
    if let Origin::List(..) = at {
        name.push_str(&format!(" ({})", at.short()));
    }
    Input { name, target: target.map_err(|why| Problem::Target { at, why }) }
}
