//! What two devices say to each other: a byte that says what it is, and then the rest.

use std::io::{BufRead, Read, Write};

use ferry_protocol::{DeviceId, UserId};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};

use super::{MESSAGE, link};
use crate::{
    Digest, HistoryError, Month, Result, Spans,
    digest::RecordId,
    floors::Floors,
    item::{Item, Section},
};

/// The version of the protocol. Devices with other versions do not sync.
pub(super) const VERSION: u32 = 1;
/// The most months that a side may have: about 400 years.
const MONTHS: usize = 5_000;
/// The most ids in one question.
pub(super) const IDS: usize = 10_000;
/// About how many bytes of records go into one message, before they are compressed. What the other
/// side has to hold is bounded by that.
pub(super) const RECORDS: usize = 512 << 10;
/// The most bytes of records in one message.
const UNPACKED: u64 = 8 << 20;

/// The first message of each side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) version: u32,
    pub(super) user: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<DeviceId>,
    /// How this device is called, for the person.
    #[serde(default)]
    pub(super) name: String,
    /// The times from which it has everything.
    #[serde(default)]
    pub(super) whole: Spans,
    /// What it has forgotten.
    #[serde(default)]
    pub(super) floors: Floors,
    /// What its user wants all devices to forget.
    #[serde(default)]
    pub(super) asked: Floors,
}

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// Who speaks.
    Hello(Hello),
    /// The months of the side that speaks.
    Months(Digest),
    /// A step of the search for what a month lacks.
    Reconcile { month: i64, query: Vec<u8> },
    /// Asks for everything of a month.
    NeedMonth(i64),
    /// Asks for records of a month.
    Need { month: i64, ids: Vec<RecordId> },
    /// Some records.
    Records(Vec<Item>),
    /// No more records come.
    End,
    /// The records until [`Say::End`] are on the disk.
    Stored,
    /// Everything is exchanged.
    Done,
    /// The side that speaks gives up, and why.
    Error(String),
}

const SECTIONS: [(u8, Section); 4] =
    [(b'm', Section::Messages), (b'n', Section::Notices), (b'o', Section::Outcomes), (b'c', Section::Cells)];

impl Say {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let json = |value: &Hello| serde_json::to_vec(value).unwrap_or_default();
        let (tag, rest) = match self {
            Self::Hello(hello) => (1, json(hello)),
            Self::Months(Digest(months)) => {
                let month = |(number, month): (&i64, &Month)| {
                    [&number.to_be_bytes()[..], &month.count.to_be_bytes(), &month.sum].concat()
                };
                (2, months.iter().flat_map(month).collect())
            }
            Self::Reconcile { month, query } => (3, [&month.to_be_bytes(), query.as_slice()].concat()),
            Self::NeedMonth(month) => (4, month.to_be_bytes().to_vec()),
            Self::Need { month, ids } => (5, [&month.to_be_bytes(), ids.concat().as_slice()].concat()),
            Self::Records(items) => (6, packed(items)?),
            Self::End => (7, Vec::new()),
            Self::Stored => (8, Vec::new()),
            Self::Done => (9, Vec::new()),
            Self::Error(why) => (10, why.clone().into_bytes()),
        };
        Ok([&[tag], rest.as_slice()].concat())
    }

    /// Reads a message. The other side may be broken, so everything is bounded.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let bad = || link("the other device sent what no device sends");
        let (tag, rest) = bytes.split_first().ok_or_else(bad)?;
        let month = || -> Result<(i64, &[u8])> {
            let (month, rest) = rest.split_first_chunk().ok_or_else(bad)?;
            Ok((i64::from_be_bytes(*month), rest))
        };
        Ok(match tag {
            1 => Self::Hello(serde_json::from_slice(rest).map_err(|_| bad())?),
            2 => Self::Months(months(rest).ok_or_else(bad)?),
            3 => {
                let (month, query) = month()?;
                Self::Reconcile { month, query: query.to_vec() }
            }
            4 => Self::NeedMonth(month()?.0),
            5 => {
                let (month, ids) = month()?;
                let (ids, rest) = ids.as_chunks();
                if !rest.is_empty() || ids.len() > IDS {
                    return Err(bad());
                }
                Self::Need { month, ids: ids.to_vec() }
            }
            6 => Self::Records(unpacked(rest)?),
            7 => Self::End,
            8 => Self::Stored,
            9 => Self::Done,
            10 => Self::Error(String::from_utf8_lossy(rest).chars().take(200).collect()),
            _ => return Err(bad()),
        })
    }
}

