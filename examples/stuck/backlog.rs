//! A child in the backlog that a running one waits for.
//!
//! Pages are fetched one at a time. A page spawns a child for its image beside itself, and waits for
//! the output of that. It has the only slot as long as it waits, so the image is never started.

use nestling::Nursery;
use nestling::observe::{AtPlace, Watch};

use super::Stop;

pub(crate) const TITLE: &str = "a child has the only slot, and waits for a child in the backlog";

pub(crate) fn run(watch: &Watch, stop: &Stop) {
    stop.run(async {
        let mut nursery = Nursery::<(), ()>::new().name("fetch").limit(1).watch(watch);
        let fetch = nursery.spawner();
        nursery.child().name("page").spawn(async move {
            let image = fetch.child().name("image").spawn_join(async { Ok("a picture") });
            let image = image.expect("nothing has cancelled it").at("its image").await;
            image.map(drop).map_err(drop)
        });
        _ = nursery.join().await;
    });
}
