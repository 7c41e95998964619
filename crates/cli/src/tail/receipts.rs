//! Receipts in words.

use ferry_client::protocol::{Receipt, ReceiptEvent};

use super::names::Names;
use crate::show;

/// Returns one receipt in words, on one line, or `None` for a kind that is not shown.
pub async fn line(receipt: &Receipt, names: &mut Names) -> Option<String> {
    let words = match &receipt.event {
        ReceiptEvent::Delivered { room, to } => {
            let mut who = Vec::new();
            for to in to {
                let name = names.user(to.user).await;
                if !who.contains(&name) {
                    who.push(name);
                }
            }
            format!("delivered in {} to {}", names.room(*room).await, who.join(", "))
        }
        ReceiptEvent::DeliveredCount { room, messages } => {
            let devices: u64 = messages.iter().map(|count| u64::from(count.devices)).sum();
            format!("delivered in {} to {devices} more devices", names.room(*room).await)
        }
        ReceiptEvent::Read { room, user, .. } => {
            format!("{} has read {}", names.user(*user).await, names.room(*room).await)
        }
        ReceiptEvent::Expired { room, user, messages, .. } => format!(
            "a device of {} was logged out before it had {} of your messages in {}",
            names.user(*user).await,
            messages.len(),
            names.room(*room).await
        ),
        _ => return None,
    };
    Some(format!("{} * {}", show::time(receipt.at, "%T"), show::line(&words)))
}
