//! What keeps the server: a process between the owner and `nats-server`, which would not end with
//! the owner by itself.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::process::{ChildStderr, Command, Stdio};
use std::thread;

use super::role::READY;
use super::server::{self, Missing};

/// Runs a server until standard input ends, and kills it then.
pub(crate) fn keep(port: u16) -> io::Result<()> {
    let mut server = Command::new(server::program().ok_or_else(|| io::Error::other(Missing))?)
        .args(["--addr", &Ipv4Addr::LOCALHOST.to_string(), "--port", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(log) = server.stderr.take() {
        thread::spawn(move || follow(log));
    }
    // Whatever comes of this, the server is not to be left.
    _ = io::stdin().read_to_end(&mut Vec::new());
    server.kill()?;
    server.wait().map(drop)
}

/// Says when the server is ready; and the last line of its log, if that comes first.
fn follow(log: ChildStderr) {
    let mut last = String::new();
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        if line.contains("Server is ready") {
            _ = writeln!(io::stdout(), "{READY}");
        }
        last = line;
    }
    // If it was ready, the other end is closed by now.
    _ = writeln!(io::stdout(), "{last}");
}
