//! The ledger as JSON Lines: the exact bytes that are hashed, with their hashes, so that the file
//! can be verified anywhere, by this program or by twenty lines of any other.
//!
//! Each line is an object with `seq`, `at`, `payload` (a string: hash its UTF-8 bytes as they are),
//! and `prev` and `hash` in hexadecimal digits; `hash` is SHA-256 over the 32 bytes of `prev` and
//! the bytes of `payload`.

use std::io::{BufRead, Write};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::chain::{Chain, ChainFault, ChainHead};
use crate::store::ledger::StoredEntry;
use crate::store::{Store, StoreError};

/// Entries that are read at once.
const PAGE: i64 = 500;

/// Why an export or its verification did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error("the ledger could not be read")]
    Store(#[from] StoreError),
    /// The file could not be read or written.
    #[error("the file could not be read or written")]
    Io(#[from] std::io::Error),
    /// The chain is broken.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// A line is not one of ours.
    #[error("line {line} is no entry of an export: {what}")]
    Line {
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// One line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    seq: i64,
    at: DateTime<Utc>,
    payload: String,
    prev: String,
    hash: String,
}

impl From<StoredEntry> for Line {
    fn from(stored: StoredEntry) -> Self {
        let (prev, hash) = (hex::encode(stored.prev), hex::encode(stored.hash));
        Self {
            seq: stored.seq,
            at: stored.at,
            payload: stored.payload,
            prev,
            hash,
        }
    }
}

impl TryFrom<Line> for StoredEntry {
    type Error = hex::FromHexError;

    fn try_from(line: Line) -> Result<Self, Self::Error> {
        let (prev, hash) = (hex::decode(line.prev)?, hex::decode(line.hash)?);
        Ok(Self {
            seq: line.seq,
            at: line.at,
            payload: line.payload,
            prev,
            hash,
        })
    }
}

/// Writes the whole ledger of a database, page by page, and answers the chain's head. Entries that
/// are appended meanwhile may be left out; the head says where the file ends.
///
/// # Errors
/// [`ExportError::Chain`] when the chain is broken; what stands before the break is written by then.
pub async fn export(store: &Store, out: &mut impl Write) -> Result<ChainHead, ExportError> {
    follow(store, |entry| {
        serde_json::to_writer(&mut *out, &Line::from(entry)).map_err(std::io::Error::from)?;
        out.write_all(b"\n")
    })
    .await
}

/// Follows the chain in a database without keeping it.
///
/// # Errors
/// [`ExportError::Chain`] with the first entry that does not fit.
pub async fn verify_database(store: &Store) -> Result<ChainHead, ExportError> {
    follow(store, |_| Ok(())).await
}

async fn follow(
    store: &Store,
    mut each: impl FnMut(StoredEntry) -> std::io::Result<()>,
) -> Result<ChainHead, ExportError> {
    let mut chain = Chain::default();
    loop {
        let page = store.ledger_after(chain.head().last, PAGE).await?;
        if page.is_empty() {
            return Ok(chain.head().clone());
        }
        for entry in page {
            chain.follow(&entry)?;
            each(entry)?;
        }
    }
}

/// Follows the chain in an export.
///
/// # Errors
/// [`ExportError::Chain`] with the first entry that does not fit, [`ExportError::Line`] where the
/// file is no export.
pub fn verify_file(file: impl BufRead) -> Result<ChainHead, ExportError> {
    let mut chain = Chain::default();
    for (number, text) in file.lines().enumerate() {
        let no_entry = |what: String| ExportError::Line {
            line: number + 1,
            what,
        };
        let line: Line =
            serde_json::from_str(&text?).map_err(|fault| no_entry(fault.to_string()))?;
        let entry = StoredEntry::try_from(line).map_err(|fault| no_entry(fault.to_string()))?;
        chain.follow(&entry)?;
    }
    Ok(chain.head().clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::chain::tests::sample;

    fn file() -> String {
        let lines = sample(4)
            .into_iter()
            .map(|entry| serde_json::to_string(&Line::from(entry)).unwrap());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_export_is_verified_without_a_database() {
        let head = verify_file(file().as_bytes()).unwrap();
        assert_eq!((head.entries, head.last), (4, 4));
        assert_eq!(head.hash, sample(4)[3].hash);
    }

    #[test]
    fn a_change_in_the_file_is_found() {
        let edited = file().replacen("clock", "worker", 1);
        let fault = verify_file(edited.as_bytes()).expect_err("edited");
        assert!(
            matches!(fault, ExportError::Chain(ChainFault { seq: 1, .. })),
            "{fault}"
        );
        let without: Vec<_> = file().lines().map(str::to_owned).enumerate().collect();
        let without = without.iter().filter(|(number, _)| *number != 1);
        let without: Vec<_> = without.map(|(_, line)| line.as_str()).collect();
        let fault = verify_file(without.join("\n").as_bytes()).expect_err("one line is gone");
        assert!(
            matches!(fault, ExportError::Chain(ChainFault { seq: 2, .. })),
            "{fault}"
        );
    }

    #[test]
    fn a_line_of_something_else_is_told_from_tampering() {
        for text in ["not json", "{}", "\n", r#"{"seq":1}"#] {
            let fault = verify_file(text.as_bytes()).expect_err("no export");
            assert!(
                matches!(fault, ExportError::Line { line: 1, .. }),
                "{fault}"
            );
        }
        assert_eq!(verify_file("".as_bytes()).unwrap().entries, 0);
    }
}
