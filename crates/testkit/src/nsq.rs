//! What tests of queues say often: names, bodies, the next message, the state of a channel.

use bytes::Bytes;
use ferry_nsq::{Admin, ChannelName, ChannelStats, Message, Publisher, Subscription, TopicName};

use crate::{must, until, within};

/// Returns the name of a topic. Panics if NSQ does not allow it.
pub fn topic(name: &str) -> TopicName {
    must(name, TopicName::new(name))
}

/// Returns the name of a channel. Panics if NSQ does not allow it.
pub fn channel(name: &str) -> ChannelName {
    must(name, ChannelName::new(name))
}

/// Returns a message's body with this text.
pub fn body(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Waits until the publisher is connected.
pub async fn connected(publisher: &Publisher) {
    within(publisher.wait_connected()).await;
}

/// Returns the next message, and its body as text.
pub async fn receive(subscription: &mut Subscription) -> (Message, String) {
    let message = must("no next message", within(subscription.next()).await);
    let text = must("no text", String::from_utf8(message.body.to_vec()));
    (message, text)
}

/// Waits until nsqd itself shows a channel as `wanted`.
pub async fn until_channel(
    admin: &Admin,
    topic: &TopicName,
    channel: &ChannelName,
    what: &str,
    wanted: impl Fn(&ChannelStats) -> bool,
) {
    until(what, || async {
        let stats = must("nsqd's statistics", admin.channel_stats(topic, channel).await)?;
        wanted(&stats).then_some(())
    })
    .await;
}
