//! A message as a relay delivered it, with the fields that this version does not know.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use ferry_protocol::{Body, KIND_TEXT, KnownBody, Message, MessageId, Stream, Target, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The message came live and was not handed to the person yet.
pub(crate) const UNPRINTED: i64 = 1;
/// The content is removed, because the message is deleted.
pub(crate) const SCRUBBED: i64 = 2;
/// The message came after the person had read beyond it.
pub(crate) const LATE: i64 = 4;
/// The message was sent over HTTP. It is a bit, because it is true of most.
pub(crate) const HTTP: i64 = 8;
/// The message is sealed, and may be opened later.
pub(crate) const PENDING: i64 = 16;
/// The message is sealed, and this device will never open it.
pub(crate) const LOST: i64 = 32;
/// The message is not open, so it is no record.
pub(crate) const UNOPENED: i64 = PENDING | LOST;
/// The epoch is the time of the message, as it is over HTTP. The column has 0 then, which takes no
/// room.
pub(crate) const EPOCH_IS_TIME: i64 = 64;
/// The epoch of a row `m` of messages.
pub(crate) const EPOCH: &str = "iif(m.state & 64, m.sent_at, m.epoch)";
/// Whether a row `m` of messages is a record.
pub(crate) const IS_RECORD: &str = "m.state & 48 = 0";
const _: () = assert!(EPOCH_IS_TIME == 64 && UNOPENED == 48, "SQL has these numbers");

/// The fields of a frame that are no part of the message, and those of [`Message`].
const KNOWN: [&str; 15] = [
    "type",
    "delivery",
    "redelivered",
    "id",
    "room",
    "from",
    "kind",
    "body",
    "reply_to",
    "mentions",
    "content_type",
    "stream",
    "epoch",
    "seq",
    "sent_at",
];

/// The error for text that is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a message: {0}")]
pub struct BadRecord(String);

impl BadRecord {
    pub(crate) fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

/// A message with all of its fields. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The message.
    pub message: Message,
    /// The fields that this version does not know, each with its JSON.
    unknown: BTreeMap<String, String>,
}

impl From<Message> for Record {
    fn from(message: Message) -> Self {
        Self { message: with_one_line(message), unknown: BTreeMap::new() }
    }
}

impl Record {
    /// Reads a message: the object of the protocol, or the frame that delivers it.
    ///
    /// # Errors
    /// Fails if the text is no message. The error repeats nothing of it.
    pub fn from_json(json: &str) -> Result<Self, BadRecord> {
        #[derive(Deserialize)]
        struct Frame<'a> {
            #[serde(borrow)]
            message: Option<&'a RawValue>,
        }
        let bad = |error: serde_json::Error| BadRecord(ferry_protocol::describe(&error));
        let frame: Frame<'_> = serde_json::from_str(json).map_err(bad)?;
        Ok(Self::from_line(frame.message.map_or(json, RawValue::get))?.without_own_fields())
    }

    /// Reads the object of a message, and no frame: a field `message` is one that nobody knows.
    pub(crate) fn from_line(json: &str) -> Result<Self, BadRecord> {
        let bad = |error: serde_json::Error| BadRecord(ferry_protocol::describe(&error));
        let message: Message = serde_json::from_str(json).map_err(bad)?;
        let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json).map_err(bad)?;
        let unknown = fields.into_iter().filter(|(name, _)| !KNOWN.contains(&name.as_ref()) && name != "after");
        let unknown = unknown.map(|(name, value)| (name.into_owned(), one_line(value.get()))).collect();
        Ok(Self { message: with_one_line(message), unknown })
    }

    /// Returns the message object of the protocol, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Ferry's types have text keys only, so writing them cannot fail.
        let mut json = one_line(&serde_json::to_string(&self.message).unwrap_or_default());
        for (name, value) in &self.unknown {
            json.pop();
            json.push_str(&format!(",{}:{value}}}", serde_json::Value::from(name.as_str())));
        }
        json
    }

    /// Removes fields that only this crate writes. A relay has no business with them.
    pub(crate) fn without_own_fields(mut self) -> Self {
        self.unknown.retain(|name, _| !name.starts_with("ferry."));
        self
    }

    /// Adds a field that only this crate writes.
    pub(crate) fn set_unknown(&mut self, name: &str, value: &impl serde::Serialize) {
        // Ferry's types have text keys only, so writing them cannot fail.
        self.unknown.insert(name.to_owned(), serde_json::to_string(value).unwrap_or_default());
    }

    /// Returns the record with a body on one line.
    pub(crate) fn one_line(mut self) -> Self {
        self.message = with_one_line(self.message);
        self
    }

    /// Takes one of the unknown fields away, and returns its JSON.
    pub(crate) fn take_unknown(&mut self, name: &str) -> Option<String> {
        self.unknown.remove(name)
    }

    /// Returns the message that this one acts on, if its kind says that it acts on one.
    pub(crate) fn acts_on(&self) -> Option<Target> {
        KnownBody::parse(&self.message.kind, &self.message.body).ok().flatten()?.target()
    }

    /// Returns the words to search for: the text of a text, an edit or a forward.
    pub(crate) fn text(&self) -> Option<String> {
        text_of(&self.message.kind, &self.message.body)
    }

    /// Returns the fields without a column, as a JSON object. `None` if there are none.
    pub(crate) fn extra(&self) -> Option<String> {
        let Message { reply_to, mentions, content_type, .. } = &self.message;
        let mut fields: BTreeMap<&str, String> = BTreeMap::new();
        let json = |value: serde_json::Value| value.to_string();
        if let Some(id) = reply_to {
            fields.insert("reply_to", json(id.to_string().into()));
        }
        if !mentions.is_empty() {
            fields.insert("mentions", json(mentions.iter().map(UserId::to_string).collect()));
        }
        if let Some(media_type) = content_type {
            fields.insert("content_type", json(media_type.as_str().into()));
        }
        fields.extend(self.unknown.iter().map(|(name, value)| (name.as_str(), value.clone())));
        (!fields.is_empty()).then(|| object(&fields))
    }

    /// Returns the bits of a message's state that follow from the message.
    pub(crate) fn state(&self) -> i64 {
        let Message { stream, epoch, sent_at, .. } = &self.message;
        let http = if stream.is_socket() { 0 } else { HTTP };
        http | if epoch == sent_at { EPOCH_IS_TIME } else { 0 }
    }

    /// Puts the fields of [`Self::extra`] back.
    pub(crate) fn set_extra(&mut self, json: &str) -> Result<(), BadRecord> {
        #[derive(Deserialize)]
        struct Known {
            #[serde(default)]
            reply_to: Option<MessageId>,
            #[serde(default)]
            mentions: Vec<UserId>,
            #[serde(default)]
            content_type: Option<String>,
            // Only version 1 of the tables has it here.
            #[serde(default)]
            stream: Option<Stream>,
        }
        let bad = |error: serde_json::Error| BadRecord(ferry_protocol::describe(&error));
        let known: Known = serde_json::from_str(json).map_err(bad)?;
        let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json).map_err(bad)?;
        let message = &mut self.message;
        (message.reply_to, message.mentions) = (known.reply_to, known.mentions);
        message.content_type = known.content_type;
        message.stream = known.stream.unwrap_or(message.stream);
        let unknown = fields.into_iter().filter(|(name, _)| !KNOWN.contains(&name.as_ref()));
        self.unknown = unknown.map(|(name, value)| (name.into_owned(), value.get().to_owned())).collect();
        Ok(())
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body redacts itself. Of the unknown fields nobody knows what they tell.
        f.debug_struct("Record").field("message", &self.message).field("unknown", &self.unknown.len()).finish()
    }
}

