//! Maps each error of the parts below to what a client is told.

use ferry_broker::{BrokerError, SubscribeError};
use ferry_protocol::ErrorCode;
use ferry_store::{Conflict, StoreError};

use super::Refusal;
use crate::roles::RoleError;

impl From<RoleError> for Refusal {
    fn from(error: RoleError) -> Self {
        match error {
            RoleError::NotFound => Self::not_found(),
            RoleError::Forbidden(detail) => Self::forbidden(detail),
            RoleError::AlreadyMember => Self::new(ErrorCode::AlreadyMember, "you are in the room already"),
            RoleError::Invalid { field, detail } => Self::invalid(field, detail),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found(),
            StoreError::BadCursor => Self::invalid("cursor", "not a cursor that this list gave"),
            StoreError::Conflict(conflict) => conflict.into(),
            StoreError::Unavailable(source) => {
                tracing::warn!(error = %source, "SQL is unavailable");
                Self::unavailable("the database does not answer")
            }
            StoreError::Other(source) => {
                tracing::error!(error = %source, "SQL failed");
                Self::internal()
            }
            StoreError::TooNew { .. }
            | StoreError::OtherMigration { .. }
            | StoreError::OtherSchema(_)
            | StoreError::NotUtf8 { .. }
            | StoreError::BadServer(_)
            | StoreError::Pooler
            | StoreError::BadUrl => {
                tracing::error!(%error, "SQL was not opened");
                Self::internal()
            }
        }
    }
}

impl From<Conflict> for Refusal {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::UsernameTaken => Self {
                field: Some("username".into()),
                ..Self::new(ErrorCode::UsernameTaken, "somebody has this username")
            },
            Conflict::DeviceLimit => Self::new(ErrorCode::DeviceLimit, "replace one of your devices, or log one out"),
            Conflict::AlreadyMember => Self::new(ErrorCode::AlreadyMember, "the user is in the room already"),
            Conflict::RoomFull => Self::new(ErrorCode::RoomFull, "the room has as many members as it may have"),
            Conflict::PasswordChanged => Self::new(ErrorCode::Unauthorized, "the username or the password is wrong"),
            Conflict::AccountDisabled => {
                Self::new(ErrorCode::AccountDisabled, "the operator of this relay has disabled your account")
            }
            Conflict::RegistrationToken => Self {
                field: Some("registration_token".into()),
                ..Self::new(
                    ErrorCode::RegistrationToken,
                    "a token of this relay's operator is needed, and this one does not count",
                )
            },
            Conflict::ResetCode => Self::new(ErrorCode::Unauthorized, "the code is wrong, or has expired or was used"),
            Conflict::CodeNeeded => {
                Self::new(ErrorCode::CodeNeeded, "this account has a second factor: send its `code` along")
            }
            Conflict::CodeWrong => Self::new(ErrorCode::CodeWrong, "the code is wrong or was used before"),
            Conflict::TotpActive => Self::new(ErrorCode::TotpActive, "the second factor is on: turn it off first"),
            Conflict::NotAPair => Self::invalid("members", "a direct room is with exactly one other user"),
            Conflict::DirectRoomExists => Self::unavailable("another call is making this room: try again"),
            Conflict::TooManyRooms => Self::new(ErrorCode::TooManyRooms, "the user is in as many rooms as allowed"),
            Conflict::TooManyToday { until } => {
                let wait = u64::try_from(until - ferry_protocol::now_ms()).unwrap_or(0);
                Self {
                    detail: "you have added or invited as many people today as allowed".into(),
                    ..Self::rate_limited(std::time::Duration::from_millis(wait))
                }
            }
            Conflict::TooManyInvitations => {
                Self::new(ErrorCode::TooManyInvitations, "there are as many open invitations as allowed")
            }
            Conflict::KeyReused => {
                Self::invalid("Idempotency-Key", "this key was used for another request: use a new one")
            }
            // Whoever asks for a room answers with what was made before.
            Conflict::Repeated { .. } => Self::unavailable("the same request was answered a moment ago: try again"),
            Conflict::LastOwner => Self::new(ErrorCode::LastOwner, "make somebody else an owner first"),
            Conflict::NotAllowed => Self::new(ErrorCode::NotAllowed, "this user does not let you do this"),
            Conflict::NotToBeAdded => {
                Self::new(ErrorCode::NotAllowed, "a user does not let you add them to rooms: invite them instead")
            }
            Conflict::Banned { until } => {
                let wait = u64::try_from(until - ferry_protocol::now_ms()).ok();
                Self {
                    // A ban without an end has no time to wait for.
                    retry_after: wait.filter(|_| until < ferry_protocol::FOREVER).map(std::time::Duration::from_millis),
                    ..Self::new(ErrorCode::Banned, "the user is banned from this room")
                }
            }
            Conflict::TooManyBans => Self::new(ErrorCode::TooManyBans, "the room has as many bans as allowed"),
            Conflict::Blocked => Self::new(ErrorCode::Blocked, "you have blocked this user: lift that first"),
        }
    }
}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Unavailable(reason) => {
                tracing::warn!(%reason, "the broker is unavailable");
                Self::unavailable("the message queue does not answer")
            }
            BrokerError::Refused(reason) => {
                tracing::error!(%reason, "the broker refused");
                Self::internal()
            }
        }
    }
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Busy => Self::unavailable("an older connection of this device has not ended yet"),
            SubscribeError::Broker(error) => error.into(),
        }
    }
}
