//! The HTTP interface of nsqd: creating and deleting topics and channels, and statistics. nsqlookupd's is in [`lookup`].

mod http;
pub mod lookup;

use std::time::Duration;

use serde::Deserialize;

pub use self::http::AdminError;
use self::http::{Http, null_as_default};
use crate::name::{ChannelName, TopicName};

/// One nsqd's HTTP interface. Cheap to clone; connections are pooled. Every call is bounded by the timeout given to `new`.
///
/// Dropping a call's future abandons it; nsqd may have carried it out or not.
#[derive(Clone, Debug)]
pub struct Admin {
    http: Http,
}

/// What `/info` says.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Info {
    /// nsqd's version, e.g. `1.3.0`.
    pub version: String,
    /// Seconds since 1970; another value means nsqd has been restarted.
    pub start_time: i64,
    /// The port of the TCP protocol.
    pub tcp_port: u16,
    /// The port that answered.
    pub http_port: u16,
    /// The address nsqd gives to nsqlookupd.
    pub broadcast_address: String,
}

/// One topic's statistics.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct TopicStats {
    /// Its name.
    #[serde(rename = "topic_name")]
    pub name: String,
    /// Messages not yet copied to the channels; they stay here while there is no channel.
    pub depth: u64,
    /// Messages published since nsqd started.
    pub message_count: u64,
    /// True if the topic is paused.
    pub paused: bool,
    /// Its channels, by name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub channels: Vec<ChannelStats>,
}

/// One channel's statistics.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct ChannelStats {
    /// Its name.
    #[serde(rename = "channel_name")]
    pub name: String,
    /// Messages that wait to be delivered, in memory or spilt to disk.
    pub depth: u64,
    /// Of these, the ones spilt to disk.
    pub backend_depth: u64,
    /// Delivered and neither finished nor requeued.
    #[serde(rename = "in_flight_count")]
    pub in_flight: u64,
    /// Requeued with a delay that is not over.
    #[serde(rename = "deferred_count")]
    pub deferred: u64,
    /// Messages that entered the channel since nsqd started.
    pub message_count: u64,
    /// Messages requeued since nsqd started.
    pub requeue_count: u64,
    /// Messages whose timeout passed since nsqd started.
    pub timeout_count: u64,
    /// Connected consumers.
    #[serde(rename = "client_count")]
    pub clients: u64,
    /// True if the channel is paused.
    pub paused: bool,
}

#[derive(Deserialize)]
struct Stats {
    #[serde(default, deserialize_with = "null_as_default")]
    topics: Vec<TopicStats>,
}

impl Admin {
    /// `address` is `host:port` of nsqd's HTTP interface, with or without `http://`.
    pub fn new(address: &str, timeout: Duration) -> Result<Self, AdminError> {
        Ok(Self { http: Http::new(address, timeout)? })
    }

    /// Creates the topic; nothing happens if it exists. With nsqlookupd, a new topic also gets the channels lookupd knows for it.
    pub async fn create_topic(&self, topic: &TopicName) -> Result<(), AdminError> {
        self.http.post("/topic/create", &[("topic", topic.as_str())]).await
    }

    /// Deletes the topic with its channels and messages, and closes their consumers' connections. `false` if there was none.
    pub async fn delete_topic(&self, topic: &TopicName) -> Result<bool, AdminError> {
        self.http.post_existing("/topic/delete", &[("topic", topic.as_str())]).await
    }

    /// Throws away the topic's own messages, which wait for a first channel. `false` if there is no such topic.
    pub async fn empty_topic(&self, topic: &TopicName) -> Result<bool, AdminError> {
        self.http.post_existing("/topic/empty", &[("topic", topic.as_str())]).await
    }

    /// Creates the channel, and the topic where it is missing; nothing happens if both exist.
    pub async fn create_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        // nsqd does not create the topic here. Trying first saves a round trip in the usual case; the topic may also be deleted
        // in between, and then the 404 is for the caller.
        if self.http.post_existing("/channel/create", &query).await? {
            return Ok(());
        }
        self.create_topic(topic).await?;
        self.http.post("/channel/create", &query).await
    }

    /// Deletes the channel with its messages, and closes its consumers' connections. `false` if there was none.
    pub async fn delete_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<bool, AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        self.http.post_existing("/channel/delete", &query).await
    }

    /// Throws away the channel's messages. `false` if there is no such channel.
    pub async fn empty_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<bool, AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        self.http.post_existing("/channel/empty", &query).await
    }

    /// `Ok` if nsqd answers and calls itself healthy (it does not when it cannot write its overflow).
    pub async fn ping(&self) -> Result<(), AdminError> {
        self.http.ping().await
    }

    /// Version, ports and start time.
    pub async fn info(&self) -> Result<Info, AdminError> {
        self.http.get("/info", &[]).await
    }

    /// Every topic with its channels. About 300 bytes a channel: 10,000 devices are 3 MB.
    pub async fn stats(&self) -> Result<Vec<TopicStats>, AdminError> {
        self.query_stats(&[]).await
    }

    /// One topic with its channels; `None` if there is no such topic.
    pub async fn topic_stats(&self, topic: &TopicName) -> Result<Option<TopicStats>, AdminError> {
        Ok(self.query_stats(&[("topic", topic.as_str())]).await?.pop())
    }

    /// One channel; `None` if there is no such channel.
    pub async fn channel_stats(
        &self,
        topic: &TopicName,
        channel: &ChannelName,
    ) -> Result<Option<ChannelStats>, AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        Ok(self.query_stats(&query).await?.pop().and_then(|mut topic| topic.channels.pop()))
    }

    async fn query_stats(&self, filter: &[(&str, &str)]) -> Result<Vec<TopicStats>, AdminError> {
        // Clients and memory statistics are the expensive part of the answer, and nobody here wants them.
        let mut query = vec![("format", "json"), ("include_clients", "false"), ("include_mem", "false")];
        query.extend_from_slice(filter);
        Ok(self.http.get::<Stats>("/stats", &query).await?.topics)
    }
}
