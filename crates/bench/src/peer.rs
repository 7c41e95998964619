//! What one might use instead, driven alike.
//!
//! Each is used as its own users would: the two NSQ clients stand in a relay's place, and so publish once for each user; the others have a
//! topic a room, to which every device of its users subscribes. A device that sends gets its own message too where the system has no other
//! way; such copies are not counted.

mod bare;
mod centrifugo;
mod mosquitto;
mod nats;
mod tokio_nsq;

use crate::{options::PeerName, system::System};

/// Starts a peer.
///
/// # Errors
/// It is missing, or does not start; the text is what the table says.
pub async fn start(name: PeerName) -> anyhow::Result<Box<dyn System>> {
    Ok(match name {
        PeerName::Bare => Box::new(bare::Bare::start().await?),
        PeerName::TokioNsq => Box::new(tokio_nsq::TokioNsq::start().await?),
        PeerName::Mosquitto => Box::new(mosquitto::Mosquitto::start().await?),
        PeerName::Nats => Box::new(nats::Nats::start().await?),
        PeerName::Centrifugo => Box::new(centrifugo::Centrifugo::start().await?),
    })
}
