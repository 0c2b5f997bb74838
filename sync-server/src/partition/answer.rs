//! An answer to a pull, made once for all who wait for it: its entries, its text, and what is sent of it.

use axum::body::Bytes;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use sync_protocol::message::PullAnswer;
use tokio::sync::OnceCell;

use super::Figures;
use super::feed::entry_size;
use super::limits::PACKINGS;

/// See the module.
#[derive(Debug)]
pub struct Answer {
    pull: PullAnswer,
    /// Bytes that it takes, near enough for limits.
    pub(super) weight: usize,
    figures: Figures,
    text: OnceLock<Bytes>,
    packed: Mutex<BTreeMap<String, Packing>>,
}

type Packing = Arc<OnceCell<Packed>>;

/// What is sent of an answer.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Its `Content-Encoding`; `None` as it is.
    pub encoding: Option<String>,
    /// The bytes.
    pub body: Bytes,
}

impl Answer {
    pub(super) fn new(pull: PullAnswer, figures: Figures) -> Self {
        Self { weight: weight(&pull), pull, figures, text: OnceLock::new(), packed: Mutex::default() }
    }

    /// What it says.
    pub fn pull(&self) -> &PullAnswer {
        &self.pull
    }

    /// Whether it says anything that is new to whoever asked.
    pub fn has_news(&self) -> bool {
        !self.pull.feeds.is_empty() || !self.pull.expired.is_empty()
    }

    /// The same as JSON, written once.
    pub fn text(&self) -> Bytes {
        let write = || {
            let text = serde_json::to_vec(&self.pull);
            Bytes::from(text.expect("protocol types with text keys are always JSON"))
        };
        self.text.get_or_init(write).clone()
    }

    /// What is sent to those who accept these encodings, packed once for each list of them.
    pub async fn packed<F: Future<Output = Packed>>(
        &self,
        accepts: &str,
        pack: impl FnOnce(Bytes) -> F,
    ) -> Packed {
        let packing = {
            let mut all = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
            match all.get(accepts) {
                Some(packing) => Arc::clone(packing),
                None => {
                    let packing = Packing::default();
                    // clients of one kind accept the same; whoever makes up lists gets theirs and leaves nothing
                    if all.len() < PACKINGS {
                        all.insert(accepts.to_owned(), Arc::clone(&packing));
                    }
                    packing
                }
            }
        };
        let pack = || {
            self.figures.packed();
            pack(self.text())
        };
        packing.get_or_init(pack).await.clone()
    }
}

fn weight(pull: &PullAnswer) -> usize {
    let entries = pull.feeds.iter().flat_map(|feed| &feed.entries);
    let ends = pull.ends.iter().flat_map(|end| end.checksums.0.keys());
    let (entries, ends): (usize, usize) =
        (entries.map(entry_size).sum(), ends.map(|name| name.as_str().len() + 96).sum());
    // as it is, as text, and packed
    1_000 + 3 * (entries + ends)
}
