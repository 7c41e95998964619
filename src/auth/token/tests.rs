use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::auth::{KeyRing, KeyRow, RefreshToken, generate_key};

const NOW: i64 = 1_800_000_000_000;
const TTL: Duration = Duration::from_secs(900);

/// A relay's tokens with one key, and the means to forge others with the same key.
struct Fixture {
    row: KeyRow,
    tokens: AccessTokens,
    user: UserId,
    device: DeviceId,
}

impl Fixture {
    fn new() -> Self {
        let row = generate_key(NOW, NOW);
        let keys = Keys::new(KeyRing::from_rows(std::slice::from_ref(&row)));
        let tokens = AccessTokens::new("ferry", "ferry", keys);
        Self { row, tokens, user: UserId::new(), device: DeviceId::new() }
    }

    fn sign(&self, now: i64) -> String {
        self.tokens.sign(self.user, self.device, 0, now, TTL).unwrap().0.expose().to_owned()
    }

    fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": self.row.kid })
    }

    fn claims(&self) -> Value {
        let now = NOW / 1000;
        json!({ "iss": "ferry", "aud": "ferry", "sub": self.user, "sid": self.device, "iat": now, "nbf": now, "exp": now + 900,
            "jti": Uuid::new_v4() })
    }

    /// Signs with the relay's own key, so that only the contents can be wrong.
    fn forge(&self, header: &Value, claims: &Value) -> String {
        self.forge_raw(&header.to_string(), &claims.to_string())
    }

    fn forge_raw(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = SigningKey::from_bytes(&self.row.secret).sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        self.tokens.verify(token, NOW)
    }
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name).unwrap();
    object
}

#[test]
fn a_token_speaks_for_its_device() {
    let f = Fixture::new();
    let (token, expires_at_ms) = f.tokens.sign(f.user, f.device, 0, NOW, TTL).unwrap();
    assert_eq!(expires_at_ms, NOW + 900_000);
    assert_eq!(f.verify(token.expose()), Ok(Verified { user: f.user, device: f.device, generation: 0, expires_at_ms }));
    assert!(token.expose().len() < 600, "{}", token.expose().len());
    // The forger makes valid tokens if nothing is wrong with them.
    assert!(f.verify(&f.forge(&f.header(), &f.claims())).is_ok());
}

#[test]
fn a_token_is_valid_from_its_first_to_its_last_millisecond() {
    let f = Fixture::new();
    let (token, expires_at_ms) = f.tokens.sign(f.user, f.device, 0, NOW + 999, TTL).unwrap();
    let at = |now| f.tokens.verify(token.expose(), now).err();
    assert_eq!(at(NOW - CLOCK_SKEW_MS - 1), Some(TokenError::NotYetValid));
    assert_eq!(at(NOW - CLOCK_SKEW_MS), None);
    assert_eq!(at(NOW + 999), None);
    assert_eq!(at(expires_at_ms - 1), None);
    assert_eq!(at(expires_at_ms), Some(TokenError::Expired));
    assert_eq!(at(i64::MAX), Some(TokenError::Expired));
    assert_eq!(at(i64::MIN), Some(TokenError::NotYetValid));
}

#[test]
fn a_token_that_is_not_signed_is_refused() {
    let f = Fixture::new();
    for alg in ["none", "None", "NONE", ""] {
        let header = with(f.header(), "alg", json!(alg));
        let token = f.forge(&header, &f.claims());
        assert_eq!(f.verify(&token), Err(TokenError::Malformed), "{alg}");
        let unsigned = &token[..=token.rfind('.').unwrap()];
        assert_eq!(f.verify(unsigned), Err(TokenError::Malformed), "{alg}");
    }
    let token = f.sign(NOW);
    assert_eq!(f.verify(&token[..=token.rfind('.').unwrap()]), Err(TokenError::Signature));
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().into()
}

