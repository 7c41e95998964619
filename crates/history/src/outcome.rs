//! What became of the user's own messages, and what other devices of the user have read.

use ferry_protocol::{DeviceId, MessageId, Receipt, ReceiptEvent, UserId};
use rusqlite::params;
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
                let actor = self.actor(*user, device.0)?;
                for message in messages {
                    if self.outcome(*message, actor, EXPIRED, receipt.at)? {
                        is_new = true;
                        self.months.add(receipt.at, expired_id(*message, *user, *device));
                    }
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
        let mut outcome = self.tx.prepare_cached(
            "INSERT OR IGNORE INTO outcome (message, actor, what, at, generation) VALUES (?1, ?2, ?3, ?4, ?5)",
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
        let actor = self.actor(user, device)?;
        if self.outcome(message, actor, what, at)? && what == EXPIRED {
            self.months.add(at, expired_id(message, user, DeviceId(device)));
        }
        Ok(())
    }
}
