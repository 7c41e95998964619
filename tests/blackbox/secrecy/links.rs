//! What goes over a link between two devices leaves no trace, although the relay could read this
//! one: the devices of the test do not encrypt it.

use ferry_client::{Event, LinkId};

use super::Canaries;
use crate::harness::{Online, within};

/// Frames that the other device takes, and then some that it never does.
const TAKEN: usize = 100;
const LEFT: usize = 20;

pub async fn live_through(phone: &Online, tablet: &mut Online, canaries: &Canaries) {
    let offered = async {
        let with = tablet
            .find("an offer", |event| match event {
                Event::LinkOffered(with) => Some(with),
                _ => None,
            })
            .await;
        tablet.connection.accept_link(with.link).await.unwrap()
    };
    let (near, mut far) = tokio::join!(phone.connection.offer_link(LinkId::new(), None), offered);
    let mut near = near.unwrap();
    for _ in 0..TAKEN {
        let text = canaries.next();
        within(near.send_some(text.as_bytes())).await.unwrap();
        assert_eq!(within(far.receive()).await.unwrap(), text.as_bytes());
    }
    for _ in 0..LEFT {
        within(near.send_some(canaries.next().as_bytes())).await.unwrap();
    }
    drop(far);
    assert!(within(near.receive()).await.is_err());
}
