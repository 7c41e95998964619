//! The HTTP interface of nsqd: creates and deletes topics and channels, and reads statistics. That
//! of nsqlookupd is in [`lookup`].

mod http;
pub mod lookup;

use std::time::Duration;

use serde::Deserialize;

pub use self::http::AdminError;
use self::http::{Http, null_as_default};
use crate::name::{ChannelName, TopicName};

/// The HTTP interface of an nsqd. Cheap to clone; connections are pooled. Every call is limited by
/// the timeout given to `new`.
///
/// Dropping a call's future abandons the call. nsqd may have carried it out or not.
#[derive(Clone, Debug)]
pub struct Admin {
    http: Http,
}

/// The answer of `/info`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Info {
    /// nsqd's version, for example `1.3.0`.
    pub version: String,
    /// The start time in seconds since 1970. Another value means that nsqd was restarted.
    pub start_time: i64,
    /// The port of the TCP protocol.
    pub tcp_port: u16,
    /// The port of the HTTP interface.
    pub http_port: u16,
    /// The address that nsqd gives to nsqlookupd.
    pub broadcast_address: String,
}

/// The statistics of a topic.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct TopicStats {
    /// The topic's name.
    #[serde(rename = "topic_name")]
    pub name: String,
    /// The number of messages that are not yet copied to the channels. They stay here while there
    /// is no channel.
    pub depth: u64,
    /// The number of messages published since nsqd started.
    pub message_count: u64,
    /// The number of bytes of these messages.
    #[serde(default)]
    pub message_bytes: u64,
    /// True if the topic is paused.
    pub paused: bool,
    /// The topic's channels, by name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub channels: Vec<ChannelStats>,
}

/// The statistics of a channel.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct ChannelStats {
    /// The channel's name.
    #[serde(rename = "channel_name")]
    pub name: String,
    /// The number of messages that wait to be delivered, in memory or on disk.
    pub depth: u64,
    /// The number of these messages that are on disk.
    pub backend_depth: u64,
    /// The number of messages that are delivered, and neither finished nor requeued.
    #[serde(rename = "in_flight_count")]
    pub in_flight: u64,
    /// The number of messages that are requeued with a delay that is not over.
    #[serde(rename = "deferred_count")]
    pub deferred: u64,
    /// The number of messages that entered the channel since nsqd started.
    pub message_count: u64,
    /// The number of messages requeued since nsqd started.
    pub requeue_count: u64,
    /// The number of messages whose timeout passed since nsqd started.
    pub timeout_count: u64,
    /// The number of connected consumers.
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
    /// Creates a client. `address` is `host:port` of nsqd's HTTP interface, with or without
    /// `http://`.
    pub fn new(address: &str, timeout: Duration) -> Result<Self, AdminError> {
        Ok(Self { http: Http::new(address, timeout)? })
    }

    /// Creates the topic. Does nothing if it exists. With nsqlookupd, a new topic also gets the
    /// channels that nsqlookupd knows for it.
    pub async fn create_topic(&self, topic: &TopicName) -> Result<(), AdminError> {
        self.http.post("/topic/create", &[("topic", topic.as_str())]).await
    }

    /// Deletes the topic with its channels and messages, and closes their consumers' connections.
    /// Returns `false` if the topic does not exist.
    pub async fn delete_topic(&self, topic: &TopicName) -> Result<bool, AdminError> {
        self.http.post_existing("/topic/delete", &[("topic", topic.as_str())]).await
    }

    /// Deletes the messages of the topic itself, which wait for a first channel. Returns `false`
    /// if the topic does not exist.
    pub async fn empty_topic(&self, topic: &TopicName) -> Result<bool, AdminError> {
        self.http.post_existing("/topic/empty", &[("topic", topic.as_str())]).await
    }

    /// Creates the channel, and the topic if it is missing. Does nothing if both exist.
    pub async fn create_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        // nsqd does not create the topic here. To try first saves a round trip in the usual case.
        // If the topic is deleted in between, the caller gets the 404.
        if self.http.post_existing("/channel/create", &query).await? {
            return Ok(());
        }
        self.create_topic(topic).await?;
        self.http.post("/channel/create", &query).await
    }

    /// Deletes the channel with its messages, and closes its consumers' connections. Returns
    /// `false` if the channel does not exist.
    pub async fn delete_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<bool, AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        self.http.post_existing("/channel/delete", &query).await
    }

    /// Deletes the messages of the channel. Returns `false` if the channel does not exist.
    pub async fn empty_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<bool, AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        self.http.post_existing("/channel/empty", &query).await
    }

    /// Publishes so many messages of one byte, in one call. Use a topic of its own, and delete it
    /// afterwards: more than fit into nsqd's memory make it write its overflow.
    pub async fn publish_dummies(&self, topic: &TopicName, count: usize) -> Result<(), AdminError> {
        self.http.post_body("/mpub", &[("topic", topic.as_str())], b"x\n".repeat(count)).await
    }

    /// Returns `Ok` if nsqd answers and calls itself healthy. It is not healthy if it cannot write
    /// its overflow.
    pub async fn ping(&self) -> Result<(), AdminError> {
        self.http.ping().await
    }

    /// Returns the value of an option as nsqd writes it, by its name in the configuration file.
    /// Times are in nanoseconds, a level of the log is a number (debug is 1), and a text has no
    /// quotes. Fails with [`AdminError::Refused`] and 400 if nsqd has no such option.
    pub async fn option(&self, name: &str) -> Result<String, AdminError> {
        self.http.get_text(&format!("/config/{name}")).await
    }

    /// Returns version, ports and start time.
    pub async fn info(&self) -> Result<Info, AdminError> {
        self.http.get("/info", &[]).await
    }

    /// Returns every topic with its channels. The answer has about 300 bytes for each channel:
    /// 10,000 devices are 3 MB.
    pub async fn stats(&self) -> Result<Vec<TopicStats>, AdminError> {
        self.query_stats(&[]).await
    }

    /// Returns a topic with its channels, or `None` if it does not exist.
    pub async fn topic_stats(&self, topic: &TopicName) -> Result<Option<TopicStats>, AdminError> {
        Ok(self.query_stats(&[("topic", topic.as_str())]).await?.pop())
    }

    /// Returns a channel, or `None` if it does not exist.
    pub async fn channel_stats(
        &self,
        topic: &TopicName,
        channel: &ChannelName,
    ) -> Result<Option<ChannelStats>, AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        Ok(self.query_stats(&query).await?.pop().and_then(|mut topic| topic.channels.pop()))
    }

    async fn query_stats(&self, filter: &[(&str, &str)]) -> Result<Vec<TopicStats>, AdminError> {
        // Client and memory statistics are the expensive part of the answer, and Ferry does not
        // need them.
        let mut query = vec![("format", "json"), ("include_clients", "false"), ("include_mem", "false")];
        query.extend_from_slice(filter);
        Ok(self.http.get::<Stats>("/stats", &query).await?.topics)
    }
}
