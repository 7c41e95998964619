//! Checks every answer and frame that a test sees against `docs/openapi.json` and
//! `docs/asyncapi.json`, so that the documents cannot drift from the relay.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The document that the relay serves as `/openapi.json`.
pub static OPENAPI: LazyLock<Document> = LazyLock::new(|| Document::read("docs/openapi.json"));

/// The document of the socket's frames.
pub static ASYNCAPI: LazyLock<Document> = LazyLock::new(|| Document::read("docs/asyncapi.json"));

pub struct Document {
    pub json: Value,
    /// The same document, but objects may have only the fields that it names. Clients must
    /// tolerate further fields; the tests check that every field is described.
    closed: Value,
    /// The validators, by the JSON pointer of the schema.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Document {
    fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(super::repository().join(path)).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let mut closed = json.clone();
        close(&mut closed);
        Self { json, closed, validators: Mutex::default() }
    }

    /// Follows a `$ref` within the document, if it is one. Returns the pointer, and the value
    /// there.
    pub fn resolve<'a>(&'a self, pointer: &str, found: &'a Value) -> (String, &'a Value) {
        match found["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.trim_start_matches('#');
                (pointer.to_owned(), self.json.pointer(pointer).unwrap_or_else(|| panic!("no {reference}")))
            }
            None => (pointer.to_owned(), found),
        }
    }

    /// Returns what is wrong with a value, by the schema at this pointer.
    pub fn faults(&self, pointer: &str, value: &Value) -> Vec<String> {
        let validator = self.validators.lock().unwrap().get(pointer).cloned();
        let validator = validator.unwrap_or_else(|| {
            // No member of the document is a keyword of JSON Schema, so the document may surround
            // the reference into itself.
            let mut schema = self.closed.clone();
            schema["$ref"] = json!(format!("#{}", pointer.replace('{', "%7B").replace('}', "%7D")));
            let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
            let built = Arc::new(options.build(&schema).unwrap_or_else(|error| panic!("{pointer}: {error}")));
            self.validators.lock().unwrap().insert(pointer.to_owned(), Arc::clone(&built));
            built
        });
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}

fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("type").is_some_and(|name| name == "object") && members.contains_key("properties") {
                members.insert("unevaluatedProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn escaped(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

/// Returns the template of the document that a path fits. The one with the fewest parameters
/// counts.
fn template_of(path: &str) -> Option<&'static str> {
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    let fits = |template: &str| {
        let (mut wanted, mut found) = (template.split('/'), path.split('/'));
        loop {
            match (wanted.next(), found.next()) {
                (None, None) => return true,
                (Some(wanted), Some(found)) if wanted == found || wanted.starts_with('{') && !found.is_empty() => {}
                _ => return false,
            }
        }
    };
    let paths = OPENAPI.json["paths"].as_object().unwrap();
    let fitting = paths.keys().map(String::as_str).filter(|template| fits(template));
    fitting.min_by_key(|template| template.matches('{').count())
}

/// One exchange over HTTP, as far as the document describes it.
pub struct Exchange<'a> {
    pub method: &'a str,
    /// The path, with the query if there is one.
    pub target: &'a str,
    pub status: u16,
    pub media_type: Option<&'a str>,
    pub allow: Option<&'a str>,
    pub body: &'a str,
}

