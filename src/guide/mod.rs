#![doc = include_str!("mod.md")]

// Each chapter is a page of Markdown, and its code is a doctest. Links are to paths from the crate's
// root, as nothing is in scope here.

#[doc = include_str!("frozen.md")]
pub mod frozen {}

#[doc = include_str!("situations.md")]
pub mod situations {}

pub mod coming_from;

#[doc = include_str!("when_it_hangs.md")]
pub mod when_it_hangs {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("when_not.md")]
pub mod when_not {}

#[doc = include_str!("costs.md")]
pub mod costs {}
