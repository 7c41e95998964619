//! The HTTP interface of nsqlookupd.

use std::time::Duration;

use serde::Deserialize;

use super::http::{AdminError, Http, null_as_default};
use crate::name::{ChannelName, TopicName};

/// The HTTP interface of an nsqlookupd. Cheap to clone. Every call is limited by the timeout given
/// to `new`.
///
/// nsqlookupd only remembers what the nsqds told it. A deletion here makes sure that a topic that
/// is created again does not get its old channels back. It deletes nothing at any nsqd. An nsqd
/// that still has the channel registers it again when it reconnects.
#[derive(Clone, Debug)]
pub struct LookupAdmin {
    http: Http,
}

/// An nsqd that is registered at nsqlookupd.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Node {
    /// The address that clients should use.
    pub broadcast_address: String,
    /// The port of the TCP protocol.
    pub tcp_port: u16,
    /// The port of the HTTP interface.
    pub http_port: u16,
    /// The nsqd's version.
    pub version: String,
    /// The nsqd's topics.
    #[serde(default, deserialize_with = "null_as_default")]
    pub topics: Vec<String>,
}

#[derive(Deserialize)]
struct Nodes {
    #[serde(default, deserialize_with = "null_as_default")]
    producers: Vec<Node>,
}

#[derive(Deserialize)]
struct Channels {
    #[serde(default, deserialize_with = "null_as_default")]
    channels: Vec<String>,
}

impl LookupAdmin {
    /// Creates a client. `address` is `host:port` of nsqlookupd's HTTP interface, with or without
    /// `http://`.
    pub fn new(address: &str, timeout: Duration) -> Result<Self, AdminError> {
        Ok(Self { http: Http::new(address, timeout)? })
    }

    /// Registers the topic.
    pub async fn create_topic(&self, topic: &TopicName) -> Result<(), AdminError> {
        self.http.post("/topic/create", &[("topic", topic.as_str())]).await
    }

    /// Removes the topic and its channels. nsqlookupd does not say whether it knew them.
    pub async fn delete_topic(&self, topic: &TopicName) -> Result<(), AdminError> {
        self.http.post("/topic/delete", &[("topic", topic.as_str())]).await
    }

    /// Registers the channel and its topic.
    pub async fn create_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        self.http.post("/channel/create", &query).await
    }

    /// Removes the channel. Returns `false` if it was not known.
    pub async fn delete_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<bool, AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        self.http.post_existing("/channel/delete", &query).await
    }

    /// Hides `node` (`broadcast_address:http_port`) as a producer of the topic, for nsqlookupd's
    /// tombstone lifetime. So consumers do not create the topic again there while it is being
    /// deleted.
    pub async fn tombstone(&self, topic: &TopicName, node: &str) -> Result<(), AdminError> {
        self.http.post("/topic/tombstone", &[("topic", topic.as_str()), ("node", node)]).await
    }

    /// Returns the nsqds that are registered and were heard of lately.
    pub async fn nodes(&self) -> Result<Vec<Node>, AdminError> {
        Ok(self.http.get::<Nodes>("/nodes", &[]).await?.producers)
    }

    /// Returns the channels known for the topic.
    pub async fn channels(&self, topic: &TopicName) -> Result<Vec<String>, AdminError> {
        Ok(self.http.get::<Channels>("/channels", &[("topic", topic.as_str())]).await?.channels)
    }

    /// Returns `Ok` if nsqlookupd answers.
    pub async fn ping(&self) -> Result<(), AdminError> {
        self.http.ping().await
    }
}
