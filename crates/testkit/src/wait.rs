//! Waits for something, and fails the test if it does not happen in time.

use std::time::{Duration, Instant};

/// How long anything may take before a test calls it broken. Nothing is expected to come near it.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The pause between two looks at something that is waited for.
pub(crate) const PAUSE: Duration = Duration::from_millis(5);

/// Returns what `work` returns.
///
/// # Panics
/// Panics if `work` takes longer than [`DEADLINE`].
pub fn within<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    soon("what the test waits for", work)
}

/// Returns what `work` returns. `what` names it for the panic, for example "a frame from the
/// device".
///
/// # Panics
/// Panics if `work` takes longer than [`DEADLINE`].
pub fn soon<T>(what: &str, work: impl Future<Output = T>) -> impl Future<Output = T> {
    // Boxed before the async block, which would hold a large future twice.
    let work = Box::pin(work);
    async move {
        let outcome = tokio::time::timeout(DEADLINE, work).await;
        outcome.unwrap_or_else(|_| panic!("{what} did not happen within {DEADLINE:?}"))
    }
}

/// Asks `condition` again and again until it has a value, and returns that.
///
/// # Panics
/// Panics with `what` if there is no value within [`DEADLINE`].
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut condition: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
