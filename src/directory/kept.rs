//! What sources said, and what they are being asked: one reading serves whoever has the same question.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;

use super::FRESH;
use super::sources::{Asked, Said, SourceFault};

/// For how long a fault that took long is remembered.
const MOMENT: Duration = Duration::from_secs(1);

pub(super) type Answer = Result<Said, SourceFault>;
/// A reading that several may wait for. Whoever waits drives it on, so it goes on whoever of them gives
/// up, and ends when nobody waits any more.
pub(super) type Reading = Shared<BoxFuture<'static, Answer>>;

/// What is kept of readings. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    said: BTreeMap<Asked, Said>,
    silent: BTreeMap<Asked, (SourceFault, Instant)>,
    going: BTreeMap<Asked, Going>,
    /// How many readings were begun.
    count: u64,
}

/// A reading that is not answered yet.
#[derive(Debug)]
struct Going {
    number: u64,
    begun: Instant,
    reading: WeakShared<BoxFuture<'static, Answer>>,
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was said to a question that was asked less than so long ago.
    pub(super) fn said(&self, asked: &Asked, age: Duration) -> Option<Said> {
        let said = self.lock().said.get(asked).cloned();
        said.filter(|said| said.read.elapsed() < age)
    }

    /// The fault that somebody has waited for a moment ago.
    pub(super) fn silence(&self, asked: &Asked) -> Option<SourceFault> {
        let silent = &mut self.lock().silent;
        silent.retain(|_, (_, since)| since.elapsed() < MOMENT);
        silent.get(asked).map(|(fault, _)| fault.clone())
    }

    pub(super) fn note_silence(&self, asked: Asked, fault: SourceFault) {
        self.lock().silent.insert(asked, (fault, Instant::now()));
    }

    /// The reading of that question that goes on since less than so long.
    pub(super) fn going(&self, asked: &Asked, age: Duration) -> Option<Reading> {
        let inner = self.lock();
        let going = inner.going.get(asked);
        let going = going.filter(|going| going.begun.elapsed() < age)?;
        going.reading.upgrade()
    }

    /// Begins a reading, which whoever asks the same may join. What it answers is kept, unless it was
    /// told meanwhile that this has changed, or a later reading was begun.
    pub(super) fn begin(
        &self,
        asked: Asked,
        read: impl Future<Output = Answer> + Send + 'static,
    ) -> Reading {
        let mut inner = self.lock();
        inner.count += 1;
        let number = inner.count;
        let (kept, question) = (self.clone(), asked.clone());
        let reading = async move {
            let answer = read.await;
            kept.end(question, number, &answer);
            answer
        };
        let reading = reading.boxed().shared();
        inner
            .going
            .retain(|_, going| going.reading.upgrade().is_some());
        if let Some(weak) = reading.downgrade() {
            let going = Going {
                number,
                begun: Instant::now(),
                reading: weak,
            };
            inner.going.insert(asked, going);
        }
        reading
    }

    fn end(&self, asked: Asked, number: u64, answer: &Answer) {
        let mut inner = self.lock();
        let going = inner.going.get(&asked).map(|going| going.number);
        if going != Some(number) {
            return;
        }
        inner.going.remove(&asked);
        let Ok(said) = answer else { return };
        let known = &mut inner.said;
        known.retain(|_, said| said.read.elapsed() < FRESH);
        known.insert(asked, said.clone());
    }

    /// Forgets what was said to these questions. What is being read may be old as well: whoever has
    /// asked gets it, and nobody else.
    pub(super) fn forget(&self, which: impl Fn(&Asked) -> bool) {
        let mut inner = self.lock();
        inner.said.retain(|asked, _| !which(asked));
        inner.going.retain(|asked, _| !which(asked));
    }
}
