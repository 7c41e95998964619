//! Why the last connection to PostgreSQL could not be made. The pool tries again until a caller's
//! time is over, and then says only that.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// For how long a fault explains why there is no connection. The pool tries at least this often.
const EXPLAINS: Duration = Duration::from_secs(10);

/// See the module's description.
#[derive(Debug, Clone, Default)]
pub(super) struct LastFault(Arc<Mutex<Option<(Instant, String)>>>);

impl LastFault {
    /// Returns the fault, if it is of the last seconds.
    pub(super) fn of_late(&self) -> Option<String> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| at.elapsed() < EXPLAINS).map(|(_, fault)| fault.clone())
    }

    /// Notes a fault.
    pub(super) fn note(&self, fault: &impl std::fmt::Display) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), fault.to_string()));
    }
}
