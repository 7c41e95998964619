//! Who gets which receipt.

use std::collections::{HashMap, HashSet};

use ferry_protocol::{
    DeviceId, Envelope, MessageId, MessageRef, RECEIPT_MESSAGES, Read, Receipt, ReceiptEvent, RoomId, UserId,
};
use futures_util::StreamExt;

use super::{FAN_OUT, Relay};
use crate::{clock, receipts::Gathered, refusal::Refusal};

/// A receipt for all devices of a user but the one that caused it.
struct Outgoing {
    to: UserId,
    from: DeviceId,
    event: ReceiptEvent,
}

impl Relay {
    /// Publishes what was noted. Best effort: who is not reached is not told.
    pub async fn send_receipts(&self, mut gathered: Gathered, room_size: usize) {
        if gathered.is_empty() {
            return;
        }
        let mut outgoing = Vec::new();
        for ((author, room), delivered) in gathered.take_delivered() {
            // A room that is gone has nobody to tell.
            let Ok(Some(audience)) = self.directory.audience(room).await else { continue };
            let is_small = audience.members().len() <= room_size;
            let events = if is_small { delivered.by_device(room) } else { delivered.in_numbers(room) };
            outgoing.extend(events.into_iter().map(|event| Outgoing { to: author, from: DeviceId::NONE, event }));
        }
        outgoing.extend(gathered.take_notices().into_iter().map(|(to, from, event)| Outgoing { to, from, event }));
        match self.receipts_of_reading(gathered.take_reads()).await {
            Ok(more) => outgoing.extend(more),
            Err(refusal) => tracing::warn!(reason = %refusal.detail, "nobody was told what is read"),
        }
        self.send_each(outgoing).await;
    }

    /// To a user's own other devices, and to the authors that are in the room, where both let others know of their reading.
    async fn receipts_of_reading(&self, reads: Vec<(UserId, DeviceId, Read)>) -> Result<Vec<Outgoing>, Refusal> {
        if reads.is_empty() {
            return Ok(Vec::new());
        }
        let mut outgoing = Vec::new();
        let everybody: HashSet<UserId> =
            reads.iter().flat_map(|(user, _, read)| read.cursor.authors.iter().copied().chain([*user])).collect();
        let telling = self.directory.who_tells_of_reading(everybody.into_iter().collect()).await?;
        for (user, device, Read { room, cursor }) in reads {
            let Ok(Some(audience)) = self.directory.audience(room).await else { continue };
            if audience.member(user).is_none() {
                continue;
            }
            let event = ReceiptEvent::Read { room, user, up_to: cursor.up_to, sent_at: cursor.sent_at };
            outgoing.push(Outgoing { to: user, from: device, event: event.clone() });
            let is_blocked = audience.members().iter().any(|member| member.has_blocked);
            if is_blocked || !telling.contains(&user) {
                continue;
            }
            let mut authors = cursor.authors;
            authors.retain(|author| *author != user && telling.contains(author) && audience.member(*author).is_some());
            authors.sort_unstable();
            authors.dedup();
            outgoing.extend(authors.into_iter().map(|to| Outgoing { to, from: device, event: event.clone() }));
        }
        Ok(outgoing)
    }

    /// Tells the authors of messages that a device will never get them: it is logged out.
    pub async fn tell_of_expiry(&self, user: UserId, device: DeviceId, messages: Vec<MessageRef>) {
        let mut by_author: HashMap<(UserId, RoomId), Vec<MessageId>> = HashMap::new();
        for MessageRef { author, room, message } in messages {
            by_author.entry((author, room)).or_default().push(message);
        }
        let mut outgoing = Vec::new();
        for ((to, room), messages) in by_author {
            for some in messages.chunks(RECEIPT_MESSAGES) {
                let event = ReceiptEvent::Expired { room, user, device, messages: some.to_vec() };
                outgoing.push(Outgoing { to, from: DeviceId::NONE, event });
            }
        }
        self.send_each(outgoing).await;
    }

    async fn send_each(&self, outgoing: Vec<Outgoing>) {
        let whom: HashSet<UserId> = outgoing.iter().map(|receipt| receipt.to).collect();
        let devices = match self.directory.device_counts(whom.into_iter().collect::<Vec<_>>().into_iter()).await {
            Ok(devices) => devices,
            Err(error) => {
                tracing::warn!(%error, "receipts are lost: it is not known who has a device");
                return;
            }
        };
        let now = clock::now_ms();
        // Nobody without a device, for whom nsqd would make a topic.
        let reachable = outgoing.into_iter().filter(|receipt| devices.contains_key(&receipt.to));
        let send = |Outgoing { to, from, event }| async move {
            let receipt = Receipt::new(event, now);
            let Ok(payload) = Envelope::encode_receipt(&receipt, from) else { return };
            if let Err(error) = self.broker.publish(to, payload).await {
                tracing::debug!(id = %receipt.id, user = %to, %error, "a receipt did not get through");
            }
        };
        futures_util::stream::iter(reachable).for_each_concurrent(FAN_OUT, send).await;
    }
}
