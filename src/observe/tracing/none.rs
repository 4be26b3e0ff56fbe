//! What stands for spans in a build without them: nothing, of no size.

use crate::cancel::Cause;
use crate::observe::kinds::EndKind;
use crate::observe::record::Record;
use crate::observe::scene::Scene;

#[derive(Clone)]
pub(in crate::observe) struct NurserySpan;

impl NurserySpan {
    pub(in crate::observe) const NONE: Self = Self;

    pub(in crate::observe) fn new(_: Option<&Record>) -> Self {
        Self
    }

    pub(in crate::observe) fn open(&self, _: &Scene) {}
}

pub(in crate::observe) struct ChildSpan;

impl ChildSpan {
    pub(in crate::observe) fn new(_: NurserySpan) -> Self {
        Self
    }

    pub(in crate::observe) fn start(&self, _: &Record) -> InSpan {
        InSpan
    }

    pub(in crate::observe) fn enter(&self) -> InSpan {
        InSpan
    }

    pub(in crate::observe) fn cancelled(&self, _: &Record, _: &Cause) {}

    pub(in crate::observe) fn end(&self, _: &Record, _: EndKind) {}
}

pub(crate) struct InSpan;
