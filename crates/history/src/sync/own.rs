//! What this device remembers of the devices that it has met. It is in no backup.

use data_encoding::HEXLOWER;
use ferry_protocol::DeviceId;
use serde::{Deserialize, Serialize};

use super::{
    Synced,
    noise::{PrivateKey, PublicKey},
};
use crate::{
    Batch, History, HistoryError, Result,
    cells::{PAIRED, stamp_of, value_of},
};

const KEY: &[u8] = b"key";
const DEVICES: &[u8] = b"devices";
const FORGOTTEN: &str = "this device was told meanwhile to forget the other one";
/// The most devices to remember. Past it the one that was met first is forgotten, and needs a
/// code.
const MOST: usize = 100;

/// A device of the user that this one has met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedDevice {
    /// Its public key, as hex.
    pub key: String,
    /// How it calls itself.
    pub name: String,
    /// When the two met first, in milliseconds since the Unix epoch.
    pub paired_at: i64,
    /// When they last had equal histories.
    #[serde(default)]
    pub equal_at: Option<i64>,
    /// The login that it had then.
    #[serde(default)]
    pub device: Option<DeviceId>,
}

#[derive(Serialize, Deserialize)]
struct Keys {
    private: String,
    public: String,
}

fn own_key(conn: &rusqlite::Connection) -> Result<Option<PrivateKey>> {
    let Some(keys) = value_of::<Keys>(conn, PAIRED, KEY)? else { return Ok(None) };
    let bytes = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap_or_default();
    let key = PrivateKey::of(&bytes(&keys.private), &bytes(&keys.public));
    key.map(Some).ok_or_else(|| HistoryError::Damaged("the key of this device cannot be read".to_owned()))
}

impl Batch<'_> {
    fn set_paired(&mut self, devices: &[PairedDevice], now: i64) -> Result<()> {
        let stamp = stamp_of(&self.tx, PAIRED, DEVICES)?.map_or(now, |stamp| now.max(stamp + 1));
        self.cell(PAIRED, DEVICES, stamp, &devices).map(drop)
    }
}

impl History {
    /// Returns the key of this device, and makes one if there is none.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written.
    pub fn link_key(&mut self, now: i64) -> Result<PrivateKey> {
        // Without waiting for a process that writes: the other device waits for this one.
        if let Some(key) = own_key(&self.conn)? {
            return Ok(key);
        }
        let mut batch = self.begin()?;
        if let Some(key) = own_key(&batch.tx)? {
            return Ok(key);
        }
        let key = PrivateKey::generate()?;
        let (private, public) = key.parts();
        let keys = Keys { private: HEXLOWER.encode(&private), public: HEXLOWER.encode(&public) };
        batch.cell(PAIRED, KEY, now, &keys)?;
        batch.commit()?;
        Ok(key)
    }

    /// Returns the devices that this one has met, the one that was met first at the beginning.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn paired_devices(&self) -> Result<Vec<PairedDevice>> {
        Ok(value_of(&self.conn, PAIRED, DEVICES)?.unwrap_or_default())
    }

    /// Returns the keys of the devices that this one has met.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn paired_keys(&self) -> Result<Vec<PublicKey>> {
        let keys = self.paired_devices()?;
        let key = |device: &PairedDevice| HEXLOWER.decode(device.key.as_bytes()).ok()?.try_into().ok();
        Ok(keys.iter().filter_map(key).collect())
    }

    /// Remembers a device after a sync. From now on it needs no code. With `by_code` it may be a
    /// new one.
    ///
    /// # Errors
    /// Fails with [`HistoryError::WrongKey`] if the user has forgotten it meanwhile, and
    /// if the file cannot be written.
    pub fn pair(&mut self, key: &PublicKey, synced: &Synced, by_code: bool, now: i64) -> Result<()> {
        let Synced { name, with: device, is_equal, .. } = synced;
        let key = HEXLOWER.encode(key);
        let mut batch = self.begin()?;
        let mut devices: Vec<PairedDevice> = value_of(&batch.tx, PAIRED, DEVICES)?.unwrap_or_default();
        let equal_at = is_equal.then_some(now);
        let name = name.clone();
        match devices.iter_mut().find(|device| device.key == key) {
            Some(known) => {
                known.name = name;
                known.equal_at = equal_at.or(known.equal_at);
                known.device = device.or(known.device);
            }
            None if !by_code => return Err(HistoryError::WrongKey(FORGOTTEN)),
            None => devices.push(PairedDevice { key, name, paired_at: now, equal_at, device: *device }),
        }
        devices.drain(..devices.len().saturating_sub(MOST));
        batch.set_paired(&devices, now)?;
        batch.commit()
    }

    /// Forgets devices by their name or the beginning of their key. Returns how many there were.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn unpair(&mut self, which: &str, now: i64) -> Result<usize> {
        let mut batch = self.begin()?;
        let mut devices: Vec<PairedDevice> = value_of(&batch.tx, PAIRED, DEVICES)?.unwrap_or_default();
        let before = devices.len();
        let is_meant =
            |device: &PairedDevice| device.name == which || which.len() >= 8 && device.key.starts_with(which);
        devices.retain(|device| !is_meant(device));
        let forgotten = before - devices.len();
        if forgotten > 0 {
            batch.set_paired(&devices, now)?;
            batch.commit()?;
        }
        Ok(forgotten)
    }
}
