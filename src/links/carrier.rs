//! One end of a link: reads the inbox of its device, and posts to that of the other one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ferry_broker::{Inbox, Subscription};
use ferry_protocol::{DeviceId, LINK_WINDOW, LinkEnd, LinkId, LinkWith, UserId};
use tokio::sync::{mpsc, oneshot};

use super::{Links, News, parcel::Parcel};

/// How long an offer stands.
const OFFER: Duration = Duration::from_secs(60);
/// How long the offering side may take to confirm that a device was the first to accept.
const CONFIRM: Duration = Duration::from_secs(10);
/// How long nothing may move.
const IDLE: Duration = Duration::from_secs(60);
/// How long a link may be open.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// How long the rest may take to go out after the device has closed the link.
const REST: Duration = Duration::from_secs(10);
/// How far a device may be ahead of its rate.
const AHEAD: Duration = Duration::from_millis(250);
/// The most frames that the other relay has not taken. With them an inbox stays below the 64 that
/// nsqd holds in memory, with the settings that come with Ferry, before it drops any.
const WINDOW: u32 = LINK_WINDOW as u32;
/// Frames after which the other side is told how many were taken.
const CREDIT: u32 = 8;

/// Which end it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// The one that offers. `to` is the device that may accept, if only one may.
    Offers { to: Option<DeviceId> },
    /// The one that accepts what this device offers.
    Accepts { from: DeviceId },
}

/// See the module's description.
pub(super) struct Carrier {
    links: Arc<Links>,
    user: UserId,
    device: DeviceId,
    link: LinkId,
    role: Role,
    out: mpsc::Receiver<Bytes>,
    news: mpsc::Sender<News>,
    /// The other inbox, once it is known.
    peer: Option<Inbox>,
    is_open: bool,
    /// Frames that were posted, and those of them that the other side has taken.
    sent: u32,
    credited: u32,
    /// Frames that came, and those of them that the device's connection has taken.
    received: u32,
    taken: u32,
    /// A frame that the connection has no room for yet.
    waiting: Option<Bytes>,
    deadline: Instant,
    opened: Instant,
    /// When what was posted fits into the rate.
    paced: Instant,
}

enum Event {
    /// `None` is from a newer relay, and means nothing here.
    Parcel(Option<Parcel>),
    Lost,
    Room,
    Chunk(Option<Bytes>),
    DeviceCloses(bool),
    Paced,
    Late,
}

impl Carrier {
    pub(super) fn new(
        links: Arc<Links>,
        (user, device): (UserId, DeviceId),
        link: LinkId,
        role: Role,
        (out, news): (mpsc::Receiver<Bytes>, mpsc::Sender<News>),
    ) -> Self {
        let now = Instant::now();
        let (peer, patience) = match role {
            Role::Offers { .. } => (None, OFFER),
            Role::Accepts { .. } => (Some(Inbox::of_offerer(user, link)), CONFIRM),
        };
        Self {
            links,
            user,
            device,
            link,
            role,
            out,
            news,
            peer,
            is_open: false,
            sent: 0,
            credited: 0,
            received: 0,
            taken: 0,
            waiting: None,
            deadline: now + patience,
            opened: now,
            paced: now,
        }
    }

    /// Carries the link to its end. `closed` says that the device has closed it, or is gone.
    pub(super) async fn run(mut self, mut closed: oneshot::Receiver<()>) {
        let own = match self.role {
            Role::Offers { .. } => Inbox::of_offerer(self.user, self.link),
            Role::Accepts { .. } => Inbox::of_acceptor(self.user, self.link, self.device),
        };
        let end = match self.links.broker.open_inbox(&own, WINDOW).await {
            Ok(mut inbox) => {
                self.begin().await;
                let end = self.carry(&mut inbox, &mut closed).await;
                inbox.close().await;
                end
            }
            Err(error) => {
                tracing::debug!(%error, "an inbox cannot be opened");
                LinkEnd::Unavailable
            }
        };
        self.links.metrics.links_closed.with_label_values(&[end.as_str()]).inc();
        tracing::debug!(user = %self.user, device = %self.device, link = %self.link, end = end.as_str(), "a link is over");
        // Fails if the device is gone.
        let _ = self.news.send(News::Closed(end)).await;
    }

