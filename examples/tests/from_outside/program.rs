//! A program that runs, and what it has printed so far.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::example;

/// How long to wait for what comes in a moment, however busy the machine is. Only a test that fails
/// waits for it to pass.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A program that was started. Dropping it ends the program.
pub(crate) struct Program {
    child: Child,
    out: Lines,
    err: Lines,
}

impl Program {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(example::program(name)).args(arguments))
    }

    /// A program that can have only so many files open at once, sockets among them.
    #[cfg(unix)]
    pub(crate) fn start_with_files(files: u32, name: &str, arguments: &[&str]) -> Self {
        let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
        let mut shell = Command::new("sh");
        Self::spawn(shell.args(["-c", &script]).arg(example::program(name)).args(arguments))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = Lines::of(child.stdout.take().unwrap());
        let err = Lines::of(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Waits for a line of the output that has this, and returns what stands behind it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        self.out.wait_for(text)
    }

    /// Waits for a line of the diagnostics that has this, and returns what stands behind it.
    #[track_caller]
    pub(crate) fn wait_for_told(&mut self, text: &str) -> String {
        self.err.wait_for(text)
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Waits for its end, and returns all that it printed.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let (out, err) = (self.out.rest(), self.err.rest());
        Ended { code: self.child.wait().unwrap().code(), out, err }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
#[track_caller]
pub(crate) fn run(name: &str, arguments: &[&str]) -> Ended {
    Program::start(name, arguments).end()
}

#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Whether one line of the output has all of these.
    #[track_caller]
    pub(crate) fn has_line(&self, parts: &[&str]) {
        let found = self.out.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "no line has {parts:?} in:\n{}\n{}", self.out, self.err);
    }
}

/// What comes out of a pipe, line by line.
struct Lines {
    coming: Receiver<String>,
    seen: String,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, coming) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                sender.send(line.unwrap()).unwrap_or_default();
            }
        });
        Self { coming, seen: String::new() }
    }

    #[track_caller]
    fn wait_for(&mut self, text: &str) -> String {
        while let Some(line) = self.next() {
            if let Some((_, behind)) = line.split_once(text) {
                return behind.to_owned();
            }
        }
        panic!("the program has ended without {text:?}:\n{}", self.seen);
    }

    #[track_caller]
    fn rest(&mut self) -> String {
        while self.next().is_some() {}
        std::mem::take(&mut self.seen)
    }

    #[track_caller]
    fn next(&mut self) -> Option<String> {
        match self.coming.recv_timeout(LONG) {
            Ok(line) => {
                self.seen += &line;
                self.seen.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing comes any more:\n{}", self.seen),
        }
    }
}
