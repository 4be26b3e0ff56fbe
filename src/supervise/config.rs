//! What is wrong with a supervisor's rules.

use std::collections::HashSet;
use std::error::Error;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::flavor::SupervisorFlavor;
use super::rules::{AutoShutdown, Intensity, Restart, Restarts};
use super::spec::{ChildRules, ChildSpec};
use crate::error::Panic;
use crate::guard::catch;

/// A supervisor, or a child of one, has rules that cannot be meant so. The text says which, and
/// what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    child: Option<Arc<str>>,
    text: String,
}

/// The kinds of [`ConfigError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// An intensity has no restarts, or no window.
    Intensity,
    /// By the backoff there can never be as many restarts within the window as the intensity
    /// allows: the supervisor would never give up.
    SlowBackoff,
    /// A backoff panicked when it was asked for its delays.
    Backoff,
    /// The number of restarts is not bounded, and nothing makes them slow.
    Unbounded,
    /// A child is significant, and the supervisor does not end for it; or it never ends for good.
    Significant,
    /// A child has no name, or that of another.
    Name,
    /// A child has no time to say that it is up, or to be stable.
    Time,
    /// There are more children than may be.
    TooMany,
}

impl ConfigError {
    fn new(kind: ConfigErrorKind, child: Option<&Arc<str>>, text: impl Into<String>) -> Self {
        Self { kind, child: child.cloned(), text: text.into() }
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }

