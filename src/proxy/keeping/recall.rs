//! What a request refers to is put before it, where its target does not keep that.

use bytes::Bytes;
use memchr::memmem;

use crate::dialect::openai_responses::kept;
use crate::ir::Dialect;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::bytes_held::Share;
use crate::proxy::departure::attempt::malformed;
use crate::proxy::departure::targets::{Keeps, Known};
use crate::proxy::keeping::{is_own, no_conversation, no_item, unavailable};
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::route::table::ProviderIndex;
use crate::snapshot::Snapshot;
use crate::store::{Owner, Recalled, Wanted};
use crate::wire::lens::Lens;

/// What was found of what a request refers to.
#[derive(Debug, Clone)]
pub struct Recall {
    /// The response that the request follows.
    pub previous: Option<String>,
    /// The conversation that it belongs to.
    pub conversation: Option<String>,
    /// The request with everything that was said before, referring to nothing.
    whole: Option<Bytes>,
    /// The request whose items are all there, without what was said before.
    pub asked: Option<Bytes>,
    /// The provider that keeps what it refers to, and the key that it was made with.
    at: Option<(ProviderIndex, usize)>,
    /// What to say where nobody can answer it.
    refusal: Refusal,
}

/// Which body a target gets.
#[derive(Debug, Clone)]
pub enum Form {
    /// The client's own.
    Own,
    /// The one with everything that was said before.
    Whole(Bytes),
}

impl Recall {
    /// Which body this target gets.
    ///
    /// # Errors
    /// When the target does not keep what the request refers to, and it is not kept here.
    pub fn form(&self, known: &Known) -> Result<Form, Refusal> {
        let keeps = known.keeps != Keeps::Nothing;
        match (&self.whole, self.at) {
            (_, Some((index, _))) if index == known.index && keeps => Ok(Form::Own),
            (Some(whole), _) => Ok(Form::Whole(whole.clone())),
            // Nobody here knows it, so that the provider may.
            (None, None) if keeps => Ok(Form::Own),
            (None, _) => Err(self.refusal.clone()),
        }
    }

    /// Has somebody look at the request with everything that was said before, and at the one that is kept, who
    /// may say them otherwise.
    ///
    /// # Errors
    /// As whoever looks says.
    pub fn look(
        &mut self,
        mut look: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, Refusal>,
    ) -> Result<(), Refusal> {
        for body in [&mut self.whole, &mut self.asked].into_iter().flatten() {
            if let Some(anew) = look(body)? {
                *body = anew.into();
            }
        }
        Ok(())
    }

    /// The request with everything that was said before; `None` where a provider may know that.
    #[must_use]
    pub fn whole(&self) -> Option<&Bytes> {
        self.whole.as_ref().filter(|_| self.at.is_none())
    }

    /// Where the request is best sent, and by which key.
    #[must_use]
    pub const fn at(&self) -> Option<(ProviderIndex, usize)> {
        self.at
    }
}

/// Whether a target that keeps its answers gets the client's own body.
#[must_use]
pub fn is_left_to(recall: Option<&Recall>, known: &Known) -> bool {
    let own = |recall: &Recall| matches!(recall.form(known), Ok(Form::Own));
    known.keeps != Keeps::Nothing && recall.is_none_or(own)
}

/// Whether a request may refer to what is kept; may say yes too often.
#[must_use]
pub fn may_refer(asked: &Asked, body: &[u8]) -> bool {
    const WORDS: [&[u8]; 3] = [b"\"previous_response_id\"", b"\"conversation\"", b"\"item_reference\""];
    let completes = matches!(
        asked,
        Asked::Chat { dialect: Dialect::OpenaiResponses, .. }
            | Asked::Count { dialect: Dialect::OpenaiResponses, .. }
    );
    completes && WORDS.iter().any(|word| memmem::find(body, word).is_some())
}

/// Finds what a request refers to that may refer to something; `None` for one that does not.
///
/// # Errors
/// When it cannot be found, or is too much.
pub async fn recall(
    shared: &Shared,
    world: &Snapshot,
    owner: Owner,
    body: &Bytes,
    share: &mut Share,
) -> Result<Option<Box<Recall>>, Refusal> {
    let lens = Lens::new(body).map_err(malformed)?;
    let previous = lens.string("previous_response_id").map(std::borrow::Cow::into_owned);
    let conversation = kept::conversation(&lens);
    if previous.is_some() && conversation.is_some() {
        let message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. \
                       Ensure you are only providing one of them.";
        let refusal = Refusal::new(Kind::InvalidRequest, message);
        return Err(refusal.with_code("mutually_exclusive_parameters"));
    }
    let items = lens.raw("input").map(kept::references).unwrap_or_default();
    if previous.is_none() && conversation.is_none() && items.is_empty() {
        return Ok(None);
    }
    let item = items.first().map_or("", String::as_str);
    let refusal = unknown(previous.as_deref(), conversation.as_deref(), item);
    let mut recall = Recall { previous, conversation, whole: None, asked: None, at: None, refusal };
    let store = match shared.shelf.open() {
        Ok(store) => store,
        Err(why) => {
            recall.refusal = why;
            return Ok(Some(Box::new(recall)));
        }
    };
    let wanted = Wanted {
        owner,
        previous: recall.previous.clone(),
        conversation: recall.conversation.clone(),
        items,
        most: world.downstream.body.as_usize(),
    };
    let sought = wanted.items.len();
    match store.recall(wanted).await.map_err(unavailable)? {
        // References of which not all are known may be the provider's own.
        Recalled::Here { history, items } if history.is_empty() && items.len() < sought => {}
        Recalled::Here { history, items } => {
            let whole = kept::with_history(&lens, &history, &items);
            if !share.grow(whole.len(), world.downstream.held.as_usize()) {
                let message = "the gateway holds as many bytes of requests as it may; try again in a moment";
                return Err(Refusal::new(Kind::Unavailable, message));
            }
            recall.whole = Some(whole.into());
            if !items.is_empty() {
                recall.asked = Some(kept::with_history(&lens, &[], &items).into());
            }
        }
        Recalled::Elsewhere(elsewhere) => {
            recall.at = world.table.provider(&elsewhere.provider).ok().map(|at| (at, elsewhere.credential));
            let message = format!(
                "the response that 'previous_response_id' names is kept by {}, which does not serve this \
                 model; send the whole conversation in `input`",
                elsewhere.provider
            );
            recall.refusal = not_found(message);
            if recall.at.is_none() {
                return Err(recall.refusal);
            }
        }
        Recalled::Unknown(id) if is_own(&id) => {
            return Err(unknown(recall.previous.as_ref().map(|_| id.as_str()), Some(&id), ""));
        }
        Recalled::Unknown(_) => {}
        Recalled::TooLarge => {
            let message = "what was said before is larger than a request may be; begin a new conversation";
            return Err(Refusal::new(Kind::ContextWindow, message).with_code("context_length_exceeded"));
        }
    }
    Ok(Some(Box::new(recall)))
}

/// The refusal of an id that nobody knows, as OpenAI words it.
fn unknown(previous: Option<&str>, conversation: Option<&str>, item: &str) -> Refusal {
    match (previous, conversation) {
        (Some(id), _) => not_found(format!("Previous response with id '{}' not found.", super::short(id))),
        (None, Some(id)) => no_conversation(id).with_param("conversation"),
        (None, None) => no_item(item).with_param("input"),
    }
}

fn not_found(message: String) -> Refusal {
    Refusal::new(Kind::InvalidRequest, message)
        .with_param("previous_response_id")
        .with_code("previous_response_not_found")
}
