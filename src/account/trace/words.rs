//! What was said in a request whose words are told in its trace.

use std::fmt;

use crate::account::Said;
use crate::ir::Dialect;

/// What was answered, and what is needed to read it.
pub struct Words {
    /// What the client speaks.
    pub dialect: Dialect,
    /// Whether it was answered by a stream.
    pub streamed: bool,
    /// What the client got.
    pub answer: Said,
    /// What guards masked and restored for the client: names, and what they stand for.
    pub masked: Vec<(String, String)>,
    /// What is given back once it is told.
    pub held: Box<dyn Send + Sync>,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never what was said.
        f.debug_struct("Words").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}
