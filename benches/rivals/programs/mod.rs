//! Small programs that show how a way behaves. Each says what it saw.

mod dropping;
mod errors;
mod owner;
mod probe;
mod wakes;

pub use self::dropping::{Dropped, Panics};
pub use self::errors::{Errors, Prompt};
pub use self::owner::{Frozen, Outputs, Outside};
pub use self::wakes::Wakes;
use crate::work::{Need, Way};
use crate::works::yield_times;

/// What is to be seen of each way, with so many children.
pub trait Program {
    const NEEDS: Need;

    fn run<Y: Way>(children: usize) -> String;
}

/// Gives children the time to go on, as far as they can.
async fn wait_a_while<Y: Way>() {
    for _ in 0..200 {
        yield_times(1).await;
        if Y::THREADS {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}
