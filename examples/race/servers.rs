//! Servers of its own to race where no address is given.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use nestling::{JoinedError, Nursery};
use smol::Timer;
use smol::io::AsyncWriteExt;
use smol::net::TcpListener;

use super::args::Args;
use super::connect::{Problem, Winner, race};

/// How many there are: two that greet, one that says nothing, and one that is not there.
pub(crate) const SERVERS: usize = 4;

/// After how many milliseconds each greets its clients, if it does.
const GREETINGS: [Option<u64>; SERVERS - 1] = [None, Some(300), Some(100)];

/// Nothing listens here: tcpmux was hardly ever used.
const CLOSED: &str = "127.0.0.1:1";

/// Races the servers by their greetings. The error is that of the servers.
///
/// They are daemons beside a body, the race: they end with it.
pub(crate) async fn demonstrate(
    args: &Args,
) -> Result<Result<Winner, JoinedError<Problem>>, JoinedError<io::Error>> {
    let mut addresses = vec![CLOSED.to_owned()];
    let mut servers = Nursery::new().name("servers");
    for delay in GREETINGS {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let child = servers.child().name(address.as_str()).daemon();
        child.spawn(serve(listener, delay.map(Duration::from_millis)));
        addresses.push(address);
    }
    let args = Args { addresses, greeting: true, timeout: args.timeout };
    let run = servers.run(|_| async { Ok(race(&args, &args.addresses).await) });
    let (result, _) = run.await?;
    Ok(result)
}

/// Greets its clients one by one, until it is dropped.
async fn serve(listener: TcpListener, delay: Option<Duration>) -> io::Result<Infallible> {
    let mut clients = Vec::new();
    loop {
        let (mut client, _) = listener.accept().await?;
        if let Some(delay) = delay {
            Timer::after(delay).await;
            let greeting = format!("hello after {delay:?}\n");
            // A client that leaves early is no failure of the server's.
            _ = client.write_all(greeting.as_bytes()).await;
        }
        // Left open: it is not for the server to end the race.
        clients.push(client);
    }
}
