//! The times for which everything is here: those in which this device collected, and those that a
//! backup or another device vouches for. What is between them is a hole.

use ferry_protocol::DeviceId;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use crate::{
    Batch, History, Reason, Result,
    cells::{BEGAN, CONTINUITY, DEVICE, FLOOR, stamp_of, value_of},
    floors::Floors,
};

/// The most spans to remember. Past it the earliest are forgotten, so their time becomes a hole.
const MOST: usize = 1_000;
const COVERED: &[u8] = b"covered";

/// A span of time, from and until, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span(pub i64, pub i64);

/// Spans that neither touch nor overlap, the earliest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spans(Vec<Span>);

impl Spans {
    /// Puts spans in order and joins those that touch. Turned ones are left out.
    #[must_use]
    pub fn new(mut spans: Vec<Span>) -> Self {
        spans.retain(|Span(since, until)| since < until);
        spans.sort_unstable();
        let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match joined.last_mut() {
                Some(last) if span.0 <= last.1 => last.1 = last.1.max(span.1),
                _ => joined.push(span),
            }
        }
        joined.drain(..joined.len().saturating_sub(MOST));
        Self(joined)
    }

    fn and(self, other: &Self) -> Self {
        Self::new([self.0, other.0.clone()].concat())
    }

    /// Returns what is left of these without the others.
    fn without(&self, others: &Self) -> Self {
        let mut left = Vec::new();
        for Span(since, until) in &self.0 {
            let mut begin = *since;
            for other in others.0.iter().filter(|other| other.1 > *since && other.0 < *until) {
                left.push(Span(begin, other.0));
                begin = begin.max(other.1);
            }
            left.push(Span(begin, *until));
        }
        Self::new(left)
    }

    /// Returns the part after a time.
    #[must_use]
    pub(crate) fn after(&self, time: i64) -> Self {
        Self::new(self.0.iter().map(|Span(since, until)| Span(*since.max(&time), *until)).collect())
    }

    /// Returns the part before a time.
    #[must_use]
    fn until(&self, time: i64) -> Self {
        Self::new(self.0.iter().map(|Span(since, until)| Span(*since, *until.min(&time))).collect())
    }

    /// Returns the times between the spans, until `end`.
    fn gaps(&self, end: i64) -> Self {
        let Some(first) = self.0.first() else { return Self::default() };
        Self::new(vec![Span(first.0, end)]).without(self)
    }

    /// Returns the spans.
    #[must_use]
    pub fn as_slice(&self) -> &[Span] {
        &self.0
    }
}

/// What relays said about the queue of this device.
#[derive(Default, Serialize, Deserialize)]
struct Queue {
    /// Since when it was whole, as they said. Several relays may each say another time.
    seen: Vec<i64>,
    /// Until when everything was here at the last connect.
    drained: Option<i64>,
}

/// How many times of relays to remember. Past it the oldest is forgotten, which may make a hole
/// that is none.
const SEEN: usize = 16;

