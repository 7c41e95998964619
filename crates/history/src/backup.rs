//! Backups: a history in one file that opens without Ferry.
//!
//! A backup is `age(gzip(tar))`: a tar archive of JSON lines, compressed, and locked with a
//! passphrase or for the owner of a key. The stock programs `age`, `tar`, `gzip` and `jq` read it.
//! docs/backup.md describes the format, and is enough to write a reader.
//!
//! A backup is a set of records, so restoring one is a union: it removes nothing, brings back
//! nothing that was deleted, and can be repeated.

mod archive;
mod create;
mod key;
mod own;
mod restore;

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use ferry_protocol::{DeviceId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::{
    Spans,
    digest::{Month, month_name},
    tally::Tally,
};

pub use crate::{
    progress::{Progress, Watch},
    tally::Counts,
};
pub use create::{Created, Plan};
pub use key::{Key, Lock, RecoveryKey, check_passphrase, new_passphrase};
pub use own::{Made, Recipient};
pub use restore::{Backup, LockedWith, Restored, Review, locked_with};

/// What `format` says in the manifest of every backup.
pub(crate) const FORMAT: &str = "ferry-backup";
/// The version of the format that this program writes. It reads this one and all before it.
pub(crate) const VERSION: u32 = 1;
/// The greatest part of messages that a backup has, in bytes.
pub(crate) const PART: usize = 4 << 20;
/// The most bytes of a manifest. It has about 100 bytes a month, and messages may say any time.
pub(crate) const MANIFEST: u64 = 1 << 20;

pub(crate) const MANIFEST_JSON: &str = "manifest.json";
pub(crate) const README: &str = "README.txt";
pub(crate) const SUMS: &str = "SHA256SUMS";
pub(crate) const SUMS_MAC: &str = "SHA256SUMS.mac";

/// What a backup says about itself. It is the first entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// `ferry-backup`.
    pub format: String,
    /// The version of the format.
    pub version: u32,
    /// What a reader has to know to read it. One that does not know a feature refuses the backup.
    #[serde(default)]
    pub features: Vec<String>,
    /// The program that wrote it.
    pub app: String,
    /// The URL of the relay.
    pub server: String,
    /// Whose history it is.
    pub user: UserId,
    /// The device that wrote it, if it ever collected messages.
    #[serde(default)]
    pub device: Option<DeviceId>,
    /// When it was written, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When the oldest message was sent.
    #[serde(default)]
    pub from: Option<i64>,
    /// When the newest message was sent.
    #[serde(default)]
    pub to: Option<i64>,
    /// When the backup before it was written, if it has only what came since. `None` if it has
    /// everything.
    #[serde(default)]
    pub since: Option<i64>,
    /// How many records it has.
    pub counts: Counts,
    /// The months of its records, each as `2026-11`.
    pub months: BTreeMap<String, MonthTally>,
    /// SHA-256 of the months, as hex.
    pub digest: String,
    /// How many holes the history had.
    #[serde(default)]
    pub holes: u64,
    /// The times from which it has everything. A reader may leave them alone.
    #[serde(default)]
    pub whole: Spans,
    /// Room for the user's keys, once messages are encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Box<RawValue>>,
}

/// The records of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthTally {
    /// How many there are.
    pub count: u64,
    /// The sum of their ids modulo 2^256, as hex, the greatest byte first.
    pub sum: String,
}

/// Returns the months of a tally, as a manifest has them.
pub(crate) fn months(tally: &Tally) -> BTreeMap<String, MonthTally> {
    let of = |month: &Month| {
        let sum: Vec<u8> = month.sum.iter().rev().copied().collect();
        MonthTally { count: month.count, sum: HEXLOWER.encode(&sum) }
    };
    tally.months.iter().map(|(number, month)| (month_name(*number), of(month))).collect()
}

/// Returns the digest of months: SHA-256 of a line `2026-11 COUNT SUM` for each, as hex.
pub(crate) fn digest(months: &BTreeMap<String, MonthTally>) -> String {
    let mut hash = Sha256::new();
    for (name, month) in months {
        hash.update(format!("{name} {} {}\n", month.count, month.sum));
    }
    HEXLOWER.encode(&hash.finalize())
}
