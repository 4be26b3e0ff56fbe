//! Where the measurements go.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as OwnSocket};
use std::time::Duration;

use smol::Timer;
use smol::fs::File;
use smol::io::AsyncWriteExt;
use smol::net::UdpSocket;

use super::args::{Args, Target};
use super::producer::Measurement;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("cannot open the sink")]
    Open { source: io::Error },
    #[error("cannot send a measurement")]
    Send { source: io::Error },
}

pub(crate) struct Sink {
    to: To,
    /// How many it has been asked to send.
    asked: u64,
    panic_every: Option<u64>,
    slow: Duration,
}

enum To {
    File(File),
    Udp(UdpSocket),
    /// Nothing reads what comes to the other socket.
    Own(UdpSocket, #[expect(dead_code, reason = "it is there to be sent to")] OwnSocket),
}

impl Sink {
    /// Opens the target. A file that has begun is gone on with by any sink but the first.
    pub(crate) async fn open(args: &Args, first: bool) -> Result<Self, Problem> {
        let to = match &args.target {
            Some(Target::File(path)) => {
                let mut options = smol::fs::OpenOptions::new();
                options.create(true).truncate(first).write(first).append(!first);
                options.open(path).await.map(To::File)
            }
            Some(Target::Udp(address)) => connect(*address).await.map(To::Udp),
            None => own().await,
        };
        let to = to.map_err(|source| Problem::Open { source })?;
        Ok(Self { to, asked: 0, panic_every: args.panic_every, slow: args.slow() })
    }

    /// Sends one measurement. When this is ready, it has left.
    pub(crate) async fn send(&mut self, measurement: &Measurement) -> Result<(), Problem> {
        self.asked += 1;
        if self.panic_every == Some(self.asked) {
            panic!("{measurement} was one too many for this sink");
        }
        if !self.slow.is_zero() {
            Timer::after(self.slow).await;
        }
        let line = format!("{measurement}\n");
        let sent = match &mut self.to {
            To::File(file) => write(file, &line).await,
            To::Udp(socket) | To::Own(socket, _) => socket.send(line.as_bytes()).await.map(drop),
        };
        sent.map_err(|source| Problem::Send { source })
    }
}

async fn write(file: &mut File, line: &str) -> io::Result<()> {
    file.write_all(line.as_bytes()).await?;
    file.flush().await
}

async fn connect(address: SocketAddr) -> io::Result<UdpSocket> {
    let any = SocketAddr::new(
        match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        },
        0,
    );
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(socket)
}

async fn own() -> io::Result<To> {
    let receiver = OwnSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let sender = connect(receiver.local_addr()?).await?;
    Ok(To::Own(sender, receiver))
}