impl Batch<'_> {
    /// Notes that everything that waited at the relay until `at` is here.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written.
    pub fn drained(&mut self, at: i64) -> Result<()> {
        self.cell(CONTINUITY, b"drained", at, &()).map(drop)
    }

    /// Returns whether the queue of this device has still to bring what is of this time. Another
    /// device may be faster. Whichever comes first, the person has not seen it yet.
    pub(crate) fn comes_again(&self, at: i64) -> Result<bool> {
        if self.drained.get().is_none() {
            let _ = self.drained.set(stamp_of(&self.tx, CONTINUITY, b"drained")?);
        }
        Ok(self.drained.get().copied().flatten().is_some_and(|drained| at > drained))
    }

    /// Notes which device collects now. Another one than before may have missed what came in
    /// between: that becomes a hole until the new one logged in, which its id says.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written.
    pub fn collects_as(&mut self, device: DeviceId, now: i64) -> Result<()> {
        let before: Option<DeviceId> = value_of(&self.tx, DEVICE, b"device")?;
        if before == Some(device) {
            return Ok(());
        }
        let stamp = stamp_of(&self.tx, DEVICE, b"device")?.map_or(now, |stamp| now.max(stamp + 1));
        self.cell(DEVICE, b"device", stamp, &device)?;
        // The queue of a device begins with its login.
        self.own(CONTINUITY, b"queue", now, &Queue::default())?;
        let drained = stamp_of(&self.tx, CONTINUITY, b"drained")?;
        let logged_in = device.created_at().unwrap_or_default();
        if before.is_none() {
            self.own(CONTINUITY, BEGAN, logged_in, &())?;
        }
        if let (Some(_), Some(since)) = (before, drained) {
            self.hole(Reason::LoggedOut, since, logged_in, now)?;
        }
        self.cell(CONTINUITY, b"drained", logged_in, &())?;
        // A backup may have been restored before the first connection.
        self.covers(&Spans::default(), now)
    }

    /// Notes what the relay says about its queue at a connect: nothing is lost since `at`. Returns
    /// true if something may be lost: that is a hole.
    ///
    /// A time that the relay said before is no news. Any other one is: it also says that the queue
    /// was full during a connection, and clocks that are wrong cannot hide it.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written.
    pub fn queue_is_whole_since(&mut self, at: i64, server_time: i64, now: i64) -> Result<bool> {
        let Some(mut drained) = stamp_of(&self.tx, CONTINUITY, b"drained")? else { return Ok(false) };
        if drained > server_time {
            // The clock of the relay was ahead.
            drained = server_time;
            self.own(CONTINUITY, b"drained", drained, &())?;
        }
        let mut queue: Queue = value_of(&self.tx, CONTINUITY, b"queue")?.unwrap_or_default();
        let is_known = if queue.seen.is_empty() { at <= drained } else { queue.seen.contains(&at) };
        if !is_known {
            // What was dropped during the last connection may have waited since before it.
            let since = if at > drained { drained } else { queue.drained.unwrap_or(drained).min(drained) };
            self.hole(Reason::Queue, since, if at > since { at } else { server_time }, now)?;
        }
        if !queue.seen.contains(&at) {
            queue.seen.push(at);
            queue.seen.drain(..queue.seen.len().saturating_sub(SEEN));
        }
        queue.drained = Some(drained);
        self.own(CONTINUITY, b"queue", now, &queue)?;
        Ok(!is_known)
    }

    /// Returns from when until when this history knows whether it has everything.
    pub(crate) fn known(&self) -> Result<(Option<i64>, Option<i64>)> {
        let covered: Spans = value_of(&self.tx, CONTINUITY, COVERED)?.unwrap_or_default();
        let (first, last) = (covered.0.first().map(|span| span.0), covered.0.last().map(|span| span.1));
        let mut holes = self.tx.prepare_cached("SELECT min(since), max(until) FROM hole")?;
        let holes: (Option<i64>, Option<i64>) = holes.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let began = stamp_of(&self.tx, CONTINUITY, BEGAN)?;
        let drained = stamp_of(&self.tx, CONTINUITY, b"drained")?;
        let since = [began, first, holes.0].into_iter().flatten().min();
        Ok((since, [drained, last, holes.1].into_iter().flatten().max()))
    }

    /// Forgets what a backup or another device has vouched for.
    pub(crate) fn uncover(&mut self, now: i64) -> Result<()> {
        self.own(CONTINUITY, COVERED, now, &Spans::default())
    }

    /// Notes that the history now has everything from these times, because a backup or another
    /// device had it. That closes holes, and what lies between them becomes one.
    pub(crate) fn covers(&mut self, spans: &Spans, now: i64) -> Result<()> {
        let covered: Spans = value_of(&self.tx, CONTINUITY, COVERED)?.unwrap_or_default();
        if covered.0.is_empty() && spans.0.is_empty() {
            return Ok(());
        }
        // Nobody has anything from the future.
        let covered = covered.and(&Spans::new(spans.0.clone()).until(now));
        self.own(CONTINUITY, COVERED, now, &covered)?;
        let holes = {
            let mut holes = self.tx.prepare_cached("SELECT n, since, until, reason FROM hole WHERE actor IS NULL")?;
            let holes = holes.query_map([], |row| Ok((row.get(0)?, Span(row.get(1)?, row.get(2)?), row.get(3)?)))?;
            holes.collect::<rusqlite::Result<Vec<(i64, Span, i64)>>>()?
        };
        for (n, span, reason) in holes {
            // A hole of one moment is closed by what surrounds it.
            let whole = Spans::new(vec![Span(span.0, span.1.max(span.0 + 1))]);
            let left = if reason == Reason::Between.code() { Spans::default() } else { whole.without(&covered) };
            if left == whole {
                continue;
            }
            self.tx.prepare_cached("DELETE FROM hole WHERE n = ?1")?.execute([n])?;
            for Span(since, until) in left.0 {
                self.tx
                    .prepare_cached("INSERT INTO hole (reason, since, until, noticed) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![reason, since, until, now])?;
            }
        }
        // What this device collected itself has holes of its own.
        let began = stamp_of(&self.tx, CONTINUITY, BEGAN)?.unwrap_or(now);
        for Span(since, until) in covered.gaps(began).0 {
            self.hole(Reason::Between, since, until, now)?;
        }
        Ok(())
    }
}

