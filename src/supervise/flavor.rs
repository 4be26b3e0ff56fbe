//! What a supervisor asks of what it is given: `Send` in [`Shared`], nothing in [`Local`].

use std::sync::Arc;
use std::time::Duration;

use super::incarnation::{Incarnation, Start, StartLimit};
use super::rules::Decision;
use crate::Nursery;
use crate::adapt::{Kind, Plain};
use crate::cancel::CancelHandle;
use crate::error::ChildError;
use crate::flavor::{Flavor, Local, Shared};
use crate::made::Made;
use crate::time::Timer;

/// The flavour of a supervisor: [`Shared`] or [`Local`], as that of a nursery. Sealed.
pub trait SupervisorFlavor: Flavor {
    /// Starts incarnations of one child.
    #[doc(hidden)]
    type Starter<'env, E>;

    #[doc(hidden)]
    type Decide<'env, E>;

    #[doc(hidden)]
    type Sleeper<'env>: Clone;

    #[doc(hidden)]
    fn start<'env, E>(
        starter: &mut Self::Starter<'env, E>,
        nursery: &mut Nursery<'env, (), E, Self>,
        start: Start<'_, 'env, Self>,
    ) -> CancelHandle;

    #[doc(hidden)]
    fn decide<E>(decide: &mut Self::Decide<'_, E>, error: &ChildError<E>) -> Decision;

    #[doc(hidden)]
    fn sleep<'env>(sleeper: &Self::Sleeper<'env>, duration: Duration) -> Self::Boxed<'env, ()>;
}

/// Whether a supervisor of this flavour takes such children. Sealed.
#[diagnostic::on_unimplemented(
    message = "a supervisor of the flavour `{Self}` is not known to take this child",
    label = "this child may not be taken",
    note = "a child is made by `FnMut(Incarnation) -> impl Future<Output = Result<(), E>>`",
    note = "`Supervisor::new` takes children that are `Send`, and `Supervisor::local` any"
)]
pub trait Supervise<'env, F, Fut, E, K = Plain>: SupervisorFlavor {
    #[doc(hidden)]
    fn starter(make: F) -> Self::Starter<'env, E>;
}

/// Whether a supervisor of this flavour takes such a timer. Sealed.
#[diagnostic::on_unimplemented(
    message = "a supervisor of the flavour `{Self}` is not known to take this timer",
    label = "this timer may not be taken",
    note = "a timer is `sleep` of your runtime, or a closure that takes a `Duration`",
    note = "`Supervisor::new` takes timers that are `Send` and `Sync`, and `Supervisor::local` any"
)]
pub trait SleepBy<'env, C>: SupervisorFlavor {
    #[doc(hidden)]
    fn sleeper(timer: C) -> Self::Sleeper<'env>;
}

/// Whether a supervisor of this flavour takes such a decision. Sealed.
#[diagnostic::on_unimplemented(
    message = "a supervisor of the flavour `{Self}` is not known to take this decision",
    label = "this decision may not be taken",
    note = "it is a closure that takes a `&ChildError<E>` and returns a `Decision`",
    note = "`Supervisor::new` takes closures that are `Send`, and `Supervisor::local` any"
)]
pub trait DecideBy<'env, D, E>: SupervisorFlavor {
    #[doc(hidden)]
    fn decider(decide: D) -> Self::Decide<'env, E>;
}

/// Both flavours are the same but for what they ask.
macro_rules! flavor {
    ($flavor:ty, [$($send:tt)*], [$($sync:tt)*]) => {
        impl SupervisorFlavor for $flavor {
            type Starter<'env, E> = Box<
                dyn FnMut(&mut Nursery<'env, (), E, Self>, Start<'_, 'env, Self>) -> CancelHandle
                    $($send)* + 'env,
            >;
            type Decide<'env, E> = Box<dyn FnMut(&ChildError<E>) -> Decision $($send)* + 'env>;
            type Sleeper<'env> =
                Arc<dyn Fn(Duration) -> Self::Boxed<'env, ()> $($send)* $($sync)* + 'env>;

            fn start<'env, E>(
                starter: &mut Self::Starter<'env, E>,
                nursery: &mut Nursery<'env, (), E, Self>,
                start: Start<'_, 'env, Self>,
            ) -> CancelHandle {
                starter(nursery, start)
            }

            fn decide<E>(decide: &mut Self::Decide<'_, E>, error: &ChildError<E>) -> Decision {
                decide(error)
            }

            fn sleep<'env>(
                sleeper: &Self::Sleeper<'env>,
                duration: Duration,
            ) -> Self::Boxed<'env, ()> {
                sleeper(duration)
            }
        }

        impl<'env, F, Fut, E, K> Supervise<'env, F, Fut, E, K> for $flavor
        where
            F: FnMut(Incarnation) -> Fut $($send)* + 'env,
            Fut: Future<Output = Result<(), K::Error>> $($send)* + 'env,
            E: 'env,
            K: Kind<E>,
        {
            fn starter(mut make: F) -> Self::Starter<'env, E> {
                Box::new(move |nursery, start| {
                    let Start { incarnation, child, grace, limit, sleeper } = start;
                    let future = Made::by(|| make(incarnation));
                    let mut new = nursery.child().name(child.shared_name());
                    if let Some(grace) = grace {
                        let sleeper = Arc::clone(sleeper);
                        new = new.grace(move || sleeper(grace));
                    }
                    if let Some((limit, up)) = limit {
                        let sleeper = Arc::clone(sleeper);
                        new = new.timeout(move || StartLimit::new(sleeper(limit), up));
                    }
                    new.spawn_at::<K, _>(child.location(), future)
                })
            }
        }

        impl<'env, C> SleepBy<'env, C> for $flavor
        where
            C: Timer $($send)* $($sync)* + 'env,
            C::Sleep: 'env $($send)*,
        {
            fn sleeper(timer: C) -> Self::Sleeper<'env> {
                Arc::new(move |duration| {
                    let sleep = timer.sleep(duration);
                    Box::pin(async move {
                        sleep.await;
                    })
                })
            }
        }

        impl<'env, D, E> DecideBy<'env, D, E> for $flavor
        where
            D: FnMut(&ChildError<E>) -> Decision $($send)* + 'env,
        {
            fn decider(decide: D) -> Self::Decide<'env, E> {
                Box::new(decide)
            }
        }
    };
}

flavor!(Shared, [+ Send], [+ Sync]);
flavor!(Local, [], []);
