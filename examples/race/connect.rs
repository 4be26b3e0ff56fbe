//! The race: every address a child of one nursery.

use std::io;

use nestling::{JoinedError, Nursery};
use smol::Timer;
use smol::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use smol::net::TcpStream;

use super::args::Args;

/// The longest greeting that is read, in bytes.
const GREETING_MAX: u64 = 512;

/// The address that has won, with what it said, if it was to say something.
///
/// Here would be the connection, in a program that has a use for it.
pub(crate) struct Winner {
    pub(crate) address: String,
    pub(crate) greeting: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("cannot connect")]
    Connect { source: io::Error },
    #[error("the connection broke before there was a greeting")]
    Broken { source: io::Error },
    #[error("closed the connection without a greeting")]
    NoGreeting,
    #[error("sent more than {GREETING_MAX} bytes without the end of a line")]
    LongGreeting,
}

/// Connects to all of the addresses, of which there is at least one.
///
/// The losers are gone when this is ready, their connections closed. The error has what was wrong
/// with each address; one that was not through in time has timed out.
pub(crate) async fn race(
    args: &Args,
    addresses: &[String],
) -> Result<Winner, JoinedError<Problem>> {
    let mut racers = Nursery::new().name("race");
    for address in addresses {
        racers
            .child()
            .name(address.as_str())
            .timeout(|| Timer::after(args.timeout))
            .spawn(connect(address, args.greeting));
    }
    let winner = racers.first_ok().await?;
    let (racer, greeting) = winner.expect("there was an address, and nothing cancels");
    let address = racer.name().expect("each was given one").to_owned();
    Ok(Winner { address, greeting })
}

/// The connection, as far as there is a use for it here.
async fn connect(address: &str, greeting: bool) -> Result<Option<String>, Problem> {
    let stream = TcpStream::connect(address).await.map_err(|source| Problem::Connect { source })?;
    if greeting { hear(stream).await.map(Some) } else { Ok(None) }
}

/// The first line that the server sends.
async fn hear(stream: TcpStream) -> Result<String, Problem> {
    let mut line = Vec::new();
    let mut reader = BufReader::new(stream).take(GREETING_MAX);
    let read = reader.read_until(b'\n', &mut line).await;
    let read = read.map_err(|source| Problem::Broken { source })?;
    if line.last() == Some(&b'\n') {
        Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
    } else if read < GREETING_MAX as usize {
        Err(Problem::NoGreeting)
    } else {
        Err(Problem::LongGreeting)
    }
}
