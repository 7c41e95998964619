//! An answer that SQL or the broker still owes to a connection.

use std::{future::Future, pin::Pin};

/// See the module's description. The connection goes on while it waits.
pub enum Owed<T> {
    /// Nothing was asked.
    Nothing,
    /// The answer is on its way.
    Asked(Pin<Box<dyn Future<Output = T> + Send>>),
    /// The answer is there, and waits until somebody takes it. Boxed, because it seldom waits, and
    /// every idle connection pays for the largest state.
    There(Box<T>),
}

impl<T> Owed<T> {
    /// Asks.
    pub fn ask(asked: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Asked(Box::pin(asked))
    }

    /// Returns whether nothing was asked.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Waits for the answer; forever if nothing was asked. If `take` is false, goes on with what
    /// was asked, so that it holds no place for longer than it takes, but leaves the answer and
    /// never returns. Cancel-safe.
    pub async fn next(&mut self, take: bool) -> T {
        if let Self::Asked(asked) = self {
            let answer = asked.await;
            *self = Self::There(Box::new(answer));
        }
        match std::mem::replace(self, Self::Nothing) {
            Self::There(answer) if take => *answer,
            other => {
                *self = other;
                std::future::pending().await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn an_answer_waits_until_it_is_taken() {
        let mut owed = Owed::ask(async { 7 });
        assert_eq!(owed.next(false).now_or_never(), None);
        assert!(!owed.is_nothing());
        assert_eq!(owed.next(true).now_or_never(), Some(7));
        assert!(owed.is_nothing());
        assert_eq!(owed.next(true).now_or_never(), None);
    }
}
