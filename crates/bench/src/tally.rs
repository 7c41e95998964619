//! What was received, and what is missing.

/// The numbers of the messages that one device has received, or that one room's sends were confirmed for.
#[derive(Debug, Default, Clone)]
pub struct Numbers {
    words: Vec<u64>,
    count: u64,
}

impl Numbers {
    /// Adds a number. False where it was there.
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

    /// Whether it is there.
    pub fn contains(&self, number: u32) -> bool {
        self.words.get(number as usize / 64).is_some_and(|word| word & 1 << (number % 64) != 0)
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.count
    }
}

/// What one device has received.
#[derive(Debug, Default)]
pub struct Received {
    /// Which messages.
    pub numbers: Numbers,
    /// Messages that came again without being marked as redelivered.
    pub doubled: u64,
    /// Messages that came again, marked as redelivered: a client drops them.
    pub redelivered: u64,
}

impl Received {
    /// Notes a message. True where it is new.
    pub fn note(&mut self, number: u32, redelivered: bool) -> bool {
        let new = self.numbers.insert(number);
        if !new {
            *if redelivered { &mut self.redelivered } else { &mut self.doubled } += 1;
        }
        new
    }
}

/// What became of everything that was sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Messages sent.
    pub sends: u64,
    /// Sends that were confirmed.
    pub confirmed: u64,
    /// Sends that were refused.
    pub refused: u64,
    /// Sends without an answer.
    pub unanswered: u64,
    /// Deliveries that are due for the confirmed sends.
    pub expected: u64,
    /// Deliveries of these that did not come.
    pub lost: u64,
    /// Deliveries that came again unmarked.
    pub doubled: u64,
    /// Deliveries that came again marked as such.
    pub redelivered: u64,
}

impl Verdict {
    /// Nothing confirmed was lost, and nothing came twice without saying so.
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
