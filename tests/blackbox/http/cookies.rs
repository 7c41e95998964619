//! Browsers: tokens in cookies that no script can read, and no other site can use.

use ferry_protocol::{CloseCode, ErrorCode};
use serde_json::json;

use super::ask::{Answer, Ask, ask};
use crate::harness::{Backend, Closed, Person, RawSocket, Relay, World};

/// A browser takes a name with these prefixes only over TLS, with `Secure` and without `Domain`.
/// `__Host-` also needs `Path=/`.
const ACCESS: &str = "__Host-ferry_access";
const REFRESH: &str = "__Secure-ferry_refresh";

/// The origin of the relay's own page, behind a proxy that ends TLS.
fn own_origin(relay: &Relay) -> String {
    format!("https://{}", relay.address)
}

/// The same page without TLS, on this machine.
fn local_origin(relay: &Relay) -> String {
    format!("http://{}", relay.address)
}

fn cookie_login(relay: &Relay, person: &Person) -> Ask {
    let body =
        json!({ "username": person.name, "password": person.password, "device_name": "browser", "cookie": true });
    ask(relay, "POST", "/v1/sessions").json(&body)
}

/// The values of the two cookies, as a browser stores them.
struct Jar {
    access: String,
    refresh: String,
}

impl Jar {
    fn of(answer: &Answer) -> Self {
        let value = |name: &str| {
            let cookies = answer.all("set-cookie");
            let cookie = cookies.iter().find_map(|cookie| cookie.strip_prefix(&format!("{name}="))).unwrap();
            cookie.split(';').next().unwrap().to_owned()
        };
        Self { access: value(ACCESS), refresh: value(REFRESH) }
    }

    fn header(&self) -> String {
        format!("theme=dark; {ACCESS}={}; {REFRESH}={}", self.access, self.refresh)
    }
}

async fn browser(relay: &Relay, person: &Person) -> Jar {
    let answer = cookie_login(relay, person).header("origin", &own_origin(relay)).send().await;
    answer.ok(201);
    Jar::of(&answer)
}

#[tokio::test]
async fn a_cookie_login_hands_no_token_to_scripts() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let answer = cookie_login(relay, &alice).header("origin", &own_origin(relay)).send().await;
    let session = answer.ok(201);
    let mut fields: Vec<_> = session.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["device", "user"]);

    let cookies = answer.all("set-cookie");
    assert_eq!(cookies.len(), 3);
    for cookie in &cookies {
        for attribute in ["; HttpOnly", "; SameSite=Strict", "; Secure", "; Max-Age="] {
            assert!(cookie.contains(attribute), "{attribute}");
        }
        assert!(!cookie.contains("Domain"));
    }
    for (name, path) in [(ACCESS, "; Path=/;"), (REFRESH, "; Path=/v1/sessions;")] {
        let named = |cookie: &&&str| cookie.starts_with(&format!("{name}="));
        assert!(cookies.iter().find(named).expect("the cookie is set").contains(path), "{name}");
    }
    let jar = Jar::of(&answer);
    assert!(!answer.body.contains(&jar.access) && !answer.body.contains(&jar.refresh));
    let log = world.logs();
    assert!(!log.contains(&jar.access) && !log.contains(&jar.refresh), "a token is in the log");
}

#[track_caller]
fn assert_cleared(answer: &Answer) {
    let cleared = answer.all("set-cookie");
    assert_eq!(cleared.len(), 2, "{cleared:?}");
    for (name, path) in [(ACCESS, "; Path=/;"), (REFRESH, "; Path=/v1/sessions;")] {
        let cookie = cleared.iter().find(|cookie| cookie.starts_with(&format!("{name}=;"))).expect("it is cleared");
        // A browser ignores a prefixed cookie without `Secure`, also if it only deletes.
        assert!(cookie.contains("Max-Age=0") && cookie.contains(path) && cookie.contains("Secure"), "{cookie}");
    }
}

/// Returns `Origin` headers that are not the relay's. In the last one the relay's own origin comes
/// twice.
fn foreign(relay: &Relay) -> Vec<Vec<String>> {
    let own = own_origin(relay);
    let one =
        ["https://evil.example", "null", "", "http://127.0.0.1:1", "http://127.0.0.1", "http://localhost", "file://"];
    let mut all: Vec<Vec<String>> = one.iter().map(|origin| vec![(*origin).to_owned()]).collect();
    all.push(vec![]);
    all.push(vec![format!("{own}.evil.example")]);
    all.push(vec![format!("{own}/")]);
    all.push(vec![own.clone(), "https://evil.example".to_owned()]);
    all.push(vec![own.clone(), own]);
    all
}