fn months(bytes: &[u8]) -> Option<Digest> {
    let (months, rest) = bytes.as_chunks::<48>();
    if !rest.is_empty() || months.len() > MONTHS {
        return None;
    }
    let month = |bytes: &[u8; 48]| {
        let (number, rest) = bytes.split_first_chunk()?;
        let (count, sum) = rest.split_first_chunk()?;
        let month = Month { count: u64::from_be_bytes(*count), sum: sum.try_into().ok()? };
        Some((i64::from_be_bytes(*number), month))
    };
    months.iter().map(month).collect::<Option<_>>().map(Digest)
}

/// Returns records as lines, compressed. Each line begins with a letter for its kind.
fn packed(items: &[Item]) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| HistoryError::Io(error.to_string());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    for item in items {
        let section = item.section();
        let letter = SECTIONS.iter().find(|(_, known)| *known == section).map_or(b'?', |(letter, _)| *letter);
        gzip.write_all(&[letter]).map_err(failed)?;
        gzip.write_all(item.to_line().as_bytes()).map_err(failed)?;
        gzip.write_all(b"\n").map_err(failed)?;
    }
    let packed = gzip.finish().map_err(failed)?;
    match packed.len() < MESSAGE {
        true => Ok(packed),
        false => Err(link("a record is too large to be sent")),
    }
}

fn unpacked(bytes: &[u8]) -> Result<Vec<Item>> {
    let bad = |_| link("the other device sent records that cannot be read");
    let mut reader = std::io::BufReader::new(GzDecoder::new(bytes).take(UNPACKED));
    let (mut items, mut line) = (Vec::new(), Vec::new());
    while reader.read_until(b'\n', &mut line).map_err(bad)? > 0 {
        let text = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
        let (letter, text) = text.and_then(|text| text.split_at_checked(1)).ok_or(()).map_err(bad_line)?;
        // A kind of record that only a later version knows: this device keeps without it.
        if let Some((_, section)) = SECTIONS.iter().find(|(known, _)| letter.as_bytes() == [*known]) {
            items.push(Item::from_line(*section, text).map_err(bad_line)?);
        }
        line.clear();
    }
    Ok(items)
}

fn bad_line<E>(_: E) -> HistoryError {
    link("the other device sent records that cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let month = Month { count: 7, sum: [9; 32] };
        for say in [
            Say::Hello(Hello {
                version: 1,
                user: UserId::new(),
                device: None,
                name: "phone".into(),
                whole: Spans::default(),
                floors: Floors::default(),
                asked: Floors { everywhere: 7, rooms: [(ferry_protocol::RoomId::new(), 9)].into() },
            }),
            Say::Months(Digest([(24_000, month), (24_001, month)].into())),
            Say::Reconcile { month: 24_000, query: vec![1, 2, 3] },
            Say::NeedMonth(-1),
            Say::Need { month: 5, ids: vec![[1; 32], [2; 32]] },
            Say::Records(Vec::new()),
            Say::End,
            Say::Stored,
            Say::Done,
            Say::Error("why".into()),
        ] {
            assert_eq!(Say::read(&say.to_bytes().unwrap()).unwrap(), say);
        }
    }

    #[test]
    fn garbage_is_refused() {
        let long = [&[5][..], &[0; 8], &vec![0; 32 * (IDS + 1)]].concat();
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        bomb.write_all(&vec![b'm'; 20 << 20]).unwrap();
        let bomb = [&[6][..], &bomb.finish().unwrap()].concat();
        for garbage in
            [&[][..], &[0], &[11], &[1, b'x'], &[2; 40], &[3, 0], &[5, 0, 0, 0, 0, 0, 0, 0, 0, 1], &long, &bomb]
        {
            assert!(matches!(Say::read(garbage), Err(HistoryError::Link(_))), "{:?}", garbage.get(..20));
        }
    }
}
