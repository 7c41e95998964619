//! Links: two devices of one user talk to each other through the relay, live.
//!
//! A device offers a link, and the user's other connected devices are told, over the bus also those
//! of other relays. One of them accepts. Each of the two has a [`carrier`](carrier) at its own
//! relay, which reads an inbox of the broker and posts to that of the other. No relay remembers an
//! offer: the offering carrier waits for an answer, and a device may accept what its connection was
//! told.
//!
//! What goes over a link is encrypted between the devices. The relay neither reads nor stores it,
//! and inboxes end with their readers.

mod carrier;
mod parcel;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use ferry_broker::{Broker, Inbox};
use ferry_protocol::{DeviceId, LinkEnd, LinkId, LinkWith, OfferLink, UserId};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use self::{
    carrier::{Carrier, Role},
    parcel::Parcel,
};
use crate::{
    bus::Bus, config::Current, limits::RateLimits, line::Line, metrics::Metrics, news::LiveEvent,
    presence::PresenceTracker,
};

pub use self::carrier::OFFER;

/// The most links of a user that were offered over this relay, open or not yet.
const OFFERS_OF_USER: usize = 2;
/// Frames of a device that wait to be posted. A device that keeps to the protocol has fewer on
/// their way.
const OUT: usize = 48;
/// What waits to be written to a device's socket.
const IN: usize = 4;

/// Something that a carrier has for its device.
#[derive(Debug)]
pub enum News {
    /// The link is open.
    Open(LinkWith),
    /// A frame of the other device.
    Chunk(Bytes),
    /// The link is over. Nothing follows.
    Closed(LinkEnd),
}

/// A connection's end of a link. Dropping it tells the other side that the device is gone.
#[derive(Debug)]
pub struct End {
    /// The link.
    pub link: LinkId,
    /// Dropped before `out`, so that the end of `out` is not taken for an end in order.
    closing: Option<oneshot::Sender<LinkEnd>>,
    out: mpsc::Sender<Bytes>,
    news: mpsc::Receiver<News>,
}

impl End {
    /// Hands a frame of the device over. Returns false if too many wait: the device does not keep
    /// to the protocol.
    #[must_use]
    pub fn send(&self, chunk: Bytes) -> bool {
        !matches!(self.out.try_send(chunk), Err(mpsc::error::TrySendError::Full(_)))
    }

    /// Returns the next news. Cancel-safe.
    pub async fn next(&mut self) -> News {
        self.news.recv().await.unwrap_or(News::Closed(LinkEnd::Unavailable))
    }

    /// Returns news that is there already.
    pub fn try_next(&mut self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Closes the link. With [`LinkEnd::Closed`] it ends in order: what the device has sent still
    /// goes out, and then the other side is told.
    pub fn close(mut self, reason: LinkEnd) {
        if let Some(closing) = self.closing.take() {
            // An error means that the link is over.
            let _ = closing.send(reason);
        }
    }
}

/// See the module's description.
#[derive(Debug)]
pub struct Links {
    broker: Broker,
    bus: Bus,
    presence: Arc<PresenceTracker>,
    config: Current,
    limits: Arc<RateLimits>,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    places: Mutex<Places>,
}

/// The links that there are.
#[derive(Debug, Default)]
struct Places {
    ends: usize,
    /// The offers of each user. Bounded by `ends`.
    offers: HashMap<UserId, usize>,
}

/// The place of an end among those of the relay, until it is dropped.
#[derive(Debug)]
struct Place {
    links: Arc<Links>,
    offers: Option<UserId>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.links.places();
        places.ends -= 1;
        if let Some(user) = self.offers
            && let Some(count) = places.offers.get_mut(&user)
        {
            *count -= 1;
            if *count == 0 {
                places.offers.remove(&user);
            }
        }
        self.links.metrics.links.dec();
    }
}