fn with_origins(ask: Ask, origins: &[String]) -> Ask {
    origins.iter().fold(ask, |ask, origin| ask.header("origin", origin))
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let jar = browser(relay, &alice).await;
    let name = json!({ "display_name": "Eve" });
    let by_cookie = |method: &str, path: &str| ask(relay, method, path).header("cookie", &jar.header());
    for origins in foreign(relay) {
        for request in [
            by_cookie("PATCH", "/v1/me").json(&name),
            by_cookie("POST", "/v1/rooms").json(&json!({ "kind": "group", "name": "x" })),
            by_cookie("DELETE", "/v1/sessions/current"),
            by_cookie("POST", "/v1/sessions/refresh"),
            cookie_login(relay, &alice),
        ] {
            with_origins(request, &origins).send().await.problem(403, "forbidden");
        }
        // Reading is harmless, because the page cannot see the answer.
        let read = with_origins(by_cookie("GET", "/v1/me"), &origins).send().await;
        assert_eq!(read.ok(200)["user"].get("display_name"), None);
        assert_eq!(read.header("access-control-allow-origin"), None);
        assert_eq!(read.all("set-cookie"), Vec::<&str>::new());
    }
    let user = by_cookie("PATCH", "/v1/me").header("origin", &own_origin(relay)).json(&name).send().await.ok(200);
    assert_eq!(user["user"]["display_name"], "Eve");
    // The relay does not see the scheme.
    let local = by_cookie("PATCH", "/v1/me").header("origin", &local_origin(relay));
    local.json(&name).send().await.ok(200);
    // A header that no browser adds by itself proves that this is no such page.
    let bearer = ask(relay, "PATCH", "/v1/me").bearer(&jar.access).header("origin", "https://evil.example");
    bearer.json(&name).send().await.ok(200);
    // A bad token is rejected even beside a good cookie.
    let both = by_cookie("GET", "/v1/me").bearer("x").send().await;
    both.problem(401, ErrorCode::Unauthorized.as_str());
}

#[tokio::test]
async fn a_socket_by_cookie_opens_for_the_relays_own_pages_only() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (jar, own) = (browser(relay, &alice).await, own_origin(relay));
    let cookie = jar.header();
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", &format!("{own}.evil.example")] {
        let socket = RawSocket::try_open(relay, &[("cookie", &cookie), ("origin", origin)]).await;
        assert_eq!(socket.err(), Some(403), "{origin}");
    }
    assert_eq!(RawSocket::try_open(relay, &[("cookie", &cookie)]).await.err(), Some(403));
    let mut socket = RawSocket::try_open(relay, &[("cookie", &cookie), ("origin", &own)]).await.ok().unwrap();
    assert_eq!(socket.frame().await.unwrap()["type"], "welcome");

    let logout = ask(relay, "DELETE", "/v1/sessions/current").header("cookie", &cookie).header("origin", &own);
    let answer = logout.send().await;
    answer.ok(204);
    assert_cleared(&answer);
    assert_eq!(socket.closed().await, Closed(Some(CloseCode::LoggedOut.as_u16())));
    ask(relay, "GET", "/v1/me").header("cookie", &cookie).send().await.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_browser_refreshes_by_cookie() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (jar, own) = (browser(relay, &alice).await, own_origin(relay));
    let refresh = |jar: &Jar, origin: &str| {
        ask(relay, "POST", "/v1/sessions/refresh").header("cookie", &jar.header()).header("origin", origin)
    };
    // If the page is rejected, the token is not used up: the browser that has it goes on.
    refresh(&jar, "https://evil.example").send().await.problem(403, "forbidden");
    let answer = refresh(&jar, &own).send().await;
    assert_eq!(answer.ok(200), json!({ "expires_in": 900 }));
    let next = Jar::of(&answer);
    assert!(next.refresh != jar.refresh && next.access != jar.access);
    ask(relay, "GET", "/v1/me").header("cookie", &next.header()).send().await.ok(200);
    let again = refresh(&next, &own).json(&json!({})).send().await;
    again.ok(200);
    assert_eq!(again.all("set-cookie").len(), 2);
    // A browser that crashed has the old cookies again. Much later they are a copy.
    let back = refresh(&jar, &own).send().await;
    back.ok(200);
    assert_eq!(Jar::of(&back).refresh, next.refresh);
    world.database.execute("UPDATE refresh_tokens SET used_at = used_at - 61000").await;
    refresh(&jar, &own).send().await.problem(401, "unauthorized");
    ask(relay, "GET", "/v1/me").header("cookie", &Jar::of(&again).header()).send().await.problem(401, "unauthorized");
}