    async fn begin(&mut self) {
        match self.role {
            Role::Offers { to } => {
                let with = LinkWith { link: self.link, from: self.device };
                self.links.tell_all(self.user, with, to).await;
            }
            // If it is lost, nobody confirms it.
            Role::Accepts { .. } => _ = self.post(&Parcel::Accept(self.device)).await,
        }
    }

    /// Moves frames until the link is over. Returns the reason for the device; the other side has
    /// been told.
    async fn carry(&mut self, inbox: &mut Subscription, closed: &mut oneshot::Receiver<()>) -> LinkEnd {
        let mut closes = false;
        loop {
            let end = match self.event(inbox, closed, closes).await {
                Event::Parcel(Some(parcel)) => match self.parcel(parcel).await {
                    Ok(()) => continue,
                    // The other side knows it.
                    Err((end, true)) => return end,
                    Err((end, false)) => end,
                },
                Event::Parcel(None) | Event::Paced => continue,
                Event::Lost => LinkEnd::Unavailable,
                Event::Room => match self.hand_over().await {
                    Ok(()) => continue,
                    Err(end) => end,
                },
                Event::Chunk(Some(chunk)) => match self.chunk(chunk).await {
                    Ok(()) => continue,
                    Err(end) => end,
                },
                // Everything that it sent before is posted.
                Event::Chunk(None) => LinkEnd::Closed,
                Event::DeviceCloses(true) if self.is_open => {
                    closes = true;
                    self.deadline = Instant::now() + REST;
                    continue;
                }
                Event::DeviceCloses(true) => LinkEnd::Closed,
                Event::DeviceCloses(false) => LinkEnd::Gone,
                Event::Late => self.lateness(closes),
            };
            self.post_end(end).await;
            return end;
        }
    }

    async fn event(&mut self, inbox: &mut Subscription, closed: &mut oneshot::Receiver<()>, closes: bool) -> Event {
        let now = Instant::now();
        let has_credit = self.is_open && self.sent.wrapping_sub(self.credited) < WINDOW;
        // In time as soon as what is posted is no more than this ahead of the rate.
        let in_time = self.paced.checked_sub(AHEAD).unwrap_or(now);
        let is_paced = in_time <= now;
        let Self { out, news, waiting, .. } = self;
        tokio::select! {
            biased;
            done = closed, if !closes => Event::DeviceCloses(done.is_ok()),
            place = news.reserve(), if waiting.is_some() => {
                if let (Ok(place), Some(chunk)) = (place, waiting.take()) {
                    place.send(News::Chunk(chunk));
                }
                Event::Room
            }
            delivery = inbox.next(), if waiting.is_none() => match delivery {
                Ok(delivery) => {
                    inbox.finish(delivery.id);
                    Event::Parcel(Parcel::decode(delivery.payload))
                }
                Err(_) => Event::Lost,
            },
            chunk = out.recv(), if has_credit && is_paced => Event::Chunk(chunk),
            () = tokio::time::sleep_until(in_time.into()), if has_credit && !is_paced => Event::Paced,
            () = tokio::time::sleep_until(self.deadline.min(self.opened + LIFE).into()) => Event::Late,
        }
    }

    /// Returns why the link is over after its deadline.
    fn lateness(&self, closes: bool) -> LinkEnd {
        match self.role {
            _ if closes => LinkEnd::Closed,
            _ if self.is_open && Instant::now() >= self.opened + LIFE => LinkEnd::TooLong,
            _ if self.is_open => LinkEnd::Idle,
            Role::Offers { .. } => LinkEnd::Unanswered,
            Role::Accepts { .. } => LinkEnd::NotFound,
        }
    }

