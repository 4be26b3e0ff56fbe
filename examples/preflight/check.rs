//! The checks: every target a child of one nursery.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use nestling::{JoinedError, Nursery, Report};
use smol::Timer;
use smol::future::or;
use smol::net::{TcpStream, resolve};

use super::http;
use super::input::Input;
use super::problem::Problem;
use super::target::Target;

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
}

/// What is known of a target that is up.
pub(crate) struct Up {
    pub(crate) ip: IpAddr,
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
        for Input { name, target } in inputs {
            let child = nursery.child().name(name);
            match target {
                Ok(target) => match target.host.address() {
                    Some(ip) => child.spawn(self.check(target, ip)),
                    None => child.spawn_group(self.check_name(target)),
                },
                Err(problem) => child.spawn(async { Err(problem) }),
            };
        }
        nursery.settle().await
    }

    async fn check(&self, target: Target, ip: IpAddr) -> Result<Up, Problem> {
        let result = self.attempt(&target, ip, Instant::now()).await;
        self.progress.inc(1);
        result
    }

    /// Tries all addresses of a name. It is up as soon as one of them is; if none is, the error has
    /// what is wrong with each.
    async fn check_name(&self, target: Target) -> Result<Up, JoinedError<Problem>> {
        let result = self.attempt_all(&target, Instant::now()).await;
        self.progress.inc(1);
        result
    }

    async fn attempt_all(
        &self,
        target: &Target,
        started: Instant,
    ) -> Result<Up, JoinedError<Problem>> {
        let host = target.host.to_string();
        let found = self.in_time(started, "address found", look_up(&host)).await?;
        let mut addresses = Nursery::new().name(host.as_str()).limit(ADDRESSES);
        for ip in found {
            let attempt = self.attempt(target, ip, started);
            addresses.child().name(ip.to_string()).spawn(attempt);
        }
        let up = addresses.first_ok().await?;
        Ok(up.expect("there is at least one address, and none was cancelled"))
    }

    async fn attempt(&self, target: &Target, ip: IpAddr, started: Instant) -> Result<Up, Problem> {
        let address = SocketAddr::new(ip, target.port);
        let connect = async {
            TcpStream::connect(address).await.map_err(|source| Problem::Connect { source })
        };
        let mut stream = self.in_time(started, "connection", connect).await?;
        let status = match &target.path {
            Some(path) => {
                let answer = http::get(&mut stream, target, path);
                Some(self.in_time(started, "answer", answer).await?)
            }
            None => None,
        };
        Ok(Up { ip, status, took: started.elapsed() })
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

/// All addresses of a host: at least one.
async fn look_up(host: &str) -> Result<Vec<IpAddr>, Problem> {
    let found = resolve((host, 0)).await.map_err(|source| Problem::Lookup { source })?;
    let mut addresses: Vec<_> = found.into_iter().map(|address| address.ip()).collect();
    addresses.sort();
    addresses.dedup();
    if addresses.is_empty() { Err(Problem::NoAddress) } else { Ok(addresses) }
}
