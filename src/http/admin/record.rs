//! Logs what operators do.

use ferry_protocol::{DeviceId, UserId};

use crate::{
    admin::Administrator,
    audit::{self, Action, Event},
};

/// Logs what an operator did to a user, or to one of the user's devices.
pub(super) fn record(by: &Administrator, action: Action, user: Option<UserId>, device: Option<DeviceId>) {
    audit::record(Event::Administered { action, operator: by.to_string(), user, device, token: None });
}

/// Logs what an operator did to a token for new accounts.
pub(super) fn record_of_token(by: &Administrator, action: Action, token: &str) {
    let token = Some(token.to_owned());
    audit::record(Event::Administered { action, operator: by.to_string(), user: None, device: None, token });
}