#[test]
fn a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() {
    let f = Fixture::new();
    let public = SigningKey::from_bytes(&f.row.secret).verifying_key().to_bytes();
    let x = URL_SAFE_NO_PAD.encode(public);
    let jwks = f.tokens.keys().current().jwks().to_string();
    for secret in [&public[..], x.as_bytes(), jwks.as_bytes()] {
        let token = f.forge(&with(f.header(), "alg", json!("HS256")), &f.claims());
        let (message, _) = token.rsplit_once('.').unwrap();
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256(secret, message.as_bytes())));
        assert_eq!(f.verify(&token), Err(TokenError::Algorithm));
    }
    for alg in ["HS384", "HS512", "ES256", "RS256", "PS512"] {
        assert_eq!(f.verify(&f.forge(&with(f.header(), "alg", json!(alg)), &f.claims())), Err(TokenError::Algorithm));
    }
}

#[test]
fn a_token_for_another_use_is_refused() {
    let f = Fixture::new();
    let claims = |name, value| f.verify(&f.forge(&f.header(), &with(f.claims(), name, value)));
    assert_eq!(claims("iss", json!("ferry2")), Err(TokenError::Issuer));
    assert_eq!(claims("iss", json!("")), Err(TokenError::Issuer));
    assert_eq!(claims("aud", json!("Ferry")), Err(TokenError::Audience));
    for typ in ["JWT", "at+JWT", "", "id+jwt"] {
        let header = with(f.header(), "typ", json!(typ));
        assert_eq!(f.verify(&f.forge(&header, &f.claims())), Err(TokenError::Type), "{typ}");
    }
    assert_eq!(f.verify(&f.forge(&without(f.header(), "typ"), &f.claims())), Err(TokenError::Type));
}

#[test]
fn a_token_from_the_future_is_refused() {
    let f = Fixture::new();
    let claims = |name, value| f.verify(&f.forge(&f.header(), &with(f.claims(), name, value))).err();
    let now = NOW / 1000;
    for name in ["iat", "nbf"] {
        assert_eq!(claims(name, json!(now + 5)), None);
        assert_eq!(claims(name, json!(now + 6)), Some(TokenError::NotYetValid));
        assert_eq!(claims(name, json!(i64::MAX)), Some(TokenError::NotYetValid));
    }
    assert_eq!(claims("exp", json!(now)), Some(TokenError::Expired));
    assert_eq!(claims("exp", json!(0)), Some(TokenError::Expired));
    assert_eq!(claims("exp", json!(-1)), Some(TokenError::Claims));
}

#[test]
fn a_token_without_any_one_claim_is_refused() {
    let f = Fixture::new();
    for name in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"] {
        for claims in [
            without(f.claims(), name),
            with(f.claims(), name, Value::Null),
            with(f.claims(), name, json!([])),
            with(f.claims(), name, json!({})),
            with(f.claims(), name, json!(true)),
        ] {
            assert_eq!(f.verify(&f.forge(&f.header(), &claims)), Err(TokenError::Claims), "{claims}");
        }
    }
    for (name, value) in
        [("sub", json!("alice")), ("sid", json!("")), ("exp", json!("1900000000")), ("jti", json!("1"))]
    {
        assert_eq!(f.verify(&f.forge(&f.header(), &with(f.claims(), name, value))), Err(TokenError::Claims), "{name}");
    }
    // Another program might read the other one of two equal claims.
    let twice = f.claims().to_string().replacen('{', "{\"sub\":\"018f0000-0000-7000-8000-000000000000\",", 1);
    assert_eq!(f.verify(&f.forge_raw(&f.header().to_string(), &twice)), Err(TokenError::Claims));
}

#[test]
fn the_key_is_chosen_by_its_id_alone() {
    let f = Fixture::new();
    let token = |header: Value| f.verify(&f.forge(&header, &f.claims()));
    assert_eq!(token(without(f.header(), "kid")), Err(TokenError::NoKid));
    for kid in ["", "other", "../../../dev/null", "' OR 1=1 --"] {
        assert_eq!(token(with(f.header(), "kid", json!(kid))), Err(TokenError::UnknownKid));
    }
    assert_eq!(token(with(f.header(), "crit", json!(["exp"]))), Err(TokenError::Critical));
    // A key inside the token has no influence.
    let foreign = Fixture::new();
    let jwk = foreign.tokens.keys().current().jwks()["keys"][0].clone();
    let header = with(f.header(), "jwk", jwk);
    assert_eq!(f.verify(&foreign.forge(&header, &f.claims())), Err(TokenError::Signature));
    assert_eq!(f.verify(&foreign.sign(NOW)), Err(TokenError::UnknownKid));
}

