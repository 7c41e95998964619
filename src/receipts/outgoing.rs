//! Decides who gets which receipt, and publishes them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use ferry_protocol::{
    DeviceId, Envelope, MessageId, MessageRef, RECEIPT_MESSAGES, Read, Receipt, ReceiptEvent, RoomId, UserId, now_ms,
};

use super::gathered::Gathered;
use crate::{
    directory::{Audience, Reach},
    refusal::Refusal,
    relay::Dispatcher,
};

/// Receipts that are published together. The device counts are asked once for each such batch.
const TOGETHER: usize = 256;
/// How long a batch may take. After that it is lost: a home that does not answer must not keep
/// receipts from the users of other homes.
const PATIENCE: Duration = Duration::from_secs(5);

/// A receipt for all devices of a user but the one that caused it.
struct Outgoing {
    to: UserId,
    /// [`DeviceId::NONE`] if none of the user's devices caused it.
    from: DeviceId,
    event: ReceiptEvent,
}

/// Returns whether the author of a message in the room hears what becomes of it. An author who has
/// left does not, nor does either user of a direct room in which one has blocked the other.
fn is_told(author: UserId, audience: &Audience) -> bool {
    audience.member(author).is_some() && !is_cut(audience)
}

/// Returns whether one user of this direct room has blocked the other.
fn is_cut(audience: &Audience) -> bool {
    audience.members().iter().any(|member| member.has_blocked)
}

/// Publishes what was noted. Best effort: a user who is not reached is not told.
pub(super) async fn publish(dispatcher: &Dispatcher, mut gathered: Gathered, room_size: usize) {
    if gathered.is_empty() {
        return;
    }
    let mut outgoing = Vec::new();
    for ((author, room), delivered) in gathered.take_delivered() {
        // A room that is gone has nobody to tell.
        let Ok(Some(audience)) = dispatcher.directory().audience(room).await else { continue };
        if !is_told(author, &audience) {
            continue;
        }
        let is_small = audience.members().len() <= room_size;
        let events = if is_small { delivered.by_device(room) } else { delivered.in_numbers(room) };
        outgoing.extend(events.into_iter().map(|event| Outgoing { to: author, from: DeviceId::NONE, event }));
    }
    outgoing.extend(gathered.take_notices().into_iter().map(|(to, from, event)| Outgoing { to, from, event }));
    match receipts_of_reading(dispatcher, gathered.take_reads()).await {
        Ok(more) => outgoing.extend(more),
        Err(refusal) => tracing::warn!(reason = %refusal.detail, "nobody was told what is read"),
    }
    send_in_parts(dispatcher, outgoing).await;
}

/// Returns the receipts of reading, for a user's own other devices and for authors that are in the
/// room. An author gets one only if both users let others know what they read.
async fn receipts_of_reading(
    dispatcher: &Dispatcher,
    reads: Vec<(UserId, DeviceId, Read)>,
) -> Result<Vec<Outgoing>, Refusal> {
    let mut in_rooms: Vec<(UserId, DeviceId, Read, Arc<Audience>)> = Vec::with_capacity(reads.len());
    let mut asked: HashSet<UserId> = HashSet::new();
    for (user, device, mut read) in reads {
        let Ok(Some(audience)) = dispatcher.directory().audience(read.room).await else { continue };
        let Some(reader) = audience.member(user) else { continue };
        let authors = &mut read.cursor.authors;
        // A user who may not write to the others must not reach them with this either.
        if is_cut(&audience) || reader.muted_until > now_ms() {
            authors.clear();
        }
        authors.retain(|author| *author != user && audience.member(*author).is_some());
        authors.sort_unstable();
        authors.dedup();
        if !authors.is_empty() {
            asked.extend(authors.iter().copied().chain([user]));
        }
        in_rooms.push((user, device, read, audience));
    }
    let telling = match asked.is_empty() {
        true => HashSet::new(),
        false => dispatcher.directory().who_tells_of_reading(asked.into_iter().collect()).await?,
    };
    let mut outgoing = Vec::new();
    for (user, device, Read { room, cursor }, _) in in_rooms {
        let event = ReceiptEvent::Read { room, user, up_to: cursor.up_to, sent_at: cursor.sent_at };
        let authors = cursor.authors.into_iter().filter(|author| telling.contains(&user) && telling.contains(author));
        outgoing.extend(authors.map(|to| Outgoing { to, from: DeviceId::NONE, event: event.clone() }));
        outgoing.push(Outgoing { to: user, from: device, event });
    }
    Ok(outgoing)
}

/// Tells the authors of messages that a device will never get them, because it is logged out.
pub(super) async fn tell_of_expiry(dispatcher: &Dispatcher, user: UserId, device: DeviceId, messages: Vec<MessageRef>) {
    let mut by_author: HashMap<(UserId, RoomId), Vec<MessageId>> = HashMap::new();
    for MessageRef { author, room, message } in messages {
        by_author.entry((author, room)).or_default().push(message);
    }
    let mut outgoing = Vec::new();
    for ((to, room), messages) in by_author {
        match dispatcher.directory().audience(room).await {
            Ok(Some(audience)) if is_told(to, &audience) => {}
            _ => continue,
        }
        for some in messages.chunks(RECEIPT_MESSAGES) {
            let event = ReceiptEvent::Expired { room, user, device, messages: some.to_vec() };
            outgoing.push(Outgoing { to, from: DeviceId::NONE, event });
        }
    }
    send_in_parts(dispatcher, outgoing).await;
}

async fn send_in_parts(dispatcher: &Dispatcher, outgoing: Vec<Outgoing>) {
    let mut outgoing = outgoing.into_iter().peekable();
    while outgoing.peek().is_some() {
        let some = outgoing.by_ref().take(TOGETHER).collect();
        if tokio::time::timeout(PATIENCE, send_some(dispatcher, some)).await.is_err() {
            tracing::warn!("receipts are lost: a broker or SQL takes too long");
        }
    }
}

async fn send_some(dispatcher: &Dispatcher, outgoing: Vec<Outgoing>) {
    let whom: HashSet<UserId> = outgoing.iter().map(|receipt| receipt.to).collect();
    let whom: Vec<UserId> = whom.into_iter().collect();
    let reach = match dispatcher.directory().reach(whom.iter().copied()).await {
        Ok(reach) => reach,
        Err(error) => {
            tracing::warn!(%error, "receipts are lost: it is not known who has a device");
            return;
        }
    };
    let reach: HashMap<UserId, Reach> =
        whom.into_iter().zip(reach).filter_map(|(user, reach)| Some((user, reach?))).collect();
    let now = now_ms();
    let payloads = outgoing.into_iter().filter_map(|Outgoing { to, from, event }| {
        // Leaves out users without a device, because nsqd would make a topic for them. Leaves out
        // users whose only device caused the receipt, too.
        let least = if from == DeviceId::NONE { 1 } else { 2 };
        let reach = reach.get(&to).filter(|reach| reach.devices >= least)?;
        let payload = Envelope::encode_receipt(&Receipt::new(event, now), from).ok()?;
        Some((reach.destination.clone(), payload))
    });
    dispatcher.publish_each(payloads).await;
}