    /// The name of the child that has the rules; `None` if they are the supervisor's.
    #[must_use]
    pub fn child(&self) -> Option<&str> {
        self.child.as_deref()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.child() {
            Some(child) => write!(f, "child {child:?}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Error for ConfigError {}

/// What a supervisor's children are checked against.
pub(super) struct Frame {
    /// For all children; `None` if it is not bounded.
    pub(super) intensity: Option<Intensity>,
    pub(super) auto_shutdown: AutoShutdown,
    pub(super) max_children: usize,
    /// The supervisor has a decision, which may choose delays.
    pub(super) decides: bool,
}

/// Checks a supervisor that is to be built.
pub(super) fn check<E, M: SupervisorFlavor>(
    frame: &Frame,
    children: &mut [ChildSpec<'_, E, M>],
) -> Result<(), ConfigError> {
    if let Some(intensity) = frame.intensity {
        check_intensity(intensity, None)?;
    }
    if children.len() > frame.max_children {
        let text = format!(
            "there are {} children, and at most {} may be; raise `max_children`",
            children.len(),
            frame.max_children
        );
        return Err(ConfigError::new(ConfigErrorKind::TooMany, None, text));
    }
    let mut names = HashSet::new();
    for child in &mut *children {
        if !names.insert(Arc::clone(&child.name)) {
            let text = "another child has this name; each needs its own";
            return Err(ConfigError::new(ConfigErrorKind::Name, Some(&child.name), text));
        }
        check_child(frame, child)?;
    }
    check_all(frame, children)
}

/// Checks a child by itself.
pub(super) fn check_child<E, M: SupervisorFlavor>(
    frame: &Frame,
    child: &mut ChildSpec<'_, E, M>,
) -> Result<(), ConfigError> {
    let ChildSpec { name, rules, .. } = child;
    let error = |kind, text: &str| Err(ConfigError::new(kind, Some(&*name), text));
    if name.is_empty() {
        return error(ConfigErrorKind::Name, "it has no name, by which it is told apart");
    }
    if rules.significant && rules.restart == Restart::Permanent {
        let text = "it is significant and permanent, so it never ends for good; make it \
                    `Restart::Transient` or `Restart::Temporary`";
        return error(ConfigErrorKind::Significant, text);
    }
    if rules.significant && frame.auto_shutdown == AutoShutdown::Never {
        let text = "it is significant, and the supervisor never ends for that; give the supervisor \
                    `AutoShutdown::Any` or `AutoShutdown::All`";
        return error(ConfigErrorKind::Significant, text);
    }
    if rules.start_limit == Some(Duration::ZERO) {
        let text = "it has no time to say that it is up: no incarnation could ever start; \
                    give `says_ready` more than 0";
        return error(ConfigErrorKind::Time, text);
    }
    if rules.backoff.is_some() && rules.stable_after.is_zero() {
        let text = "it is stable after no time, so that its backoff would never grow; \
                    give `backoff` more than 0";
        return error(ConfigErrorKind::Time, text);
    }
    if let Some(intensity) = rules.intensity {
        check_intensity(intensity, Some(name))?;
        check_backoff(frame, intensity, name, rules)?;
    }
    if may_restart(rules) && frame.intensity.is_none() && rules.intensity.is_none() {
        let fastest = Fastest::of(frame, name, rules, LOOKED_AT)?;
        let waits =
            |fastest: &Fastest| fastest.is_finite || fastest.delays.iter().any(|it| !it.is_zero());
        // A decision may choose delays.
        let is_slow = rules.backoff.is_some() && fastest.as_ref().is_none_or(waits);
        if !is_slow {
            let text = "nothing bounds its restarts, and nothing makes them slow: it could be \
                        restarted again and again without a pause; give it a `backoff` or an \
                        `intensity`";
            return error(ConfigErrorKind::Unbounded, text);
        }
    }
    Ok(())
}

fn may_restart<E, M: SupervisorFlavor>(rules: &ChildRules<'_, E, M>) -> bool {
    rules.restart != Restart::Temporary
}

fn check_intensity(intensity: Intensity, child: Option<&Arc<str>>) -> Result<(), ConfigError> {
    let error = |text: &str| Err(ConfigError::new(ConfigErrorKind::Intensity, child, text));
    if intensity.restarts == 0 {
        return error(
            "an intensity of 0 restarts lets no child come back; allow at least 1, or make the \
             child `Restart::Temporary`",
        );
    }
    if intensity.window.is_zero() {
        return error(
            "an intensity within no time can never be exceeded: no two restarts fall into it; \
             give a window of more than 0",
        );
    }
    Ok(())
}

/// How fast a child can be restarted at most, by its backoff.
struct Fastest {
    /// The first delays.
    delays: Vec<Duration>,
    /// It begins anew after this.
    stable_after: Duration,
    /// There are no more delays, so that the supervisor gives up when these are over.
    is_finite: bool,
}

/// More delays than this are not looked at: the rules are taken to be right.
const LOOKED_AT: u32 = 1_000;

impl Fastest {
    /// `None` if its restarts do not wait for the backoff alone. It asks for the delays once.
    fn of<E, M: SupervisorFlavor>(
        frame: &Frame,
        name: &Arc<str>,
        rules: &mut ChildRules<'_, E, M>,
        count: u32,
    ) -> Result<Option<Self>, ConfigError> {
        // A decision may choose delays of its own.
        if rules.decide.is_some() || frame.decides || count > LOOKED_AT {
            return Ok(None);
        }
        let Some(backoff) = &mut rules.backoff else { return Ok(None) };
        // The closure and its iterator are foreign code.
        let delays: Vec<_> =
            catch(|| backoff().take(count as usize).collect()).map_err(|panic| {
                let text = format!("its backoff panicked: {}", Panic::new(panic).message());
                ConfigError::new(ConfigErrorKind::Backoff, Some(name), text)
            })?;
        let (stable_after, is_finite) = (rules.stable_after, delays.len() < count as usize);
        Ok(Some(Self { delays, stable_after, is_finite }))
    }

    /// The least time from the first of some restarts to the last, for each number of restarts
    /// after the first. A child fails at once, or as soon as it is stable and its backoff begins
    /// anew.
    fn times(&self) -> Vec<Duration> {
        let mut times = vec![Duration::ZERO];
        for count in 1..=self.delays.len() {
            let mut waited = Duration::ZERO;
            let mut least = Duration::MAX;
            for (at, delay) in self.delays[..count].iter().enumerate() {
                waited = waited.saturating_add(*delay);
                let before = times[count - at - 1];
                let stable = if at + 1 < count { self.stable_after } else { Duration::ZERO };
                least = least.min(waited.saturating_add(stable).saturating_add(before));
            }
            times.push(least);
        }
        times
    }
}

/// A child that fails as fast as it can has to come to more restarts within the window than are
/// allowed.
fn check_backoff<E, M: SupervisorFlavor>(
    frame: &Frame,
    intensity: Intensity,
    name: &Arc<str>,
    rules: &mut ChildRules<'_, E, M>,
) -> Result<(), ConfigError> {
    let Intensity { restarts, window } = intensity;
    let Some(fastest) = Fastest::of(frame, name, rules, restarts)? else { return Ok(()) };
    let least = fastest.times().last().copied().unwrap_or_default();
    if fastest.is_finite || least < window {
        return Ok(());
    }
    let at_once = fastest.delays.iter().fold(Duration::ZERO, |sum, it| sum.saturating_add(*it));
    let least_text = match at_once == least {
        true => format!("{} = {least:?}", sum(&fastest.delays)),
        false => format!("{least:?}, with runs that are just stable"),
    };
    let restarts = Restarts(restarts);
    let text = format!(
        "more than {restarts} within {window:?} can never be: after the first, {restarts} wait for \
         {least_text}. Give a window of more than {least:?}, fewer restarts, or a shorter backoff"
    );
    Err(ConfigError::new(ConfigErrorKind::SlowBackoff, Some(name), text))
}

/// `1s + 2s + 4s`, cut where it is long.
fn sum(delays: &[Duration]) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for (at, delay) in delays.iter().take(SHOWN).enumerate() {
        let plus = if at > 0 { " + " } else { "" };
        // A `String` takes all that is written.
        let _ = write!(text, "{plus}{delay:?}");
    }
    if delays.len() > SHOWN {
        text += " + …";
    }
    text
}

/// All children together have to come to more restarts within the window than are allowed for all.
fn check_all<E, M: SupervisorFlavor>(
    frame: &Frame,
    children: &mut [ChildSpec<'_, E, M>],
) -> Result<(), ConfigError> {
    let Some(Intensity { restarts, window }) = frame.intensity else { return Ok(()) };
    let mut parts: Vec<u64> = Vec::new();
    for ChildSpec { name, rules, .. } in children.iter_mut().filter(|it| may_restart(&it.rules)) {
        let Some(fastest) = Fastest::of(frame, name, rules, restarts)? else { return Ok(()) };
        if fastest.is_finite {
            return Ok(());
        }
        parts.push(fastest.times().iter().filter(|time| **time < window).count() as u64);
    }
    let most: u64 = parts.iter().sum();
    if parts.is_empty() || most > u64::from(restarts) {
        return Ok(());
    }
    let most = match parts.as_slice() {
        [one] => one.to_string(),
        parts => {
            let parts: Vec<_> = parts.iter().map(u64::to_string).collect();
            format!("{} = {most}", parts.join(" + "))
        }
    };
    let text = format!(
        "more than {} of all children within {window:?} can never be: by their backoffs there are \
         at most {most}. Give `intensity` a longer window or fewer restarts, or \
         say `unlimited`",
        Restarts(restarts),
    );
    Err(ConfigError::new(ConfigErrorKind::SlowBackoff, None, text))
}
