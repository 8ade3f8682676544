//! The forms in which documents are put in order: what each endpoint of rerankers speaks.
//!
//! A target is never asked to send the documents back: where the client wants them, they are put
//! into the answer from its own request.

mod cohere;
mod jina;
mod voyage;
mod watsonx;

#[cfg(test)]
mod tests;

use super::{Malformed, Seed};
use crate::ir::rerank::{Document, Ranked, RerankReply, RerankRequest};
use crate::ir::{Dialect, Losses, Usage};
use crate::wire::json::{self, Array, Json, Object};
use crate::wire::lens;

/// A form of asking for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ranks {
    /// Cohere's `/v1/rerank`, where documents may have fields.
    CohereV1,
    /// Cohere's `/v2/rerank`.
    CohereV2,
    /// Jina's `/rerank`, which most servers that people run themselves speak too.
    Jina,
    /// Voyage's `/rerank`.
    Voyage,
    /// Cohere's newer of Cohere's and Amazon's models on Bedrock, which no client speaks to us.
    Bedrock,
    /// watsonx' `/text/rerank`, which no client speaks to us either.
    Watsonx,
}

impl Ranks {
    /// The form of a request to `/v1/rerank`, which three vendors have: Voyage's own words stand at
    /// the top level, and Cohere's first version has some that Jina has not.
    #[must_use]
    pub fn of_body(body: &[u8]) -> Self {
        let has = |word: &str| lens::find(body, word).is_some();
        if has("top_k") || (has("truncation") && !has("top_n")) {
            Self::Voyage
        } else if has("rank_fields") || has("max_chunks_per_doc") {
            Self::CohereV1
        } else {
            Self::Jina
        }
    }

    /// Reads a client's request.
    ///
    /// # Errors
    /// Names the first field that is not as the form prescribes.
    pub fn parse_request(self, body: &[u8]) -> Result<RerankRequest, Malformed> {
        let request = read(body, self.words())?;
        let missing = [
            ("model", request.model.is_empty()),
            ("query", request.query.is_empty()),
            ("documents", request.documents.is_empty()),
        ];
        match missing.iter().find(|(_, missing)| *missing) {
            Some((name, _)) => Err(Malformed::new(*name, format!("{name} must be given and not be empty"))),
            None => Ok(request),
        }
    }

    const fn words(self) -> &'static Words {
        match self {
            Self::CohereV1 | Self::CohereV2 | Self::Bedrock => &cohere::WORDS,
            Self::Jina | Self::Watsonx => &jina::WORDS,
            Self::Voyage => &voyage::WORDS,
        }
    }

    /// Says a request to a target that knows itself as `model`.
    #[must_use]
    pub fn render_request(self, request: &RerankRequest, model: &str, losses: &mut Losses) -> Vec<u8> {
        match self {
            Self::CohereV1 | Self::CohereV2 => cohere::render_request(self, request, model, losses),
            Self::Bedrock => cohere::on_bedrock(request, model, losses),
            Self::Jina => jina::render_request(request, model, losses),
            Self::Voyage => voyage::render_request(request, model, losses),
            Self::Watsonx => watsonx::render_request(request, model, losses),
        }
    }

    /// Reads a provider's answer.
    ///
    /// # Errors
    /// When the body holds no order.
    pub fn parse_reply(self, body: &[u8]) -> Result<RerankReply, Malformed> {
        match self {
            Self::CohereV1 | Self::CohereV2 | Self::Bedrock => cohere::parse_reply(body),
            Self::Jina => jina::parse_reply(body),
            Self::Voyage => voyage::parse_reply(body),
            Self::Watsonx => watsonx::parse_reply(body),
        }
    }

    /// Says the order to a client that asked so.
    #[must_use]
    pub fn render_reply(self, reply: &RerankReply, asked: &RerankRequest, seed: &Seed) -> Vec<u8> {
        match self {
            Self::CohereV1 | Self::CohereV2 | Self::Bedrock => cohere::render_reply(self, reply, asked, seed),
            Self::Jina | Self::Watsonx => jina::render_reply(reply, asked, seed),
            Self::Voyage => voyage::render_reply(reply, asked, seed),
        }
    }

    /// Reads the usage out of an answer, or the end of one.
    #[must_use]
    pub fn find_usage(self, body: &[u8]) -> Option<Usage> {
        match self {
            Self::CohereV1 | Self::CohereV2 | Self::Bedrock => cohere::find_usage(body),
            Self::Jina | Self::Voyage => super::openai_embeddings::find_usage(body),
            Self::Watsonx => super::vectors::watsonx_usage(body),
        }
    }

    /// Where it lies below a base; Cohere's begin with their own version.
    #[must_use]
    pub const fn place(self) -> &'static str {
        match self {
            Self::CohereV1 => "/v1/rerank",
            Self::CohereV2 | Self::Bedrock => "/v2/rerank",
            Self::Jina | Self::Voyage => "/rerank",
            Self::Watsonx => "/text/rerank",
        }
    }
}