impl Links {
    /// Creates the service, without any link.
    #[must_use]
    pub fn new(
        broker: Broker,
        bus: Bus,
        presence: Arc<PresenceTracker>,
        limits: (Current, Arc<RateLimits>),
        metrics: Arc<Metrics>,
        tasks: TaskTracker,
    ) -> Self {
        let (config, limits) = limits;
        Self { broker, bus, presence, config, limits, metrics, tasks, places: Mutex::default() }
    }

    /// Returns whether this relay carries links.
    #[must_use]
    pub fn are_on(&self) -> bool {
        self.config.now().limits.links > 0
    }

    /// Returns how many bytes a second may go each way.
    fn rate(&self) -> u32 {
        self.config.now().limits.link_rate
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Held for a few map operations. Nothing panics meanwhile.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_place(self: &Arc<Self>, offers: Option<UserId>) -> Result<Place, LinkEnd> {
        let mut places = self.places();
        if places.ends >= self.config.now().limits.links {
            return Err(LinkEnd::Limit);
        }
        if let Some(user) = offers {
            let count = places.offers.entry(user).or_default();
            if *count >= OFFERS_OF_USER {
                return Err(LinkEnd::Limit);
            }
            *count += 1;
        }
        places.ends += 1;
        self.metrics.links.inc();
        Ok(Place { links: Arc::clone(self), offers })
    }

    /// Offers a link to the user's other devices. The connection must have no other.
    ///
    /// # Errors
    /// Fails with [`LinkEnd::RateLimited`] or [`LinkEnd::Limit`].
    pub fn offer(self: &Arc<Self>, line: &Line, offer: OfferLink) -> Result<End, LinkEnd> {
        self.limits.links.take(&line.device).map_err(|_| LinkEnd::RateLimited)?;
        let place = self.take_place(Some(line.user))?;
        self.metrics.link_offers.inc();
        Ok(self.carry(line, offer.link, Role::Offers { to: offer.to }, place))
    }

    /// Accepts a link that the connection was told of.
    ///
    /// # Errors
    /// Fails with [`LinkEnd::Limit`].
    pub fn accept(self: &Arc<Self>, line: &Line, with: LinkWith) -> Result<End, LinkEnd> {
        let place = self.take_place(None)?;
        Ok(self.carry(line, with.link, Role::Accepts { from: with.from }, place))
    }

    fn carry(self: &Arc<Self>, line: &Line, link: LinkId, role: Role, place: Place) -> End {
        let (out, from_device) = mpsc::channel(OUT);
        let (to_device, news) = mpsc::channel(IN);
        let (closing, closed) = oneshot::channel();
        let carrier = Carrier::new(Arc::clone(self), (line.user, line.device), link, role, (from_device, to_device));
        self.tasks.spawn(async move {
            carrier.run(closed).await;
            drop(place);
        });
        End { link, closing: Some(closing), out, news }
    }

    /// Tells the offering side that this device does not want the link.
    pub fn decline(self: &Arc<Self>, line: &Line, link: LinkId) {
        let (links, inbox, device) = (Arc::clone(self), Inbox::of_offerer(line.user, link), line.device);
        self.tasks.spawn(async move {
            // If it is lost, the offer ends a little later.
            let _ = links.broker.post(&inbox, Parcel::Decline(device).encode()).await;
        });
    }

    /// Tells the user's devices at this relay of an offer.
    pub fn tell(&self, user: UserId, with: LinkWith, to: Option<DeviceId>) {
        if !self.are_on() {
            return;
        }
        for line in self.presence.lines_of(user) {
            if line.device != with.from && to.is_none_or(|to| to == line.device) {
                line.live.link_offered(with);
            }
        }
    }

    async fn tell_all(&self, user: UserId, with: LinkWith, to: Option<DeviceId>) {
        self.tell(user, with, to);
        self.bus.announce_live(LiveEvent::LinkOffered { user, with, to }).await;
    }
}
