//! Errors of the store, as far as a caller must tell them apart.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::pooled_connection::bb8::RunError;

/// The result of a call to the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why a call failed. No variant holds what the query was about.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The thing does not exist, or no longer.
    #[error("not found")]
    NotFound,
    /// The call would break a rule that the store keeps.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// Another list made the cursor, or no list did.
    #[error("the cursor is not from this list")]
    BadCursor,
    /// The database does not answer now: no connection, no free connection in time, a shutdown, or
    /// too busy. Try again later. If a write was under way, nobody knows whether it happened.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Source),
    /// A newer Ferry has migrated the database. This one would damage what it does not know.
    #[error(
        "the database has migration {migration}, which this version of Ferry does not know: it was used by a newer version"
    )]
    TooNew {
        /// The version of the first unknown migration.
        migration: String,
    },
    /// A migration of the database is not the one of the same version that this Ferry has.
    #[error(
        "migration {migration} of the database is another one than this version of Ferry has: it was changed after it ran"
    )]
    OtherMigration {
        /// The version of the migration.
        migration: String,
    },
    /// The database has our migrations by their versions, but not our tables and columns.
    #[error(
        "the database is not as its migrations should have left it ({0}): it was made before the first release, or changed by hand; begin with a new one"
    )]
    OtherSchema(#[source] Source),
    /// The database in PostgreSQL cannot hold every text.
    #[error("the database has the encoding {encoding}: make one with ENCODING 'UTF8'")]
    NotUtf8 {
        /// Its encoding.
        encoding: String,
    },
    /// The database URL is neither `sqlite://path` nor `postgres://…`.
    #[error("the database URL must begin with sqlite://, postgres:// or postgresql://")]
    BadUrl,
    /// An option of the URL of PostgreSQL, or a file that belongs to it, cannot be used.
    #[error("the database URL cannot be used: {0}")]
    BadServer(String),
    /// What each transaction finds is the session of another.
    #[error(
        "a pooler in transaction mode is between Ferry and PostgreSQL: it loses timeouts and locks of a session; \
         connect to PostgreSQL itself, or set pool_mode = session"
    )]
    Pooler,
    /// Anything else: a mistake in Ferry or in the database.
    #[error("the database failed: {0}")]
    Other(#[source] Source),
}

/// The underlying cause.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// The rule that the call would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another user has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// The user has as many devices as allowed.
    #[error("too many devices")]
    DeviceLimit,
    /// The two users have a direct room.
    #[error("the direct room exists")]
    DirectRoomExists,
    /// A direct room needs two different users.
    #[error("a direct room needs two users")]
    NotAPair,
    /// The password has changed since it was checked.
    #[error("the password was changed")]
    PasswordChanged,
    /// An operator has disabled the account.
    #[error("the account is disabled")]
    AccountDisabled,
    /// There is no such token for new accounts, or it has expired or is used up.
    #[error("no such registration token")]
    RegistrationToken,
    /// There is no such code for a new password, or it has expired or was used.
    #[error("no such code for a new password")]
    ResetCode,
    /// The user has a second factor, and no code was given.
    #[error("a code is needed")]
    CodeNeeded,
    /// The code was used before, or there is another secret by now.
    #[error("the code is wrong")]
    CodeWrong,
    /// The user has a second factor already.
    #[error("the second factor is active")]
    TotpActive,
    /// The user is a member already.
    #[error("already a member")]
    AlreadyMember,
    /// The room has as many members as allowed.
    #[error("the room is full")]
    RoomFull,
    /// The room would keep members but no owner.
    #[error("the last owner")]
    LastOwner,
    /// The user is in as many rooms as allowed.
    #[error("too many rooms")]
    TooManyRooms,
    /// The user has added or invited as many people today as allowed.
    #[error("too many people today")]
    TooManyToday {
        /// When the next day begins, milliseconds since the Unix epoch.
        until: i64,
    },
    /// The user or the room has as many open invitations as allowed.
    #[error("too many invitations")]
    TooManyInvitations,
    /// The other user lets only friends open a direct room with them, or has blocked the actor.
    #[error("the other user does not allow it")]
    NotAllowed,
    /// The other user lets only friends add them to rooms, or has blocked the actor.
    #[error("the other user does not allow being added to rooms")]
    NotToBeAdded,
    /// A ban keeps the user out of the room.
    #[error("banned")]
    Banned {
        /// When the ban ends, milliseconds since the Unix epoch; [`ferry_protocol::FOREVER`] for
        /// never.
        until: i64,
    },
    /// The room has as many bans as allowed.
    #[error("too many bans")]
    TooManyBans,
    /// The key of the request was used for another request.
    #[error("the key was used for another request")]
    KeyReused,
    /// The same request came before, with the same key, and made this room.
    #[error("the request came before")]
    Repeated {
        /// The room.
        room: ferry_protocol::RoomId,
        /// Whether the request made it. False for a direct room that existed before.
        is_new: bool,
    },
    /// The actor has blocked the other user.
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

    /// Tells a missing table or column from a database that does not answer.
    pub(super) fn other_schema(error: DieselError) -> Self {
        match Self::from(error) {
            Self::Other(source) => Self::OtherSchema(source),
            passing => passing,
        }
    }

    pub(super) fn other(why: impl Into<Source>) -> Self {
        Self::Other(why.into())
    }

    /// Returns in words what is wrong with the database, without anything that it said: that may
    /// name hosts and files.
    #[must_use]
    pub fn in_words(&self) -> &'static str {
        const WORDS: [(&str, &str); 13] = [
            ("invalid peer certificate", "its certificate is not valid: see the log"),
            ("server does not support TLS", "it has no TLS"),
            ("read-only", "it is read-only"),
            ("readonly", "it is read-only"),
            ("recovery", "it is read-only, as a standby is"),
            ("disk is full", "there is no room on its disk"),
            ("No space left", "there is no room on its disk"),
            ("could not extend", "there is no room on its disk"),
            ("disk I/O error", "its disk fails"),
            ("unable to open database file", "its file cannot be opened"),
            ("permission denied", "the role of the relay may not write"),
            ("locked", "another program holds it"),
            ("other writes", "its writes take too long"),
        ];
        let (Self::Unavailable(source) | Self::Other(source)) = self else { return "it fails" };
        let text = source.to_string();
        let known = WORDS.iter().find(|(part, _)| text.contains(part)).map(|(_, words)| *words);
        known.unwrap_or(if matches!(self, Self::Unavailable(_)) { "it does not answer" } else { "it fails" })
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        use DatabaseErrorKind::{ClosedConnection, ReadOnlyTransaction, SerializationFailure, UnableToSendCommand};
        match &error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(
                ClosedConnection | ReadOnlyTransaction | SerializationFailure | UnableToSendCommand,
                _,
            )
            | DieselError::BrokenTransactionManager => Self::unavailable(error),
            DieselError::DatabaseError(_, information) if is_passing(information.message()) => Self::unavailable(error),
            // Rolling back over a lost connection fails too. The first error counts.
            DieselError::RollbackErrorOnCommit { .. } => Self::unavailable(error),
            _ => Self::other(error),
        }
    }
}

