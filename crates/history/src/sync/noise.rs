//! An encrypted pipe between two devices, over anything that carries bytes: TCP, or a link of a
//! relay.
//!
//! The first time a **code** of 128 random bits goes from one device to the other by hand. It
//! proves to each that the other one is meant (`Noise_XXpsk0_25519_ChaChaPoly_SHA256`). Both then
//! remember each other's keys, and need no code from then on (`Noise_XX_…`, with both keys
//! checked). See <https://noiseprotocol.org/noise.html>.

use std::{
    fmt,
    io::{self, Read, Write},
};

use data_encoding::{Encoding, Specification};
use ferry_protocol::LinkId;
use sha2::{Digest as _, Sha256};
use snow::{Builder, HandshakeState, TransportState};

use super::{MESSAGE, Pipe, link};
use crate::{HistoryError, Result};

const WITH_CODE: &str = "Noise_XXpsk0_25519_ChaChaPoly_SHA256";
const WITH_KEYS: &str = "Noise_XX_25519_ChaChaPoly_SHA256";
/// Two versions of the protocol, and two ways of the handshake, do not understand each other.
const PROLOGUE: &[u8] = b"ferry-sync-1";
/// The most bytes of a piece before it is encrypted. With what Noise adds it fits into one frame of
/// a link, and is below its limit of 65,535.
const PIECE: usize = 59 << 10;
/// What Noise adds to a piece.
const TAG: usize = 16;

const BY_CODE: u8 = 0;
const BY_KEYS: u8 = 1;

/// The public key of a device.
pub type PublicKey = [u8; 32];

/// A code that brings two devices together once. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; 16]);

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

impl fmt::Display for Code {
    /// Writes 26 characters in groups, in the alphabet of Crockford's base 32: it has no letters
    /// that look like digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = crockford().map_or_else(|_| String::new(), |base| base.encode(&self.0));
        let groups: Vec<&str> =
            [0..5, 5..10, 10..15, 15..20, 20..26].into_iter().filter_map(|part| text.get(part)).collect();
        f.write_str(&groups.join("-"))
    }
}

impl Code {
    /// Makes a new code.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// Reads a code as a person types it: in capitals or not, with blanks and dashes or without.
    ///
    /// # Errors
    /// Fails with [`HistoryError::BadKey`] if it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || HistoryError::BadKey("a code has 26 letters and digits");
        let bytes = crockford()?.decode(text.trim().as_bytes()).map_err(|_| bad())?;
        bytes.try_into().map(Self).map_err(|_| bad())
    }

    /// Returns the id of the link by which the two devices find each other on a relay. It does not
    /// tell the code.
    #[must_use]
    pub fn link(&self) -> LinkId {
        let hash = Sha256::new().chain_update(b"ferry-link-id-1").chain_update(self.0).finalize();
        let bytes = hash.first_chunk().copied().unwrap_or_default();
        LinkId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Returns whether a link is one of [`Self::link`]: whoever does not have its code leaves it
    /// alone.
    #[must_use]
    pub fn is_of_some(link: LinkId) -> bool {
        link.0.get_version() == Some(uuid::Version::Custom)
    }

    fn psk(&self) -> [u8; 32] {
        Sha256::new().chain_update(b"ferry-link-code-1").chain_update(self.0).finalize().into()
    }
}

fn crockford() -> Result<Encoding> {
    let mut base = Specification::new();
    base.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    base.translate.from.push_str("abcdefghjkmnpqrstvwxyzoOiIlL");
    base.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    base.ignore.push_str("- ");
    base.encoding().map_err(|error| HistoryError::Io(error.to_string()))
}

/// The key of this device.
#[derive(Clone)]
pub struct PrivateKey {
    private: [u8; 32],
    public: PublicKey,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PrivateKey {
    pub(crate) fn generate() -> Result<Self> {
        let pair = builder(WITH_KEYS)?.generate_keypair().map_err(failed)?;
        Self::of(&pair.private, &pair.public).ok_or_else(|| link("no key could be made"))
    }

    pub(crate) fn of(private: &[u8], public: &[u8]) -> Option<Self> {
        Some(Self { private: private.try_into().ok()?, public: public.try_into().ok()? })
    }

    pub(crate) fn parts(&self) -> ([u8; 32], PublicKey) {
        (self.private, self.public)
    }
}

/// Whom a device trusts.
#[derive(Debug, Clone)]
pub struct Trust<'a> {
    /// The key of this device.
    pub key: &'a PrivateKey,
    /// The code, if there is one.
    pub code: Option<&'a Code>,
    /// The keys of the devices that it knows.
    pub known: &'a [PublicKey],
}

