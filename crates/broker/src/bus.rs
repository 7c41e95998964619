//! The topics of the bus between relays.

/// A topic of the bus. Two of them, so that the one cannot crowd out the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusTopic {
    /// Changes of devices and rooms. A relay notices if it misses one.
    Changes,
    /// Presence and typing. They may be lost.
    Live,
}

impl BusTopic {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Changes, Self::Live];

    /// Returns the name of the topic on nsqd.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Changes => "ferry.changes#ephemeral",
            Self::Live => "ferry.live#ephemeral",
        }
    }
}
