//! The server: a process of its own, which sends back each line that it is sent.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

/// The option by which the program becomes the server.
pub(crate) const SERVE: &str = "serve";

/// The server that runs. Dropping it kills it.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a server at a port that is free.
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Starts a server at this address.
    pub(crate) fn start_at(address: SocketAddr) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([format!("--{SERVE}"), address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        match line.trim().parse() {
            Ok(address) => Ok(Self { process, address }),
            Err(_) => {
                _ = process.kill();
                _ = process.wait();
                Err(io::Error::other("it has not started"))
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it has ended by itself, there is nothing to kill.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Serves until standard input ends: with the program that has started this, however that ends.
pub(crate) fn serve(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || send_back(client));
        }
    });
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn send_back(client: TcpStream) -> io::Result<()> {
    let mut answers = client.try_clone()?;
    for line in BufReader::new(client).lines() {
        writeln!(answers, "{}", line?)?;
    }
    Ok(())
}
