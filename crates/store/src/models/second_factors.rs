//! The second factor of an account.

use std::fmt;

use diesel::{Queryable, Selectable};

use crate::schema::second_factors;

/// The second factor of an account, on or not yet confirmed.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = second_factors)]
pub struct SecondFactor {
    /// The secret that the user's app has. Not in `Debug`.
    pub secret: Vec<u8>,
    /// Since when logins need a code. `None` until a first code has confirmed the secret.
    pub active_since: Option<i64>,
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondFactor").field("active_since", &self.active_since).finish_non_exhaustive()
    }
}

/// What a code is for. The tries are counted for each on its own: a stranger who has the password
/// must not keep the user's own devices from changing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePurpose {
    /// A login.
    Login,
    /// A proof on a device that is logged in.
    Proof,
}

/// A code that was checked, and is to be used up.
#[derive(Clone, PartialEq, Eq)]
pub enum CodeProof {
    /// A time-based code.
    Step {
        /// The secret that it was checked with.
        secret: Vec<u8>,
        /// The step of time to which it belongs.
        step: i64,
        /// What it is for.
        purpose: CodePurpose,
    },
    /// A recovery code: its SHA-256.
    Recovery([u8; 32]),
}

impl fmt::Debug for CodeProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Step { .. } => "Step(…)",
            Self::Recovery(_) => "Recovery(…)",
        })
    }
}
