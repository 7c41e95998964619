//! The HTTP interface of nsqlookupd.

use std::time::Duration;

use serde::Deserialize;

use super::http::{AdminError, Http, null_as_default};
use crate::name::{ChannelName, TopicName};

/// One nsqlookupd's HTTP interface. Cheap to clone; every call is bounded by the timeout given to `new`.
///
/// nsqlookupd only remembers what nsqds told it. A deletion here keeps a topic that is created anew from getting its old channels
/// back; it deletes nothing at any nsqd, and an nsqd that still has the channel registers it again when it reconnects.
#[derive(Clone, Debug)]
pub struct LookupAdmin {
    http: Http,
}

/// An nsqd that is registered at nsqlookupd.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Node {
    /// The address clients should use.
    pub broadcast_address: String,
    /// Its port for the TCP protocol.
    pub tcp_port: u16,
    /// Its port for HTTP.
    pub http_port: u16,
    /// Its version.
    pub version: String,
    /// The topics it has.
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
    /// `address` is `host:port` of nsqlookupd's HTTP interface, with or without `http://`.
    pub fn new(address: &str, timeout: Duration) -> Result<Self, AdminError> {
        Ok(Self { http: Http::new(address, timeout)? })
    }

    /// Registers the topic.
    pub async fn create_topic(&self, topic: &TopicName) -> Result<(), AdminError> {
        self.http.post("/topic/create", &[("topic", topic.as_str())]).await
    }

    /// Forgets the topic and its channels. nsqlookupd does not say whether it knew them.
    pub async fn delete_topic(&self, topic: &TopicName) -> Result<(), AdminError> {
        self.http.post("/topic/delete", &[("topic", topic.as_str())]).await
    }

    /// Registers the channel and its topic.
    pub async fn create_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        self.http.post("/channel/create", &query).await
    }

    /// Forgets the channel. `false` if it was not known.
    pub async fn delete_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<bool, AdminError> {
        let query = [("topic", topic.as_str()), ("channel", channel.as_str())];
        self.http.post_existing("/channel/delete", &query).await
    }

    /// Hides `node` (`broadcast_address:http_port`) as a producer of the topic for nsqlookupd's tombstone lifetime, so that
    /// consumers do not bring the topic back there while it is being deleted.
    pub async fn tombstone(&self, topic: &TopicName, node: &str) -> Result<(), AdminError> {
        self.http.post("/topic/tombstone", &[("topic", topic.as_str()), ("node", node)]).await
    }

    /// The nsqds that are registered and have been heard of lately.
    pub async fn nodes(&self) -> Result<Vec<Node>, AdminError> {
        Ok(self.http.get::<Nodes>("/nodes", &[]).await?.producers)
    }

    /// The channels known for the topic.
    pub async fn channels(&self, topic: &TopicName) -> Result<Vec<String>, AdminError> {
        Ok(self.http.get::<Channels>("/channels", &[("topic", topic.as_str())]).await?.channels)
    }

    /// `Ok` if nsqlookupd answers.
    pub async fn ping(&self) -> Result<(), AdminError> {
        self.http.ping().await
    }
}
