//! What is made of recordings.

mod build;
mod critical;
mod json;
mod measures;
mod perfetto;
mod reader;
mod script;
mod shown;
mod simulate;
mod spots;
mod tracks;

pub(super) use self::reader::read;