/// Returns whether the database itself says that the error passes, or lasts only as long as the
/// operator lets it: no room, no rights, read-only.
///
/// Diesel drops the SQLSTATE of these errors, so only the text tells. It covers PostgreSQL's 57P01
/// to 57P03, 53100 to 53300, 55P03, 57014, 40P01, 25006, 42501 and 58030, and SQLite's SQLITE_BUSY,
/// SQLITE_LOCKED, SQLITE_FULL, SQLITE_READONLY, SQLITE_IOERR, SQLITE_CANTOPEN and SQLITE_NOMEM. A
/// server that speaks another language than English gets `Other`, which is as safe, but tells
/// clients less.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 20] = [
        "terminating connection",
        "the database system is",
        "too many clients",
        "remaining connection slots",
        "canceling statement due to",
        "deadlock detected",
        "database is locked",
        "database table is locked",
        "read-only transaction",
        "recovery is in progress",
        "during recovery",
        "No space left on device",
        "could not extend file",
        "out of memory",
        "out of shared memory",
        "permission denied",
        "database or disk is full",
        "attempt to write a readonly database",
        "disk I/O error",
        "unable to open database file",
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

/// Turns a broken uniqueness constraint into the conflict that it stands for.
pub(super) fn taken(error: DieselError, conflict: Conflict) -> StoreError {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => conflict.into(),
        error => error.into(),
    }
}

/// Turns a broken foreign key into `NotFound`: the row that it refers to does not exist.
pub(super) fn missing(error: DieselError) -> StoreError {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => StoreError::NotFound,
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use diesel::{Connection, SqliteConnection, connection::SimpleConnection};

    use super::*;

    /// Returns what SQLite answers to a write.
    fn refused(before: &str) -> StoreError {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.batch_execute(&format!("CREATE TABLE t (x TEXT); {before}")).unwrap();
        conn.batch_execute("INSERT INTO t VALUES (randomblob(100000))").unwrap_err().into()
    }

    #[test]
    fn what_the_operator_can_mend_is_unavailable_and_has_words() {
        for (before, words) in [
            ("PRAGMA max_page_count = 2", "there is no room on its disk"),
            ("PRAGMA query_only = ON", "it is read-only"),
        ] {
            let error = refused(before);
            assert!(matches!(error, StoreError::Unavailable(_)), "{before}: {error:?}");
            assert_eq!(error.in_words(), words);
        }
        let said = |text: &str| {
            let kind = DatabaseErrorKind::Unknown;
            StoreError::from(DieselError::DatabaseError(kind, Box::new(text.to_owned())))
        };
        for (text, words) in [
            ("cannot execute INSERT in a read-only transaction", "it is read-only"),
            ("cannot execute nextval() during recovery", "it is read-only, as a standby is"),
            ("could not extend file \"base/1/2\": No space left on device", "there is no room on its disk"),
            ("disk I/O error", "its disk fails"),
            ("permission denied for table leases", "the role of the relay may not write"),
            ("database is locked", "another program holds it"),
            ("terminating connection due to administrator command", "it does not answer"),
        ] {
            let error = said(text);
            assert!(matches!(error, StoreError::Unavailable(_)), "{text}: {error:?}");
            assert_eq!(error.in_words(), words, "{text}");
        }
        let mistake = said("relation \"canary\" does not exist");
        assert!(matches!(mistake, StoreError::Other(_)));
        assert_eq!(mistake.in_words(), "it fails");
    }
}
