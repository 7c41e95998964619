//! Reads the vectors beside this file and runs them. The unit tests of several crates include it,
//! because the types that they test are private to their crates.

#![allow(dead_code, reason = "no crate needs all of it")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    cases: Vec<Case>,
}

/// What must hold of one thing under test.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) given: Value,
    pub(crate) steps: Vec<Step>,
    #[serde(default)]
    pub(crate) then: Value,
}

/// A call of the thing under test.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    #[serde(rename = "do")]
    pub(crate) call: String,
    #[serde(default)]
    pub(crate) with: Value,
    // `null` is an answer too.
    #[serde(default, deserialize_with = "present")]
    pub(crate) expect: Option<Value>,
}

fn present<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(json).map(Some)
}

/// Returns the bytes of a file of vectors. Panics if it is not there.
pub(crate) fn bytes(file: &str) -> Vec<u8> {
    fs::read(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

pub(crate) fn path(file: &str) -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut folders = above.map(|folder| folder.join("crates/client/vectors"));
    folders.find(|folder| folder.is_dir()).expect("crates/client/vectors").join(file)
}

/// Returns the cases of a file. Panics if the file is not there, or has none.
pub(crate) fn cases(file: &str) -> Vec<Case> {
    parse(file, &bytes(file))
}

pub(crate) fn parse(file: &str, json: &[u8]) -> Vec<Case> {
    let read: File = serde_json::from_slice(json).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(read.version, 1, "{file}");
    assert!(!read.cases.is_empty(), "{file} has no case");
    read.cases
}

impl Case {
    /// Runs the steps in order. Panics at the first answer that is not the expected one.
    pub(crate) fn run(&self, mut call: impl FnMut(&Step) -> Value) {
        for (at, step) in self.steps.iter().enumerate() {
            let answer = call(step);
            if let Some(expected) = &step.expect {
                assert_eq!(&answer, expected, "{}, step {at}: {} {}", self.name, step.call, step.with);
            }
        }
    }
}

impl Step {
    /// Returns an argument. One that is left out reads as `null`.
    pub(crate) fn get<T: DeserializeOwned>(&self, argument: &str) -> T {
        read(self.with.get(argument).cloned().unwrap_or_default())
    }

    /// Panics for a call that the runner does not know.
    pub(crate) fn unknown(&self) -> ! {
        panic!("no such call: {}", self.call)
    }
}

/// Reads a value of a vector. Panics if it is another one than the runner needs.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> T {
    let text = value.to_string();
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}: {text}"))
}
