use super::*;

const HOUR: i64 = 3_600_000;
const NOW: i64 = 1_800_000_000_000;
const ROTATE_AFTER: Duration = Duration::from_secs(24 * 3600);
const TTL: Duration = Duration::from_secs(900);
const TTL_MS: i64 = 900_000;

fn key(kid: &str, active_at: i64) -> KeyRow {
    KeyRow { kid: kid.into(), ..generate_key(active_at, active_at) }
}

fn retired(kid: &str, active_at: i64, retired_at: i64) -> KeyRow {
    KeyRow { retired_at: Some(retired_at), ..key(kid, active_at) }
}

fn plan_at(rows: &[KeyRow], now: i64) -> RotationPlan {
    plan(rows, now, ROTATE_AFTER, TTL)
}

fn signer(rows: &[KeyRow], now: i64) -> Option<String> {
    KeyRing::from_rows(rows).signer(now).map(|key| key.kid.clone())
}

#[test]
fn without_a_key_one_is_made_at_once() {
    assert_eq!(plan_at(&[], NOW), RotationPlan { create: Some(NOW), delete: vec![] });
    let rows = [retired("a", NOW - HOUR, NOW)];
    assert_eq!(plan_at(&rows, NOW).create, Some(NOW));
}

#[test]
fn a_young_key_stays() {
    assert_eq!(plan_at(&[key("a", NOW - 23 * HOUR)], NOW), RotationPlan::default());
}

#[test]
fn an_old_key_gets_one_successor_that_signs_later() {
    let mut rows = vec![key("a", NOW - 24 * HOUR)];
    assert_eq!(plan_at(&rows, NOW), RotationPlan { create: Some(NOW + PUBLISH_BEFORE_MS), delete: vec![] });
    rows.push(key("b", NOW + PUBLISH_BEFORE_MS));
    assert_eq!(plan_at(&rows, NOW), RotationPlan::default());
    assert_eq!(signer(&rows, NOW).as_deref(), Some("a"));
    assert_eq!(signer(&rows, NOW + PUBLISH_BEFORE_MS).as_deref(), Some("b"));
}

#[test]
fn a_replaced_key_is_deleted_when_nothing_it_signed_is_valid() {
    let rows = [key("a", NOW - 24 * HOUR), key("b", NOW)];
    let over = NOW + TTL_MS + KEEP_AFTER_MS;
    assert_eq!(plan_at(&rows, over).delete, Vec::<String>::new());
    assert_eq!(plan_at(&rows, over + 1).delete, ["a"]);
}

#[test]
fn a_key_that_has_no_active_successor_is_kept() {
    let rows = [key("a", NOW - 1000 * HOUR), key("b", NOW + 1)];
    assert_eq!(plan_at(&rows, NOW).delete, Vec::<String>::new());
    // A retired successor replaces nothing.
    let rows = [key("a", NOW - 1000 * HOUR), retired("b", NOW - 500 * HOUR, NOW - 499 * HOUR)];
    assert_eq!(plan_at(&rows, NOW).delete, ["b"]);
    assert_eq!(signer(&rows, NOW).as_deref(), Some("a"));
}

#[test]
fn a_retired_key_signs_no_more_and_goes() {
    let rows = [key("a", NOW - 2 * HOUR), retired("b", NOW - HOUR, NOW)];
    assert_eq!(signer(&rows, NOW - 1).as_deref(), Some("b"));
    assert_eq!(signer(&rows, NOW).as_deref(), Some("a"));
    assert_eq!(plan_at(&rows, NOW + TTL_MS + KEEP_AFTER_MS + 1).delete, ["b"]);
    assert_eq!(signer(&[retired("a", NOW - HOUR, NOW)], NOW), None);
}

#[test]
fn a_year_of_rotations_always_has_a_signer_and_never_many_keys() {
    let mut rows: Vec<KeyRow> = vec![];
    let mut signers = std::collections::HashSet::new();
    for minute in 0..365 * 24 * 60 {
        let now = NOW + minute * 60_000;
        let plan = plan_at(&rows, now);
        rows.extend(plan.create.map(|active_at| generate_key(now, active_at)));
        rows.retain(|row| !plan.delete.contains(&row.kid));
        assert!(rows.len() <= 2, "{rows:?}");
        let newest = rows.iter().filter(|row| row.active_at <= now).max_by_key(|row| row.active_at).unwrap();
        signers.insert(newest.kid.clone());
    }
    assert!((360..=366).contains(&signers.len()), "{}", signers.len());
}

#[test]
fn a_clock_that_is_behind_does_not_stop_signing() {
    let rows = [key("b", NOW + 2_000), key("a", NOW + 1_000)];
    assert_eq!(signer(&rows, NOW).as_deref(), Some("a"));
    assert_eq!(signer(&[], NOW), None);
}

#[test]
fn keys_differ() {
    let (a, b) = (generate_key(NOW, NOW + 1), generate_key(NOW, NOW + 1));
    assert_eq!((a.created_at, a.active_at, a.retired_at), (NOW, NOW + 1, None));
    assert_ne!(a.kid, b.kid);
    assert_ne!(a.secret, b.secret);
}

#[test]
fn the_published_set_holds_public_keys_alone() {
    // The key pair of RFC 8037, appendices A.1 and A.2.
    let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let rows = [KeyRow { secret: seed.try_into().unwrap(), ..key("a", NOW) }, key("b", NOW + HOUR)];
    let jwks = KeyRing::from_rows(&rows).jwks();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
    assert_eq!(
        jwks["keys"][0],
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "a", "alg": "EdDSA",
            "use": "sig" })
    );
}

#[test]
fn a_replaced_ring_is_seen_by_all() {
    let keys = Keys::new(KeyRing::from_rows(&[]));
    let clone = keys.clone();
    keys.replace(KeyRing::from_rows(&[key("a", NOW)]));
    assert!(clone.current().find("a").is_some());
}

#[test]
fn unknown_ids_lead_to_few_reloads() {
    let keys = Keys::new(KeyRing::from_rows(&[]));
    let clone = keys.clone();
    assert!(keys.may_reload(NOW));
    assert!(!clone.may_reload(NOW));
    assert!(!keys.may_reload(NOW + RELOAD_EVERY_MS - 1));
    assert!(keys.may_reload(NOW + RELOAD_EVERY_MS));
    assert!(keys.may_reload(NOW - HOUR), "a clock that was set back does not stop reloads");
}

#[test]
fn debug_shows_no_secret() {
    let row = KeyRow { secret: [0xC5; 32], ..key("a", NOW) };
    let keys = Keys::new(KeyRing::from_rows(std::slice::from_ref(&row)));
    for text in [format!("{row:?}"), format!("{keys:?}"), format!("{:?}", keys.current())] {
        assert!(text.contains("\"a\"") && !text.contains("197") && !text.to_lowercase().contains("c5"), "{text}");
    }
}
