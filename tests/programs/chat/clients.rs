//! The clients of a chat: what they say and hear is the same whatever serves them.

use std::net::{Shutdown, SocketAddr};

use futures::channel::oneshot;
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use smol::net::TcpStream;
use smol::stream::StreamExt;

struct Client {
    stream: TcpStream,
    lines: Lines<BufReader<TcpStream>>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut client = Self { lines: BufReader::new(stream.clone()).lines(), stream };
        client.hears("welcome").await;
        client
    }

    async fn says(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn hears(&mut self, line: &str) {
        assert_eq!(self.lines.next().await.unwrap().unwrap(), line);
    }

    /// Waits until the server has closed the connection.
    async fn is_gone(&mut self) {
        assert!(self.lines.next().await.is_none());
    }

    async fn leaves(&mut self) {
        self.hears("bye").await;
        self.stream.shutdown(Shutdown::Write).unwrap();
        self.is_gone().await;
    }
}

/// Chats, and stops the server. The third client says too much, and the fourth says nothing, for
/// which the server has a bug. The fifth does not go when it should: the grace is over then.
pub(super) async fn chat(
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    end_grace: oneshot::Sender<()>,
) {
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(Client::connect(address).await);
    }
    clients[0].says("hello").await;
    for client in &mut clients {
        client.hears("0: hello").await;
    }
    clients[2].says("so much that it is too much").await;
    clients[2].is_gone().await;
    clients[3].says("").await;
    clients[3].is_gone().await;
    clients[1].says("still here").await;
    for client in [0, 1, 4] {
        clients[client].hears("1: still here").await;
    }

    stop.send(()).unwrap();
    clients[0].leaves().await;
    clients[1].leaves().await;
    clients[4].hears("bye").await;
    end_grace.send(()).unwrap();
    clients[4].is_gone().await;
}
