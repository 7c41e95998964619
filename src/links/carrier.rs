//! One end of a link: reads the inbox of its device, and posts to that of the other one.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ferry_broker::{Inbox, SubscribeError, Subscription};
use ferry_protocol::{DeviceId, LINK_WINDOW, LinkEnd, LinkId, LinkWith, UserId};
use tokio::sync::{mpsc, oneshot};

use super::{Links, News, parcel::Parcel};

/// How long an offer stands.
pub const OFFER: Duration = Duration::from_secs(60);
/// How long the offering side may take to confirm that a device was the first to accept.
const CONFIRM: Duration = Duration::from_secs(10);
/// How long nothing may move.
const IDLE: Duration = Duration::from_secs(60);
/// How long a link may be open.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// How long the rest may take to go out after one of the devices has closed the link. Shorter than
/// a relay's drain.
const REST: Duration = Duration::from_secs(3);
/// How far a device may be ahead of its rate.
const AHEAD: Duration = Duration::from_millis(32);
/// What a frame counts at least, in bytes: the broker has work with an empty one too.
const LEAST: usize = 4 << 10;
/// The most frames that the other relay has not taken. With them an inbox stays below the 64 that
/// nsqd holds in memory, with the settings that come with Ferry, before it drops any.
const WINDOW: u32 = LINK_WINDOW as u32;
/// Frames after which the other side is told how many were taken.
const CREDIT: u32 = 8;
/// How long the other side may wait to be told, so that it sees that a slow link moves.
const CREDIT_WAIT: Duration = Duration::from_secs(5);

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
    /// Frames that the connection has no room for yet. Bounded by the window. The inbox is read
    /// meanwhile: nsqd would hand out again what is not taken in time, and an end must not wait.
    waiting: VecDeque<Bytes>,
    /// When the other side is told at the latest how many were taken.
    credit_at: Option<Instant>,
    /// Why the link ends, once it does: what came before still goes out. `Sent` for what this
    /// device has sent, `Came` for what the other one has.
    rest: Option<Rest>,
    deadline: Instant,
    opened: Instant,
    /// When what was posted fits into the rate.
    paced: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Rest {
    Sent,
    Came(LinkEnd),
}

