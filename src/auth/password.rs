//! The rule for new passwords, and the hashing of passwords with Argon2id. Hashes run on blocking
//! threads, and only a limited number at a time.

use std::sync::Arc;

use argon2::{Params, Version, password_hash::phc::PasswordHash};
use ferry_protocol::Secret;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

mod hashing;
mod rule;

use hashing::Hasher;

pub use rule::{PASSWORD_MAX, PASSWORD_MIN, PasswordContext, PasswordError, check_password};

/// The cost of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordParams {
    /// Memory of each running hash, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for PasswordParams {
    /// Returns 19 MiB, two passes and one lane, as OWASP's Password Storage Cheat Sheet advises.
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// Argon2 rejects these parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not parameters for Argon2id: {0}")]
pub struct BadParams(argon2::Error);

/// Too many hashes run and wait already, or the relay is shutting down. The same call may succeed
/// later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many logins at once")]
pub struct Busy;

/// The hashes of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Hashes that run.
    pub running: usize,
    /// Callers that wait for their turn.
    pub waiting: usize,
}

/// Makes and checks password hashes (PHC strings), at most `concurrency` of them at a time.
///
/// Clones share this limit.
#[derive(Clone)]
pub struct Passwords {
    hasher: Hasher,
    /// One permit for each running hash. This limits the memory and the cores that logins use.
    running: Arc<Semaphore>,
    /// One permit for each running or waiting hash. If none is left, callers fail at once, so that
    /// the queue cannot grow for ever.
    admitted: Arc<Semaphore>,
    /// How many permits of `running` there are.
    concurrency: usize,
    /// How many permits of `admitted` there are.
    most: usize,
    /// The hash of a random password. Logins of users who do not exist are checked against it.
    dummy: Arc<str>,
}

impl Passwords {
    /// Creates the service: `concurrency` hashes run at a time (at least one), and `queue` callers
    /// wait. Takes as long as one hash.
    ///
    /// # Errors
    /// Fails if Argon2 rejects the parameters, for example less than 8 KiB per lane.
    pub fn new(params: PasswordParams, concurrency: usize, queue: usize) -> Result<Self, BadParams> {
        let params = Params::new(params.memory_kib, params.iterations, params.parallelism, None).map_err(BadParams)?;
        let hasher = Hasher::new(params);
        let nobodys: [u8; 32] = rand::random();
        let dummy = hasher.hash(&nobodys).ok_or(BadParams(argon2::Error::OutputTooShort))?;
        hasher.rest();
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let most = concurrency.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Ok(Self {
            hasher,
            running: Arc::new(Semaphore::new(concurrency)),
            admitted: Arc::new(Semaphore::new(most)),
            concurrency,
            most,
            dummy: dummy.into(),
        })
    }

    /// Returns the hash of a new password, with a new random salt. Call [`check_password`] before.
    ///
    /// Cancel-safe. If you drop the future while it waits, it leaves the queue. A running hash
    /// continues, and counts until it ends.
    ///
    /// # Errors
    /// Fails with [`Busy`] if too many hashes run and wait.
    pub async fn hash(&self, password: &Secret) -> Result<String, Busy> {
        let (hasher, password) = (self.hasher.clone(), normalized(password));
        self.run(move || hasher.hash(password.as_bytes())).await?.ok_or(Busy)
    }

    /// Returns whether the password matches the hash.
    ///
    /// `None` means a user who does not exist: the answer is false, after the same time. An
    /// unreadable hash and a password over [`PASSWORD_MAX`] bytes count as `None`.
    ///
    /// A check costs what the hash's own parameters ask for. If this is less than the current
    /// parameters ask for and the password is wrong, the missing work is done too. Otherwise the
    /// time would show that the user exists and has not logged in for long. If the hash costs
    /// more, the time does show it, until the user logs in.
    ///
    /// Cancel-safe, like [`Self::hash`].
    ///
    /// # Errors
    /// Fails with [`Busy`] if too many hashes run and wait.
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
        let hasher = self.hasher.clone();
        let matches = self.run(move || {
            let Ok(hash) = PasswordHash::new(&hash) else { return false };
            let matches = hasher.verify(&hash, password.as_bytes());
            if !matches
                && let Ok(made) = Params::try_from(&hash)
                && let Some(missing) = missing_work(&made, hasher.params())
            {
                hasher.work_off(&missing, password.as_bytes());
            }
            matches
        });
        Ok(matches.await? && exists)
    }

    /// Returns whether a hash was made with other parameters than the current ones. If so, hash
    /// the password again at the next login.
    #[must_use]
    pub fn needs_rehash(&self, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else { return true };
        let wanted = self.hasher.params();
        hash.algorithm != argon2::ARGON2ID_IDENT
            || hash.version != Some(Version::V0x13.into())
            || !Params::try_from(&hash).is_ok_and(|made| {
                (made.m_cost(), made.t_cost(), made.p_cost()) == (wanted.m_cost(), wanted.t_cost(), wanted.p_cost())
            })
    }

    /// Returns how many hashes run and wait now.
    #[must_use]
    pub fn load(&self) -> Load {
        let running = self.concurrency - self.running.available_permits();
        Load { running, waiting: (self.most - self.admitted.available_permits()).saturating_sub(running) }
    }

    async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| Busy)?;
        // The job owns the permits. Nothing can stop a job, so it must count until it ends, even
        // if its caller has gone. Otherwise callers who give up and retry could run any number of
        // jobs.
        let (hasher, all) = (self.hasher.clone(), Arc::clone(&self.admitted));
        let most = self.most;
        let job = move || {
            let result = job();
            drop((running, admitted));
            // The last one out gives the memory back.
            if all.available_permits() == most {
                hasher.rest();
            }
            result
        };
        tokio::task::spawn_blocking(job).await.map_err(|_| Busy)
    }
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").field("params", self.hasher.params()).finish_non_exhaustive()
    }
}

/// Returns the parameters of a second hash, so that it and a hash with `made` together cost as
/// much as one hash with `wanted`. It never needs more memory than `wanted`.
///
/// The cost is memory times passes, because lanes run one after the other. Returns `None` if less
/// work is missing than Argon2 can do (8 KiB).
fn missing_work(made: &Params, wanted: &Params) -> Option<Params> {
    let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
    let missing = work(wanted).checked_sub(work(made)).filter(|missing| *missing > 0)?;
    let passes = missing.div_ceil(u64::from(wanted.m_cost()));
    Params::new(u32::try_from(missing / passes).ok()?, u32::try_from(passes).ok()?, 1, None).ok()
}

/// Returns the password in Unicode form NFC (RFC 8265 §4.2.2). Some keyboards send é as one
/// character and others as two, and both must match.
fn normalized(password: &Secret) -> String {
    password.expose().nfc().collect()
}

#[cfg(test)]
mod tests;
