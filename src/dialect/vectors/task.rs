//! What vectors are for: each vendor's word for it, from Gemini's, which are the hub's.

/// The hub's word, then Cohere's, Voyage's, Jina's and NVIDIA's; "" where a vendor has none.
const WORDS: [[&str; 5]; 9] = [
    ["RETRIEVAL_QUERY", "search_query", "query", "retrieval.query", "query"],
    ["RETRIEVAL_DOCUMENT", "search_document", "document", "retrieval.passage", "passage"],
    ["QUESTION_ANSWERING", "search_query", "query", "retrieval.query", "query"],
    ["FACT_VERIFICATION", "search_query", "query", "retrieval.query", "query"],
    ["CODE_RETRIEVAL_QUERY", "search_query", "query", "code.query", "query"],
    ["SEMANTIC_SIMILARITY", "", "", "text-matching", ""],
    ["CLASSIFICATION", "classification", "", "classification", ""],
    ["CLUSTERING", "clustering", "", "separation", ""],
    ["CODE_RETRIEVAL_DOCUMENT", "search_document", "document", "code.passage", "passage"],
];

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Cohere's `input_type`.
    Cohere = 1,
    /// Voyage's `input_type`.
    Voyage = 2,
    /// Jina's `task`.
    Jina = 3,
    /// NVIDIA's `input_type`.
    Nvidia = 4,
}

/// A vendor's word for a task of the hub.
#[must_use]
pub fn word(task: &str, whose: Whose) -> Option<&'static str> {
    let row = WORDS.iter().find(|row| row[0].eq_ignore_ascii_case(task))?;
    row.get(whose as usize).copied().filter(|word| !word.is_empty())
}

/// The hub's word for any vendor's.
#[must_use]
pub fn meaning(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|row| row.iter().any(|known| known.eq_ignore_ascii_case(word))).map(|row| row[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_s_word_means_the_same_in_the_next_one_s() {
        for (from, whose, to) in [
            ("search_query", Whose::Voyage, Some("query")),
            ("document", Whose::Cohere, Some("search_document")),
            ("retrieval.passage", Whose::Nvidia, Some("passage")),
            ("passage", Whose::Jina, Some("retrieval.passage")),
            ("CLUSTERING", Whose::Jina, Some("separation")),
            ("text-matching", Whose::Cohere, None),
        ] {
            assert_eq!(word(meaning(from).unwrap(), whose), to, "{from}");
        }
        assert_eq!(meaning("image"), None);
    }
}
