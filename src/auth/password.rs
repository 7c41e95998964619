//! Passwords: the rule, and Argon2id off the runtime's threads, as much of it at a time as the machine is meant to bear.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use ferry_protocol::Secret;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

/// The shortest password, bytes (NIST SP 800-63B §5.1.1.2 asks for 8 characters).
pub const PASSWORD_MIN: usize = 8;

/// The longest password, bytes: far more than anybody remembers, and a bound.
pub const PASSWORD_MAX: usize = 1024;

/// LogoutReason a password cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Under [`PASSWORD_MIN`] bytes.
    #[error("a password has at least {PASSWORD_MIN} bytes")]
    TooShort,
    /// Over [`PASSWORD_MAX`] bytes.
    #[error("a password has at most {PASSWORD_MAX} bytes")]
    TooLong,
}

/// The rule for new passwords. A login does not ask it: what was a password stays one if the rule changes.
///
/// # Errors
/// See [`PasswordError`].
pub fn check_password(password: &Secret) -> Result<(), PasswordError> {
    match password.expose().len() {
        ..PASSWORD_MIN => Err(PasswordError::TooShort),
        PASSWORD_MIN..=PASSWORD_MAX => Ok(()),
        _ => Err(PasswordError::TooLong),
    }
}

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordParams {
    /// Memory, KiB. Every hash that runs takes that much.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for PasswordParams {
    /// 19 MiB, two passes, one lane: OWASP's Password Storage Cheat Sheet, Argon2id.
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// Argon2 does not take these parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not parameters for Argon2id: {0}")]
pub struct BadParams(argon2::Error);

/// As many hashes run and wait as may; or the relay is shutting down. The same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many logins at once")]
pub struct Busy;

/// Makes and checks password hashes (PHC strings), never more than `concurrency` of them at a time.
///
/// Clones share the bound.
#[derive(Clone)]
pub struct Passwords {
    argon: Argon2<'static>,
    /// One permit for each hash that runs. Together with the memory of one hash it bounds what logins take of the machine.
    running: Arc<Semaphore>,
    /// One permit for each hash that runs or waits: where none is left, callers are refused at once instead of waiting in a queue
    /// that only grows.
    admitted: Arc<Semaphore>,
    /// The hash of a password that nobody has, for logins of users who do not exist.
    dummy: Arc<str>,
}

impl Passwords {
    /// Takes as long as one hash, for it makes the hash that unknown users are checked against.
    ///
    /// `concurrency` hashes run at a time (at least one), and `queue` callers wait.
    ///
    /// # Errors
    /// Parameters that Argon2 does not take, such as less than 8 KiB a lane.
    pub fn new(params: PasswordParams, concurrency: usize, queue: usize) -> Result<Self, BadParams> {
        let params = Params::new(params.memory_kib, params.iterations, params.parallelism, None).map_err(BadParams)?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobodys: [u8; 32] = rand::random();
        let dummy = hash_bytes(&argon, &nobodys).ok_or(BadParams(argon2::Error::OutputTooShort))?;
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            argon,
            running: Arc::new(Semaphore::new(concurrency)),
            admitted: Arc::new(Semaphore::new(concurrency.saturating_add(queue).min(Semaphore::MAX_PERMITS))),
            dummy: dummy.into(),
        })
    }

    /// The hash of a new password, with a salt of its own. [`check_password`] is the caller's to ask first.
    ///
    /// Cancel-safe: a caller who goes away while waiting leaves the queue; a hash that runs is finished and counts until then.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn hash(&self, password: &Secret) -> Result<String, Busy> {
        let (argon, password) = (self.argon.clone(), normalized(password));
        self.run(move || hash_bytes(&argon, password.as_bytes())).await?.ok_or(Busy)
    }

    /// Whether the password is the one that was hashed. `None` stands for a user who does not exist: the answer is `false`, and takes
    /// the same time. A hash that cannot be read, and a password over [`PASSWORD_MAX`], are the same as `None`.
    ///
    /// Checking takes the work of the hash's own parameters. Where that is less than what the parameters in force take, and the password is
    /// wrong, the rest is done as well: else the time would tell that the user exists, and has not logged in for long. A hash that takes
    /// more is told by that, until its user logs in.
    ///
    /// Cancel-safe, as [`Self::hash`] is.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn verify(&self, hash: Option<&str>, password: &Secret) -> Result<bool, Busy> {
        let is_possible = password.expose().len() <= PASSWORD_MAX;
        let known = hash.filter(|hash| {
            let readable = PasswordHash::new(hash).is_ok();
            if !readable {
                tracing::error!("a stored password hash cannot be read: nobody can log in with it");
            }
            readable && is_possible
        });
        let exists = known.is_some();
        let hash = known.unwrap_or(&self.dummy).to_owned();
        let password = if is_possible { normalized(password) } else { String::new() };
        let argon = self.argon.clone();
        let matches = self.run(move || {
            let Ok(hash) = PasswordHash::new(&hash) else { return false };
            let matches = argon.verify_password(password.as_bytes(), &hash).is_ok();
            if !matches && let Ok(made) = Params::try_from(&hash) {
                work_off(missing_work(&made, argon.params()), password.as_bytes());
            }
            matches
        });
        Ok(matches.await? && exists)
    }

    /// Whether a hash was made with other parameters than those in force: hash the password again at the next login.
    #[must_use]
    pub fn needs_rehash(&self, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else { return true };
        let wanted = self.argon.params();
        hash.algorithm != argon2::ARGON2ID_IDENT
            || hash.version != Some(Version::V0x13.into())
            || !Params::try_from(&hash).is_ok_and(|made| {
                (made.m_cost(), made.t_cost(), made.p_cost()) == (wanted.m_cost(), wanted.t_cost(), wanted.p_cost())
            })
    }

    async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| Busy)?;
        // The permits go along: a job cannot be stopped, so it must count until it ends even where nobody waits for it any more.
        // Else callers who give up and come back would run any number at a time.
        let job = move || {
            let result = job();
            drop((running, admitted));
            result
        };
        tokio::task::spawn_blocking(job).await.map_err(|_| Busy)
    }
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").field("params", self.argon.params()).finish_non_exhaustive()
    }
}

fn hash_bytes(argon: &Argon2<'_>, password: &[u8]) -> Option<String> {
    // 16 bytes, as RFC 9106 §3.1 recommends.
    let salt: [u8; 16] = rand::random();
    Some(argon.hash_password_with_salt(password, &salt).ok()?.to_string())
}

/// What is left to do after a hash with the parameters `made`, so that both together are the work of one with the parameters `wanted`: lanes
/// are computed one after the other, so work is memory times passes. Never more memory than `wanted`. `None` where nothing is left that
/// Argon2 can do (8 KiB).
fn missing_work(made: &Params, wanted: &Params) -> Option<Params> {
    let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
    let missing = work(wanted).checked_sub(work(made)).filter(|missing| *missing > 0)?;
    let passes = missing.div_ceil(u64::from(wanted.m_cost()));
    Params::new(u32::try_from(missing / passes).ok()?, u32::try_from(passes).ok()?, 1, None).ok()
}

/// Does that work for nothing.
fn work_off(params: Option<Params>, password: &[u8]) {
    let Some(params) = params else { return };
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; 32];
    let _ = argon.hash_password_into(password, &[0; 16], &mut output);
    std::hint::black_box(output);
}

/// NFC, as RFC 8265 §4.2.2 has it: an é that one keyboard sends as one character and another as two is the same é.
fn normalized(password: &Secret) -> String {
    password.expose().nfc().collect()
}

#[cfg(test)]
mod tests;