/// Extras of every form are kept under the dialect of the endpoint's neighbours.
const DIALECT: Dialect = Dialect::OpenaiChat;

/// How a form says what not all say alike.
struct Words {
    /// How many documents are wanted.
    top: &'static str,
    /// How much of a document is read.
    document_tokens: &'static [&'static str],
    /// Whether what is too long is cut, where that can be said.
    truncates: Option<&'static str>,
    /// Whether a query may be an object with a text, as documents are.
    query_has_fields: bool,
    /// Whether the documents come back where nobody says if they should.
    returns_documents: bool,
}

fn read(body: &[u8], words: &Words) -> Result<RerankRequest, Malformed> {
    let json = json::parse(body)?;
    let mut request =
        RerankRequest { returns_documents: words.returns_documents, ..RerankRequest::default() };
    for (name, value) in json.entries().iter().filter(|(_, value)| !value.is_null()) {
        match &**name {
            "model" => request.model = string(value, name)?,
            "query" => {
                request.query = match value.field("text").filter(|_| words.query_has_fields) {
                    Some(text) => string(text, "query.text")?,
                    None => string(value, name)?,
                };
            }
            "documents" => request.documents = documents(value)?,
            "return_documents" => request.returns_documents = truth(value, name)?,
            name if name == words.top => request.top = Some(count(value, name)?),
            name if words.document_tokens.contains(&name) => {
                request.document_tokens = Some(count(value, name)?);
            }
            name if words.truncates == Some(name) => request.truncates = Some(truth(value, name)?),
            _ => request.extras.push(DIALECT, name, value.raw()),
        }
    }
    Ok(request)
}

fn string(json: &Json<'_>, name: &str) -> Result<String, Malformed> {
    let text = json.as_str().map(str::to_owned);
    text.ok_or_else(|| Malformed::new(name, "expected a string"))
}

fn count(json: &Json<'_>, name: &str) -> Result<u64, Malformed> {
    let number = json.as_u64().filter(|number| *number > 0);
    number.ok_or_else(|| Malformed::new(name, "expected a whole number above 0"))
}

fn truth(json: &Json<'_>, name: &str) -> Result<bool, Malformed> {
    json.as_bool().ok_or_else(|| Malformed::new(name, "expected true or false"))
}

/// Strings, and objects where the form has them.
fn documents(json: &Json<'_>) -> Result<Vec<Document>, Malformed> {
    if !json.is_array() {
        return Err(Malformed::new("documents", "expected a list of documents"));
    }
    let one = |(at, item): (usize, &Json<'_>)| {
        document(item).ok_or_else(|| {
            Malformed::new(format!("documents[{at}]"), "expected a string, or an object with a text")
        })
    };
    json.elements().iter().enumerate().map(one).collect()
}

/// An object that has nothing but a text is that text.
fn document(json: &Json<'_>) -> Option<Document> {
    if let Some(text) = json.as_str() {
        return Some(Document::Text(text.to_owned()));
    }
    if !json.is_object() {
        return None;
    }
    match (json.entries().len(), json.field("text").and_then(Json::as_str)) {
        (1, Some(text)) => Some(Document::Text(text.to_owned())),
        _ => Some(Document::Fields(json.raw().to_owned())),
    }
}

/// The list of documents for a target that takes strings alone.
fn write_texts(a: &mut Array<'_>, documents: &[Document], losses: &mut Losses) {
    for document in documents {
        match document {
            Document::Text(text) => a.string(text),
            Document::Fields(json) => {
                losses.bent("documents", "said as the text of an object");
                a.string(json);
            }
        }
    }
}

/// One place of an order; fields that are no number make it none.
fn ranked(item: &Json<'_>, score: &str) -> Option<Ranked> {
    let number = item.field(score).filter(|number| number.as_f64().is_some())?;
    Some(Ranked {
        index: item.field("index")?.as_u64()?,
        score: number.raw().to_owned(),
        document: item.field("document").and_then(document),
    })
}

fn order(list: Option<&Json<'_>>, name: &str) -> Result<Vec<Ranked>, Malformed> {
    let list = list.filter(|list| list.is_array());
    let list = list.ok_or_else(|| Malformed::new(name, "expected a list of ranked documents"))?;
    let one = |(at, item): (usize, &Json<'_>)| {
        ranked(item, "relevance_score")
            .ok_or_else(|| Malformed::new(format!("{name}[{at}]"), "expected an index and a relevance_score"))
    };
    list.elements().iter().enumerate().map(one).collect()
}

/// The document of a place, where the client wants it.
fn wanted<'a>(place: &'a Ranked, asked: &'a RerankRequest) -> Option<&'a Document> {
    let own = || asked.documents.get(usize::try_from(place.index).ok()?);
    asked.returns_documents.then(|| place.document.as_ref().or_else(own))?
}

/// A document as an object with its text, as Cohere and Jina have it.
fn write_document(o: &mut Object<'_>, document: &Document) {
    match document {
        Document::Text(text) => o.object("document", |o| o.string("text", text)),
        Document::Fields(json) => o.raw("document", json),
    }
}
