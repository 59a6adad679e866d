//! Whether a ledger is whole: every entry is there, unchanged, in its place.
//!
//! A chain shows that nothing was changed *before its head*. Whoever can rewrite the whole ledger
//! can make another whole chain; so a head has to be kept elsewhere to be worth anything against
//! them.

use chrono::{DateTime, SubsecRound, Utc};

use crate::store::ledger::{Entry, StoredEntry, entry_hash};

/// Where a chain stands: its last entry, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// How many entries were looked at.
    pub entries: u64,
    /// The position of the first of them; 0 for none.
    pub first: i64,
    /// The position of the last of them; 0 for none.
    pub last: i64,
    /// When the last of them happened.
    pub at: Option<DateTime<Utc>>,
    /// The hash of the last of them; zeros for none.
    pub hash: Vec<u8>,
}

impl ChainHead {
    /// The hash in hexadecimal digits.
    pub fn hash_hex(&self) -> String {
        hex::encode(&self.hash)
    }
}

/// The first entry that does not fit, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {what}")]
pub struct ChainFault {
    /// The position where something is wrong.
    pub seq: i64,
    /// What.
    pub what: String,
}

/// A chain being followed from its first entry, one entry at a time.
#[derive(Clone, Debug)]
pub struct Chain(ChainHead);

impl Default for Chain {
    fn default() -> Self {
        let (entries, first, last, at) = (0, 0, 0, None);
        Self(ChainHead {
            entries,
            first,
            last,
            at,
            hash: vec![0; 32],
        })
    }
}

impl Chain {
    /// Where it stands.
    pub fn head(&self) -> &ChainHead {
        &self.0
    }

    /// Follows it by one entry.
    ///
    /// # Errors
    /// What does not fit. The chain stays where it was.
    pub fn follow(&mut self, stored: &StoredEntry) -> Result<(), ChainFault> {
        let head = &self.0;
        let fault = |what: String| ChainFault {
            seq: stored.seq,
            what,
        };
        let expected = head.last + 1;
        if stored.seq != expected {
            return Err(ChainFault {
                seq: expected,
                what: gap(expected, stored.seq),
            });
        }
        if stored.prev != head.hash {
            let what = match head.last {
                0 => "its “prev” is not the zeros that the first entry begins with".to_owned(),
                last => format!("its “prev” is not the hash of entry {last}"),
            };
            return Err(fault(what));
        }
        if stored.hash != entry_hash(&stored.prev, &stored.payload) {
            return Err(fault(
                "its hash is not that of its payload: one of them was changed".into(),
            ));
        }
        let entry: Entry = serde_json::from_str(&stored.payload)
            .map_err(|error| fault(format!("its payload cannot be read: {error}")))?;
        // What stands beside the payload is not hashed, so it has to say the same.
        if entry.seq != stored.seq || !same_moment(entry.at, stored.at) {
            return Err(fault(
                "its position or time is not what its payload says".into(),
            ));
        }
        if head.at.is_some_and(|before| entry.at < before) {
            return Err(fault("its time is before that of the entry before".into()));
        }
        self.0 = ChainHead {
            entries: head.entries + 1,
            first: if head.first == 0 {
                stored.seq
            } else {
                head.first
            },
            last: stored.seq,
            at: Some(entry.at),
            hash: stored.hash.clone(),
        };
        Ok(())
    }
}

/// Follows a whole chain. An empty one is whole.
///
/// # Errors
/// The first entry that does not fit.
pub fn verify(entries: impl IntoIterator<Item = StoredEntry>) -> Result<ChainHead, ChainFault> {
    let mut chain = Chain::default();
    entries
        .into_iter()
        .try_for_each(|entry| chain.follow(&entry))?;
    Ok(chain.0)
}

fn gap(expected: i64, found: i64) -> String {
    if expected < found {
        format!("it is missing; the next one that is there is {found}")
    } else {
        format!("it is missing; in its place stands entry {found} again")
    }
}

