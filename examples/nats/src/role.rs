//! This program once more, in another role: a process that ends when its standard input does. So it
//! ends with the process that has started it, however that ends.

use std::io;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What a role writes to standard output when it is up. Whatever else it writes is why it is not.
pub(crate) const READY: &str = "ready";

/// A process in another role. Dropping it ends the process.
pub(crate) struct Role {
    process: Child,
    /// Held open until it is to end.
    input: Option<ChildStdin>,
    output: Option<Lines<BufReader<ChildStdout>>>,
}

impl Role {
    pub(crate) fn start(arguments: &[&str]) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the process that was started by hand. The others end with it.
            .process_group(0)
            .spawn()?;
        let input = process.stdin.take();
        let output = process.stdout.take().map(|output| BufReader::new(output).lines());
        Ok(Self { process, input, output })
    }

    /// The number of the process; 0 once it has ended.
    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// Waits until it is up.
    pub(crate) async fn ready(&mut self) -> io::Result<()> {
        let said = match &mut self.output {
            Some(output) => output.next_line().await?,
            None => None,
        };
        match said {
            Some(said) if said == READY => Ok(()),
            said => Err(io::Error::other(said.unwrap_or("it has ended".into()))),
        }
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Tells it to end, and waits until it has.
    pub(crate) async fn end(&mut self) -> io::Result<ExitStatus> {
        self.input = None;
        self.process.wait().await
    }

    /// Kills it, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> io::Result<ExitStatus> {
        self.process.start_kill()?;
        self.process.wait().await
    }
}