/// Returns the words of a body to search for.
pub(crate) fn text_of(kind: &str, body: &Body) -> Option<String> {
    if kind == KIND_TEXT {
        return body.as_text();
    }
    match KnownBody::parse(kind, body).ok().flatten()? {
        KnownBody::Text(text) | KnownBody::Edit { body: text, .. } => Some(text),
        KnownBody::Forward(forward) => forward.body.as_text(),
        _ => None,
    }
}

/// Returns what orders the copies of a message: the least one counts.
pub(crate) fn stamp(message: &Message) -> (i64, i64, i64) {
    (message.sent_at, message.epoch, seq(message))
}

/// Returns the number of a message in its stream, as SQLite stores it. Relays send none above 2^53.
pub(crate) fn seq(message: &Message) -> i64 {
    i64::try_from(message.seq).unwrap_or(i64::MAX)
}

fn object(fields: &BTreeMap<&str, String>) -> String {
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}:{value}", serde_json::Value::from(*name))).collect();
    format!("{{{}}}", fields.join(","))
}

/// Returns a message whose body is on one line. A body is passed on as its sender wrote it, and a
/// record is a line.
pub(crate) fn with_one_line(mut message: Message) -> Message {
    if message.body.get().contains(['\n', '\r'])
        && let Ok(body) = serde_json::from_str(&one_line(message.body.get()))
    {
        message.body = body;
    }
    message
}

/// Returns JSON without line breaks. In JSON they can stand only between tokens.
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &str = r#"{"type":"message","delivery":"0123","redelivered":false,"message":{
        "id":"01a1fc99-2a1c-7098-8e77-5261408728b4","room":"01a1fc99-2a1c-7098-8e77-5261408728b5",
        "from":{"user":"01a1fc99-2a1c-7098-8e77-5261408728b6","device":"01a1fc99-2a1c-7098-8e77-5261408728b7","role":"member"},
        "kind":"text","body":"hello","stream":"http","epoch":1,"seq":2,"sent_at":3,
        "colour":{"r": 1,
          "g":2}}}"#;

    #[test]
    fn fields_that_nobody_knows_are_kept() {
        let record = Record::from_json(FRAME).unwrap();
        assert_eq!((record.message.body.as_text().unwrap().as_str(), record.message.seq), ("hello", 2));
        let json = record.to_json();
        assert!(json.contains(r#""colour":{"r": 1,"#) && !json.contains('\n') && !json.contains("delivery"), "{json}");
        assert_eq!(Record::from_json(&json).unwrap(), record);
        let mut again = Record::from(record.message.clone());
        again.set_extra(&record.extra().unwrap()).unwrap();
        assert_eq!(again, record);
        assert_eq!(record.state(), HTTP);
        again.message.epoch = again.message.sent_at;
        assert_eq!(again.state(), HTTP | EPOCH_IS_TIME);
        // As version 1 of the tables has it.
        let mut old = Record::from(Message { stream: Stream::Socket, ..record.message.clone() });
        old.set_extra(r#"{"stream":"http"}"#).unwrap();
        assert_eq!(old.message.stream, Stream::Http);
    }

    #[test]
    fn no_error_and_no_debug_repeats_what_was_written() {
        let canary = FRAME.replace("\"seq\":2", "\"seq\":\"canary\"");
        assert!(!Record::from_json(&canary).unwrap_err().to_string().contains("canary"));
        let canary = FRAME.replace("hello", "canary").replace("\"r\": 1", "\"r\": \"canary\"");
        assert!(!format!("{:?}", Record::from_json(&canary).unwrap()).contains("canary"));
    }
}
