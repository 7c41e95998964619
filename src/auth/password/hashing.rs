//! Argon2, in memory that is used again while hashes follow each other.
//!
//! Each hash needs 19 MiB. An allocator gets that from the system and gives it back, and touching
//! the new pages takes half as long as the hash itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};

/// The length of a hash, in bytes.
const OUTPUT: usize = 32;

/// Makes and checks hashes, one on each thread. Clones share the memory.
#[derive(Clone)]
pub(super) struct Hasher {
    params: Params,
    /// Memory that no hash uses now. At most one for each hash that ran at the same time.
    spare: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Hasher {
    pub(super) fn new(params: Params) -> Self {
        Self { params, spare: Arc::default() }
    }

    pub(super) fn params(&self) -> &Params {
        &self.params
    }

    /// Returns the hash of a password, with a new random salt.
    pub(super) fn hash(&self, password: &[u8]) -> Option<String> {
        // RFC 9106 §3.1 recommends 16 bytes.
        let salt: [u8; 16] = rand::random();
        let output = self.output(Algorithm::Argon2id, Version::V0x13, &self.params, password, &salt)?;
        let hash = PasswordHash {
            algorithm: argon2::ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).ok()?,
            salt: Some(Salt::new(&salt).ok()?),
            hash: Some(output),
        };
        Some(hash.to_string())
    }

    /// Returns whether a password has this hash. Compares in constant time.
    pub(super) fn verify(&self, hash: &PasswordHash, password: &[u8]) -> bool {
        let verified = || {
            let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
            let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
            let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
            let params = Params::try_from(hash).ok()?;
            let output = self.output(algorithm, version, &params, password, salt.as_ref())?;
            Some(output == *expected)
        };
        verified().unwrap_or(false)
    }

    /// Does the work of a hash and discards the result.
    pub(super) fn work_off(&self, params: &Params, password: &[u8]) {
        std::hint::black_box(self.output(Algorithm::Argon2id, Version::V0x13, params, password, &[0; 16]));
    }

    /// Frees the memory that no hash uses.
    pub(super) fn rest(&self) {
        let spare = std::mem::take(&mut *self.spare());
        drop(spare);
    }

    fn output(
        &self,
        algorithm: Algorithm,
        version: Version,
        params: &Params,
        password: &[u8],
        salt: &[u8],
    ) -> Option<Output> {
        let argon = Argon2::new(algorithm, version, params.clone());
        let mut memory = self.spare().pop().unwrap_or_default();
        memory.resize(params.block_count(), Block::default());
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..params.output_len().unwrap_or(OUTPUT))?;
        let done = argon.hash_password_into_with_memory(password, salt, output, &mut memory);
        self.spare().push(memory);
        done.ok()?;
        Output::new(output).ok()
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        // Held for a push or a pop, which leave a whole list behind even if they panic.
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
