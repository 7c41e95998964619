//! An app for time-based codes, as a user has on a phone.

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE32_NOPAD;
use ferry_client::Session;
use ferry_protocol::Secret;
use totp_rs::{Algorithm, Builder, Totp};

const STEP: u64 = 30;

fn step() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / STEP
}

/// The app, with the secret of one account.
pub struct App {
    totp: Totp,
    /// The step of the latest code that a test took.
    last: u64,
}

impl App {
    /// Reads the secret that the relay shows.
    pub fn with(secret: &Secret) -> Self {
        let bytes = BASE32_NOPAD.decode(secret.expose().as_bytes()).unwrap();
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(STEP);
        let secret: [u8; 20] = bytes.try_into().unwrap();
        Self { totp: builder.with_secret(totp_rs::Secret::new_stack(secret)).build().unwrap(), last: 0 }
    }

    /// Turns the second factor of an account on. Returns the recovery codes as well.
    pub async fn secure(session: &Session, password: &Secret) -> (Self, Vec<Secret>) {
        let mut app = Self::with(&session.start_totp(password).await.unwrap().secret);
        let codes = session.confirm_totp(&app.code()).await.unwrap();
        (app, codes)
    }

    /// Returns the next code that was not taken yet: that of this step or the next one. The relay
    /// would accept that of the step before, but a test must not depend on how fast it is.
    pub fn code(&mut self) -> Secret {
        let now = step();
        self.last = (self.last + 1).max(now);
        assert!(self.last <= now + 1, "no code is left that the relay accepts");
        self.at(self.last)
    }

    /// Returns a code of long ago.
    pub fn old_code(&self) -> Secret {
        self.at(step() - 100)
    }

    /// Makes the relay forget which codes were used, for a test that needs more of them.
    pub async fn forget(&mut self, database: &super::Database) {
        database.execute("UPDATE second_factors SET last_step = 0").await;
        self.last = 0;
    }

    fn at(&self, step: u64) -> Secret {
        Secret::new(self.totp.generate(step * STEP).to_string())
    }
}
