//! What a relay between two devices may do to their link, and what a broken device may say.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use ferry_history::{
    HistoryError,
    sync::{
        Pipe, Side,
        noise::{self, Code, Trust},
        sync,
    },
};
use ferry_protocol::RoomId;
use proptest::prelude::*;

mod common;

use common::{
    Home, Writer,
    pairs::{connection, fill, sync_whole, two},
    texts,
};

/// How long a side waits for a frame that never comes.
const SILENCE: Duration = Duration::from_millis(300);

/// What happens to a frame on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Alter,
    Drop,
    Repeat,
    /// It comes after the one behind it.
    Swap,
    Cut,
}

/// A stream whose writes meet somebody. A frame is written in one piece: its length, and its bytes.
struct Meddler {
    stream: TcpStream,
    deed: Deed,
    at: usize,
    turn: usize,
    /// A frame that is held back.
    held: Option<Vec<u8>>,
}

impl Meddler {
    fn new(stream: TcpStream, deed: Deed, at: usize) -> Self {
        Self { stream, deed, at, turn: 0, held: None }
    }

    fn pass(&mut self, frame: &[u8]) -> io::Result<()> {
        self.turn += 1;
        if self.turn - 1 == self.at {
            match self.deed {
                Deed::Alter => {
                    let (mut changed, middle) = (frame.to_vec(), 2 + (frame.len() - 2) / 2);
                    changed[middle] ^= 1;
                    return self.stream.write_all(&changed);
                }
                Deed::Drop => return Ok(()),
                Deed::Repeat => self.stream.write_all(frame)?,
                Deed::Swap => {
                    self.held = Some(frame.to_vec());
                    return Ok(());
                }
                Deed::Cut => {
                    self.stream.write_all(&frame[..frame.len() / 2])?;
                    self.stream.shutdown(std::net::Shutdown::Both)?;
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
            }
        }
        self.stream.write_all(frame)?;
        if let Some(held) = self.held.take() {
            self.stream.write_all(&held)?;
        }
        Ok(())
    }
}

impl Read for Meddler {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Meddler {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes {
            // It says which handshake follows, and is no frame.
            [_] => self.stream.write_all(bytes)?,
            frame => self.pass(frame)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[test]
fn who_meddles_on_the_way_ends_the_link_and_changes_nothing() {
    for deed in [Deed::Alter, Deed::Drop, Deed::Repeat, Deed::Swap, Deed::Cut] {
        for at in 0..7 {
            meddle(deed, at, true);
            meddle(deed, at, false);
        }
    }
}

/// Syncs two devices while somebody meddles with one frame of the side that leads, or of the other
/// one.
fn meddle(deed: Deed, at: usize, of_leader: bool) {
    let case = format!("{deed:?} {at} {of_leader}");
    let (home, away) = two();
    let (mut one, mut other) = (home.open(), away.open());
    let (mut bob, mut carol) = (Writer::new(RoomId::new()), Writer::new(RoomId::new()));
    let (mine, theirs) = (fill(&mut one, &mut bob, 30), fill(&mut other, &mut carol, 20));
    let (near_key, far_key, code) = (one.link_key(1).unwrap(), other.link_key(1).unwrap(), Code::generate());
    let (near, far) = connection();
    near.set_read_timeout(Some(SILENCE)).unwrap();
    far.set_read_timeout(Some(SILENCE)).unwrap();
    let never = usize::MAX;
    let mut near = Meddler::new(near, deed, if of_leader { at } else { never });
    let mut far = Meddler::new(far, deed, if of_leader { never } else { at });
    let (led, answered) = std::thread::scope(|scope| {
        let (code, far_key, far, other) = (&code, &far_key, &mut far, &mut other);
        let answers = scope.spawn(move || {
            let trust = Trust { key: far_key, code: Some(code), known: &[] };
            let answered = noise::answer(&mut *far, &trust)
                .and_then(|(mut pipe, _)| sync(other, &mut pipe, Side::Answers, "", 2, &mut |_| true));
            let _ = far.stream.shutdown(std::net::Shutdown::Both);
            answered
        });
        let trust = Trust { key: &near_key, code: Some(code), known: &[] };
        let led = noise::lead(&mut near, &trust)
            .and_then(|(mut pipe, _)| sync(&mut one, &mut pipe, Side::Leads, "", 2, &mut |_| true));
        let _ = near.stream.shutdown(std::net::Shutdown::Both);
        (led, answers.join().unwrap())
    });
    let frames = if of_leader { near.turn } else { far.turn };
    // The last word of each side may be meddled with: then the other one cannot know, and both have
    // everything.
    if at + 1 < frames {
        assert!(led.is_err() || answered.is_err(), "{case} of {frames}");
    }
    for error in [led.err(), answered.err()].into_iter().flatten() {
        assert!(matches!(error, HistoryError::Link(_) | HistoryError::WrongKey(_)), "{case}: {error:?}");
    }
    one.check().unwrap();
    other.check().unwrap();
    // Whatever got through is what was sent.
    for (history, from) in [(&other, &mine), (&one, &theirs)] {
        let sent: Vec<String> = from.iter().filter_map(|record| record.message.body.as_text()).collect();
        assert!(texts(history, from[0].message.room).iter().all(|text| sent.contains(text)), "{case}");
    }
    sync_whole(&mut one, &mut other);
}
/// A device that says what it wants.
struct Script(Vec<Vec<u8>>);

impl Pipe for Script {
    fn send(&mut self, _: &[u8]) -> Result<(), HistoryError> {
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>, HistoryError> {
        if self.0.is_empty() { Err(HistoryError::Link("it has said everything".into())) } else { Ok(self.0.remove(0)) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a broken device of the user says, it ends, and the history is whole.
    #[test]
    fn a_device_that_talks_nonsense_does_no_harm(
        said in proptest::collection::vec((0u8..12, proptest::collection::vec(any::<u8>(), 0..200)), 0..12),
        leads in any::<bool>(),
    ) {
        let home = Home::new();
        let mut history = home.open();
        fill(&mut history, &mut Writer::new(RoomId::new()), 5);
        let before = history.digest().unwrap();
        let hello = format!("\u{1}{{\"version\":1,\"user\":\"{}\"}}", home.owner.user);
        let rest = said.into_iter().map(|(tag, rest)| [&[tag], rest.as_slice()].concat());
        let mut script = Script(std::iter::once(hello.into_bytes()).chain(rest).collect());
        let side = if leads { Side::Leads } else { Side::Answers };
        let _ = sync(&mut history, &mut script, side, "", 2, &mut |_| true);
        prop_assert_eq!(history.digest().unwrap(), before);
        history.check().unwrap();
    }
}

#[test]
fn records_of_a_later_version_are_left_out_and_the_rest_comes() {
    let home = Home::new();
    let mut history = home.open();
    let packed = |line: &str| {
        let mut packed = flate2::write::GzEncoder::new(vec![6], flate2::Compression::fast());
        packed.write_all(line.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let record = Writer::new(RoomId::new()).says("known").to_json();
    let hello = format!("\u{1}{{\"version\":1,\"user\":\"{}\"}}", home.owner.user).into_bytes();
    let months = [&[2][..], &(2_026 * 12_i64).to_be_bytes(), &2_u64.to_be_bytes(), &[7; 32]].concat();
    let said = [hello, months, packed("zsomething later\n"), packed(&format!("m{record}\n")), vec![7], vec![9]];
    sync(&mut history, &mut Script(said.into()), Side::Answers, "", 2, &mut |_| true).unwrap();
    assert_eq!(history.status().unwrap().messages, 1);
}

/// A device that says one thing for ever.
struct Endless {
    hello: Option<Vec<u8>>,
    says: Vec<u8>,
    times: usize,
}

impl Pipe for Endless {
    fn send(&mut self, _: &[u8]) -> Result<(), HistoryError> {
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>, HistoryError> {
        self.times += 1;
        assert!(self.times < 50_000, "it does not end");
        Ok(self.hello.take().unwrap_or_else(|| self.says.clone()))
    }
}

#[test]
fn a_device_that_never_comes_to_an_end_is_given_up() {
    let record = Writer::new(RoomId::new()).says("again").to_json();
    let mut packed = flate2::write::GzEncoder::new(vec![6], flate2::Compression::fast());
    packed.write_all(format!("m{record}\n").as_bytes()).unwrap();
    let month = 2_026 * 12_i64;
    let months = [&[2][..], &month.to_be_bytes(), &1_000_000_u64.to_be_bytes(), &[7; 32]].concat();
    for says in [
        months,
        vec![2],
        [&[3][..], &month.to_be_bytes(), &[0x61, 0, 0, 2, 0]].concat(),
        [&[4][..], &month.to_be_bytes()].concat(),
        [&[5][..], &month.to_be_bytes(), &[9; 32]].concat(),
        packed.finish().unwrap(),
        vec![7],
        vec![8],
    ] {
        for side in [Side::Leads, Side::Answers] {
            let home = Home::new();
            let mut history = home.open();
            fill(&mut history, &mut Writer::new(RoomId::new()), 5);
            let hello = Some(format!("\u{1}{{\"version\":1,\"user\":\"{}\"}}", home.owner.user).into_bytes());
            let tag = says[0];
            let mut endless = Endless { hello, says: says.clone(), times: 0 };
            let error = sync(&mut history, &mut endless, side, "", 2, &mut |_| true).unwrap_err();
            assert!(matches!(error, HistoryError::Link(_)), "{tag} {side:?}: {error:?}");
            history.check().unwrap();
        }
    }
}
