//! What a reranker is asked and answers.

use super::extras::Extras;
use super::usage::Usage;

/// A request to order documents by how well they answer a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RerankRequest {
    /// The model as the client named it.
    pub model: String,
    /// The query.
    pub query: String,
    /// The documents.
    pub documents: Vec<Document>,
    /// How many of the best are wanted; all where nobody says.
    pub top: Option<u64>,
    /// Whether the answer should hold the documents too, as the client said or its form means.
    pub returns_documents: bool,
    /// The most tokens that are read of each document.
    pub document_tokens: Option<u64>,
    /// Whether what is too long is cut instead of refused.
    pub truncates: Option<bool>,
    /// Members that the codec did not know.
    pub extras: Extras,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Words.
    Text(String),
    /// An object of several fields, as JSON text.
    Fields(String),
}

/// The documents in their new order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RerankReply {
    /// The provider's id of it.
    pub id: Option<String>,
    /// The model that the provider says answered.
    pub model: Option<String>,
    /// The best first.
    pub ranked: Vec<Ranked>,
    /// What it used, where the provider says so.
    pub usage: Option<Usage>,
    /// Members that the codec did not know.
    pub extras: Extras,
}

/// One document's place.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Which of the request's documents, counted from 0.
    pub index: u64,
    /// How well it answers the query: the number as its provider spelt it.
    pub score: String,
    /// The document, where the answer holds it.
    pub document: Option<Document>,
}
