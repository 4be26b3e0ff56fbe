//! What a nursery promises, shown on every runtime and in both flavours.
//!
//! A test is named for what it shows. None of them waits for a clock: what comes when is forced by
//! channels, by yields and by polling by hand. Where something must end at once, a sibling that is
//! pending for ever shows it, as the test would hang otherwise.

#[macro_use]
mod support;

mod algebra;
mod auto_traits;
mod bombs;
mod bounds;
mod builder;
mod cancelling;
mod causes;
mod collecting;
mod contexts;
mod costs;
mod daemons;
mod deadlines;
mod dropped_futures;
mod drops;
mod ending;
mod fairness;
mod fairness_of_nested;
mod fairness_on_tokio;
mod fairness_property;
mod first_ok;
mod first_waker;
mod footguns;
mod foreign_code;
mod graces;
mod handed_out;
mod handles;
mod in_time;
mod inside;
mod interleavings;
mod joining;
mod kit;
mod kit_schedules;
mod kit_stuck;
mod kit_workers;
mod long_runs;
mod model;
mod nesting;
mod observe;
mod options;
mod panics;
mod panics_in_destructors;
mod parked;
mod pool_items;
mod pool_streams;
mod pool_times;
mod pools;
mod pools_on;
mod printed;
mod properties;
mod remote;
mod run;
mod sendable;
mod slots;
mod slots_in_hand;
mod spawning;
mod splitting;
mod telling;
mod threads;