/// Scripts cannot remove these cookies, so the relay does it when they are of no use any more.
#[tokio::test]
async fn a_browser_whose_device_is_gone_loses_its_cookies() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (jar, own) = (browser(relay, &alice).await, own_origin(relay));
    let refresh = |cookie: &str| {
        ask(relay, "POST", "/v1/sessions/refresh").header("cookie", cookie).header("origin", &own).send()
    };
    let logout = ask(relay, "DELETE", "/v1/sessions/current").bearer(&jar.access);
    let answer = logout.send().await;
    answer.ok(204);
    assert_eq!(answer.all("set-cookie"), Vec::<&str>::new(), "a bearer token came in no cookie");
    let refused = refresh(&jar.header()).await;
    refused.problem(401, "unauthorized");
    assert_cleared(&refused);
    assert_cleared(&refresh(&format!("{REFRESH}=frt_nonsense")).await);
    // A refused token of the body says nothing about the cookies, and no page may end a login.
    let next = browser(relay, &alice).await;
    let by_body = ask(relay, "POST", "/v1/sessions/refresh").header("cookie", &next.header()).header("origin", &own);
    let by_body = by_body.json(&json!({ "refresh_token": jar.refresh })).send().await;
    by_body.problem(401, "unauthorized");
    let foreign = ask(relay, "POST", "/v1/sessions/refresh").header("cookie", &jar.header());
    let foreign = foreign.header("origin", "https://evil.example").send().await;
    foreign.problem(403, "forbidden");
    for answer in [by_body, foreign] {
        assert_eq!(answer.all("set-cookie"), Vec::<&str>::new());
    }
    refresh(&next.header()).await.ok(200);
}

/// A page asks for another login while the cookies of an earlier one are there. These say nothing
/// about the new one, and the browser replaces them.
#[tokio::test]
async fn a_login_replaces_the_cookies_of_an_earlier_one() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice, bob) = (world.relay(), world.person("alice").await, world.person("bob").await);
    let (alices, own) = (browser(relay, &alice).await, own_origin(relay));
    let login = cookie_login(relay, &bob).header("cookie", &alices.header()).header("origin", &own).send().await;
    assert_eq!(login.ok(201)["user"]["username"], bob.name.as_str());
    let bobs = Jar::of(&login);
    let me = async |jar: &Jar| ask(relay, "GET", "/v1/me").header("cookie", &jar.header()).send().await.ok(200);
    assert_eq!(me(&bobs).await["user"]["id"], bob.id.to_string());
    assert_eq!(me(&alices).await["user"]["id"], alice.id.to_string());
}

/// A host under the same domain can set cookies with plain names, and with two paths.
#[tokio::test]
async fn cookies_that_another_host_may_have_set_are_not_taken() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (jar, own) = (browser(relay, &alice).await, own_origin(relay));
    let plain = format!("ferry_access={}; ferry_refresh={}", jar.access, jar.refresh);
    let read = ask(relay, "GET", "/v1/me").header("cookie", &plain).host("relay.example");
    read.send().await.problem(401, "unauthorized");
    let refresh = |cookie: &str| {
        ask(relay, "POST", "/v1/sessions/refresh").header("cookie", cookie).header("origin", &own).send()
    };
    refresh(&plain).await.problem(401, "unauthorized");
    let twice = format!("{REFRESH}={}; {}", jar.refresh, jar.header());
    refresh(&twice).await.problem(400, "malformed");
    let twice = ask(relay, "GET", "/v1/me").header("cookie", &jar.header()).header("cookie", &format!("{ACCESS}=x"));
    twice.send().await.problem(400, "malformed");
    ask(relay, "GET", "/v1/me").header("cookie", &jar.header()).send().await.ok(200);
}

