//! Runs the program, and servers for it.

#[path = "../shared/example.rs"]
mod example;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

pub(crate) use self::example::Dir;

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// Whether one line of the output has all of these.
    #[track_caller]
    pub(crate) fn has_line(&self, parts: &[&str]) {
        let found = self.out.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "no line has {parts:?} in:\n{}", self.out);
    }
}

pub(crate) fn preflight(arguments: &[&str]) -> Run {
    preflight_in(Path::new("."), arguments, b"")
}

pub(crate) fn preflight_in(dir: &Path, arguments: &[&str], stdin: &[u8]) -> Run {
    // So long that it is no matter how busy the machine is.
    let timed = arguments.iter().any(|argument| argument.starts_with("--timeout"));
    let timeout = if timed { &[][..] } else { &["--timeout", "60s"] };
    let mut child = Command::new(program())
        .args(timeout)
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Where it does not read its input, it may be gone before that is written.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn program() -> PathBuf {
    example::program("preflight")
}

/// A server for one client. Its thread ends after that.
pub(crate) fn serve(answer: &'static [u8]) -> String {
    answer_once(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
}

pub(crate) fn answer_once(listener: TcpListener, answer: &'static [u8]) -> String {
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut client, _) = listener.accept()?;
        // Whatever was asked, or nothing: some clients only connect.
        let _ = client.read(&mut [0; 1024])?;
        client.write_all(answer)
    });
    address
}
