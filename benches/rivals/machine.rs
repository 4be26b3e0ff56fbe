//! What machine it is, and which versions.

use std::process::Command;
use std::thread::available_parallelism;

/// The crates that are compared, and those that they run on.
const CRATES: &[&str] = &[
    "nestling",
    "futures",
    "futures-buffered",
    "futures-concurrency",
    "moro",
    "async-executor",
    "tokio",
    "tokio-util",
    "bounded_join_set",
    "async_nursery",
    "async_executors",
];

/// What the versions are read from.
const LOCK: &str = include_str!("Cargo.lock");

pub fn facts() -> Vec<(&'static str, String)> {
    let cores = available_parallelism().map_or("unknown".into(), |cores| cores.to_string());
    let versions = CRATES.iter().map(|name| format!("{name} {}", version(name)));
    vec![
        ("processor", processor()),
        ("cores", cores),
        ("system", system()),
        ("rustc", rustc()),
        ("crates", versions.collect::<Vec<_>>().join(", ")),
    ]
}

fn version(name: &str) -> &'static str {
    let start = format!("name = \"{name}\"\nversion = \"");
    let (_, rest) = LOCK.split_once(&start).expect("the crate is locked");
    rest.split_once('"').expect("its version ends").0
}

fn processor() -> String {
    let from = |path: &str, key: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    from("/proc/cpuinfo", "model name")
        .or_else(|| output("sysctl", &["-n", "machdep.cpu.brand_string"]))
        .unwrap_or_else(|| std::env::consts::ARCH.into())
}

fn system() -> String {
    let name = std::fs::read_to_string("/etc/os-release").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(line.trim_matches('"').to_owned())
    });
    let kernel = output("uname", &["-sr"]);
    let known: Vec<_> = name.into_iter().chain(kernel).collect();
    if known.is_empty() { std::env::consts::OS.into() } else { known.join(", ") }
}

fn rustc() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    output(&rustc, &["--version"]).unwrap_or_else(|| "unknown".into())
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
