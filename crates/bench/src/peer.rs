//! Alternatives to Ferry, driven in the same way.
//!
//! Each is used as its own users would use it. The two NSQ clients take the place of a relay, so
//! they publish once for each user. The others have a topic for each room, and every device of its
//! users subscribes to it. A sending device gets its own message too if the system has no other
//! way; these copies are not counted.

mod bare;
mod centrifugo;
mod mosquitto;
mod nats;
mod tokio_nsq;

use crate::{options::PeerName, system::System};

/// Starts a peer.
///
/// # Errors
/// The peer is missing or does not start. The table shows the text.
pub async fn start(name: PeerName) -> anyhow::Result<Box<dyn System>> {
    Ok(match name {
        PeerName::Bare => Box::new(bare::Bare::start().await?),
        PeerName::TokioNsq => Box::new(tokio_nsq::TokioNsq::start().await?),
        PeerName::Mosquitto => Box::new(mosquitto::Mosquitto::start().await?),
        PeerName::Nats => Box::new(nats::Nats::start().await?),
        PeerName::Centrifugo => Box::new(centrifugo::Centrifugo::start().await?),
    })
}