enum Event {
    /// `None` is from a newer relay, and means nothing here.
    Parcel(Option<Parcel>),
    Lost,
    Room,
    Chunk(Option<Bytes>),
    DeviceCloses(LinkEnd),
    Paced,
    CreditDue,
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
            waiting: VecDeque::new(),
            credit_at: None,
            rest: None,
            deadline: now + patience,
            opened: now,
            paced: now,
        }
    }

    /// Carries the link to its end. `closed` says that the device has closed it, or is gone.
    pub(super) async fn run(mut self, mut closed: oneshot::Receiver<LinkEnd>) {
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
            // This device had a link with the same id a moment ago.
            Err(SubscribeError::Busy) => LinkEnd::Busy,
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
    async fn carry(&mut self, inbox: &mut Subscription, closed: &mut oneshot::Receiver<LinkEnd>) -> LinkEnd {
        let end = loop {
            if let Some(Rest::Came(end)) = self.rest
                && self.waiting.is_empty()
            {
                return end;
            }
            let outcome = match self.event(inbox, closed).await {
                Event::Parcel(Some(parcel)) => self.parcel(parcel).await,
                Event::Parcel(None) | Event::Paced => Ok(()),
                Event::Lost => Err(LinkEnd::Unavailable),
                Event::Room => self.handed_over().await,
                Event::CreditDue => self.post_credit().await,
                Event::Chunk(Some(chunk)) => self.chunk(chunk).await,
                // Everything that it sent before is posted.
                Event::Chunk(None) => Err(LinkEnd::Closed),
                Event::DeviceCloses(LinkEnd::Closed) if self.is_open => {
                    self.finish(Rest::Sent);
                    Ok(())
                }
                Event::DeviceCloses(end) => Err(end),
                // Something came meanwhile that is not an event, such as a heartbeat.
                Event::Late if Instant::now() < self.late_at(inbox) => Ok(()),
                Event::Late => Err(self.lateness(inbox)),
            };
            if let Err(end) = outcome {
                break end;
            }
        };
        self.post_end(end, inbox).await;
        end
    }

    fn finish(&mut self, rest: Rest) {
        self.rest = Some(rest);
        self.deadline = Instant::now() + REST;
    }

    async fn event(&mut self, inbox: &mut Subscription, closed: &mut oneshot::Receiver<LinkEnd>) -> Event {
        let now = Instant::now();
        let has_credit = self.is_open && self.sent.wrapping_sub(self.credited) < WINDOW;
        // In time as soon as what is posted is no more than this ahead of the rate.
        let in_time = self.paced.checked_sub(AHEAD).unwrap_or(now);
        let is_paced = in_time <= now;
        let late = self.late_at(inbox);
        let Self { out, news, waiting, rest, credit_at, .. } = self;
        let (sends, comes) = (!matches!(rest, Some(Rest::Came(_))), !matches!(rest, Some(Rest::Sent)));
        tokio::select! {
            biased;
            end = closed, if rest.is_none() => Event::DeviceCloses(end.unwrap_or(LinkEnd::Gone)),
            place = news.reserve(), if comes && !waiting.is_empty() => {
                if let (Ok(place), Some(chunk)) = (place, waiting.pop_front()) {
                    place.send(News::Chunk(chunk));
                }
                Event::Room
            }
            delivery = inbox.next(), if sends && waiting.len() < 2 * LINK_WINDOW => match delivery {
                Ok(delivery) => {
                    inbox.finish(delivery.id);
                    Event::Parcel(Parcel::decode(delivery.payload))
                }
                Err(_) => Event::Lost,
            },
            chunk = out.recv(), if sends && has_credit && is_paced => Event::Chunk(chunk),
            () = tokio::time::sleep_until(in_time.into()), if has_credit && !is_paced => Event::Paced,
            () = tokio::time::sleep_until(credit_at.unwrap_or(late).into()), if credit_at.is_some() => Event::CreditDue,
            () = tokio::time::sleep_until(late.into()) => Event::Late,
        }
    }

    fn late_at(&self, inbox: &Subscription) -> Instant {
        [Some(self.deadline), self.opened.checked_add(LIFE), inbox.lost_at()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.deadline)
    }

    /// Returns why the link is over after its deadline.
    fn lateness(&self, inbox: &Subscription) -> LinkEnd {
        let now = Instant::now();
        match (self.rest, self.role) {
            // What the device sent before it closed the link did not get through.
            (Some(Rest::Sent), _) => LinkEnd::Lost,
            (Some(Rest::Came(LinkEnd::Closed)), _) if !self.waiting.is_empty() => LinkEnd::Lost,
            (Some(Rest::Came(end)), _) => end,
            // Nothing comes from nsqd, not even heartbeats.
            _ if inbox.lost_at().is_some_and(|at| now >= at) => LinkEnd::Unavailable,
            _ if self.is_open && now >= self.opened + LIFE => LinkEnd::TooLong,
            _ if self.is_open => LinkEnd::Idle,
            (_, Role::Offers { .. }) => LinkEnd::Unanswered,
            (_, Role::Accepts { .. }) => LinkEnd::NotFound,
        }
    }

    /// Handles a parcel. Fails with the end of the link, which the other side does not know.
    async fn parcel(&mut self, parcel: Parcel) -> Result<(), LinkEnd> {
        match (parcel, self.role) {
            (Parcel::Accept(device), Role::Offers { to }) => self.accepted(device, to).await?,
            (Parcel::Open, Role::Accepts { from }) if !self.is_open => self.open(from).await?,
            (Parcel::Decline(device), Role::Offers { to }) => {
                let inbox = Inbox::of_acceptor(self.user, self.link, device);
                match &self.peer {
                    // It has accepted, and closed before it was confirmed.
                    Some(peer) if *peer == inbox => self.finish(Rest::Came(LinkEnd::Closed)),
                    None if to == Some(device) => self.finish(Rest::Came(LinkEnd::Declined)),
                    _ => {}
                }
            }
            (Parcel::Chunk(number, chunk), _) if self.is_open => match number.wrapping_sub(self.received) {
                0 => {
                    self.received = self.received.wrapping_add(1);
                    self.waiting.push_back(chunk);
                    self.moved();
                }
                // The broker hands one out again if it does not know that it was taken.
                ahead if ahead > u32::MAX / 2 => {}
                _ => return Err(LinkEnd::Lost),
            },
            (Parcel::Credit(count), _)
                if count.wrapping_sub(self.credited) <= self.sent.wrapping_sub(self.credited) =>
            {
                self.credited = count;
                self.moved();
            }
            (Parcel::Close(end), _) => self.finish(Rest::Came(end)),
            // What was said twice, or too late.
            _ => {}
        }
        Ok(())
    }

    async fn accepted(&mut self, device: DeviceId, to: Option<DeviceId>) -> Result<(), LinkEnd> {
        let inbox = Inbox::of_acceptor(self.user, self.link, device);
        match &self.peer {
            Some(peer) if *peer == inbox => Ok(()),
            None if to.is_none_or(|to| to == device) => {
                self.peer = Some(inbox);
                self.post(&Parcel::Open).await?;
                self.open(device).await
            }
            _ => {
                // If this is lost, nobody confirms the link there.
                let _ = self.links.broker.post(&inbox, Parcel::Close(LinkEnd::Taken).encode()).await;
                Ok(())
            }
        }
    }

    async fn open(&mut self, from: DeviceId) -> Result<(), LinkEnd> {
        self.is_open = true;
        self.opened = Instant::now();
        self.moved();
        let open = News::Open(LinkWith { link: self.link, from });
        // Fails if the device is gone, which `closed` says as well.
        self.news.send(open).await.map_err(|_| LinkEnd::Gone)
    }

    /// Notes that the link is of use.
    fn moved(&mut self) {
        if self.rest.is_none() {
            self.deadline = Instant::now() + IDLE;
        }
    }

    /// Notes that the connection has taken a frame, and tells the other side now and then.
    async fn handed_over(&mut self) -> Result<(), LinkEnd> {
        self.moved();
        if self.untold() >= CREDIT {
            return self.post_credit().await;
        }
        self.credit_at.get_or_insert_with(|| Instant::now() + CREDIT_WAIT);
        Ok(())
    }

    /// Returns how many frames were taken that the other side was not told of.
    fn untold(&self) -> u32 {
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.received.wrapping_sub(waiting).wrapping_sub(self.taken)
    }

    async fn post_credit(&mut self) -> Result<(), LinkEnd> {
        self.credit_at = None;
        self.taken = self.taken.wrapping_add(self.untold());
        self.post(&Parcel::Credit(self.taken)).await
    }

    async fn chunk(&mut self, chunk: Bytes) -> Result<(), LinkEnd> {
        let (bytes, counts) = (chunk.len(), chunk.len().max(LEAST));
        self.post(&Parcel::Chunk(self.sent, chunk)).await?;
        self.sent = self.sent.wrapping_add(1);
        self.links.metrics.link_bytes.inc_by(bytes as u64);
        let now = Instant::now();
        self.paced = self.paced.max(now) + Duration::from_secs_f64(counts as f64 / f64::from(self.links.rate().max(1)));
        self.moved();
        Ok(())
    }

    async fn post(&self, parcel: &Parcel) -> Result<(), LinkEnd> {
        // A post to an inbox that is gone would make a topic.
        let Some(peer) = self.peer.as_ref().filter(|_| !matches!(self.rest, Some(Rest::Came(_)))) else {
            return Ok(());
        };
        self.links.broker.post(peer, parcel.encode()).await.map_err(|error| {
            tracing::debug!(%error, "a link cannot be carried");
            LinkEnd::Unavailable
        })
    }

    /// Tells the other side that the link is over.
    async fn post_end(&mut self, end: LinkEnd, inbox: &mut Subscription) {
        let parcel = match self.role {
            // The other side may have accepted another device by now.
            Role::Accepts { .. } if !self.is_open => Parcel::Decline(self.device),
            _ => Parcel::Close(end),
        };
        // If it is lost, the other side finds that nothing moves.
        let _ = self.post(&parcel).await;
        if self.peer.is_none() {
            // A device may have accepted what is just taken back.
            while let Some(delivery) = inbox.try_next() {
                if let Some(Parcel::Accept(device)) = Parcel::decode(delivery.payload) {
                    let inbox = Inbox::of_acceptor(self.user, self.link, device);
                    let _ = self.links.broker.post(&inbox, parcel.encode()).await;
                }
            }
        }
    }
}