fn cookies_of(answer: &Answer) -> String {
    let cookies = answer.all("set-cookie");
    assert!(cookies.iter().all(|cookie| cookie.starts_with("ferry_") && !cookie.contains("Secure")), "{cookies:?}");
    cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// Browsers drop a name with a prefix if its cookie lacks `Secure`.
#[tokio::test]
async fn without_tls_the_names_have_no_prefix() {
    let world = World::start_with(Backend::Embedded, &["--insecure-cookies".to_owned()]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let answer = cookie_login(relay, &alice).header("origin", &own_origin(relay)).send().await;
    answer.ok(201);
    let sent = cookies_of(&answer);
    ask(relay, "GET", "/v1/me").header("cookie", &sent).send().await.ok(200);
    let refresh = ask(relay, "POST", "/v1/sessions/refresh").header("cookie", &sent);
    refresh.header("origin", &own_origin(relay)).send().await.ok(200);
}

/// Not every browser takes `Secure` from a page without TLS, also on the relay's own machine.
#[tokio::test]
async fn a_page_of_this_machine_needs_no_tls() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let local = local_origin(relay);
    let answer = cookie_login(relay, &alice).header("origin", &local).send().await;
    answer.ok(201);
    let sent = cookies_of(&answer);
    let by_cookie = |method: &str, path: &str| ask(relay, method, path).header("cookie", &sent);
    by_cookie("GET", "/v1/me").send().await.ok(200);
    let refreshed = by_cookie("POST", "/v1/sessions/refresh").header("origin", &local).send().await;
    refreshed.ok(200);
    assert_eq!(cookies_of(&refreshed).matches("ferry_").count(), 2);
    let mut socket = RawSocket::try_open(relay, &[("cookie", &sent), ("origin", &local)]).await.ok().unwrap();
    assert_eq!(socket.frame().await.unwrap()["type"], "welcome");
    // The same cookies are nothing to a page behind TLS, which another host may have set there.
    by_cookie("GET", "/v1/me").host("relay.example").send().await.problem(401, "unauthorized");
    let elsewhere = by_cookie("DELETE", "/v1/sessions/current").header("origin", &own_origin(relay)).send().await;
    elsewhere.problem(401, "unauthorized");
    let logout = by_cookie("DELETE", "/v1/sessions/current").header("origin", &local).send().await;
    logout.ok(204);
    assert!(logout.all("set-cookie").iter().all(|cookie| cookie.starts_with("ferry_") && cookie.contains("Max-Age=0")));
}

/// A browser that took `Secure` without TLS has cookies with a prefix. They give way to plain ones.
#[tokio::test]
async fn a_page_of_this_machine_keeps_an_earlier_login() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let jar = browser(relay, &alice).await;
    let refresh = ask(relay, "POST", "/v1/sessions/refresh").header("cookie", &jar.header());
    let answer = refresh.header("origin", &local_origin(relay)).send().await;
    answer.ok(200);
    let (plain, secure): (Vec<&str>, Vec<&str>) =
        answer.all("set-cookie").into_iter().partition(|cookie| cookie.starts_with("ferry_"));
    assert_eq!((plain.len(), secure.len()), (2, 2));
    assert!(secure.iter().all(|cookie| cookie.contains("Max-Age=0") && cookie.ends_with("; Secure")), "{secure:?}");
}

const APP: &str = "https://app.example";

async fn with_app() -> World {
    World::start_with(Backend::Embedded, &["--origin".to_owned(), APP.to_owned()]).await
}

#[tokio::test]
async fn pages_of_a_configured_origin_may_call() {
    let world = with_app().await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let answer = cookie_login(relay, &alice).header("origin", APP).send().await;
    answer.ok(201);
    let (jar, own) = (Jar::of(&answer), own_origin(relay));
    let patch = |origin: &str| {
        let request = ask(relay, "PATCH", "/v1/me").header("cookie", &jar.header()).header("origin", origin);
        request.json(&json!({ "display_name": "Alice" }))
    };
    let allowed = patch(APP).send().await;
    allowed.ok(200);
    // The page may read errors as well.
    let refused = ask(relay, "GET", "/v1/nothing").header("origin", APP).send().await;
    refused.problem(404, "not_found");
    for answer in [&allowed, &refused] {
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("vary"), Some("origin"));
    }
    // The relay's own pages still work, and other sites still do not.
    patch(&own).send().await.ok(200);
    let foreign = patch("https://evil.example").send().await;
    foreign.problem(403, "forbidden");
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let bearer = ask(relay, "GET", "/v1/me").bearer(&jar.access).header("origin", "https://evil.example").send().await;
    bearer.ok(200);
    assert_eq!(bearer.header("access-control-allow-origin"), None);
    let cookie = jar.header();
    assert!(RawSocket::try_open(relay, &[("cookie", &cookie), ("origin", APP)]).await.is_ok());
    assert_eq!(
        RawSocket::try_open(relay, &[("cookie", &cookie), ("origin", "https://evil.example")]).await.err(),
        Some(403)
    );
}

#[tokio::test]
async fn a_preflight_is_answered_to_a_configured_origin_alone() {
    let world = with_app().await;
    let relay = world.relay();
    let preflight = async |origin: &str| {
        let request = ask(relay, "OPTIONS", "/v1/me").header("origin", origin);
        let request = request.header("access-control-request-method", "PATCH");
        request.header("access-control-request-headers", "authorization,content-type").send().await
    };
    let answer = preflight(APP).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(answer.header("access-control-allow-methods").unwrap().contains(method), "{method}");
    }
    let headers = answer.header("access-control-allow-headers").unwrap();
    for header in ["authorization", "content-type", "idempotency-key"] {
        assert!(headers.contains(header), "{header}");
    }
    for origin in ["https://evil.example", "null", "http://app.example", "https://app.example.evil.example"] {
        let answer = preflight(origin).await;
        answer.ok(204);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(answer.header("access-control-allow-methods"), None, "{origin}");
    }
}