    /// Handles a parcel. Fails with the end of the link, and whether the other side knows it.
    async fn parcel(&mut self, parcel: Parcel) -> Result<(), (LinkEnd, bool)> {
        match (parcel, self.role) {
            (Parcel::Accept(device), Role::Offers { to }) => {
                let inbox = Inbox::of_acceptor(self.user, self.link, device);
                if self.peer.as_ref().is_some_and(|peer| *peer == inbox) {
                    return Ok(());
                }
                if self.peer.is_some() || to.is_some_and(|to| to != device) {
                    // Its device is told. If that is lost, nobody confirms the link there.
                    let _ = self.links.broker.post(&inbox, Parcel::Close(LinkEnd::Taken).encode()).await;
                    return Ok(());
                }
                self.peer = Some(inbox);
                self.post(&Parcel::Open).await.map_err(|end| (end, false))?;
                self.open(device).await
            }
            (Parcel::Open, Role::Accepts { from }) if !self.is_open => self.open(from).await,
            (Parcel::Decline(device), Role::Offers { to }) => {
                let inbox = Inbox::of_acceptor(self.user, self.link, device);
                match &self.peer {
                    // It has accepted, and closed before it was confirmed.
                    Some(peer) if *peer == inbox => Err((LinkEnd::Closed, true)),
                    None if to == Some(device) => Err((LinkEnd::Declined, true)),
                    _ => Ok(()),
                }
            }
            (Parcel::Chunk(number, chunk), _) if self.is_open => match number.wrapping_sub(self.received) {
                0 => {
                    self.received = self.received.wrapping_add(1);
                    self.waiting = Some(chunk);
                    self.moved();
                    Ok(())
                }
                // The broker hands one out again if it does not know that it was taken.
                ahead if ahead > u32::MAX / 2 => Ok(()),
                _ => Err((LinkEnd::Lost, false)),
            },
            (Parcel::Credit(count), _) => {
                if count.wrapping_sub(self.credited) <= self.sent.wrapping_sub(self.credited) {
                    self.credited = count;
                }
                Ok(())
            }
            (Parcel::Close(end), _) => Err((end, true)),
            // What was said twice, or too late.
            _ => Ok(()),
        }
    }

    async fn open(&mut self, from: DeviceId) -> Result<(), (LinkEnd, bool)> {
        self.is_open = true;
        self.opened = Instant::now();
        self.moved();
        let open = News::Open(LinkWith { link: self.link, from });
        // Fails if the device is gone, which `closed` says as well.
        self.news.send(open).await.map_err(|_| (LinkEnd::Gone, false))
    }

    fn moved(&mut self) {
        self.deadline = Instant::now() + IDLE;
    }

    /// Notes that the connection has taken a frame, and tells the other side now and then.
    async fn hand_over(&mut self) -> Result<(), LinkEnd> {
        let taken = self.received.wrapping_sub(u32::from(self.waiting.is_some()));
        if taken.wrapping_sub(self.taken) >= CREDIT {
            self.taken = taken;
            self.post(&Parcel::Credit(taken)).await?;
        }
        Ok(())
    }

    async fn chunk(&mut self, chunk: Bytes) -> Result<(), LinkEnd> {
        let bytes = chunk.len();
        self.post(&Parcel::Chunk(self.sent, chunk)).await?;
        self.sent = self.sent.wrapping_add(1);
        self.links.metrics.link_bytes.inc_by(bytes as u64);
        let now = Instant::now();
        self.paced = self.paced.max(now) + Duration::from_secs_f64(bytes as f64 / f64::from(self.links.rate.max(1)));
        self.moved();
        Ok(())
    }

    async fn post(&self, parcel: &Parcel) -> Result<(), LinkEnd> {
        let Some(peer) = &self.peer else { return Ok(()) };
        self.links.broker.post(peer, parcel.encode()).await.map_err(|error| {
            tracing::debug!(%error, "a link cannot be carried");
            LinkEnd::Unavailable
        })
    }

    /// Tells the other side that the link is over.
    async fn post_end(&self, end: LinkEnd) {
        let parcel = match self.role {
            // The other side may have accepted another device by now.
            Role::Accepts { .. } if !self.is_open => Parcel::Decline(self.device),
            _ => Parcel::Close(end),
        };
        // An offer that nobody has accepted has no other side. If it is lost, the other side finds
        // that nothing moves.
        let _ = self.post(&parcel).await;
    }
}
