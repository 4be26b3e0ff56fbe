//! Rules that cannot be meant so.

use std::time::Duration;

use nestling::Supervisor;
use nestling::retry::Backoff;
use nestling::supervise::{AutoShutdown, ChildSpec, ConfigErrorKind, Restart};

const SECOND: Duration = Duration::from_secs(1);

fn supervisor() -> Supervisor<'static, String> {
    Supervisor::new(|_| std::future::ready(()))
}

fn child(name: &str) -> ChildSpec<'static, String> {
    ChildSpec::new(name, |_| async { Ok(()) })
}

#[track_caller]
fn refuse(supervisor: Supervisor<'static, String>, kind: ConfigErrorKind, text: &str) {
    let error = supervisor.build().unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (kind, text));
}

#[track_caller]
fn fine(supervisor: Supervisor<'static, String>) {
    drop(supervisor.build().unwrap());
}

#[test]
fn an_intensity_of_nothing_is_refused() {
    refuse(
        supervisor().intensity(0, SECOND),
        ConfigErrorKind::Intensity,
        "an intensity of 0 restarts lets no child come back; allow at least 1, or make the child \
         `Restart::Temporary`",
    );
    refuse(
        supervisor().child(child("db").intensity(3, Duration::ZERO)),
        ConfigErrorKind::Intensity,
        "child \"db\": an intensity within no time can never be exceeded: no two restarts fall into \
         it; give a window of more than 0",
    );
}

#[test]
fn a_backoff_by_which_the_intensity_can_never_be_exceeded_is_refused_with_the_sum() {
    let slow = || child("db").backoff(60 * SECOND, || Backoff::new(SECOND));
    refuse(
        supervisor().unlimited().child(slow().intensity(5, 10 * SECOND)),
        ConfigErrorKind::SlowBackoff,
        "child \"db\": more than 5 restarts within 10s can never be: after the first, 5 restarts wait \
         for 1s + 2s + 4s + 8s + 16s = 31s. Give a window of more than 31s, fewer restarts, or a \
         shorter backoff",
    );
    fine(supervisor().unlimited().child(slow().intensity(5, 32 * SECOND)));
    // A restart that is as old as the window is in it no more.
    supervisor().unlimited().child(slow().intensity(5, 31 * SECOND)).build().unwrap_err();
    // When the delays are over it gives up.
    let few = child("db").backoff(60 * SECOND, || Backoff::new(SECOND).take(4));
    fine(supervisor().unlimited().child(few.intensity(5, 10 * SECOND)));
}

#[test]
fn backoffs_of_all_children_are_added_up_for_the_intensity_of_all() {
    let slow = |name| child(name).backoff(60 * SECOND, || Backoff::new(2 * SECOND));
    refuse(
        supervisor().child(slow("a")),
        ConfigErrorKind::SlowBackoff,
        "more than 3 restarts of all children within 5s can never be: by their backoffs there are \
         at most 2. Give `intensity` a longer window or fewer restarts, or say `unlimited`",
    );
    refuse(
        supervisor().intensity(4, 5 * SECOND).child(slow("a")).child(slow("b")),
        ConfigErrorKind::SlowBackoff,
        "more than 4 restarts of all children within 5s can never be: by their backoffs there are \
         at most 2 + 2 = 4. Give `intensity` a longer window or fewer restarts, or say `unlimited`",
    );
    fine(supervisor().child(slow("a")).child(slow("b")));
    fine(supervisor().child(slow("a")).child(child("fast")));
    fine(supervisor().unlimited().child(slow("a")));
}

#[test]
fn restarts_without_bound_and_without_pause_are_refused() {
    refuse(
        supervisor().unlimited().child(child("db")),
        ConfigErrorKind::Unbounded,
        "child \"db\": nothing bounds its restarts, and nothing makes them slow: it could be \
         restarted again and again without a pause; give it a `backoff` or an `intensity`",
    );
    fine(supervisor().unlimited().child(child("db").restart(Restart::Temporary)));
}

#[test]
fn a_significant_child_that_can_end_nothing_is_refused() {
    refuse(
        supervisor().auto_shutdown(AutoShutdown::Any).child(child("db").significant()),
        ConfigErrorKind::Significant,
        "child \"db\": it is significant and permanent, so it never ends for good; make it \
         `Restart::Transient` or `Restart::Temporary`",
    );
    refuse(
        supervisor().child(child("db").restart(Restart::Transient).significant()),
        ConfigErrorKind::Significant,
        "child \"db\": it is significant, and the supervisor never ends for that; give the \
         supervisor `AutoShutdown::Any` or `AutoShutdown::All`",
    );
}

#[test]
fn names_that_are_missing_or_there_twice_are_refused() {
    refuse(
        supervisor().child(child("db")).child(child("cache")).child(child("db")),
        ConfigErrorKind::Name,
        "child \"db\": another child has this name; each needs its own",
    );
    refuse(
        supervisor().child(child("")),
        ConfigErrorKind::Name,
        "child \"\": it has no name, by which it is told apart",
    );
}

#[test]
fn times_of_nothing_are_refused() {
    refuse(
        supervisor().child(child("db").says_ready(Duration::ZERO)),
        ConfigErrorKind::Time,
        "child \"db\": it has no time to say that it is up: no incarnation could ever start; give \
         `says_ready` more than 0",
    );
    refuse(
        supervisor().child(child("db").backoff(Duration::ZERO, || [SECOND; 2])),
        ConfigErrorKind::Time,
        "child \"db\": it is stable after no time, so that its backoff would never grow; give \
         `backoff` more than 0",
    );
}

#[test]
fn more_children_than_may_be_are_refused() {
    refuse(
        supervisor().max_children(1).child(child("a")).child(child("b")),
        ConfigErrorKind::TooMany,
        "there are 2 children, and at most 1 may be; raise `max_children`",
    );
}

#[test]
fn runs_that_are_just_stable_count_for_what_can_be() {
    // At 0, 3, 6 and 7 seconds: it waits for one, and fails after two, and at once in the end.
    let child = |window: u32| {
        let delays = || [1, 100, 100, 100, 100].map(Duration::from_secs);
        child("db").backoff(2 * SECOND, delays).intensity(3, window * SECOND)
    };
    fine(supervisor().unlimited().child(child(8)));
    refuse(
        supervisor().unlimited().child(child(7)),
        ConfigErrorKind::SlowBackoff,
        "child \"db\": more than 3 restarts within 7s can never be: after the first, 3 restarts wait \
         for 7s, with runs that are just stable. Give a window of more than 7s, fewer restarts, or \
         a shorter backoff",
    );
}

#[test]
fn a_decision_may_choose_delays_that_the_backoff_has_not() {
    use nestling::supervise::Decision;
    let slow = || child("db").backoff(60 * SECOND, || Backoff::new(10 * SECOND));
    let again = |_: &nestling::ChildError<String>| Decision::RestartAfter(SECOND);
    fine(supervisor().child(slow().decide(again)));
    fine(supervisor().child(slow()).decide(again));
    supervisor().child(slow()).build().unwrap_err();
}

#[test]
fn a_backoff_that_panics_is_an_error_and_no_panic() {
    let child = child("db").backoff(SECOND, || -> [Duration; 1] { panic!("no delays") });
    refuse(
        supervisor().child(child),
        ConfigErrorKind::Backoff,
        "child \"db\": its backoff panicked: no delays",
    );
}

#[test]
fn a_backoff_without_a_pause_makes_nothing_slow() {
    let child = child("db").backoff(SECOND, || std::iter::repeat(Duration::ZERO));
    let error = supervisor().unlimited().child(child).build().unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Unbounded);
}
