//! Sets in children of sets.

use std::marker::PhantomData;

use futures::future::BoxFuture;

use super::Part;
use crate::work::{Need, Set, Way, Work};

/// So many levels of sets with so many children each; those of the last level are ready at once.
pub struct Nest<Y> {
    pub levels: usize,
    pub children: usize,
    pub way: PhantomData<fn() -> Y>,
}

impl<Y> Clone for Nest<Y> {
    fn clone(&self) -> Self {
        Self { way: PhantomData, ..*self }
    }
}

impl<Y: Way> Work for Nest<Y> {
    const NEEDS: Need = Need::All;
    type Output = Part;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Part {
        for n in 0..self.children {
            let mut inner: Option<BoxFuture<'static, Part>> = None;
            if self.levels > 1 {
                let nest = Self { levels: self.levels - 1, ..self };
                inner = Some(Box::pin(Y::scope(nest)));
            }
            set.spawn(async move {
                if let Some(inner) = inner {
                    inner.await;
                }
                Ok(n)
            });
        }
        assert_eq!(set.all().await.outputs, self.children);
        None
    }
}
