//! Printing: what comes, and what is stored and nobody has seen yet.

use ferry_client::protocol::{Message, Notice, Receipt, ReceiptEvent};
use serde_json::json;

use super::output::{format_line, json, print};
use super::{BATCH, Flow, Tailing, notices, receipts};
use crate::failure::Failure;
use crate::show;

impl Tailing {
    /// Prints what is stored and nobody has seen yet.
    pub(super) async fn print_stored(&mut self) -> Result<Flow, Failure> {
        let Some(keeper) = self.keeper.clone() else { return Ok(Flow::Continue) };
        for notice in keeper.run(|history| history.unprinted_notices()).await? {
            if self.notice(&notice, None).await? == Flow::Stop {
                self.settle().await;
                return Ok(Flow::Stop);
            }
        }
        let mut after = i64::MIN;
        loop {
            let stored = keeper.run(move |history| history.unprinted(after, BATCH)).await?;
            let Some((last, _)) = stored.last() else { return Ok(Flow::Continue) };
            after = *last;
            for (_, record) in &stored {
                if self.message(&record.message, None).await? == Flow::Stop {
                    self.settle().await;
                    return Ok(Flow::Stop);
                }
            }
            self.settle().await;
        }
    }

    /// Prints a message. `delivery` is its delivery, if it came just now.
    pub(super) async fn message(&mut self, message: &Message, delivery: Option<(&str, bool)>) -> Result<Flow, Failure> {
        if !self.is_wanted(Some(message.room)) {
            return Ok(Flow::Continue);
        }
        let text = if self.json { json(message, delivery) } else { self.line(message).await };
        if print(text).await? == Flow::Stop {
            return Ok(Flow::Stop);
        }
        if let Some(keeping) = &mut self.keeping {
            keeping.printed_message(message);
        }
        self.count += 1;
        Ok(if self.is_complete() { Flow::Stop } else { Flow::Continue })
    }

    pub(super) async fn notice(&mut self, notice: &Notice, delivery: Option<(&str, bool)>) -> Result<Flow, Failure> {
        if self.room.is_some() && notice.event.room() != self.room {
            return Ok(Flow::Continue);
        }
        let text = match self.json {
            true => json(&json!({ "notice": notice }), delivery),
            false => notices::line(notice, &mut self.names).await,
        };
        if print(text).await? == Flow::Stop {
            return Ok(Flow::Stop);
        }
        if let Some(keeping) = &mut self.keeping {
            keeping.printed_notice(notice.id);
        }
        Ok(Flow::Continue)
    }

    pub(super) async fn receipt(
        &mut self,
        receipt: &Receipt,
        delivery: &str,
        redelivered: bool,
    ) -> Result<Flow, Failure> {
        let is_expiry = matches!(receipt.event, ReceiptEvent::Expired { .. });
        let text = match () {
            () if !self.is_wanted(receipt.event.room()) => None,
            () if self.json => Some(json(&json!({ "receipt": receipt }), Some((delivery, redelivered)))),
            () if self.args.receipts || is_expiry => receipts::line(receipt, &mut self.names).await,
            () => None,
        };
        match text {
            Some(text) => print(text).await,
            None => Ok(Flow::Continue),
        }
    }

    async fn line(&mut self, message: &Message) -> String {
        let room = self.names.room(message.room).await;
        let (who, text) = self.conversations.tell(message, &mut self.names).await;
        format_line(&show::time(message.sent_at, "%T"), &room, &who, &text)
    }
}
