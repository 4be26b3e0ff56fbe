//! x
#![allow(dead_code)]
mod ways;
mod work;
fn main() {}
