//! One connection, from its first line to its goodbye.

use std::fs;
use std::future::pending;
use std::io;
use std::path::Path;

use nestling::observe::AtPlace;
use smol::future::yield_now;
use smol::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use smol::net::TcpStream;

use super::Context;
use super::numbers::{Numbers, Open};
use super::problem::Problem;

/// The longest line that is read, in bytes.
pub(crate) const LINE_MAX: usize = 64 << 10;

pub(crate) struct Connection<'a> {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    line: Vec<u8>,
    numbers: &'a Numbers,
    /// Counts it among those that are open, until it is dropped.
    _open: Open<'a>,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(stream: TcpStream, numbers: &'a Numbers) -> Self {
        let reader = BufReader::new(stream.clone());
        Self { reader, writer: stream, line: Vec::new(), numbers, _open: numbers.open() }
    }

    /// Greets the client, if there is a message of the day, and answers lines until the client has no more, or the server is stopped.
    ///
    /// A line that is being answered is answered to its end: only to wait for the next one is given
    /// up when the server is stopped.
    pub(crate) async fn serve(
        mut self,
        cx: &Context<'_>,
        motd: Option<&Path>,
    ) -> Result<(), Problem> {
        if let Some(motd) = motd {
            self.greet(motd).at("motd").await?;
        }
        while let Some(more) = cx.until_cancelled(self.read().at("read")).await {
            if !more? {
                return Ok(());
            }
            let line = self.text()?;
            let (quits, hangs) = (line == "quit", line == "hang");
            if quits {
                break;
            }
            let answer = format!("{}\n", line.to_uppercase());
            self.write(answer.as_bytes()).at("answer").await?;
            self.numbers.answered();
            if hangs {
                pending::<()>().at("hang").await;
            }
            // A client that sends without a pause would never let this child wait. So the others
            // would have no turn.
            yield_now().await;
        }
        self.write(b"bye\n").at("goodbye").await
    }

    /// Sends the message of the day.
    ///
    /// It is read as small files often are: by a call that blocks. On a slow disk that keeps all
    /// connections waiting, and SIGUSR1 tells which of them they wait for.
    async fn greet(&mut self, motd: &Path) -> Result<(), Problem> {
        let unreadable = |source| Problem::Motd { path: motd.to_owned(), source };
        let text = fs::read(motd).map_err(unreadable)?;
        self.write(&text).await
    }

    /// Reads the next line, and says whether there was one.
    async fn read(&mut self) -> Result<bool, Problem> {
        self.line.clear();
        // One byte more than a line may have: its end, or what makes it too long.
        let most = LINE_MAX as u64 + 1;
        let mut reader = (&mut self.reader).take(most);
        let read = reader.read_until(b'\n', &mut self.line).await.map_err(broken)?;
        Ok(read > 0)
    }

    /// The line without its end.
    fn text(&self) -> Result<&str, Problem> {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        if line.len() > LINE_MAX {
            return Err(Problem::LongLine);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        std::str::from_utf8(line).map_err(|source| Problem::NotUtf8 { source })
    }

    async fn write(&mut self, text: &[u8]) -> Result<(), Problem> {
        self.writer.write_all(text).await.map_err(broken)
    }
}

fn broken(source: io::Error) -> Problem {
    Problem::Broken { source }
}
