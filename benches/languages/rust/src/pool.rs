//! The job that `Pool` is made for.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::executor::block_on;
use nestling::Pool;

use crate::{LIMIT, TaskError, yield_now};

pub(crate) fn bounded(tasks: usize) -> usize {
    let ran = AtomicUsize::new(0);
    let all = Pool::new(LIMIT).for_each(0..tasks, |_| async {
        yield_now().await;
        ran.fetch_add(1, Ordering::Relaxed);
        Ok::<_, TaskError>(())
    });
    block_on(all).expect("no task fails");
    ran.into_inner()
}
