//! A chat server: what a client says goes to all others. A client that misbehaves fails alone, and
//! a stop lets the clients say goodbye.

mod clients;
mod nested;
mod plain;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard};

use futures::channel::oneshot;
use smol::channel::{Receiver, Sender, unbounded};
use smol::future::{or, zip};
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use smol::net::{TcpListener, TcpStream};
use smol::stream::StreamExt;

use crate::without_task_number;

#[derive(Debug, thiserror::Error)]
enum ChatError {
    #[error("cannot accept")]
    Accept(#[source] io::Error),
    #[error("the connection broke")]
    Connection(#[from] io::Error),
    #[error("a line of {0} bytes")]
    TooLong(usize),
}

/// The clients that are there, each with the lines that it is to be sent.
#[derive(Default)]
struct Room(Mutex<BTreeMap<usize, Sender<String>>>);

impl Room {
    fn seats(&self) -> MutexGuard<'_, BTreeMap<usize, Sender<String>>> {
        self.0.lock().unwrap()
    }

    fn enter(&self, client: usize) -> (Seat<'_>, Receiver<String>) {
        let (sender, receiver) = unbounded();
        self.seats().insert(client, sender);
        (Seat { room: self, client }, receiver)
    }

    fn say(&self, line: &str) {
        for sender in self.seats().values() {
            sender.try_send(line.to_owned()).expect("it has room, and its receiver is there");
        }
    }
}

/// A place in the room, which is left when this is dropped.
struct Seat<'a> {
    room: &'a Room,
    client: usize,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.room.seats().remove(&self.client);
    }
}

enum Event {
    Said(Option<io::Result<String>>),
    Heard(String),
    Stopped,
}

/// Serves a client until it leaves. Once the server is stopped it says `bye`, and waits for the
/// client to go.
async fn talk(
    client: usize,
    stream: TcpStream,
    room: &Room,
    stopped: impl Future,
) -> Result<(), ChatError> {
    let mut lines = BufReader::new(stream.clone()).lines();
    let mut stream = stream;
    let (seat, heard) = room.enter(client);
    stream.write_all(b"welcome\n").await?;
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let said = async { Event::Said(lines.next().await) };
        let heard = async { Event::Heard(heard.recv().await.expect("its seat is there")) };
        let stopped = async {
            stopped.as_mut().await;
            Event::Stopped
        };
        match or(said, or(heard, stopped)).await {
            Event::Said(None) => return Ok(()),
            Event::Said(Some(line)) => room.say(&check(client, &line?)?),
            Event::Heard(line) => stream.write_all(format!("{line}\n").as_bytes()).await?,
            Event::Stopped => break,
        }
    }
    drop(seat);
    stream.write_all(b"bye\n").await?;
    while let Some(line) = lines.next().await {
        line?;
    }
    Ok(())
}

/// What is said to all for a line of a client.
fn check(client: usize, line: &str) -> Result<String, ChatError> {
    if line.len() > 20 {
        return Err(ChatError::TooLong(line.len()));
    }
    let first = line.chars().next().expect("a line has letters");
    Ok(format!("{client}: {first}{}", &line[first.len_utf8()..]))
}

#[test]
fn a_chat_logs_what_fails_and_drains() {
    let mut log = Vec::new();
    let dropped = among_clients(|listener, stop, grace| {
        plain::serve(listener, stop, grace, |line| log.push(without_task_number(&line)))
    });
    // Which client is the second line of? And which one was dropped?
    let lines =
        ["client 2: a line of 27 bytes", "task N panicked with message \"a line has letters\""];
    assert_eq!(log, lines);
    assert_eq!(dropped.unwrap(), 1);

    let mut log = Vec::new();
    let report = among_clients(|listener, stop, grace| {
        nested::serve(listener, stop, grace, |line| log.push(line))
    });
    let lines = ["#2 client 2: a line of 27 bytes", "#3 client 3: panicked: a line has letters"];
    assert_eq!(log, lines);
    assert!(report.outputs().is_empty(), "it would keep one for each client that has left");
    assert_eq!(
        report.tree().locations(false).to_string(),
        "\
nursery \"chat\": 5 children: 2 completed, 2 failed, 1 cancelled (requested: stopped), \
2 ended by themselves after a cancel, 1 dropped after the grace
├─ #2 client 2    a line of 27 bytes
├─ #3 client 3    panicked: a line has letters
├─ #4 client 4    cancelled: requested: stopped (dropped after its grace)
├─ #0 client 0    completed after a cancel: requested: stopped
└─ #1 client 1    completed after a cancel: requested: stopped",
    );
}

type Told = oneshot::Receiver<()>;

/// Runs a server, given a listener, what stops it and what ends its grace, and the clients beside
/// it.
fn among_clients<F: Future>(serve: impl FnOnce(TcpListener, Told, Told) -> F) -> F::Output {
    let (stop, stopped) = oneshot::channel();
    let (end_grace, grace) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let clients = clients::chat(listener.local_addr().unwrap(), stop, end_grace);
        zip(serve(listener, stopped, grace), clients).await.0
    })
}