/// The database keeps microseconds, a payload may hold nanoseconds.
fn same_moment(one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
    one.trunc_subsecs(3) == other.trunc_subsecs(3) || one.round_subsecs(6) == other.round_subsecs(6)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::{Actor, Event, PersonId, Refusal};
    use chrono::TimeDelta;
    use uuid::Uuid;

    fn time(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minute)
    }

    fn link(prev: &[u8], seq: i64, minute: i64) -> StoredEntry {
        let by = PersonId::from_uuid(Uuid::from_u128(7));
        let what = Event::DecisionRefused {
            by,
            refusal: Refusal::NoSuchRequest,
        };
        let entry = Entry {
            seq,
            at: time(minute),
            decided_at: None,
            by: Actor::Clock,
            request: None,
            what,
        };
        let payload = serde_json::to_string(&entry).unwrap();
        let hash = entry_hash(prev, &payload);
        StoredEntry {
            seq,
            at: entry.at,
            payload,
            prev: prev.to_vec(),
            hash,
        }
    }

    /// A whole chain of that many entries, a minute apart.
    pub(in crate::ledger) fn sample(entries: i64) -> Vec<StoredEntry> {
        let mut prev = vec![0; 32];
        (1..=entries)
            .map(|seq| {
                let entry = link(&prev, seq, seq);
                prev.clone_from(&entry.hash);
                entry
            })
            .collect()
    }

    #[test]
    fn a_whole_chain_has_a_head() {
        let chain = sample(5);
        let head = verify(chain.clone()).unwrap();
        assert_eq!((head.entries, head.first, head.last), (5, 1, 5));
        assert_eq!(head.hash, chain[4].hash);
        let none = verify([]).unwrap();
        assert_eq!((none.entries, none.last, none.hash), (0, 0, vec![0; 32]));
    }

    /// What somebody may do to a chain.
    type Tamper = fn(&mut Vec<StoredEntry>);

    /// What is done to a chain of five, which entry is then named, and with what words.
    const TAMPERINGS: [(&str, i64, &str, Tamper); 11] = [
        ("edit a payload", 3, "was changed", |c| {
            c[2].payload = c[2].payload.replace("no_such_request", "no_such_requesT");
        }),
        (
            "edit a payload and its hash",
            4,
            "is not the hash of entry 3",
            |c| {
                c[2].payload = c[2].payload.replace("clock", "worker");
                c[2].hash = entry_hash(&c[2].prev, &c[2].payload);
            },
        ),
        ("edit a hash", 3, "was changed", |c| c[2].hash[0] ^= 1),
        ("edit a prev", 3, "is not the hash of entry 2", |c| {
            c[2].prev[31] ^= 1;
        }),
        (
            "edit the time beside the payload",
            3,
            "position or time",
            |c| {
                c[2].at += TimeDelta::seconds(1);
            },
        ),
        ("delete the first", 1, "missing", |c| drop(c.remove(0))),
        (
            "delete one in the middle",
            3,
            "missing; the next one that is there is 4",
            |c| {
                c.remove(2);
            },
        ),
        ("swap two", 2, "missing", |c| c.swap(1, 2)),
        ("repeat one", 3, "stands entry 2 again", |c| {
            c.insert(2, c[1].clone());
        }),
        (
            "append one without its chain",
            6,
            "is not the hash of entry 5",
            |c| {
                c.push(link(&[9; 32], 6, 6));
            },
        ),
        (
            "append one from before",
            6,
            "before that of the entry before",
            |c| {
                c.push(link(&c[4].hash.clone(), 6, 1));
            },
        ),
    ];

    #[test]
    fn every_tampering_is_found_and_named() {
        for (name, seq, what, tamper) in TAMPERINGS {
            let mut chain = sample(5);
            tamper(&mut chain);
            let fault = verify(chain).expect_err(name);
            assert_eq!(fault.seq, seq, "{name}: {fault}");
            assert!(fault.what.contains(what), "{name}: {fault}");
        }
    }

    #[test]
    fn a_payload_that_is_no_entry_is_found_even_when_its_hash_fits() {
        let mut chain = sample(2);
        chain[1].payload = "{}".to_owned();
        chain[1].hash = entry_hash(&chain[1].prev, "{}");
        let fault = verify(chain).expect_err("no entry");
        assert!(
            fault.seq == 2 && fault.what.contains("cannot be read"),
            "{fault}"
        );
    }

    #[test]
    fn a_cut_end_cannot_be_seen_without_a_head_kept_elsewhere() {
        let whole = verify(sample(5)).unwrap();
        let cut = verify(sample(4)).unwrap();
        assert_ne!(whole.hash, cut.hash);
    }
}
