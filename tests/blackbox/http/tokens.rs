//! Access tokens: forged, foreign, stale and misplaced. All get one 401.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_types};
use ed25519_dalek::{Signer, SigningKey, Verifier, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::ask::{CANARY, ask, exchange, log_in, refresh, text};
use crate::{
    harness::{Backend, RawSocket, Relay, World, interface::OPENAPI, until, within},
    on_both,
};

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = sql_types::Text)]
    kid: String,
    #[diesel(sql_type = sql_types::Binary)]
    secret: Vec<u8>,
}

/// The relay's own key, and a real token taken apart. With both, a test can forge anything.
struct Forge {
    kid: String,
    key: SigningKey,
    claims: Value,
}

impl Forge {
    fn new(world: &World, token: &str) -> Self {
        let path = world.database.url.strip_prefix("sqlite://").unwrap();
        let mut sqlite = SqliteConnection::establish(path).unwrap();
        let row: KeyRow = diesel::sql_query("SELECT kid, secret FROM signing_keys").get_result(&mut sqlite).unwrap();
        let key = SigningKey::from_bytes(&row.secret.try_into().unwrap());
        Self { kid: row.kid, key, claims: decoded(token.split('.').nth(1).unwrap()) }
    }

    fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": self.kid })
    }

    /// Returns a token with the real header, with this field changed.
    fn with_header(&self, name: &str, value: Value) -> String {
        sign(&self.key, &changed(self.header(), name, value), &self.claims)
    }

    /// Returns a token with the real claims, with this one changed. `null` removes it.
    fn with_claim(&self, name: &str, value: Value) -> String {
        sign(&self.key, &self.header(), &changed(self.claims.clone(), name, value))
    }

    fn hs256(&self, secret: &[u8]) -> String {
        let message = unsigned(&changed(self.header(), "alg", json!("HS256")), &self.claims);
        let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(&message).finalize();
        format!("{message}.{}", BASE64.encode(mac.into_bytes()))
    }
}

fn changed(mut object: Value, name: &str, value: Value) -> Value {
    if value.is_null() {
        object.as_object_mut().unwrap().remove(name);
    } else {
        object[name] = value;
    }
    object
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}

fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let signature = BASE64.encode(key.sign(message.as_bytes()).to_bytes());
    format!("{message}.{signature}")
}

