//! Counts what was received, and what is missing.

/// The numbers of the messages that a device has received, or of a room's confirmed sends.
#[derive(Debug, Default, Clone)]
pub struct Numbers {
    words: Vec<u64>,
    count: u64,
}

impl Numbers {
    /// Adds a number. Returns false if it was there already.
    pub fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += u64::from(new);
        new
    }

    /// Returns whether the number is there.
    pub fn contains(&self, number: u32) -> bool {
        self.words.get(number as usize / 64).is_some_and(|word| word & 1 << (number % 64) != 0)
    }

    /// Returns how many numbers there are.
    pub fn len(&self) -> u64 {
        self.count
    }
}

/// The messages that a device has received.
#[derive(Debug, Default)]
pub struct Received {
    /// The numbers of the messages.
    pub numbers: Numbers,
    /// The number of messages that came again without the mark of a redelivery.
    pub doubled: u64,
    /// The number of messages that came again with this mark. A client drops them.
    pub redelivered: u64,
}

impl Received {
    /// Notes a message. Returns true if it is new.
    pub fn note(&mut self, number: u32, redelivered: bool) -> bool {
        let new = self.numbers.insert(number);
        if !new {
            *if redelivered { &mut self.redelivered } else { &mut self.doubled } += 1;
        }
        new
    }
}

/// The result of everything that was sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The number of messages sent.
    pub sends: u64,
    /// The number of confirmed sends.
    pub confirmed: u64,
    /// The number of rejected sends.
    pub refused: u64,
    /// The number of sends without an answer.
    pub unanswered: u64,
    /// The number of deliveries that the confirmed sends should have caused.
    pub expected: u64,
    /// The number of these deliveries that did not come.
    pub lost: u64,
    /// The number of deliveries that came again without the mark of a redelivery.
    pub doubled: u64,
    /// The number of deliveries that came again with this mark.
    pub redelivered: u64,
}

impl Verdict {
    /// Returns true if no confirmed message was lost, and none came again without the mark.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_counts_once() {
        let mut received = Received::default();
        assert!(received.note(3, false) && received.note(130, true));
        assert!(!received.note(3, true) && !received.note(130, false));
        assert_eq!((received.numbers.len(), received.redelivered, received.doubled), (2, 1, 1));
        assert!(received.numbers.contains(130) && !received.numbers.contains(131) && !received.numbers.contains(4_000));
    }
}
