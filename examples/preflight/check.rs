//! The checks: every target a child of one nursery.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use nestling::observe::Timeline;
use nestling::{JoinedError, Nursery, Report};
use smol::Timer;
use smol::future::or;
use smol::net::{TcpStream, resolve};

use super::http;
use super::input::Input;
use super::interrupt::Interrupts;
use super::problem::Problem;
use super::target::Target;
use super::timeline::Recording;

/// How many addresses of one name are tried at once.
const ADDRESSES: usize = 16;

/// How to check, the same for every target.
pub(crate) struct Checks<'a> {
    /// How many targets are checked at once.
    pub(crate) limit: usize,
    /// How long a target may take, from when its check starts.
    pub(crate) timeout: Duration,
    /// Whether the first failure ends the run.
    pub(crate) first_error: bool,
    pub(crate) progress: &'a ProgressBar,
    pub(crate) recorded: Option<Recorded>,
}

/// For a run that is recorded.
pub(crate) struct Recorded {
    timeline: Timeline,
    /// What cuts it short: the recording is wanted then, too.
    interrupts: Interrupts,
}

impl Recorded {
    pub(crate) fn listen(recording: &Recording) -> io::Result<Self> {
        Ok(Self { timeline: recording.timeline(), interrupts: Interrupts::listen()? })
    }
}

/// What is known of a target that is up.
pub(crate) struct Up {
    /// Which of its addresses took the connection, where it was given by a name.
    pub(crate) ip: Option<IpAddr>,
    /// The status of the answer, where more than a connection was asked for.
    pub(crate) status: Option<String>,
    pub(crate) took: Duration,
}

impl Checks<'_> {
    /// Checks everything, and tells everything. The children borrow `self`.
    ///
    /// Bad input becomes a child as well, one that fails at once: nothing is missing in the report.
    pub(crate) async fn run(&self, inputs: Vec<Input>) -> Report<Up, Problem> {
        let good = inputs.iter().filter(|input| input.target.is_ok()).count();
        self.progress.set_length(good as u64);
        let mut nursery = Nursery::new().name("preflight").limit(self.limit);
        if self.first_error {
            nursery = nursery.first_error();
        }
        if let Some(recorded) = &self.recorded {
            nursery = nursery.observe(recorded.timeline.clone());
        }
        let spawner = nursery.spawner();
        for Input { name, target } in inputs {
            let child = nursery.child().name(name);
            match target {
                Ok(target) => match target.address() {
                    Some(address) => child.spawn(self.check(target, address)),
                    None => child.group().spawn(self.check_name(target)),
                },
                Err(problem) => child.spawn(async { Err(problem) }),
            };
        }
        match &self.recorded {
            None => nursery.settle().await,
            Some(recorded) => {
                let cancel = recorded.interrupts.cancel(|signal| _ = spawner.cancel_with(signal));
                or(nursery.settle(), cancel).await
            }
        }
    }

    async fn check(&self, target: Target, address: SocketAddr) -> Result<Up, Problem> {
        let result = self.attempt(&target, address, Instant::now()).await;
        self.progress.inc(1);
        result
    }

    /// Checks the first address of a name that takes a connection. If none does, the error has what
    /// is wrong with each.
    async fn check_name(&self, target: Target) -> Result<Up, JoinedError<Problem>> {
        let result = self.attempt_all(&target, Instant::now()).await;
        self.progress.inc(1);
        result
    }

    async fn attempt(
        &self,
        target: &Target,
        address: SocketAddr,
        started: Instant,
    ) -> Result<Up, Problem> {
        let stream = self.connect(address, started).await?;
        let status = self.ask(target, stream, started).await?;
        Ok(Up { ip: None, status, took: started.elapsed() })
    }

    async fn attempt_all(
        &self,
        target: &Target,
        started: Instant,
    ) -> Result<Up, JoinedError<Problem>> {
        let host = target.host.to_string();
        let found = self.in_time(started, "address found", look_up(&host, target.port)).await?;
        let mut connects = Nursery::new().name(host.as_str()).limit(ADDRESSES);
        for address in found {
            let ip = address.ip();
            let connect = async move { Ok((ip, self.connect(address, started).await?)) };
            connects.child().name(ip.to_string()).spawn(connect);
        }
        let winner = connects.first_ok().await?;
        let (_, (ip, stream)) = winner.expect("one was there, and none cancelled");

        // One request, however many addresses there are. It is a nursery of one child, so that a
        // failure says which address it came from.
        let mut request = Nursery::new().name(host.as_str());
        request.child().name(ip.to_string()).spawn(self.ask(target, stream, started));
        let status = request.first_ok().await?.and_then(|(_, status)| status);
        Ok(Up { ip: Some(ip), status, took: started.elapsed() })
    }

    async fn connect(&self, address: SocketAddr, started: Instant) -> Result<TcpStream, Problem> {
        let connect = async {
            TcpStream::connect(address).await.map_err(|source| Problem::Connect { source })
        };
        self.in_time(started, "connection", connect).await
    }

    /// The status of an answer, where more than a connection is asked for.
    async fn ask(
        &self,
        target: &Target,
        mut stream: TcpStream,
        started: Instant,
    ) -> Result<Option<String>, Problem> {
        let Some(path) = &target.path else { return Ok(None) };
        let answer = http::get(&mut stream, target, path);
        self.in_time(started, "answer", answer).await.map(Some)
    }

    /// The same work, unless the target's time is over before it ends.
    async fn in_time<T>(
        &self,
        started: Instant,
        awaited: &'static str,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let timeout = async {
            Timer::at(started + self.timeout).await;
            Err(Problem::TimedOut { awaited, after: self.timeout })
        };
        or(work, timeout).await
    }
}

/// All addresses of a host: at least one. Each is kept as it was found, as it may have a scope.
async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Problem> {
    let mut found = resolve((host, port)).await.map_err(|source| Problem::Lookup { source })?;
    found.sort();
    found.dedup();
    if found.is_empty() { Err(Problem::NoAddress) } else { Ok(found) }
}
