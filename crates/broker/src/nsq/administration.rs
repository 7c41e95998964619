//! One nsqd, as its HTTP interface shows it: topics and channels are made, counted, listed and
//! deleted, and its health is known.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ferry_nsq::{Admin, AdminError, ChannelName, TopicName, TopicStats};
use ferry_protocol::now_ms;
use tokio::sync::Semaphore;

use super::{
    demands::{Demands, Misfit},
    figures::NodeFigures,
    inventory::Listed,
    names::{is_mark, since, time_of},
    pace::{Pace, TURN},
};
use crate::{
    config::NsqdAddress,
    count::ChannelCount,
    error::{BrokerError, unavailable},
    inbox::{PREFIX, Swept},
};

/// The most HTTP calls to one nsqd at a time. More calls wait: in a storm, thousands of connections
/// would only slow each other down.
const CALLS: usize = 32;
/// How long a node that did not answer a deletion is not asked by those who can wait.
const SILENT: Duration = Duration::from_secs(5);
/// For how long a deletion that was not answered may still be done.
const LATE: Duration = Duration::from_secs(30);
/// How soon an nsqd that answers again has done what it found in its sockets.
const SETTLE: Duration = Duration::from_millis(500);
/// Paused queues that one listing names in the log.
const PAUSED_LOGGED: usize = 10;

/// Why nothing is published to a node.
pub(super) const LOGS_BODIES: &str = "its log_level is debug, at which it logs message bodies";

/// What is asked of nsqd's options.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watched {
    pub(super) demands: Demands,
    /// Whether nsqd may log message bodies.
    pub(super) allow_debug: bool,
}

/// See the module's description.
pub(super) struct Administration {
    pub(super) name: String,
    pub(super) http: Admin,
    /// The limit of a call over HTTP.
    pub(super) timeout: Duration,
    watched: Watched,
    /// The options that were not as they must be at the last look.
    misfits: Mutex<Vec<Misfit>>,
    /// What nsqd says is wrong with it.
    fault: Mutex<Option<String>>,
    /// When it last did not answer a deletion, until it answers one.
    silent_at: Mutex<Option<Instant>>,
    /// When it last did not answer a deletion. It may still find that one in its socket.
    unanswered_at: Mutex<Option<Instant>>,
    /// Topics and channels that were paused at the last listing.
    paused: AtomicUsize,
    calls: Semaphore,
    /// The permits for counting calls. Every device that connects asks for a count, and logins and
    /// logouts must not wait behind that.
    counts: Semaphore,
    /// Which creation of a channel is next.
    creations: Pace,
    /// Since when its queues are whole, in milliseconds since the Unix epoch; 0 until it is known.
    whole_since: AtomicI64,
    /// The inboxes of links that had no reader at the last look, and since when.
    unread_inboxes: Mutex<HashMap<TopicName, Instant>>,
}

impl Administration {
    pub(super) fn new(address: &NsqdAddress, timeout: Duration, watched: Watched) -> Result<Self, BrokerError> {
        Ok(Self {
            name: address.name.clone(),
            http: Admin::new(&address.http, timeout).map_err(unavailable)?,
            timeout,
            watched,
            misfits: Mutex::default(),
            fault: Mutex::new(None),
            silent_at: Mutex::new(None),
            unanswered_at: Mutex::new(None),
            paused: AtomicUsize::new(0),
            calls: Semaphore::new(CALLS),
            counts: Semaphore::new(CALLS),
            creations: Pace::new(TURN),
            whole_since: AtomicI64::new(0),
            unread_inboxes: Mutex::default(),
        })
    }

    /// Returns why nothing is published there.
    pub(super) fn fault(&self) -> Option<String> {
        if self.logs_bodies() {
            return Some(LOGS_BODIES.to_owned());
        }
        self.own_fault()
    }

    /// Returns what nsqd itself says is wrong with it.
    pub(super) fn own_fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether nsqd would log the bodies of messages, and nobody has allowed that.
    pub(super) fn logs_bodies(&self) -> bool {
        let misfits = self.misfits.lock().unwrap_or_else(PoisonError::into_inner);
        !self.watched.allow_debug && misfits.iter().any(Misfit::logs_bodies)
    }

