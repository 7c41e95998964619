//! How much the other device may ask and send before it counts as broken. A real one comes to an
//! end.

use super::{link, message::IDS};
use crate::{HistoryError, Month, Result};

/// How often a month is searched at least, and for how many records once more. A search halves the
/// ranges, so a real one takes a few turns; in a turn about 30,000 ids fit.
const TURNS: usize = 64;
const RECORDS_OF_TURN: u64 = 5_000;
/// The most records of a month. The other side may say any number.
const RECORDS: u64 = 100_000_000;
/// How often all months are compared. What arrives during a sync makes a second time necessary.
pub(super) const ROUNDS: usize = 3;
/// How many records more than were counted a side may send, because some have come meanwhile.
const MORE: u64 = 10_000;

/// What is left.
#[derive(Debug, Default)]
pub(super) struct Budget {
    rounds: usize,
    steps: usize,
    records: u64,
}

impl Budget {
    /// Counts a comparison of all months, and allows what it takes to make those that differ equal.
    /// The other side counts its own records, so it may say any number, and has to send as many.
    pub(super) fn round(&mut self, differing: &[(i64, Month, Month)]) -> Result<()> {
        self.rounds += 1;
        if self.rounds > ROUNDS {
            return Err(endless());
        }
        let count = |of: fn(&(i64, Month, Month)) -> u64| differing.iter().map(of).fold(0, u64::saturating_add);
        let (mine, theirs) = (count(|(_, mine, _)| mine.count), count(|(_, _, theirs)| theirs.count));
        let questions = usize::try_from(mine).unwrap_or(usize::MAX) / IDS;
        let steps = differing.iter().map(|(_, mine, theirs)| turns(*mine, *theirs)).fold(TURNS, usize::saturating_add);
        self.steps = steps.saturating_add(questions);
        self.records = theirs.min(RECORDS).saturating_add(MORE);
        Ok(())
    }

    /// Counts a question.
    pub(super) fn step(&mut self) -> Result<()> {
        self.steps = self.steps.checked_sub(1).ok_or_else(endless)?;
        Ok(())
    }

    /// Allows the answer to a question: the records that were named, or those of a month.
    pub(super) fn expect(&mut self, records: u64, is_exact: bool) {
        self.records = records.min(RECORDS).saturating_add(if is_exact { 0 } else { MORE });
    }

    /// Counts records that came. A message whose records this version does not know counts as one.
    pub(super) fn came(&mut self, records: u64) -> Result<()> {
        self.records = self.records.checked_sub(records.max(1)).ok_or_else(endless)?;
        Ok(())
    }
}

/// Returns how often a month may be searched.
pub(super) fn turns(mine: Month, theirs: Month) -> usize {
    let records = mine.count.min(RECORDS) + theirs.count.min(RECORDS);
    TURNS.saturating_add(usize::try_from(records / RECORDS_OF_TURN).unwrap_or(usize::MAX))
}

pub(super) fn endless() -> HistoryError {
    link("the other device does not come to an end")
}
