//! What happened, line by line: its hash tells two runs apart, its text is for people.

use xxhash_rust::xxh3::Xxh3;

/// The lines of one run.
#[derive(Clone)]
pub struct Trace {
    hash: Xxh3,
    kept: Option<Vec<String>>,
}

impl Trace {
    /// An empty trace; the lines themselves are kept only on request.
    pub fn new(keep: bool) -> Self {
        Self { hash: Xxh3::new(), kept: keep.then(Vec::new) }
    }

    /// Adds a line.
    pub fn line(&mut self, line: String) {
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        if let Some(kept) = &mut self.kept {
            kept.push(line);
        }
    }

    /// Whether anybody will read the lines.
    pub fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// The hash of all lines so far.
    pub fn hash(&self) -> u64 {
        self.hash.digest()
    }

    /// The lines, where they were kept.
    pub fn into_lines(self) -> Vec<String> {
        self.kept.unwrap_or_default()
    }
}
