//! What became of the user's own messages, and what other devices of the user have read.

use ferry_protocol::{DeviceId, MessageId, Receipt, ReceiptEvent, UserId};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use crate::{Batch, Result, digest::expired_id, ids::blob};

pub(crate) const DELIVERED: i64 = 1;
pub(crate) const EXPIRED: i64 = 2;
pub(crate) const UNREACHABLE: i64 = 3;

impl Batch<'_> {
    /// Takes in a receipt. Returns true if it says something new.
    ///
    /// # Errors
    /// As [`Self::message`].
    pub fn receipt(&mut self, receipt: &Receipt) -> Result<bool> {
        match &receipt.event {
            ReceiptEvent::Delivered { to, .. } => {
                let mut is_new = false;
                for to in to {
                    let actor = self.actor(to.user, to.device.0)?;
                    for message in &to.messages {
                        is_new |= self.outcome(*message, actor, DELIVERED, receipt.at)?;
                    }
                }
                Ok(is_new)
            }
            ReceiptEvent::Expired { user, device, messages, .. } => {
                let mut is_new = false;
                for message in messages {
                    is_new |= self.expired(*message, *user, *device, receipt.at)?;
                }
                Ok(is_new)
            }
            ReceiptEvent::Read { room, user, up_to, sent_at } if *user == self.owner.user => {
                self.read(*room, *up_to, *sent_at)
            }
            // What others have read is shown from the moment, and counts of devices cannot be
            // united.
            _ => Ok(true),
        }
    }

    pub(crate) fn outcome(&self, message: MessageId, actor: i64, what: i64, at: i64) -> Result<bool> {
        // Of two copies the earlier one counts, so that all devices have the same.
        let mut outcome = self.tx.prepare_cached(
            "INSERT INTO outcome (message, actor, what, at, generation) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT DO UPDATE SET at = excluded.at, generation = excluded.generation WHERE excluded.at < at",
        )?;
        Ok(outcome.execute(params![blob(&message.0), actor, what, at, self.generation])? == 1)
    }

    /// Notes that a user had no device when a message was sent.
    pub(crate) fn unreachable(&mut self, message: MessageId, user: UserId, at: i64) -> Result<()> {
        let actor = self.actor(user, Uuid::nil())?;
        self.outcome(message, actor, UNREACHABLE, at).map(drop)
    }

    /// Takes in an outcome of a backup.
    pub(crate) fn restore_outcome(
        &mut self,
        message: MessageId,
        user: UserId,
        device: Uuid,
        what: i64,
        at: i64,
    ) -> Result<()> {
        if what == EXPIRED {
            return self.expired(message, user, DeviceId(device), at).map(drop);
        }
        let actor = self.actor(user, device)?;
        self.outcome(message, actor, what, at).map(drop)
    }

    /// Notes that a message expired at a device. That is a record. Returns true if it is news.
    fn expired(&mut self, message: MessageId, user: UserId, device: DeviceId, at: i64) -> Result<bool> {
        let actor = self.actor(user, device.0)?;
        let mut held =
            self.tx.prepare_cached("SELECT at FROM outcome WHERE message = ?1 AND actor = ?2 AND what = ?3")?;
        let held: Option<i64> =
            held.query_row(params![blob(&message.0), actor, EXPIRED], |row| row.get(0)).optional()?;
        if self.outcome(message, actor, EXPIRED, at)? {
            let id = expired_id(message, user, device);
            if let Some(held) = held {
                self.months.remove(held, id);
            }
            self.months.add(at, id);
        }
        Ok(held.is_none())
    }
}
