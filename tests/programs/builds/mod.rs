//! Runs the steps of a build, each a process, as soon as the steps are done that it needs. A step
//! that fails keeps those from running that need it, and no others.

mod nested;
mod plain;

use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use smol::block_on;
use smol::future::yield_now;
use smol::process::Command;

/// A step comes after those that it needs.
struct Step {
    name: &'static str,
    needs: &'static [&'static str],
    command: &'static str,
}

const STEPS: [Step; 6] = [
    Step { name: "fetch", needs: &[], command: "printf 'sources'" },
    Step { name: "compile", needs: &["fetch"], command: "echo 'no such crate' >&2; exit 1" },
    Step { name: "docs", needs: &["fetch"], command: "printf 'docs'" },
    Step { name: "link", needs: &["compile"], command: "printf 'binary'" },
    Step { name: "package", needs: &["link", "docs"], command: "printf 'archive'" },
    Step { name: "lint", needs: &[], command: "printf 'no warnings'" },
];

/// The names of the steps that have started, in this order.
type Started = Mutex<Vec<&'static str>>;

/// Returns what the step prints, if it succeeds.
async fn run(step: &Step, started: &Started) -> Result<String> {
    started.lock().unwrap().push(step.name);
    yield_now().await; // others start before this one can end
    let mut command = Command::new("sh");
    let output = command.arg("-c").arg(step.command).kill_on_drop(true).output();
    let output = output.await.context("cannot run the shell")?;
    let says = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", output.status, says.trim_end());
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn a_build_tells_a_failure_once() {
    let started = Started::default();
    let ended = block_on(plain::build(&STEPS, &started));
    let text = |(name, result): &(_, Result<String, _>)| match result {
        Ok(text) => format!("{name} printed {text}"),
        Err(error) => format!("{name} failed: {error:#}"),
    };
    assert_eq!(
        ended.iter().map(text).collect::<Vec<_>>(),
        [
            "fetch printed sources",
            "compile failed: exit status: 1: no such crate",
            "docs printed docs",
            // Neither of these two has started.
            "link failed: exit status: 1: no such crate",
            "package failed: exit status: 1: no such crate",
            "lint printed no warnings",
        ]
    );
    assert_started(started);

    let started = Started::default();
    let (printed, report) = block_on(nested::build(&STEPS, &started));
    assert_eq!(printed, ["sources", "docs", "no warnings"]);
    assert_eq!(
        report.tree().locations(false).to_string(),
        "\
nursery \"build\": 6 children: 3 completed, 1 failed, 2 cancelled
├─ #1 compile    exit status: 1: no such crate
├─ #3 link       cancelled: child #1 compile was lost: it failed
└─ #4 package    cancelled: child #3 link was lost: child #1 compile was lost: it failed",
    );
    // Both need nothing, and start before any step has ended.
    assert_eq!(started.lock().unwrap()[..2], ["fetch", "lint"]);
    assert_started(started);
}

fn assert_started(started: Started) {
    let mut started = started.into_inner().unwrap();
    started.sort_unstable();
    assert_eq!(started, ["compile", "docs", "fetch", "lint"]);
}
