//! The cryptography that jsonwebtoken signs and verifies with: Ed25519 (RFC 8032) and nothing else.
//!
//! jsonwebtoken's own providers bring RSA and the P curves along, of which Ferry refuses every
//! token before it touches a key.

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
};
use signature::{Error, Signer, Verifier};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // For keys in other formats, which Ferry does not read.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes jsonwebtoken use this. Calling it again has no further effect.
pub(super) fn install() {
    // An error says that it was installed before.
    let _ = PROVIDER.install_default();
}

/// PKCS #8 of an Ed25519 seed is this prefix followed by the seed (RFC 8410 §7).
const PKCS8: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// Returns a key that signs with a seed (RFC 8032 §5.1.5). Any provider can read it, also one that
/// the process installed before.
pub(super) fn signing_key(seed: &[u8; 32]) -> EncodingKey {
    let mut der = [0; 48];
    der[..16].copy_from_slice(&PKCS8);
    der[16..].copy_from_slice(seed);
    EncodingKey::from_ed_der(&der)
}

/// Returns a key that verifies with a public key. Despite its name, jsonwebtoken's function takes
/// the 32 raw bytes.
pub(super) fn verifying_key(public: &[u8; 32]) -> DecodingKey {
    DecodingKey::from_ed_der(public)
}

struct Ed25519Signer(SigningKey);

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(ed25519_dalek::Signer::sign(&self.0, message).to_bytes().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Ed25519Verifier(VerifyingKey);

impl Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let signature = Signature::from_slice(signature).map_err(|_| Error::new())?;
        // Strict: no signature has a second form, and no weak key verifies anything (RFC 8032
        // §5.1.7 leaves both open).
        self.0.verify_strict(message, &signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    require(algorithm)?;
    let seed = key.as_bytes().strip_prefix(&PKCS8).and_then(|seed| seed.try_into().ok());
    let seed = seed.ok_or(ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Ed25519Signer(SigningKey::from_bytes(seed))))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    require(algorithm)?;
    let public = key.try_get_as_bytes()?.try_into().map_err(|_| ErrorKind::InvalidEddsaKey)?;
    let key = VerifyingKey::from_bytes(public).map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Ed25519Verifier(key)))
}

fn require(algorithm: &Algorithm) -> Result<()> {
    if *algorithm == Algorithm::EdDSA { Ok(()) } else { Err(ErrorKind::InvalidAlgorithm.into()) }
}