#[test]
fn what_is_no_access_token_is_refused() {
    let f = Fixture::new();
    assert_eq!(f.verify(RefreshToken::generate().to_secret().expose()), Err(TokenError::Malformed));
    assert_eq!(f.verify(&"a".repeat(1 << 20)), Err(TokenError::TooLong));
    let long = f.forge(&f.header(), &with(f.claims(), "extra", json!("x".repeat(TOKEN_MAX))));
    assert_eq!(f.verify(&long), Err(TokenError::TooLong));
    for token in ["", ".", "..", "...", "a.b.c", "e30.e30.e30", "Bearer x", "é.é.é", "\0"] {
        assert_eq!(f.verify(token), Err(TokenError::Malformed), "{token:?}");
    }
    let token = f.sign(NOW);
    assert!(f.verify(&format!("{token}.{token}")).is_err());
    assert!(f.verify(&format!(" {token}")).is_err());
}

#[test]
fn a_token_with_any_one_character_changed_is_refused() {
    let f = Fixture::new();
    let token = f.sign(NOW);
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(f.verify(&String::from_utf8(changed).unwrap()).is_err(), "at {at}");
    }
    // The claims of one token with the signature of another.
    let other = f.tokens.sign(UserId::new(), f.device, 0, NOW, TTL).unwrap().0;
    let (message, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = other.expose().rsplit_once('.').unwrap();
    assert_eq!(f.verify(&format!("{message}.{signature}")), Err(TokenError::Signature));
}

#[test]
fn a_token_outlives_a_rotation_and_not_its_key() {
    let f = Fixture::new();
    let old = f.sign(NOW);
    let next = generate_key(NOW, NOW + 300_000);
    let keys = f.tokens.keys();

    keys.replace(KeyRing::from_rows(&[f.row.clone(), next.clone()]));
    let kid_at = |now| jsonwebtoken::decode_header(f.sign(now)).unwrap().kid.unwrap();
    assert_eq!(kid_at(NOW + 299_999), f.row.kid);
    assert_eq!(kid_at(NOW + 300_000), next.kid, "it goes over without another replacement");
    assert!(f.tokens.verify(&old, NOW + 400_000).is_ok());
    assert!(f.tokens.verify(&f.sign(NOW + 400_000), NOW + 400_000).is_ok());

    keys.replace(KeyRing::from_rows(&[next]));
    assert_eq!(f.tokens.verify(&old, NOW + 400_000), Err(TokenError::UnknownKid));
}

#[test]
fn a_key_verifies_before_it_signs() {
    // Another relay, whose clock is ahead, already signs with it.
    let f = Fixture::new();
    let token = f.sign(NOW);
    f.tokens.keys().replace(KeyRing::from_rows(&[KeyRow { active_at: NOW + 60_000, ..f.row.clone() }]));
    assert!(f.verify(&token).is_ok());
}

#[test]
fn without_a_key_nothing_is_signed() {
    let tokens = AccessTokens::new("ferry", "ferry", Keys::new(KeyRing::from_rows(&[])));
    assert_eq!(tokens.sign(UserId::new(), DeviceId::new(), 0, NOW, TTL).err(), Some(SignError::NoKey));
}

#[test]
fn anybody_can_verify_a_token_with_the_published_keys() {
    let f = Fixture::new();
    let token = f.sign(NOW);
    let jwks = f.tokens.keys().current().jwks();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("not three parts") };
    let json = |part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();

    assert_eq!(json(header), f.header());
    let jwk = jwks["keys"].as_array().unwrap().iter().find(|jwk| jwk["kid"] == json(header)["kid"]).unwrap();
    let public = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap();
    let key = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    key.verify(format!("{header}.{claims}").as_bytes(), &signature).unwrap();

    let claims = json(claims);
    assert_eq!(claims["sub"], json!(f.user));
    assert_eq!(claims["sid"], json!(f.device));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert!(Uuid::parse_str(claims["jti"].as_str().unwrap()).is_ok());
}

#[test]
fn debug_shows_no_key() {
    let f = Fixture::new();
    let text = format!("{:?}", f.tokens);
    assert!(text.contains(&f.row.kid) && !text.contains(&format!("{:?}", &f.row.secret[..4]).replace(['[', ']'], "")));
}
