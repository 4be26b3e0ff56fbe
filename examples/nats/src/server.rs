//! The server, on loopback.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{self, Command};

use super::role::Role;

/// The option by which the program keeps the server.
pub(crate) const KEEP: &str = "keep";

/// There is no server to be started.
#[derive(Debug, thiserror::Error)]
#[error("there is no nats-server; on Debian it is installed by: apt-get install nats-server")]
pub(crate) struct Missing;

/// The server's program.
pub(crate) fn program() -> Option<&'static str> {
    // Debian has it where the path of a user may not lead.
    let mut places = ["nats-server", "/usr/sbin/nats-server"].into_iter();
    places.find(|place| Command::new(place).arg("--version").output().is_ok())
}

/// A server that runs. Dropping it kills the server.
pub(crate) struct Server {
    keeper: Role,
    port: u16,
}

impl Server {
    /// Starts a server at a port that is free.
    pub(crate) async fn start() -> io::Result<Self> {
        // Systems take the ports of clients from above these. A client that is given the port of
        // its server, while that is gone, is connected to itself.
        let ports = 20_000..30_000_u32;
        let first = ports.start + process::id() % (ports.end - ports.start);
        let ports = (first..ports.end).chain(ports.start..first).map(|port| port as u16);
        let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        match ports.into_iter().find(is_free) {
            Some(port) => Self::start_at(port).await,
            None => Err(io::Error::other("there is no free port")),
        }
    }

    async fn start_at(port: u16) -> io::Result<Self> {
        let mut keeper = Role::start(&[&format!("--{KEEP}"), &port.to_string()])?;
        keeper.ready().await?;
        Ok(Self { keeper, port })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server, and starts another at the same port.
    pub(crate) async fn restart(&mut self) -> io::Result<()> {
        self.end().await?;
        *self = Self::start_at(self.port).await?;
        Ok(())
    }

    /// Kills the server, and waits until it is gone.
    pub(crate) async fn end(&mut self) -> io::Result<()> {
        self.keeper.end().await.map(drop)
    }
}