/// Returns a token for every way in which one can be wrong.
fn forged(forge: &Forge, real: &str, bob: &str) -> Vec<(String, String)> {
    let now = i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap();
    let stranger = SigningKey::from_bytes(&[7; 32]);
    let public = forge.key.verifying_key().to_bytes();
    let (head, signature) = real.rsplit_once('.').unwrap();
    let (header, claims) = head.split_once('.').unwrap();
    let none = |alg: &str| unsigned(&changed(forge.header(), "alg", json!(alg)), &forge.claims);
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(stranger.verifying_key().to_bytes()) });
    let bobs = changed(forge.claims.clone(), "sub", json!(bob));

    let mut all = vec![
        ("alg none, no signature", format!("{}.", none("none"))),
        ("alg none, two parts", none("none")),
        ("alg nOnE", format!("{}.", none("nOnE"))),
        ("alg none, a real signature", format!("{}.{signature}", none("none"))),
        ("no signature", format!("{head}.")),
        ("HS256 with the public key", forge.hs256(&public)),
        ("HS256 with the public key as in the JWKS", forge.hs256(BASE64.encode(public).as_bytes())),
        ("HS256 with nothing", forge.hs256(b"")),
        ("alg ES256", forge.with_header("alg", json!("ES256"))),
        ("alg of no kind", forge.with_header("alg", json!(CANARY))),
        ("no alg", forge.with_header("alg", Value::Null)),
        ("typ JWT", forge.with_header("typ", json!("JWT"))),
        ("no typ", forge.with_header("typ", Value::Null)),
        ("unknown kid", forge.with_header("kid", json!(CANARY))),
        ("kid a path", forge.with_header("kid", json!("../../../dev/null"))),
        ("kid SQL", forge.with_header("kid", json!("' OR 1=1 --"))),
        ("no kid", forge.with_header("kid", Value::Null)),
        ("a critical header", forge.with_header("crit", json!(["exp"]))),
        ("another's signature", sign(&stranger, &forge.header(), &forge.claims)),
        ("a key of its own", sign(&stranger, &changed(forge.header(), "jwk", jwk), &forge.claims)),
        ("another's claims", format!("{header}.{}.{signature}", BASE64.encode(bobs.to_string()))),
        ("wrong aud", forge.with_claim("aud", json!("another"))),
        ("wrong iss", forge.with_claim("iss", json!("another"))),
        ("expired", forge.with_claim("exp", json!(now - 1))),
        ("expired long ago", forge.with_claim("exp", json!(0))),
        ("exp a text", forge.with_claim("exp", json!("9999999999"))),
        ("not yet valid", forge.with_claim("nbf", json!(now + 60))),
        ("of the future", forge.with_claim("iat", json!(now + 60))),
        ("another user's device", forge.with_claim("sub", json!(bob))),
        ("an unknown device", forge.with_claim("sid", json!(uuid::Uuid::now_v7()))),
        ("no UUID", forge.with_claim("sub", json!(CANARY))),
        ("changed", format!("{claims}.{header}.{signature}")),
        ("a part more", format!("{real}.{signature}")),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("a word", CANARY.to_owned()),
        ("5 KiB", CANARY.repeat(512)),
        ("5 KiB of claims", forge.with_claim("x", json!(CANARY.repeat(512)))),
        ("20 KiB", CANARY.repeat(2048)),
    ]
    .into_iter()
    .map(|(name, token)| (name.to_owned(), token))
    .collect::<Vec<_>>();
    for claim in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"] {
        all.push((format!("no {claim}"), forge.with_claim(claim, Value::Null)));
    }
    all
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_the_answer_is_the_same() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice, bob) = (world.relay(), world.person("alice").await, world.person("bob").await);
    let real = log_in(relay, &alice).await;
    log_in(relay, &bob).await;
    let forge = Forge::new(&world, &real.access);
    // The forge works: what is wrong below is only what was changed.
    let same = sign(&forge.key, &forge.header(), &forge.claims);
    ask(relay, "GET", "/v1/me").bearer(&same).send().await.ok(200);

    let expected = ask(relay, "GET", "/v1/me").send().await;
    expected.problem(401, "unauthorized");
    assert_eq!(expected.header("www-authenticate"), Some("Bearer"));
    let mut wrong = forged(&forge, &real.access, &bob.id.to_string());
    wrong.push(("the refresh token".to_owned(), real.refresh.clone()));
    for (name, token) in &wrong {
        let answer = ask(relay, "GET", "/v1/me").bearer(token).send().await;
        answer.problem(401, "unauthorized");
        assert_eq!(answer.body, expected.body, "{name}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}");
        let socket = RawSocket::try_open(relay, &[("authorization", &format!("Bearer {token}"))]).await;
        assert_eq!(socket.err(), Some(401), "{name}");
        let cookie = ask(relay, "GET", "/v1/me").header("cookie", &format!("__Host-ferry_access={token}")).send().await;
        assert_eq!(cookie.body, expected.body, "{name}");
    }
    for header in ["Basic YWxpY2U6cGFzc3dvcmQ=", "Bearer", "bearer", CANARY, "", &format!("Bearer{}", real.access)] {
        let answer = ask(relay, "GET", "/v1/me").header("authorization", header).send().await;
        assert_eq!(answer.body, expected.body, "{header:.20}");
    }
    let log = world.logs();
    assert!(!log.contains(CANARY), "what was in a token is in the log");
    for token in [&real.access, &same, &real.refresh] {
        assert!(!log.contains(token.rsplit('.').next().unwrap()), "a token is in the log");
    }
    ask(relay, "GET", "/v1/me").bearer(&real.access).send().await.ok(200);
}

#[tokio::test]
async fn a_token_of_a_mebibyte_is_refused_and_the_relay_goes_on() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let real = log_in(relay, &alice).await;
    let token = CANARY.repeat(1 << 17);
    let head = format!("GET /v1/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    // Far above the limit of headers. hyper answers 431 before there is a request, or the
    // connection ends while the test still writes.
    let answer = exchange(&relay.address, head.as_bytes()).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert!(!answer.contains(CANARY) && !world.logs().contains(CANARY));
    ask(relay, "GET", "/v1/me").bearer(&real.access).send().await.ok(200);
}

#[tokio::test]
async fn a_token_in_a_url_is_refused_and_not_logged() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let real = log_in(relay, &alice).await;
    for name in ["token", "access_token", "refresh_token", "authorization", "jwt", "TOKEN", "%74oken", "x=1&token"] {
        for value in [CANARY, &real.access, &real.refresh, ""] {
            for (method, path) in [
                ("GET", "/v1/me"),
                ("GET", "/v1/socket"),
                ("GET", "/v1/rooms"),
                ("POST", "/v1/sessions"),
                ("GET", "/healthz"),
            ] {
                let target = format!("{path}?{name}={value}");
                ask(relay, method, &target).send().await.problem(400, "token_in_url");
                // Even with a good token beside it.
                let both = ask(relay, method, &target).bearer(&real.access).send().await;
                both.problem(400, "token_in_url");
                assert!(!both.body.contains(&real.access) && !both.body.contains(&real.refresh));
            }
        }
    }
    let log = world.logs();
    assert!(!log.contains(CANARY) && !log.contains(&real.access) && !log.contains(&real.refresh));
}

on_both!(the_published_keys_verify_a_token, |world| async move {
    let relay = world.relay();
    let real = log_in(relay, &world.person("alice").await).await;
    let answer = ask(relay, "GET", "/.well-known/jwks.json").send().await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
    let keys = answer.ok(200)["keys"].as_array().unwrap().clone();
    let (head, signature) = real.access.rsplit_once('.').unwrap();
    let header = decoded(head.split('.').next().unwrap());
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).expect("the key is published");
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
    );
    let public: [u8; 32] = BASE64.decode(text(&key["x"])).unwrap().try_into().unwrap();
    let signature: [u8; 64] = BASE64.decode(signature).unwrap().try_into().unwrap();
    VerifyingKey::from_bytes(&public).unwrap().verify(head.as_bytes(), &signature.into()).unwrap();
    assert!(keys.iter().all(|key| key.get("d").is_none()), "a private key is published");
});

