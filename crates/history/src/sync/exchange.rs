//! The exchange: one side leads, and the other one answers.

use std::mem;

use ferry_protocol::DeviceId;
use negentropy::{Id, Negentropy};

use super::{
    Pipe,
    budget::{Budget, ROUNDS, endless, turns},
    link,
    message::{Hello, IDS, RECORDS, Say, VERSION},
    month::Records,
};
use crate::{
    Digest, History, HistoryError, Month, Result, Spans,
    cells::{DEVICE, value_of},
    digest::{RecordId, month_of},
    floors::Floors,
    item::Item,
    progress::{Ticker, Watch},
    union::United,
};

/// The most bytes of one message of the search.
const FRAME: u64 = 1 << 20;
/// How many records are stored in one transaction.
const BATCH: usize = 2_000;

/// Which side a device is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It leads: the one that connected.
    Leads,
    /// It answers.
    Answers,
}

/// What a sync has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Synced {
    /// The other device, if it collects messages.
    pub with: Option<DeviceId>,
    /// The name of the other device. It may say anything.
    pub name: String,
    /// How many messages this history did not have.
    pub new_messages: u64,
    /// How many records the other side got.
    pub sent: u64,
    /// How many messages this history has forgotten, because the user has said so on another
    /// device.
    pub forgotten: u64,
    /// Whether both have the same now. If not, messages came meanwhile: sync again.
    pub is_equal: bool,
}

/// Makes two histories of one user equal. Whatever ends it, what is stored stays, and the next
/// sync goes on from there.
///
/// # Errors
/// Fails with [`HistoryError::OtherOwner`] if the other side is another user's, with
/// [`HistoryError::Link`] if it is gone or broken, with [`HistoryError::Interrupted`] if the watch
/// says so, and if the history cannot be read or written. The other side is told.
pub fn sync(
    history: &mut History,
    pipe: &mut dyn Pipe,
    side: Side,
    name: &str,
    now: i64,
    watch: &mut Watch<'_>,
) -> Result<Synced> {
    let mut exchange = Exchange {
        history,
        pipe,
        now,
        ticker: Ticker::new(watch, 0),
        synced: Synced::default(),
        open: None,
        budget: Budget::default(),
        whole: Spans::default(),
        floors: Floors::default(),
        asked: Floors::default(),
    };
    let done = exchange.greet(name).and_then(|()| match side {
        Side::Leads => exchange.lead(),
        Side::Answers => exchange.answer(),
    });
    match done {
        Ok(()) => {
            exchange.cover()?;
            exchange.forget()?;
            exchange.history.tidy()?;
            Ok(exchange.synced)
        }
        Err(error) => {
            // It may be gone. What failed here is nothing that it has to know.
            let why = match &error {
                HistoryError::OtherOwner | HistoryError::Link(_) => error.to_string(),
                HistoryError::Full => "the disk of the other device is full".to_owned(),
                HistoryError::Interrupted => "the other device was interrupted".to_owned(),
                _ => "the other device cannot use its history".to_owned(),
            };
            let _ = exchange.say(&Say::Error(why));
            Err(error)
        }
    }
}

struct Exchange<'a, 'b> {
    history: &'a mut History,
    pipe: &'a mut dyn Pipe,
    now: i64,
    ticker: Ticker<'a, 'b>,
    synced: Synced,
    /// The month that was asked about last.
    open: Option<Records>,
    /// What the other side may ask and send.
    budget: Budget,
    /// The times from which the other side has everything.
    whole: Spans,
    /// What either side has forgotten: it is not compared.
    floors: Floors,
    /// What the other side was asked to forget.
    asked: Floors,
}

impl Exchange<'_, '_> {
    /// Notes that this side now has what the other one had.
    fn cover(&mut self) -> Result<()> {
        if !self.synced.is_equal {
            return Ok(());
        }
        let mut batch = self.history.begin()?;
        batch.covers(&self.whole, self.now)?;
        batch.commit()
    }

    /// Forgets what the user has said on the other device.
    fn forget(&mut self) -> Result<()> {
        let (asked, watch) = (std::mem::take(&mut self.asked), self.ticker.watch());
        self.synced.forgotten = self.history.forget_as_asked(&asked, self.now, watch)?;
        Ok(())
    }

    fn say(&mut self, say: &Say) -> Result<()> {
        self.pipe.send(&say.to_bytes()?)
    }

    fn hear(&mut self) -> Result<Say> {
        match Say::read(&self.pipe.receive()?)? {
            Say::Error(why) => Err(link(why)),
            say => Ok(say),
        }
    }