/// An open pipe.
pub struct Noise<T> {
    stream: T,
    state: TransportState,
    buffer: Vec<u8>,
}

impl<T> fmt::Debug for Noise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Noise").finish_non_exhaustive()
    }
}

/// Opens a pipe to the device that answers at the other end. Returns its key: with a code it may
/// be a new one.
///
/// # Errors
/// Fails with [`HistoryError::WrongKey`] if the two do not trust each other, and with
/// [`HistoryError::Link`] if the other side is gone or is no Ferry.
pub fn lead<T: Read + Write>(mut stream: T, trust: &Trust<'_>) -> Result<(Noise<T>, PublicKey)> {
    let (way, mut state) = match trust.code {
        Some(code) => (BY_CODE, start(WITH_CODE, trust, Some(code), true)?),
        None => (BY_KEYS, start(WITH_KEYS, trust, None, true)?),
    };
    stream.write_all(&[way]).map_err(gone)?;
    write(&mut stream, &mut state).map_err(refused)?;
    read(&mut stream, &mut state)?;
    let theirs = known_key(&state, trust, way)?;
    write(&mut stream, &mut state).map_err(refused)?;
    // The other side says whether it takes the key, with an empty message.
    let mut pipe = Noise { stream, state: state.into_transport_mode().map_err(failed)?, buffer: Vec::new() };
    pipe.receive().map_err(refused)?;
    Ok((pipe, theirs))
}

/// Opens a pipe to the device that leads at the other end, as [`lead`] does.
///
/// # Errors
/// As [`lead`].
pub fn answer<T: Read + Write>(mut stream: T, trust: &Trust<'_>) -> Result<(Noise<T>, PublicKey)> {
    let mut way = [0];
    stream.read_exact(&mut way).map_err(gone)?;
    let mut state = match (way, trust.code) {
        ([BY_CODE], Some(code)) => start(WITH_CODE, trust, Some(code), false)?,
        ([BY_CODE], None) => return Err(HistoryError::WrongKey("the other device has a code, and this one has none")),
        ([BY_KEYS], _) => start(WITH_KEYS, trust, None, false)?,
        _ => return Err(link("it is no Ferry that connected")),
    };
    read(&mut stream, &mut state)?;
    write(&mut stream, &mut state)?;
    read(&mut stream, &mut state)?;
    let theirs = known_key(&state, trust, way[0])?;
    let mut pipe = Noise { stream, state: state.into_transport_mode().map_err(failed)?, buffer: Vec::new() };
    pipe.send(&[])?;
    Ok((pipe, theirs))
}

const CLOSED: &str = "the other device has closed the link";
const REFUSED: &str = "the other device refuses: the code is wrong, used or too old, or it does not know this device";

fn builder(pattern: &str) -> Result<Builder<'_>> {
    Ok(Builder::new(pattern.parse().map_err(failed)?))
}

fn start(pattern: &str, trust: &Trust<'_>, code: Option<&Code>, leads: bool) -> Result<HandshakeState> {
    let psk = code.map(Code::psk);
    let mut builder = builder(pattern)?.local_private_key(&trust.key.private).map_err(failed)?;
    builder = builder.prologue(PROLOGUE).map_err(failed)?;
    if let Some(psk) = &psk {
        builder = builder.psk(0, psk).map_err(failed)?;
    }
    if leads { builder.build_initiator() } else { builder.build_responder() }.map_err(failed)
}

/// Returns the key of the other side. Without a code it must be one that is known.
fn known_key(state: &HandshakeState, trust: &Trust<'_>, way: u8) -> Result<PublicKey> {
    let theirs = state.get_remote_static().and_then(|key| key.try_into().ok());
    let theirs: PublicKey = theirs.ok_or_else(|| link("the other device has no key"))?;
    match way == BY_CODE || trust.known.contains(&theirs) {
        true => Ok(theirs),
        false => Err(HistoryError::WrongKey("this device does not know the other one: use a code")),
    }
}

