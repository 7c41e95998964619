//! The topics of the bus between relays.

use uuid::Uuid;

/// A topic of the bus. Several of them, so that the one cannot crowd out the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusTopic {
    /// Changes of devices and rooms. A relay notices if it misses one.
    Changes,
    /// Presence and typing. They may be lost.
    Live,
    /// What the others tell this run of a relay alone: which of its changes they have applied.
    Applied(Uuid),
}

impl BusTopic {
    /// Returns the name of the topic on nsqd.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Changes => "ferry.changes#ephemeral".to_owned(),
            Self::Live => "ferry.live#ephemeral".to_owned(),
            Self::Applied(run) => format!("ferry.applied.{run}#ephemeral"),
        }
    }
}