async fn me(relay: &Relay, access: &str) -> u16 {
    ask(relay, "GET", "/v1/me").bearer(access).send().await.status
}

on_both!(a_token_is_of_no_use_after_the_logout, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let device = log_in(relay, &alice).await;
    // The relay has cached that the device is logged in, a moment before it is not.
    assert_eq!(me(relay, &device.access).await, 200);
    ask(relay, "DELETE", "/v1/sessions/current").bearer(&device.access).send().await.ok(204);
    assert_eq!(me(relay, &device.access).await, 401);
});

#[tokio::test]
async fn nor_on_another_relay() {
    let mut world = World::start(Backend::Cluster).await;
    world.add_relay().await;
    let (here, there) = (&world.relays[0], &world.relays[1]);
    let alice = world.person("alice").await;
    let device = log_in(here, &alice).await;
    // All relays share one key. The other relay has now cached that the device is logged in.
    assert_eq!(me(there, &device.access).await, 200);
    ask(here, "DELETE", "/v1/sessions/current").bearer(&device.access).send().await.ok(204);
    let since = Instant::now();
    until("the other relay refuses the token", || async { (me(there, &device.access).await == 401).then_some(()) })
        .await;
    // Without news, the cache lasts 5 s. It took much less, so it was the news.
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_token_expires_and_the_next_one_is_good() {
    let flags = ["--access-ttl", "1"].map(str::to_owned);
    let world = World::start_with(Backend::Embedded, &flags).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let device = log_in(relay, &alice).await;
    until("the token expires", || async { (me(relay, &device.access).await == 401).then_some(()) }).await;
    // The device is still logged in. Expiry counts in whole seconds, so a token of 1 s may have
    // expired when it arrives.
    let mut token = device.refresh;
    let fresh = within(async {
        loop {
            let next = refresh(relay, &token).await.ok(200);
            token = text(&next["refresh_token"]);
            let status = me(relay, &text(&next["access_token"])).await;
            if status != 401 {
                return status;
            }
        }
    });
    assert_eq!(fresh.await, 200);
}

/// Returns a token of another key, which makes the relay read the keys again.
fn of_unknown_key(real: &str) -> String {
    let (_, rest) = real.split_once('.').unwrap();
    format!("{}.{rest}", BASE64.encode(json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "unknown" }).to_string()))
}

on_both!(deleting_all_keys_by_hand_revokes_access_tokens_and_nothing_else, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let device = log_in(relay, &alice).await;
    let me = async |token: &str| ask(relay, "GET", "/v1/me").bearer(token).send().await.status;
    assert_eq!(me(&device.access).await, 200);
    world.database.execute("DELETE FROM signing_keys").await;
    assert_eq!(me(&of_unknown_key(&device.access)).await, 401);
    let keys = ask(relay, "GET", "/.well-known/jwks.json").send().await.ok(200);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "there is always a key");
    assert_eq!(me(&device.access).await, 401);
    let next = refresh(relay, &device.refresh).await.ok(200);
    assert_eq!(me(&text(&next["access_token"])).await, 200);
});

on_both!(all_keys_are_replaced_by_one_call, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let device = log_in(relay, &alice).await;
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_ferry"))
        .args(["replace-keys", "--database", &world.database.url])
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(ask(relay, "GET", "/v1/me").bearer(&of_unknown_key(&device.access)).send().await.status, 401);
    let keys = ask(relay, "GET", "/.well-known/jwks.json").send().await.ok(200);
    let keys: Vec<&str> = keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert!(keys.len() == 1 && said.starts_with(keys[0]), "{said}");
    ask(relay, "GET", "/v1/me").bearer(&device.access).send().await.problem(401, "unauthorized");
    refresh(relay, &device.refresh).await.ok(200);
});

/// Whatever the document says is for devices, needs the token of one.
#[tokio::test]
async fn every_call_for_devices_needs_a_token() {
    let world = World::start(Backend::Embedded).await;
    let mut asked = 0;
    for (path, operations) in OPENAPI.json["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let ways = operation["security"].as_array();
            if ways.is_some_and(|ways| ways.is_empty() || ways.contains(&json!({})))
                || path == "/v1/sessions" && method == "post"
            {
                continue;
            }
            let segments = path.split('/').map(|segment| match segment.starts_with('{') {
                true => ferry_protocol::UserId::new().to_string(),
                false => segment.to_owned(),
            });
            let target = segments.collect::<Vec<_>>().join("/");
            for token in [None, Some("x"), Some("")] {
                let mut request = ask(world.relay(), &method.to_ascii_uppercase(), &target);
                if method != "get" {
                    request = request.json(&json!({}));
                }
                if let Some(token) = token {
                    request = request.bearer(token);
                }
                request.send().await.problem(401, "unauthorized");
            }
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked}");
}
