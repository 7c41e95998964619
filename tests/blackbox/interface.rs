//! The interface as machines read it. Everything that is described exists, and the page that shows
//! it loads nothing from elsewhere.

use ferry_protocol::{DeviceFrame, ErrorCode, RelayFrame};
use serde_json::Value;

use crate::{
    harness::{
        Backend, World,
        interface::{ASYNCAPI, Direction, OPENAPI, described_frames, faults_of_frame},
        repository,
    },
    http::ask::{ask, log_in},
};

#[tokio::test]
async fn every_call_of_the_document_is_answered() {
    let world = World::start(Backend::Embedded).await;
    let relay = world.relay();
    for (path, operations) in OPENAPI.json["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase()) {
            // Each call gets its own device, because the call may be the logout.
            let alice = world.person("alice").await;
            let access = log_in(relay, &alice).await.access;
            let target = path
                .replace("{file}", "start.js")
                .split('/')
                .map(|segment| if segment.starts_with('{') { alice.id.to_string() } else { segment.to_owned() })
                .collect::<Vec<_>>()
                .join("/");
            // The answer is checked against the document where it arrives.
            let answer = ask(relay, &method, &target).bearer(&access).send().await;
            assert_ne!(answer.status, 405, "{method} {path}");
            if !path.contains('{') {
                assert_ne!(answer.status, 404, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn the_document_is_served_with_a_page_that_loads_nothing_from_elsewhere() {
    let world = World::start(Backend::Embedded).await;
    let document = ask(world.relay(), "GET", "/openapi.json").send().await;
    assert_eq!(document.ok(200), OPENAPI.json);
    let page = ask(world.relay(), "GET", "/docs").send().await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("://") && !page.body.contains("<script>"), "{}", page.body);
    let mut files = 0;
    for address in page.body.split('"').filter(|part| part.starts_with('/')) {
        let file = reqwest::get(world.relay().url(address)).await.unwrap();
        assert_eq!(file.status(), 200, "{address}");
        let is_vendored = address.contains("swagger-ui");
        assert_eq!(file.headers().get("content-encoding").is_some_and(|encoding| encoding == "gzip"), is_vendored);
        assert_eq!(file.bytes().await.unwrap().starts_with(b"\x1f\x8b"), is_vendored, "{address}");
        files += 1;
    }
    assert_eq!(files, 4);
}

#[tokio::test]
async fn the_description_can_be_turned_off() {
    let world = World::start_with(Backend::Embedded, &["--docs=false".to_owned()]).await;
    for path in ["/openapi.json", "/docs", "/docs/start.js"] {
        for method in [reqwest::Method::GET, reqwest::Method::OPTIONS] {
            let answer = reqwest::Client::new().request(method, world.relay().url(path)).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{path}");
        }
    }
}

/// Returns the first column of the table under a heading of docs/protocol.md.
fn first_column(heading: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("docs/protocol.md")).unwrap();
    let (_, section) = text.split_once(&format!("\n{heading}\n")).unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').nth(1).unwrap().trim().trim_matches('`').to_owned()).collect()
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items.dedup();
    items
}

#[test]
fn the_documents_know_the_codes_of_the_protocol() {
    for document in [&*OPENAPI, &*ASYNCAPI] {
        let codes = document.json["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
        let codes: Vec<String> = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        for code in &codes {
            let known: ErrorCode = serde_json::from_value(Value::from(code.as_str())).unwrap();
            assert_ne!(known, ErrorCode::Other, "{code}");
        }
        assert_eq!(sorted(codes), sorted(first_column("## Errors")));
    }
    for (name, response) in OPENAPI.json["components"]["responses"].as_object().unwrap() {
        let problem = &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"];
        for code in problem["code"]["enum"].as_array().unwrap() {
            let code: ErrorCode = serde_json::from_value(code.clone()).unwrap();
            assert_eq!(problem["status"]["const"], code.status(), "{name}");
        }
    }
    let codes = ASYNCAPI.json["channels"]["socket"]["x-close-codes"].as_array().unwrap();
    let told: Vec<String> = codes.iter().map(|code| code["code"].to_string()).collect();
    assert_eq!(sorted(told), sorted(first_column("### Close codes")));
    for code in codes {
        let number = u16::try_from(code["code"].as_u64().unwrap()).unwrap();
        assert_eq!(code["reconnect"], ferry_protocol::CloseCode::should_reconnect(number), "{number}");
    }
}

#[test]
fn schemas_of_one_name_say_the_same_in_both_documents() {
    fn without_examples(schema: &Value) -> Value {
        match schema {
            Value::Object(members) => {
                let kept = members.iter().filter(|(name, _)| *name != "example" && *name != "examples");
                kept.map(|(name, member)| (name.clone(), without_examples(member))).collect()
            }
            other => other.clone(),
        }
    }
    let (http, socket) = (&OPENAPI.json["components"]["schemas"], &ASYNCAPI.json["components"]["schemas"]);
    let shared: Vec<&String> = http.as_object().unwrap().keys().filter(|name| socket.get(name).is_some()).collect();
    assert!(shared.len() > 5, "{shared:?}");
    for name in shared {
        assert_eq!(without_examples(&http[name]), without_examples(&socket[name]), "{name}");
    }
}

#[test]
fn examples_are_what_they_are_examples_of() {
    for direction in [Direction::FromDevice, Direction::FromRelay] {
        for (name, message, _) in described_frames(direction) {
            let examples = message["examples"].as_array().unwrap();
            assert!(!examples.is_empty(), "{name}");
            for frame in examples.iter().map(|example| &example["payload"]) {
                assert_eq!(faults_of_frame(direction, frame), [""; 0]);
                let text = frame.to_string();
                if frame["type"] == "group" {
                    // Reserved: this version acks it without reading it.
                    assert!(matches!(RelayFrame::parse(&text), Ok(RelayFrame::Unknown { delivery: Some(_) })));
                    continue;
                }
                let written = match direction {
                    Direction::FromDevice => DeviceFrame::parse(&text).unwrap().to_json(),
                    Direction::FromRelay => RelayFrame::parse(&text).unwrap().to_json(),
                };
                assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), *frame);
            }
        }
    }
    examples_in("", &OPENAPI.json);
}

/// Checks each `example` and `examples` against the `schema` beside it.
fn examples_in(pointer: &str, value: &Value) {
    let Value::Object(members) = value else { return };
    if members.contains_key("schema") {
        let given = members.get("examples").and_then(Value::as_object);
        let given = given.into_iter().flat_map(|all| all.values().map(|example| &example["value"]));
        for example in given.chain(members.get("example")) {
            assert_eq!(OPENAPI.faults(&format!("{pointer}/schema"), example), [""; 0], "{pointer}");
        }
    }
    for (name, member) in members {
        examples_in(&format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), member);
    }
}