fn write(stream: &mut impl Write, state: &mut HandshakeState) -> Result<()> {
    let mut buffer = [0; 256];
    let length = state.write_message(&[], &mut buffer).map_err(failed)?;
    write_frame(stream, buffer.get(..length).unwrap_or_default())
}

fn read(stream: &mut impl Read, state: &mut HandshakeState) -> Result<()> {
    let mut frame = Vec::new();
    read_frame(stream, &mut frame).map_err(refused)?;
    // A wrong code shows as a message that cannot be decrypted.
    state
        .read_message(&frame, &mut [0; 256])
        .map_err(|_| HistoryError::WrongKey("the code is not that of the other device"))?;
    Ok(())
}

fn write_frame(stream: &mut impl Write, frame: &[u8]) -> Result<()> {
    let length = u16::try_from(frame.len()).map_err(|_| link("a frame is too long"))?;
    // In one piece, so that a link carries it as one.
    let whole = [&length.to_be_bytes()[..], frame].concat();
    stream.write_all(&whole).and_then(|()| stream.flush()).map_err(gone)
}

fn read_frame(stream: &mut impl Read, frame: &mut Vec<u8>) -> Result<()> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).map_err(gone)?;
    frame.resize(usize::from(u16::from_be_bytes(length)), 0);
    stream.read_exact(frame).map_err(gone)
}

impl<T> Noise<T> {
    /// Returns what carries the pipe.
    pub fn into_inner(self) -> T {
        self.stream
    }

    /// Returns what carries the pipe, for example to give it more time after the handshake.
    pub fn stream_mut(&mut self) -> &mut T {
        &mut self.stream
    }
}

impl<T: Read + Write> Pipe for Noise<T> {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        if message.len() > MESSAGE {
            return Err(link("a message is too long"));
        }
        let mut pieces = message.chunks(PIECE).peekable();
        loop {
            let piece = pieces.next().unwrap_or_default();
            let is_last = pieces.peek().is_none();
            // The first byte says whether more pieces follow.
            let plain = [&[u8::from(!is_last)], piece].concat();
            self.buffer.resize(plain.len() + TAG, 0);
            let length = self.state.write_message(&plain, &mut self.buffer).map_err(failed)?;
            write_frame(&mut self.stream, self.buffer.get(..length).unwrap_or_default())?;
            if is_last {
                return Ok(());
            }
        }
    }

    fn receive(&mut self) -> Result<Vec<u8>> {
        let (mut message, mut frame) = (Vec::new(), Vec::new());
        loop {
            read_frame(&mut self.stream, &mut frame)?;
            self.buffer.resize(frame.len(), 0);
            let length = self.state.read_message(&frame, &mut self.buffer);
            let length = length.map_err(|_| link("what came was changed on the way"))?;
            let plain = self.buffer.get(..length).unwrap_or_default();
            let (more, piece) = plain.split_first().ok_or_else(|| link("an empty frame came"))?;
            if message.len() + piece.len() > MESSAGE {
                return Err(link("the other device sent a message that is too long"));
            }
            message.extend_from_slice(piece);
            if *more == 0 {
                return Ok(message);
            }
        }
    }
}

/// A device that closes the link during the handshake does not trust this one. A link that is
/// silent says nothing of that.
fn refused(error: HistoryError) -> HistoryError {
    match error {
        HistoryError::Link(what) if what == CLOSED => HistoryError::WrongKey(REFUSED),
        error => error,
    }
}

fn failed(error: snow::Error) -> HistoryError {
    link(format!("the encryption failed: {error}"))
}

fn gone(error: io::Error) -> HistoryError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => link(CLOSED),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => link("the other device is silent"),
        _ => link(format!("the link failed: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::generate();
        let text = code.to_string();
        assert_eq!(text.len(), 26 + 4);
        for typed in
            [text.clone(), text.to_lowercase(), text.replace('-', ""), text.replace('-', " "), format!(" {text}\n")]
        {
            assert_eq!(Code::parse(&typed).unwrap(), code, "{typed}");
        }
        assert_eq!(Code::parse(&text.replace('0', "o").replace('1', "l")).unwrap(), code);
        for wrong in ["", "12345", &format!("{text}0"), &text.replacen(|c: char| c.is_alphanumeric(), "U", 1)] {
            assert!(Code::parse(wrong).is_err(), "{wrong}");
        }
        assert!(!format!("{code:?}").contains(&text));
    }
}
