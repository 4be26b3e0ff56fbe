//! How handles and spawners reach the nursery.

use std::sync::Arc;

use super::inbox::{Inbox, Status};
use crate::cancel::{Cause, Requests};
use crate::child::Child;
use crate::drive::DriverWaker;
use crate::flavor::Flavor;
use crate::info::ChildId;
use crate::observe::Scene;

/// The requests of handles, and the inbox of spawners. Each is made when it is first needed.
pub(crate) struct Mailbox<'env, T, E, M: Flavor> {
    /// There once a child has a control block, or a spawner was asked for.
    requests: Option<Arc<Requests>>,
    /// There once a spawner was asked for; it gives out the numbers from then on.
    inbox: Option<Arc<Inbox<'env, T, E, M>>>,
    next_id: u64,
}

impl<'env, T, E, M: Flavor> Mailbox<'env, T, E, M> {
    pub(super) fn new() -> Self {
        Self { requests: None, inbox: None, next_id: 0 }
    }

    pub(super) fn requests(&mut self, driver: &Arc<DriverWaker>) -> &Arc<Requests> {
        self.requests.get_or_insert_with(|| Requests::new(Arc::clone(driver)))
    }

    /// Whether there is a handle or a spawner that may ask for something.
    #[inline]
    pub(super) fn is_used(&self) -> bool {
        self.requests.is_some()
    }

    #[inline]
    pub(super) fn inbox(&self) -> Option<&Arc<Inbox<'env, T, E, M>>> {
        self.inbox.as_ref()
    }

    pub(super) fn open_inbox(
        &mut self,
        driver: &Arc<DriverWaker>,
        cause: Option<&Cause>,
        limit: usize,
        unfinished: usize,
        scene: Option<&Arc<Scene>>,
    ) -> &Arc<Inbox<'env, T, E, M>> {
        let requests = Arc::clone(self.requests(driver));
        self.inbox.get_or_insert_with(|| {
            let status = cause.map_or(Status::Open, |cause| Status::Cancelled(cause.clone()));
            let scene = scene.cloned();
            Arc::new(Inbox::new(requests, status, self.next_id, limit, unfinished, scene))
        })
    }

    #[inline]
    pub(super) fn next_id(&mut self) -> ChildId {
        let id = ChildId::new(self.next_id);
        self.next_id += 1;
        id
    }

    /// Children that the driver has not fetched.
    pub(super) fn incoming(&self) -> usize {
        self.inbox.as_ref().map_or(0, |inbox| inbox.incoming())
    }

    /// Whether a spawner has cancelled the nursery.
    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        self.requests.as_ref().is_some_and(|requests| requests.is_cancelled())
    }

    pub(super) fn cancel_requested(&self) -> Option<Cause> {
        self.requests.as_ref()?.cause()
    }

    /// Children that were cancelled before they started.
    #[inline]
    pub(super) fn take_queued(&self) -> Vec<ChildId> {
        self.requests.as_ref().map_or_else(Vec::new, |requests| requests.take_queued())
    }

    /// Whether no child is on its way, and no spawner keeps the nursery open.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.inbox.as_ref().is_none_or(|inbox| inbox.is_idle())
    }

    /// Refuses spawners from now on, if nothing is left that could bring a child; says whether it
    /// did.
    pub(super) fn begin_end(&self) -> bool {
        self.inbox.as_ref().is_none_or(|inbox| inbox.begin_end())
    }

    pub(super) fn end_if_idle(&self) -> bool {
        self.inbox.as_ref().is_none_or(|inbox| inbox.end_if_idle())
    }

    /// Closes it for good, and hands out the children that the driver has not fetched.
    pub(super) fn end(&self) -> Vec<Child<'env, T, E, M>> {
        self.inbox.as_ref().map_or_else(Vec::new, |inbox| inbox.end())
    }

    /// Gives slots to the next that wait for one.
    #[inline]
    pub(super) fn release_slots(&self, slots: usize) {
        if let Some(inbox) = &self.inbox {
            inbox.release(slots);
        }
    }
}
