//! What a nursery hands out, as data for `serde`.

use std::fmt::Display;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::cancel::Cause;
use crate::info::ChildInfo;
use crate::outcome::Cancelled;
use crate::{Completion, Outcome, Report};

/// The whole report as data, with the feature `serde`.
///
/// | field | is |
/// |---|---|
/// | `of`, `name`, `counts`, `cause` | as in the data of a [`JoinedError`](crate::JoinedError) |
/// | `outputs` | a list in spawn order, each with its `child` and the `output` |
/// | `error` | the joined error, errors as text, or null |
/// | `cancelled` | a list in spawn order: `child`, `cause`, `overran_grace`, `lost_failures` |
/// | `after_cancel` | a list of those that came to an end of their own all the same: `child`, `cause` |
///
/// Where outputs are no data, [`error`](Report::error), [`cancelled`](Report::cancelled) and
/// [`counts`](Report::counts) are data each by itself. Fields may be added.
///
/// # Examples
///
/// ```
/// # use nestling::Nursery;
/// # futures::executor::block_on(async {
/// let mut nursery: Nursery<'_, u32, &str> = Nursery::new();
/// nursery.spawn(async { Ok(7) });
/// nursery.spawn(async { Err("disk full") });
/// let data = serde_json::to_value(nursery.settle().await).unwrap();
/// assert_eq!(data["outputs"][0]["output"], 7);
/// assert_eq!(data["error"]["failures"][0]["message"], "disk full");
/// # });
/// ```
impl<T: Serialize, E: Display> Serialize for Report<T, E> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let outputs = self.outputs().iter().map(|(child, output)| Output { child, output });
        let after_cancel = self.after_cancel().map(|(child, cause)| Ended { child, cause });
        let mut all = to.serialize_struct("Report", 8)?;
        all.serialize_field("of", self.owner().noun())?;
        all.serialize_field("name", &self.name())?;
        all.serialize_field("counts", &self.counts())?;
        all.serialize_field("cause", &self.cause())?;
        all.serialize_field("outputs", &outputs.collect::<Vec<_>>())?;
        all.serialize_field("error", &self.error())?;
        all.serialize_field("cancelled", &self.cancelled())?;
        all.serialize_field("after_cancel", &after_cancel.collect::<Vec<_>>())?;
        all.end()
    }
}

#[derive(serde::Serialize)]
struct Output<'a, T> {
    child: &'a ChildInfo,
    output: &'a T,
}

#[derive(serde::Serialize)]
struct Ended<'a> {
    child: &'a ChildInfo,
    cause: &'a Cause,
}

/// `child`, `cause`, `overran_grace` and `lost_failures`.
impl Serialize for Cancelled {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut all = to.serialize_struct("Cancelled", 4)?;
        all.serialize_field("child", self.child())?;
        all.serialize_field("cause", self.cause())?;
        all.serialize_field("overran_grace", &self.overran_grace())?;
        all.serialize_field("lost_failures", &self.lost_failures())?;
        all.end()
    }
}

/// `child`, `outcome`, `cause`, `overran_grace` and `lost_failures`; the outcome is as an
/// [`Outcome`] is by itself.
impl<T: Serialize, E: Display> Serialize for Completion<T, E> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut all = to.serialize_struct("Completion", 5)?;
        all.serialize_field("child", self.child())?;
        all.serialize_field("outcome", self.outcome())?;
        all.serialize_field("cause", &self.cause())?;
        all.serialize_field("overran_grace", &self.overran_grace())?;
        all.serialize_field("lost_failures", &self.lost_failures())?;
        all.end()
    }
}

/// `kind`, which is `"completed"`, `"delivered"`, `"failed"` or `"cancelled"`, and the `output`,
/// the `error` or the `cause`, of which the others are null.
impl<T: Serialize, E: Display> Serialize for Outcome<T, E> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (kind, output, error, cause) = match self {
            Self::Completed(output) => ("completed", Some(output), None, None),
            Self::Delivered => ("delivered", None, None, None),
            Self::Failed(error) => ("failed", None, Some(error), None),
            Self::Cancelled(cause) => ("cancelled", None, None, Some(cause)),
        };
        let mut all = to.serialize_struct("Outcome", 4)?;
        all.serialize_field("kind", kind)?;
        all.serialize_field("output", &output)?;
        all.serialize_field("error", &error)?;
        all.serialize_field("cause", &cause)?;
        all.end()
    }
}
