//! Coming from another library or language: what you wrote there, and what you write here.
//!
//! Each page says what is the same and what differs, has a table of the common operations, and
//! programs of both sides. What is in Rust is compiled and run as tests.
//!
//! | from | page |
//! |---|---|
//! | Go's `errgroup`, and contexts | [`go`] |
//! | Trio and anyio | [`trio`] |
//! | Kotlin's coroutines | [`kotlin`] |
//! | Swift's task groups and `async let` | [`swift`] |
//! | Java's `StructuredTaskScope` | [`java`] |
//! | OTP: Elixir's `Task`, and supervisors | [`otp`] |
//! | tokio's `JoinSet`, `TaskTracker` and `CancellationToken` | [`join_set`] |
//! | `try_join_all`, `join_all`, `select_ok`, `try_join!` | [`try_join_all`] |
//! | `buffer_unordered`, `buffered`, `for_each_concurrent` | [`buffer_unordered`] |
//! | async-std, and on to smol | [`async_std`] |
//! | suture, the supervisors for Go | [`suture`] |
//!
//! Four things are the same on every page, and worth knowing first:
//!
//! - Children run while their nursery is awaited, on the task that awaits it.
//! - Every failure is kept, and a panic or a timeout is one. A cancel is none.
//! - A failure cancels the others only if the nursery is told so.
//! - A child that is cancelled is dropped where it waits, unless it has a grace.

#[doc = include_str!("async_std.md")]
pub mod async_std {}

#[doc = include_str!("buffer_unordered.md")]
pub mod buffer_unordered {}

#[doc = include_str!("go.md")]
pub mod go {}

#[doc = include_str!("java.md")]
pub mod java {}

#[doc = include_str!("join_set.md")]
pub mod join_set {}

#[doc = include_str!("kotlin.md")]
pub mod kotlin {}

#[doc = include_str!("otp.md")]
pub mod otp {}

#[doc = include_str!("suture.md")]
pub mod suture {}

#[doc = include_str!("swift.md")]
pub mod swift {}

#[doc = include_str!("trio.md")]
pub mod trio {}

#[doc = include_str!("try_join_all.md")]
pub mod try_join_all {}
