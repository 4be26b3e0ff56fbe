//! A timeline.

mod recording;