    pub(super) fn misfits(&self) -> Vec<Misfit> {
        self.misfits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks nsqd for its options, and logs what has changed about them.
    pub(super) async fn look_at_options(&self) -> Result<(), AdminError> {
        let found = self.watched.demands.look(&self.http).await?;
        let mut known = self.misfits.lock().unwrap_or_else(PoisonError::into_inner);
        for misfit in found.iter().filter(|misfit| !known.contains(misfit)) {
            let Misfit { option, found, wanted } = misfit;
            tracing::error!(node = %self.name, option, found, wanted, "an option of nsqd is not as Ferry needs it");
            if misfit.logs_bodies() && !self.watched.allow_debug {
                tracing::error!(node = %self.name, "nsqd logs message bodies: nothing is published there");
            }
        }
        for Misfit { option, .. } in known.iter().filter(|known| found.iter().all(|now| now.option != known.option)) {
            tracing::warn!(node = %self.name, option, "an option of nsqd is as Ferry needs it again");
        }
        *known = found;
        Ok(())
    }

    pub(super) async fn figures(&self) -> Result<NodeFigures, BrokerError> {
        let _call = self.call().await?;
        Ok(NodeFigures::of(&self.http.stats().await.map_err(unavailable)?))
    }

    /// Returns since when its queues are whole, if that is known.
    pub(super) fn whole_since(&self) -> Option<i64> {
        Some(self.whole_since.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// Notes that its queues may have lost something before this moment, for this relay and, with
    /// the mark, for the others.
    pub(super) async fn is_whole_from_now(&self, mark: &TopicName) -> Result<(), BrokerError> {
        let now = now_ms();
        self.whole_since.fetch_max(now, Ordering::Relaxed);
        self.http.create_channel(mark, &since(now)?).await.map_err(unavailable)?;
        Ok(())
    }

    /// Notes that what it confirmed until now may be lost, because it could not write.
    pub(super) async fn note_loss(&self) -> Result<(), BrokerError> {
        // For this relay also where there is no mark.
        self.whole_since.fetch_max(now_ms(), Ordering::Relaxed);
        for mark in self.marks().await? {
            self.is_whole_from_now(&mark).await?;
        }
        Ok(())
    }

    /// Reads from the mark since when the queues of the node are whole. A mark without a time is
    /// from an older relay, or was made a moment ago.
    pub(super) async fn read_whole_since(&self, mark: &TopicName) -> Result<(), BrokerError> {
        let stats = self.http.topic_stats(mark).await.map_err(unavailable)?;
        let channels = stats.map(|topic| topic.channels).unwrap_or_default();
        match channels.iter().filter_map(|channel| time_of(&channel.name)).max() {
            Some(at) => {
                // This relay may know of a later loss.
                self.whole_since.fetch_max(at, Ordering::Relaxed);
                Ok(())
            }
            None => self.is_whole_from_now(mark).await,
        }
    }

    pub(super) fn set_fault(&self, fault: Option<String>) {
        let mut known = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*known, &fault) {
            (None, Some(fault)) => {
                tracing::error!(node = %self.name, fault, "nsqd is not well: nothing is published there");
            }
            (Some(_), None) => {
                tracing::warn!(node = %self.name, "nsqd is well again");
            }
            _ => {}
        }
        *known = fault;
    }

    fn note_silence<T>(&self, outcome: &Result<T, AdminError>) {
        let is_silent = matches!(outcome, Err(AdminError::Unreachable { .. }));
        *self.silent_at.lock().unwrap_or_else(PoisonError::into_inner) = is_silent.then(Instant::now);
        if is_silent {
            *self.unanswered_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    pub(super) fn was_silent_lately(&self) -> bool {
        let silent_at = *self.silent_at.lock().unwrap_or_else(PoisonError::into_inner);
        silent_at.is_some_and(|at| at.elapsed() < SILENT)
    }

    pub(super) fn paused(&self) -> usize {
        self.paused.load(Ordering::Relaxed)
    }

    pub(super) fn forget_paused(&self) {
        self.paused.store(0, Ordering::Relaxed);
    }

    /// Notes how many topics and channels of Ferry are paused, and logs some of them.
    fn note_paused(&self, topics: &[TopicStats]) {
        let mut paused = 0;
        for topic in topics.iter().filter(|topic| is_ours(&topic.name)) {
            let channels = topic.channels.iter().filter(|channel| channel.paused).map(|channel| &channel.name);
            for name in topic.paused.then_some(&topic.name).into_iter().chain(channels) {
                paused += 1;
                if paused <= PAUSED_LOGGED {
                    tracing::warn!(node = %self.name, topic = %topic.name, name, "somebody has paused a queue");
                }
            }
        }
        self.paused.store(paused, Ordering::Relaxed);
    }

    async fn call(&self) -> Result<tokio::sync::SemaphorePermit<'_>, BrokerError> {
        self.calls.acquire().await.map_err(unavailable)
    }

    /// Creates a channel, in its turn: see [`Pace`].
    ///
    /// A deletion that nsqd did not answer may be done late, and then take a new channel with it.
    /// So after such a deletion this creates the channel a second time, a moment later.
    pub(super) async fn create_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        self.create_in_turn(topic, channel).await?;
        let unanswered_at = *self.unanswered_at.lock().unwrap_or_else(PoisonError::into_inner);
        if unanswered_at.is_some_and(|at| at.elapsed() < LATE) {
            tokio::time::sleep(SETTLE).await;
            self.create_in_turn(topic, channel).await?;
        }
        Ok(())
    }

    async fn create_in_turn(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        let create = self.create_channel_now(topic, channel);
        self.creations.run(create).await.unwrap_or_else(|| {
            Err(BrokerError::Unavailable(format!("{}: too many channels are to be created", self.name)))
        })
    }

    /// Creates a channel without waiting for a turn.
    pub(super) async fn create_channel_now(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        let _call = self.call().await?;
        self.http.create_topic(topic).await.map_err(unavailable)?;
        self.http.create_channel(topic, channel).await.map_err(unavailable)
    }

    pub(super) async fn delete_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        let _call = self.call().await?;
        let deleted = self.http.delete_channel(topic, channel).await;
        self.note_silence(&deleted);
        deleted.map(drop).map_err(unavailable)
    }

    pub(super) async fn delete_topic(&self, topic: &TopicName) -> Result<(), BrokerError> {
        let _call = self.call().await?;
        let deleted = self.http.delete_topic(topic).await;
        self.note_silence(&deleted);
        deleted.map(drop).map_err(unavailable)
    }

    pub(super) async fn count(&self, topic: &TopicName, channel: &ChannelName) -> Result<ChannelCount, BrokerError> {
        let _count = self.counts.acquire().await.map_err(unavailable)?;
        let Some(topic) = self.http.topic_stats(topic).await.map_err(unavailable)? else {
            return Ok(ChannelCount::default());
        };
        let Some(on_channel) = topic.channels.iter().find(|stats| stats.name == channel.as_str()) else {
            return Ok(ChannelCount::default());
        };
        if topic.paused || on_channel.paused {
            tracing::warn!(node = %self.name, topic = %topic.name, %channel, "somebody has paused the queue of a device");
        }
        // nsqd confirms a publish when the topic has it, and copies it to the channels later.
        let deliveries = topic.depth + on_channel.depth + on_channel.in_flight + on_channel.deferred;
        Ok(ChannelCount { deliveries, subscriptions: on_channel.clients })
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, BrokerError> {
        let _call = self.call().await?;
        let topics = self.http.stats().await.map_err(unavailable)?;
        self.note_paused(&topics);
        let listed = topics.into_iter().filter_map(|topic| {
            // Other topics and channels on this nsqd are not Ferry's.
            let user = topic.name.strip_prefix("user.")?.parse().ok()?;
            let device = |name: &str| name.strip_prefix("device.")?.parse().ok();
            let devices = topic.channels.iter().filter_map(|channel| device(&channel.name)).collect();
            Some(Listed { user, devices })
        });
        Ok(listed.collect())
    }

    /// Deletes the inboxes that had no reader at two looks, so long apart. A post to an inbox whose
    /// reader has just gone leaves such a topic (nsq#1447).
    pub(super) async fn sweep_inboxes(&self, after: Duration) -> Result<Swept, BrokerError> {
        let topics = {
            let _call = self.call().await?;
            self.http.stats().await.map_err(unavailable)?
        };
        let now = Instant::now();
        let unread: HashSet<TopicName> = topics
            .into_iter()
            .filter(|topic| topic.name.starts_with(PREFIX) && topic.channels.is_empty())
            .filter_map(|topic| TopicName::new(topic.name).ok())
            .collect();
        let found = unread.len();
        let ripe: Vec<TopicName> = {
            let mut since = self.unread_inboxes.lock().unwrap_or_else(PoisonError::into_inner);
            since.retain(|topic, _| unread.contains(topic));
            unread.into_iter().filter(|topic| now - *since.entry(topic.clone()).or_insert(now) >= after).collect()
        };
        let mut removed = 0;
        for topic in &ripe {
            // One that cannot be deleted now is found again.
            removed += usize::from(self.delete_topic(topic).await.is_ok());
        }
        Ok(Swept { removed, left: found - removed })
    }

    /// Returns the marks and witnesses of [`restore`](super::restore) on nsqd.
    pub(super) async fn marks(&self) -> Result<Vec<TopicName>, BrokerError> {
        let topics = self.http.stats().await.map_err(unavailable)?;
        let marks = topics.into_iter().filter(|topic| is_mark(&topic.name));
        Ok(marks.filter_map(|topic| TopicName::new(topic.name).ok()).collect())
    }

    /// Returns whether nsqd has this topic.
    pub(super) async fn has_topic(&self, topic: &TopicName) -> Result<bool, BrokerError> {
        Ok(self.http.topic_stats(topic).await.map_err(unavailable)?.is_some())
    }
}

/// Returns how many topics and channels of Ferry are paused.
pub(super) fn count_paused(topics: &[TopicStats]) -> usize {
    let of =
        |topic: &TopicStats| usize::from(topic.paused) + topic.channels.iter().filter(|channel| channel.paused).count();
    topics.iter().filter(|topic| is_ours(&topic.name)).map(of).sum()
}

/// Returns whether a topic belongs to Ferry.
fn is_ours(topic: &str) -> bool {
    topic.starts_with("user.") || topic.starts_with("ferry.") || topic.starts_with(PREFIX)
}
