//! What is asked of a relay while it runs.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The orders to a relay. All clones carry the same ones.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// To stop in order.
    pub stop: CancellationToken,
    /// To lose no time in doing so.
    pub hurry: CancellationToken,
    pulse: Arc<Pulse>,
}

#[derive(Debug, Default)]
struct Pulse {
    asked: Notify,
    answered: Notify,
}

impl Orders {
    /// Asks the loop that accepts connections for a sign of life. Returns whether one came within
    /// `patience`.
    pub async fn is_alive(&self, patience: Duration) -> bool {
        let answered = self.pulse.answered.notified();
        tokio::pin!(answered);
        // Before it is asked, so that no answer is missed.
        answered.as_mut().enable();
        self.pulse.asked.notify_one();
        tokio::time::timeout(patience, answered).await.is_ok()
    }

    /// Waits until somebody asks for a sign of life. Cancel-safe.
    pub async fn asked(&self) {
        self.pulse.asked.notified().await;
    }

    /// Gives the sign of life.
    pub fn answer(&self) {
        self.pulse.answered.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_loop_that_answers_is_alive() {
        let orders = Orders::default();
        assert!(!orders.is_alive(Duration::from_millis(10)).await);
        let looping = orders.clone();
        let task = tokio::spawn(async move {
            loop {
                looping.asked().await;
                looping.answer();
            }
        });
        assert!(orders.is_alive(Duration::from_secs(20)).await);
        assert!(orders.is_alive(Duration::from_secs(20)).await);
        task.abort();
    }
}