impl History {
    /// Returns the time until which everything that waited at the relay is here.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn drained_at(&self) -> Result<Option<i64>> {
        stamp_of(&self.conn, CONTINUITY, b"drained")
    }

    /// Returns the times for which everything is here.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn whole(&self) -> Result<Spans> {
        whole(&self.conn)
    }
}

/// Returns the times for which everything is in a snapshot of a history.
pub(crate) fn whole(conn: &rusqlite::Connection) -> Result<Spans> {
    let began = stamp_of(conn, CONTINUITY, BEGAN)?;
    let drained = stamp_of(conn, CONTINUITY, b"drained")?;
    let own = Spans::new(began.zip(drained).map(|(began, drained)| Span(began, drained)).into_iter().collect());
    let mut holes = conn.prepare_cached("SELECT since, until FROM hole")?;
    // Also what is missing of one sender: another device must not close a hole over it. A hole of
    // one moment is one.
    let holes = holes.query_map([], |row| Ok(Span(row.get(0)?, row.get::<_, i64>(1)?.saturating_add(1))))?;
    let holes = Spans::new(holes.collect::<rusqlite::Result<_>>()?);
    let covered: Spans = value_of(conn, CONTINUITY, COVERED)?.unwrap_or_default();
    let floors: Floors = value_of(conn, FLOOR, b"")?.unwrap_or_default();
    let forgotten = Spans::new(vec![Span(i64::MIN, floors.latest().unwrap_or(i64::MIN))]);
    // The clock of a relay may have been ahead.
    let whole = own.and(&covered).without(&holes).without(&forgotten);
    Ok(whole.until(ferry_protocol::now_ms()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(list: &[(i64, i64)]) -> Spans {
        Spans::new(list.iter().map(|(since, until)| Span(*since, *until)).collect())
    }

    #[test]
    fn spans_are_joined_and_taken_apart() {
        let all = spans(&[(5, 8), (1, 3), (3, 4), (20, 10), (7, 9)]);
        assert_eq!(all, spans(&[(1, 4), (5, 9)]));
        assert_eq!(all.without(&spans(&[(2, 6)])), spans(&[(1, 2), (6, 9)]));
        assert_eq!(all.without(&spans(&[(0, 100)])), Spans::default());
        assert_eq!(all.without(&Spans::default()), all);
        assert_eq!(spans(&[(0, 10)]).without(&spans(&[(2, 3), (4, 5)])), spans(&[(0, 2), (3, 4), (5, 10)]));
        assert_eq!(all.gaps(12), spans(&[(4, 5), (9, 12)]));
        assert_eq!(all.gaps(2), spans(&[]));
        assert_eq!(Spans::default().gaps(5), Spans::default());
        assert_eq!(all.after(6), spans(&[(6, 9)]));
        assert_eq!(all.clone().and(&spans(&[(4, 5)])), spans(&[(1, 9)]));
    }
}