    fn greet(&mut self, name: &str) -> Result<()> {
        let user = self.history.owner.user;
        let device: Option<DeviceId> = value_of(&self.history.conn, DEVICE, b"device")?;
        let (whole, floors, asked) = (self.history.whole()?, self.history.floors()?, self.history.asked()?);
        self.say(&Say::Hello(Hello {
            version: VERSION,
            user,
            device,
            name: name.to_owned(),
            whole,
            floors: floors.clone(),
            asked: asked.clone(),
        }))?;
        let Say::Hello(hello) = self.hear()? else { return Err(unexpected()) };
        if hello.user != user {
            return Err(HistoryError::OtherOwner);
        }
        if hello.version != VERSION {
            return Err(link("the other device has another version of Ferry"));
        }
        (self.whole, self.floors) = (hello.whole, floors.with(&hello.floors));
        // What one of them is about to forget is not sent to it first.
        self.floors = std::mem::take(&mut self.floors).with(&asked).with(&hello.asked);
        self.asked = hello.asked;
        (self.synced.with, self.synced.name) = (hello.device, hello.name.chars().take(100).collect());
        Ok(())
    }

    /// Returns the months of this side, without what either side has forgotten.
    fn digest(&self) -> Result<Digest> {
        let mut digest = self.history.digest()?;
        let Some(latest) = self.floors.latest() else { return Ok(digest) };
        for (month, sum) in digest.0.range_mut(..=month_of(latest)) {
            *sum = Records::of(self.history, *month, &self.floors)?.sum();
        }
        digest.0.retain(|_, sum| sum.count > 0);
        Ok(digest)
    }

    fn lead(&mut self) -> Result<()> {
        for _ in 0..ROUNDS {
            let mine = self.digest()?;
            self.say(&Say::Months(mine.clone()))?;
            let Say::Months(theirs) = self.hear()? else { return Err(unexpected()) };
            let differing = differing(&mine, &theirs);
            if differing.is_empty() {
                self.synced.is_equal = true;
                break;
            }
            self.ticker.expect(lacking(&differing));
            // The newest month first: it is what a person looks at.
            for (month, mine, theirs) in differing.into_iter().rev() {
                self.month(month, mine, theirs)?;
            }
        }
        self.say(&Say::Done)?;
        match self.hear()? {
            Say::Done => Ok(()),
            _ => Err(unexpected()),
        }
    }

    fn month(&mut self, month: i64, mine: Month, theirs: Month) -> Result<()> {
        let records = Records::of(self.history, month, &self.floors)?;
        let (have, need) = match (mine.count, theirs.count) {
            (0, _) => {
                self.say(&Say::NeedMonth(month))?;
                self.budget.expect(theirs.count, false);
                return self.take();
            }
            (_, 0) => (records.ids(), Vec::new()),
            _ => self.search(&records, turns(mine, theirs))?,
        };
        for ids in need.chunks(IDS) {
            self.say(&Say::Need { month, ids: ids.to_vec() })?;
            self.budget.expect(u64::try_from(ids.len()).unwrap_or_default(), true);
            self.take()?;
        }
        if !have.is_empty() {
            self.give(&records, &have)?;
            let Say::Stored = self.hear()? else { return Err(unexpected()) };
        }
        Ok(())
    }

    /// Returns the ids that only this side has, and those that only the other one has.
    fn search(&mut self, records: &Records, turns: usize) -> Result<(Vec<RecordId>, Vec<RecordId>)> {
        let mut negentropy = Negentropy::borrowed(&records.times, FRAME).map_err(broken)?;
        let mut query = negentropy.initiate().map_err(broken)?;
        let (mut have, mut need) = (Vec::new(), Vec::new());
        for _ in 0..turns {
            self.say(&Say::Reconcile { month: records.month, query })?;
            let Say::Reconcile { month, query: answer } = self.hear()? else { return Err(unexpected()) };
            if month != records.month {
                return Err(unexpected());
            }
            match negentropy.reconcile_with_ids(&answer, &mut have, &mut need).map_err(broken)? {
                Some(next) => query = next,
                None => {
                    let bytes = |ids: Vec<Id>| ids.into_iter().map(|id| id.to_bytes()).collect();
                    return Ok((bytes(have), bytes(need)));
                }
            }
        }
        Err(endless())
    }