impl Exchange<'_> {
    /// Returns where the answer differs from the document.
    pub fn faults(&self) -> Vec<String> {
        let path = self.target.split(['?', '#']).next().unwrap_or_default();
        let template = template_of(path);
        let operation = template.and_then(|template| {
            let method = if self.method == "HEAD" { "get" } else { &*self.method.to_ascii_lowercase() };
            let pointer = format!("/paths/{}/{method}", escaped(template));
            OPENAPI.json.pointer(&pointer).map(|operation| (pointer, operation))
        });
        let faults = match operation {
            Some((pointer, operation)) => self.faults_of(&pointer, operation),
            // This never became a request: see docs/decisions/0009.
            None if matches!(self.status, 400 | 431) && self.body.is_empty() => Vec::new(),
            // Without `Allow` it is the answer to a preflight.
            None if self.method == "OPTIONS" && self.status == 204 && self.allow.is_none() => Vec::new(),
            None if self.method == "OPTIONS" && self.status == 204 => self.faults_of_allow(template),
            None if self.status == 405 => [self.faults_of_allow(template), self.faults_of_problem()].concat(),
            None if self.status == 404 && template.is_none() => self.faults_of_problem(),
            None => vec!["an answer of a call that the document does not have".to_owned()],
        };
        let call = format!("{} {path} answered {}", self.method, self.status);
        faults.into_iter().map(|fault| format!("{call}: {fault}: {}", self.body)).collect()
    }

    fn faults_of(&self, pointer: &str, operation: &Value) -> Vec<String> {
        if self.body.is_empty() && matches!(self.status, 400 | 431) {
            return Vec::new();
        }
        let responses = format!("{pointer}/responses/{}", self.status);
        let Some(response) = operation["responses"].get(self.status.to_string()) else {
            return vec!["a status that the document does not have".to_owned()];
        };
        let (pointer, response) = OPENAPI.resolve(&responses, response);
        let Some(content) = response["content"].as_object() else {
            return if self.body.is_empty() { Vec::new() } else { vec!["a body where there is none".to_owned()] };
        };
        let media_type = self.media_type.unwrap_or_default().split(';').next().unwrap_or_default();
        if !content.contains_key(media_type) {
            return vec![format!("the type {media_type:?}")];
        }
        if self.method == "HEAD" || !media_type.ends_with("json") {
            return Vec::new();
        }
        self.faults_by(&format!("{pointer}/content/{}/schema", escaped(media_type)))
    }

    fn faults_by(&self, pointer: &str) -> Vec<String> {
        match serde_json::from_str(self.body) {
            Ok(value) => OPENAPI.faults(pointer, &value),
            Err(error) => vec![format!("no JSON: {error}")],
        }
    }

    fn faults_of_problem(&self) -> Vec<String> {
        if self.media_type != Some("application/problem+json") {
            return vec![format!("the type {:?}", self.media_type)];
        }
        if self.method == "HEAD" { Vec::new() } else { self.faults_by("/components/schemas/Problem") }
    }

    /// Checks that `Allow` names the methods of the document.
    fn faults_of_allow(&self, template: Option<&str>) -> Vec<String> {
        let Some(template) = template else { return vec!["the document has no such path".to_owned()] };
        let mut documented: Vec<String> =
            OPENAPI.json["paths"][template].as_object().unwrap().keys().map(|name| name.to_ascii_uppercase()).collect();
        if documented.iter().any(|name| name == "GET") {
            documented.push("HEAD".to_owned());
        }
        documented.push("OPTIONS".to_owned());
        documented.sort_unstable();
        let mut allowed: Vec<&str> = self.allow.unwrap_or_default().split(", ").collect();
        allowed.sort_unstable();
        if allowed == documented { Vec::new() } else { vec![format!("Allow is {:?}, not {documented:?}", self.allow)] }
    }
}

/// The direction of a frame. A type may exist in both directions with different contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    FromDevice,
    FromRelay,
}

/// Returns the frames that the document has for a direction: their type, their message, and the
/// pointer to the schema of the payload.
pub fn described_frames(direction: Direction) -> impl Iterator<Item = (&'static str, &'static Value, String)> {
    let operation = match direction {
        Direction::FromDevice => "fromDevice",
        Direction::FromRelay => "fromRelay",
    };
    let messages = ASYNCAPI.json["operations"][operation]["messages"].as_array().unwrap();
    messages.iter().map(|message| {
        let (pointer, of_channel) = ASYNCAPI.resolve("", message);
        let (_, message) = ASYNCAPI.resolve(&pointer, of_channel);
        let (pointer, schema) = ASYNCAPI.resolve("", &message["payload"]);
        (schema["properties"]["type"]["const"].as_str().unwrap(), message, pointer)
    })
}

/// Returns where a frame differs from the document.
pub fn faults_of_frame(direction: Direction, frame: &Value) -> Vec<String> {
    let Some((_, _, pointer)) = described_frames(direction).find(|(name, _, _)| frame["type"] == *name) else {
        return vec![format!("{direction:?}: a frame of a type that the document does not have: {frame}")];
    };
    let faults = ASYNCAPI.faults(&pointer, frame);
    faults.into_iter().map(|fault| format!("{direction:?}: {fault}: {frame}")).collect()
}

/// Fails the test if a frame from the relay differs from the document.
#[track_caller]
pub fn assert_frame_of_relay(frame: &Value) {
    assert_eq!(faults_of_frame(Direction::FromRelay, frame), [""; 0]);
}
