//! What a client asks of what is kept, read from the method and the path.

use http::Method;

/// What is asked of responses and conversations that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shelved {
    /// A response.
    Response(String),
    /// That a response be forgotten.
    Forget(String),
    /// That a response in the background be given up.
    Cancel(String),
    /// The items that a response was made from.
    Inputs(String),
    /// A new conversation.
    Begin,
    /// A conversation.
    Conversation(String),
    /// That something else be noted on a conversation.
    Note(String),
    /// That a conversation be forgotten.
    End(String),
    /// The items of a conversation.
    Items(String),
    /// That items be added to a conversation.
    Add(String),
    /// One item of a conversation.
    Item(String, String),
    /// That an item be taken out of a conversation.
    Remove(String, String),
}

impl Shelved {
    /// What is asked at this place by this method; for another method, those that would be right.
    /// `None` where nothing is.
    #[must_use]
    pub fn at(place: &str, method: &Method) -> Option<Result<Self, &'static str>> {
        let mut parts = place.split('/');
        let (family, id, what, item) = (parts.next()?, parts.next(), parts.next(), parts.next());
        // What is compacted is no response.
        if parts.next().is_some() || matches!(id, Some("" | "compact")) {
            return None;
        }
        let id = || id.unwrap_or_default().to_owned();
        let get = || *method == Method::GET || *method == Method::HEAD;
        let found = match (family, place.matches('/').count(), what, item) {
            ("responses", 1, ..) => match *method {
                _ if get() => Self::Response(id()),
                Method::DELETE => Self::Forget(id()),
                _ => return Some(Err("GET, DELETE")),
            },
            ("responses", 2, Some("cancel"), _) => match *method {
                Method::POST => Self::Cancel(id()),
                _ => return Some(Err("POST")),
            },
            ("responses", 2, Some("input_items"), _) => match *method {
                _ if get() => Self::Inputs(id()),
                _ => return Some(Err("GET")),
            },
            ("conversations", 0, ..) => match *method {
                Method::POST => Self::Begin,
                _ => return Some(Err("POST")),
            },
            ("conversations", 1, ..) => match *method {
                _ if get() => Self::Conversation(id()),
                Method::POST => Self::Note(id()),
                Method::DELETE => Self::End(id()),
                _ => return Some(Err("GET, POST, DELETE")),
            },
            ("conversations", 2, Some("items"), _) => match *method {
                _ if get() => Self::Items(id()),
                Method::POST => Self::Add(id()),
                _ => return Some(Err("GET, POST")),
            },
            ("conversations", 3, Some("items"), Some(item)) => match *method {
                _ if get() => Self::Item(id(), item.to_owned()),
                Method::DELETE => Self::Remove(id(), item.to_owned()),
                _ => return Some(Err("GET, DELETE")),
            },
            _ => return None,
        };
        Some(Ok(found))
    }

    /// The response or conversation that is spoken of, "" for a new one.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Response(id)
            | Self::Forget(id)
            | Self::Cancel(id)
            | Self::Inputs(id)
            | Self::Conversation(id)
            | Self::Note(id)
            | Self::End(id)
            | Self::Items(id)
            | Self::Add(id)
            | Self::Item(id, _)
            | Self::Remove(id, _) => id,
            Self::Begin => "",
        }
    }

    /// Whether it speaks of a conversation.
    #[must_use]
    pub const fn is_of_conversations(&self) -> bool {
        !matches!(self, Self::Response(_) | Self::Forget(_) | Self::Cancel(_) | Self::Inputs(_))
    }

    /// Whether its body says something.
    #[must_use]
    pub const fn has_body(&self) -> bool {
        matches!(self, Self::Begin | Self::Note(_) | Self::Add(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_methods() {
        let at = |method: Method, place: &str| Shelved::at(place, &method);
        let id = || "x".to_owned();
        for (method, place, expected) in [
            (Method::GET, "responses/x", Shelved::Response(id())),
            (Method::DELETE, "responses/x", Shelved::Forget(id())),
            (Method::POST, "responses/x/cancel", Shelved::Cancel(id())),
            (Method::GET, "responses/x/input_items", Shelved::Inputs(id())),
            (Method::POST, "conversations", Shelved::Begin),
            (Method::GET, "conversations/x", Shelved::Conversation(id())),
            (Method::POST, "conversations/x", Shelved::Note(id())),
            (Method::DELETE, "conversations/x", Shelved::End(id())),
            (Method::GET, "conversations/x/items", Shelved::Items(id())),
            (Method::POST, "conversations/x/items", Shelved::Add(id())),
            (Method::GET, "conversations/x/items/i", Shelved::Item(id(), "i".into())),
            (Method::DELETE, "conversations/x/items/i", Shelved::Remove(id(), "i".into())),
        ] {
            assert_eq!(at(method, place), Some(Ok(expected)), "{place}");
        }
        assert_eq!(at(Method::PUT, "responses/x"), Some(Err("GET, DELETE")));
        assert_eq!(at(Method::GET, "conversations"), Some(Err("POST")));
        for nothing in ["responses", "responses/", "responses/x/y", "conversations/x/items/i/j", "models/x"] {
            assert_eq!(at(Method::GET, nothing), None, "{nothing}");
        }
    }
}
