//! What can go wrong with the store, as a caller has to tell it apart.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::pooled_connection::bb8::RunError;

/// The result of anything asked of the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why the store did not do what it was asked. No variant carries what the query was about.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The thing named is not there (or no longer).
    #[error("not found")]
    NotFound,
    /// It would break a rule that the store keeps.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// The cursor was not made by the list it was given to.
    #[error("the cursor is not one of this list's")]
    BadCursor,
    /// The database cannot be asked just now: no connection, no free connection in time, shutting down, or busy. Worth trying again later;
    /// whether a write that was under way has happened is unknown.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Source),
    /// The database was migrated by a newer Ferry; this one would damage what it does not know.
    #[error(
        "the database has migration {migration}, which this version of Ferry does not know: it was used by a newer version"
    )]
    TooNew {
        /// The version of the first migration that is not known.
        migration: String,
    },
    /// The database URL is neither `sqlite://path` nor `postgres://…`.
    #[error("the database URL must begin with sqlite://, postgres:// or postgresql://")]
    BadUrl,
    /// Anything else: a mistake in Ferry, or in the database.
    #[error("the database failed: {0}")]
    Other(#[source] Source),
}

/// The cause underneath.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Which rule the store kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Somebody has that username.
    #[error("the username is taken")]
    UsernameTaken,
    /// The user has as many devices as they may.
    #[error("too many devices")]
    DeviceLimit,
    /// The pair has a direct room already.
    #[error("the direct room exists")]
    DirectRoomExists,
    /// A direct room needs two different users.
    #[error("a direct room needs two users")]
    NotAPair,
    /// The password is no longer the one that was checked.
    #[error("the password was changed")]
    PasswordChanged,
    /// The user is in the room already.
    #[error("already a member")]
    AlreadyMember,
    /// The room has as many members as it may.
    #[error("the room is full")]
    RoomFull,
    /// The room would have members and no owner.
    #[error("the last owner")]
    LastOwner,
    /// The user is in as many rooms as they may be.
    #[error("too many rooms")]
    TooManyRooms,
    /// The user, or the room, has as many open invitations as they may.
    #[error("too many invitations")]
    TooManyInvitations,
    /// The other user lets only friends write to them directly, or has blocked who acts.
    #[error("not let by the other user")]
    NotAllowed,
    /// The other user lets only friends add them to rooms, or has blocked who acts.
    #[error("not to be added to a room")]
    NotToBeAdded,
    /// Who acts has blocked the other user.
    #[error("the other user is blocked")]
    Blocked,
}

impl From<Conflict> for StoreError {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

impl StoreError {
    pub(super) fn unavailable(why: impl Into<Source>) -> Self {
        Self::Unavailable(why.into())
    }

    pub(super) fn other(why: impl Into<Source>) -> Self {
        Self::Other(why.into())
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        use DatabaseErrorKind::{ClosedConnection, SerializationFailure, UnableToSendCommand};
        match &error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(ClosedConnection | SerializationFailure | UnableToSendCommand, _)
            | DieselError::BrokenTransactionManager => Self::unavailable(error),
            DieselError::DatabaseError(_, information) if is_passing(information.message()) => Self::unavailable(error),
            // Rolling back over a lost connection fails too; what counts is why it came to that.
            DieselError::RollbackErrorOnCommit { .. } => Self::unavailable(error),
            _ => Self::other(error),
        }
    }
}

/// True where the database itself says that it will do better later. Diesel drops the SQLSTATE of these, so all there is to go by is the
/// text (PostgreSQL's 57P01–57P03, 53300, 55P03, 57014, 40P01; SQLite's SQLITE_BUSY and SQLITE_LOCKED). A server that speaks another
/// language than English gets `Other` for them, which is as safe, and only less polite to clients.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 9] = [
        "terminating connection",
        "the database system is",
        "too many clients",
        "remaining connection slots",
        "canceling statement due to",
        "deadlock detected",
        "database is locked",
        "database table is locked",
        "read-only transaction",
    ];
    PASSING.iter().any(|text| message.contains(text))
}

impl From<RunError> for StoreError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::User(error) => Self::unavailable(error),
            RunError::TimedOut => Self::unavailable("no connection in time"),
        }
    }
}

/// Names the rule that a broken uniqueness constraint stands for.
pub(super) fn taken(error: DieselError, conflict: Conflict) -> StoreError {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => conflict.into(),
        error => error.into(),
    }
}

/// A row that refers to one that is not there is a way of finding that out.
pub(super) fn missing(error: DieselError) -> StoreError {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => StoreError::NotFound,
        error => error.into(),
    }
}
