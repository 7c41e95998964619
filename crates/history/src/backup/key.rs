//! What locks a backup, and what opens it.

use std::{fmt, str::FromStr};

use age::secrecy::{ExposeSecret, SecretString};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use sha2::Sha256;

use crate::{HistoryError, Result};

/// The most recipients of a backup. Each takes about 100 bytes of the header.
const RECIPIENTS: usize = 100;

/// The work of a passphrase, as a power of two. `age` measures the machine otherwise, and what a
/// fast one writes a phone cannot open.
const WORK: u8 = 18;
/// The most work that a reader does: about 1 GiB of memory.
const MOST_WORK: u8 = 20;
/// The words of a generated passphrase, of 11 bits each.
const WORDS: usize = 10;
/// The least length of a passphrase that a person makes up, in characters.
const LEAST: usize = 12;

/// How a backup is locked.
#[derive(Clone)]
pub enum Lock {
    /// Who knows the passphrase opens it.
    Passphrase(SecretString),
    /// Who has the recovery key opens it, and can tell that this device wrote it.
    Recovery {
        /// The public half of the recovery key.
        recipient: age::x25519::Recipient,
        /// What vouches for the file.
        mac: [u8; 32],
    },
    /// Who has one of these keys opens it. Nothing vouches for the file: the recipients are public.
    Recipients(Vec<age::x25519::Recipient>),
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase(_) => "Passphrase",
            Self::Recovery { .. } => "Recovery",
            Self::Recipients(_) => "Recipients",
        })
    }
}

impl Lock {
    /// Makes a lock of a passphrase.
    #[must_use]
    pub fn passphrase(text: &str) -> Self {
        Self::Passphrase(text.to_owned().into())
    }

    /// Reads recipients, as `age1…`.
    ///
    /// # Errors
    /// Fails with [`HistoryError::BadKey`] if one is not written so, if there is none, or if there
    /// are more than 100: readers take a header of 16 KiB.
    pub fn recipients<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let read = |text: &str| {
            age::x25519::Recipient::from_str(text.trim())
                .map_err(|_| HistoryError::BadKey("a recipient is written age1 and 58 more characters"))
        };
        let recipients: Vec<_> = texts.into_iter().map(read).collect::<Result<_>>()?;
        if recipients.is_empty() {
            return Err(HistoryError::BadKey("there is no recipient"));
        }
        if recipients.len() > RECIPIENTS {
            return Err(HistoryError::BadKey("a backup has at most 100 recipients"));
        }
        Ok(Self::Recipients(recipients))
    }

    /// Returns a name for who opens the file. An increment follows the last backup for the same.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Passphrase(_) => "passphrase".to_owned(),
            Self::Recovery { recipient, .. } => recipient.to_string(),
            Self::Recipients(recipients) => {
                let mut names: Vec<String> = recipients.iter().map(ToString::to_string).collect();
                names.sort_unstable();
                names.join(" ")
            }
        }
    }

    pub(crate) fn encryptor(&self) -> Result<age::Encryptor> {
        let made = match self {
            Self::Passphrase(passphrase) => {
                let mut recipient = age::scrypt::Recipient::new(passphrase.clone());
                recipient.set_work_factor(WORK);
                age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
            }
            Self::Recovery { recipient, .. } => {
                age::Encryptor::with_recipients(std::iter::once(recipient as &dyn age::Recipient))
            }
            Self::Recipients(recipients) => {
                age::Encryptor::with_recipients(recipients.iter().map(|recipient| recipient as &dyn age::Recipient))
            }
        };
        made.map_err(|error| HistoryError::Io(error.to_string()))
    }

    /// Returns what vouches for these sums, as hex, if this lock can vouch.
    pub(crate) fn vouch(&self, sums: &[u8]) -> Option<String> {
        match self {
            Self::Recovery { mac, .. } => Some(data_encoding::HEXLOWER.encode(&tag(mac, sums))),
            Self::Passphrase(_) | Self::Recipients(_) => None,
        }
    }
}

/// What opens a backup.
#[derive(Clone)]
pub enum Key {
    /// A passphrase.
    Passphrase(SecretString),
    /// Keys: one of them has to fit.
    Recovery(Vec<RecoveryKey>),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase(_) => "Passphrase",
            Self::Recovery(_) => "Recovery",
        })
    }
}

impl Key {
    /// Makes a key of a passphrase.
    #[must_use]
    pub fn passphrase(text: &str) -> Self {
        Self::Passphrase(text.to_owned().into())
    }

    /// Opens a file's payload.
    pub(crate) fn open<R: std::io::Read>(
        &self,
        decryptor: age::Decryptor<R>,
    ) -> std::result::Result<age::stream::StreamReader<R>, Refusal> {
        match (self, decryptor.is_scrypt()) {
            (Self::Passphrase(passphrase), true) => {
                let mut identity = age::scrypt::Identity::new(passphrase.clone());
                identity.set_max_work_factor(MOST_WORK);
                Ok(decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))?)
            }
            (Self::Recovery(keys), false) => {
                Ok(decryptor.decrypt(keys.iter().map(|key| &key.0 as &dyn age::Identity))?)
            }
            (Self::Passphrase(_), false) => {
                Err(Refusal::Wrong("the backup is locked with a key, not with a passphrase"))
            }
            (Self::Recovery(_), true) => Err(Refusal::Wrong("the backup is locked with a passphrase, not with a key")),
        }
    }

    /// Returns true if the owner of this key wrote the file with these sums. Who knows a passphrase
    /// can only have it from the owner.
    pub(crate) fn is_vouched(&self, sums: &[u8], mac: Option<&[u8]>) -> bool {
        let Self::Recovery(keys) = self else { return true };
        let Some(mac) = mac.and_then(|mac| data_encoding::HEXLOWER.decode(mac.trim_ascii()).ok()) else { return false };
        keys.iter().any(|key| hmac(&key.mac(), sums).verify_slice(&mac).is_ok())
    }
}