    fn answer(&mut self) -> Result<()> {
        loop {
            let said = self.hear()?;
            if !matches!(said, Say::Months(_) | Say::Done) {
                self.budget.step()?;
            }
            match said {
                Say::Months(theirs) => {
                    let mine = self.digest()?;
                    let differing = differing(&mine, &theirs);
                    self.ticker.expect(lacking(&differing));
                    self.synced.is_equal = differing.is_empty();
                    self.budget.round(&differing)?;
                    self.open = None;
                    self.say(&Say::Months(mine))?;
                }
                Say::Reconcile { month, query } => {
                    let records = self.records_of(month)?;
                    let mut negentropy = Negentropy::borrowed(&records.times, FRAME).map_err(broken)?;
                    let answer = negentropy.reconcile(&query).map_err(broken)?;
                    self.say(&Say::Reconcile { month, query: answer })?;
                }
                Say::NeedMonth(month) => {
                    let records = Records::of(self.history, month, &self.floors)?;
                    let ids = records.ids();
                    self.give(&records, &ids)?;
                }
                Say::Need { month, ids } => {
                    self.records_of(month)?;
                    // It is put back after the call, which needs all of this.
                    let Some(records) = self.open.take() else { return Err(unexpected()) };
                    self.give(&records, &ids)?;
                    self.open = Some(records);
                }
                say @ (Say::Records(_) | Say::End) => {
                    self.take_from(Some(say))?;
                    self.open = None;
                    self.say(&Say::Stored)?;
                }
                Say::Done => return self.say(&Say::Done),
                _ => return Err(unexpected()),
            }
        }
    }

    fn records_of(&mut self, month: i64) -> Result<&Records> {
        if self.open.as_ref().is_none_or(|open| open.month != month) {
            self.open = Some(Records::of(self.history, month, &self.floors)?);
        }
        self.open.as_ref().ok_or_else(unexpected)
    }

    /// Sends records, and that there are no more.
    fn give(&mut self, records: &Records, ids: &[RecordId]) -> Result<()> {
        let (mut items, mut size) = (Vec::new(), 0);
        for id in ids {
            let Some(item) = records.item(self.history, id)? else { continue };
            size += item.to_line().len();
            items.push(item);
            if size >= RECORDS {
                self.give_some(&mut items)?;
                size = 0;
            }
        }
        self.give_some(&mut items)?;
        self.say(&Say::End)
    }

    fn give_some(&mut self, items: &mut Vec<Item>) -> Result<()> {
        let items = mem::take(items);
        let count = u64::try_from(items.len()).unwrap_or_default();
        if count > 0 {
            self.say(&Say::Records(items))?;
        }
        self.synced.sent += count;
        self.ticker.done(count)
    }

    /// Stores what the other side sends, until it has no more.
    fn take(&mut self) -> Result<()> {
        self.take_from(None)
    }

    fn take_from(&mut self, first: Option<Say>) -> Result<()> {
        let mut next = first;
        loop {
            let say = match next.take() {
                Some(say) => say,
                None => self.hear()?,
            };
            match say {
                Say::Records(mut items) => {
                    let count = u64::try_from(items.len()).unwrap_or_default();
                    self.budget.came(count)?;
                    while !items.is_empty() {
                        let rest = items.split_off(items.len().min(BATCH));
                        self.store(mem::replace(&mut items, rest))?;
                    }
                    self.ticker.done(count)?;
                }
                Say::End => return Ok(()),
                _ => return Err(unexpected()),
            }
        }
    }

    fn store(&mut self, items: Vec<Item>) -> Result<()> {
        let mut batch = self.history.begin()?;
        let mut new = 0;
        for item in items {
            new += u64::from(batch.unite(item, self.now)? == United::New);
        }
        batch.commit()?;
        self.synced.new_messages += new;
        Ok(())
    }
}

/// Returns the months in which two histories differ, the earliest first.
fn differing(mine: &Digest, theirs: &Digest) -> Vec<(i64, Month, Month)> {
    let mut months: Vec<i64> = mine.0.keys().chain(theirs.0.keys()).copied().collect();
    months.sort_unstable();
    months.dedup();
    let of = |digest: &Digest, month| digest.0.get(&month).copied().unwrap_or_default();
    let both = months.into_iter().map(|month| (month, of(mine, month), of(theirs, month)));
    both.filter(|(_, mine, theirs)| mine != theirs).collect()
}

/// Returns how many records go from one side to the other, about. The other side may say any
/// number.
fn lacking(differing: &[(i64, Month, Month)]) -> u64 {
    differing.iter().map(|(_, mine, theirs)| mine.count.abs_diff(theirs.count)).fold(0, u64::saturating_add)
}

fn unexpected() -> HistoryError {
    link("the other device said something that it should not say now")
}

fn broken(error: negentropy::Error) -> HistoryError {
    link(format!("the search for missing records failed: {error}"))
}