/// Why a file does not open.
pub(crate) enum Refusal {
    /// The key is a wrong one.
    Wrong(&'static str),
    /// age's own reason.
    Age(age::DecryptError),
}

impl From<age::DecryptError> for Refusal {
    fn from(error: age::DecryptError) -> Self {
        Self::Age(error)
    }
}

/// A key that opens backups: an ordinary identity of age.
#[derive(Clone)]
pub struct RecoveryKey(age::x25519::Identity);

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey")
    }
}

impl RecoveryKey {
    /// Makes a new key.
    #[must_use]
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Reads the keys of a file as `age-keygen` and [`Self::to_file`] write it.
    ///
    /// # Errors
    /// Fails with [`HistoryError::BadKey`] if the file has no key, or anything else than keys and
    /// comments.
    pub fn read_file(text: &str) -> Result<Vec<Self>> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let read = |line: &str| {
            age::x25519::Identity::from_str(line)
                .map(Self)
                .map_err(|_| HistoryError::BadKey("a line is no key: keys begin with AGE-SECRET-KEY-1"))
        };
        let keys: Vec<Self> = lines.map(read).collect::<Result<_>>()?;
        if keys.is_empty() { Err(HistoryError::BadKey("the file has no key")) } else { Ok(keys) }
    }

    /// Returns the file to keep: the key, with comments that say what it is.
    #[must_use]
    pub fn to_file(&self, created: &str) -> String {
        let (public, secret) = (self.0.to_public(), self.0.to_string());
        format!("# created: {created}\n# public key: {public}\n{}\n", secret.expose_secret())
    }

    /// Returns the public half, as `age1…`.
    #[must_use]
    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }

    /// Returns what vouches for files: a key that follows from the recovery key, and not from its
    /// public half.
    pub(crate) fn mac(&self) -> [u8; 32] {
        let secret = self.0.to_string();
        let mut key = [0; 32];
        // 32 bytes are far below the most that HKDF gives.
        let _ = Hkdf::<Sha256>::new(None, secret.expose_secret().as_bytes()).expand(b"ferry-backup-mac-1", &mut key);
        key
    }
}

fn hmac(key: &[u8; 32], text: &[u8]) -> Hmac<Sha256> {
    // RFC 2104 fills a key up to the block of the hash with zeros.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    mac.update(text);
    mac
}

fn tag(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    hmac(key, text).finalize().into_bytes().into()
}

/// Returns a new passphrase: ten words, 110 bits.
#[must_use]
pub fn new_passphrase() -> String {
    let (words, mut random) = (bip39::Language::English.word_list(), rand::rng());
    let mut word = || words.get(random.random_range(0..words.len())).copied().unwrap_or_default();
    (0..WORDS).map(|_| word()).collect::<Vec<_>>().join("-")
}

/// Checks a passphrase that a person made up. Whoever gets the file can try as many as they like.
///
/// # Errors
/// Fails with [`HistoryError::BadKey`] if it is too short.
pub fn check_passphrase(text: &str) -> Result<()> {
    match text.chars().count() {
        count if count < LEAST => Err(HistoryError::BadKey("a passphrase needs at least 12 characters")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_file() {
        let key = RecoveryKey::generate();
        let file = key.to_file("2026-11-30");
        let read = RecoveryKey::read_file(&file).unwrap();
        assert_eq!((read.len(), read[0].recipient(), read[0].mac()), (1, key.recipient(), key.mac()));
        assert_ne!(key.mac(), RecoveryKey::generate().mac());
        for wrong in ["", "# nothing\n", "AGE-SECRET-KEY-1", "hello"] {
            assert!(matches!(RecoveryKey::read_file(wrong), Err(HistoryError::BadKey(_))), "{wrong}");
        }
        assert!(!format!("{:?}", Key::Recovery(read)).contains("AGE-SECRET"));
    }

    #[test]
    fn only_the_owner_of_a_key_can_vouch() {
        let (key, other) = (RecoveryKey::generate(), RecoveryKey::generate());
        let Lock::Recipients(recipients) = Lock::recipients([key.recipient().as_str()]).unwrap() else { panic!() };
        let lock = Lock::Recovery { recipient: recipients[0].clone(), mac: key.mac() };
        let mac = lock.vouch(b"sums").unwrap();
        let keys = Key::Recovery(vec![other.clone(), key]);
        assert!(keys.is_vouched(b"sums", Some(mac.as_bytes())));
        assert!(!keys.is_vouched(b"other sums", Some(mac.as_bytes())) && !keys.is_vouched(b"sums", None));
        assert!(!Key::Recovery(vec![other]).is_vouched(b"sums", Some(mac.as_bytes())));
        assert!(Lock::Recipients(recipients).vouch(b"sums").is_none());
    }

    #[test]
    fn passphrases_are_long_and_never_the_same() {
        let (one, other) = (new_passphrase(), new_passphrase());
        assert_eq!(one.split('-').count(), WORDS);
        assert_ne!(one, other);
        check_passphrase(&one).unwrap();
        assert!(check_passphrase("too short").is_err());
        check_passphrase("twelve chars").unwrap();
    }
}
