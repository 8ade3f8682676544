//! A configuration as written: texts, lists and maps, each with the place it came from.
//!
//! File and environment meet here, so that whatever is found wrong later, by the types or by the
//! compiler, can be shown where a human wrote it.

use super::problem::Place;

/// One value as written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// Whether a reference gave the text, which then may be a secret and is never quoted.
    pub(super) referred: bool,
}

/// What was written. Numbers stay text, so that a price or a key keeps every digit.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One entry of a map, in the order of the file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Where the key stands.
    pub(super) place: Place,
    pub(super) node: Node,
}

/// One step from a node to a node within it: the position of an entry or an item.
pub(super) type Step = usize;

impl Node {
    pub(super) fn new(place: &Place, value: Value) -> Self {
        Self { place: place.clone(), value, referred: false }
    }

    pub(super) fn text(place: &Place, text: impl Into<String>) -> Self {
        Self::new(place, Value::Text(text.into()))
    }

    /// Whether nothing was written here, not even a reference that could not be followed.
    pub(super) const fn is_blank(&self) -> bool {
        matches!(self.value, Value::Null) && !self.referred
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Text(_) | Value::List(_) => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Text(_) | Value::Map(_) => &[],
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// Where the value at a path of keys stands, or the innermost thing around it that exists.
    ///
    /// A number in the path counts the items of a list. A map is shown by its key.
    pub(super) fn place_of(&self, path: &[&str]) -> Place {
        self.find(path).unwrap_or_else(|| self.place.clone())
    }

    fn find(&self, path: &[&str]) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        match &self.value {
            Value::Map(entries) => {
                let entry = entries.iter().find(|entry| entry.key == *first)?;
                let own = match entry.node.value {
                    Value::Text(_) | Value::List(_) => &entry.node.place,
                    Value::Null | Value::Map(_) => &entry.place,
                };
                Some(entry.node.find(rest).unwrap_or_else(|| own.clone()))
            }
            Value::List(items) => {
                let item = items.get(first.parse::<usize>().ok()?)?;
                Some(item.place_of(rest))
            }
            Value::Null | Value::Text(_) => None,
        }
    }

    /// The way to what stands at a place, as keys with dots between them: the innermost of several.
    pub(super) fn path_to(&self, place: &Place) -> Option<String> {
        let step = |key: &str, own: bool, inner: Option<String>| match inner {
            Some(rest) => Some(format!("{key}.{rest}")),
            None => own.then(|| key.to_owned()),
        };
        match &self.value {
            Value::Map(entries) => entries.iter().find_map(|entry| {
                let own = entry.place == *place || entry.node.place == *place;
                step(&entry.key, own, entry.node.path_to(place))
            }),
            Value::List(items) => items
                .iter()
                .enumerate()
                .find_map(|(at, item)| step(&at.to_string(), item.place == *place, item.path_to(place))),
            Value::Null | Value::Text(_) => None,
        }
    }

    /// Adds the texts that references gave, here and below.
    pub(super) fn gather_referred(&self, texts: &mut Vec<String>) {
        match &self.value {
            Value::Text(text) if self.referred => texts.push(text.clone()),
            Value::Null | Value::Text(_) => {}
            Value::List(items) => items.iter().for_each(|item| item.gather_referred(texts)),
            Value::Map(entries) => entries.iter().for_each(|entry| entry.node.gather_referred(texts)),
        }
    }

    /// Takes what is written at a key as the value of one of its fields alone for that: `admin: off`.
    pub(super) fn spell_out(&mut self, key: &str, field: &str) {
        let Value::Map(entries) = &mut self.value else { return };
        for entry in entries.iter_mut().filter(|entry| entry.key == key) {
            if matches!(entry.node.value, Value::Text(_)) {
                let place = entry.node.place.clone();
                let text = std::mem::replace(&mut entry.node, Self::new(&place, Value::Null));
                let inner = Entry { key: field.to_owned(), place: entry.place.clone(), node: text };
                entry.node.value = Value::Map(vec![inner]);
            }
        }
    }

    /// Puts a value at a path of keys in place of what is there; keys that are new stand where the
    /// value does. Where the path leads through a text or a list, that stays, for the types to
    /// refuse it.
    pub(super) fn put(&mut self, path: &[&str], node: Self) {
        let Some((first, rest)) = path.split_first() else {
            *self = node;
            return;
        };
        if matches!(self.value, Value::Null) {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else {
            return;
        };
        if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *first) {
            entry.node.put(rest, node);
            return;
        }
        let place = node.place.clone();
        let mut inner = Self::new(&place, Value::Null);
        inner.put(rest, node);
        entries.push(Entry { key: (*first).to_owned(), place, node: inner });
    }

    /// Takes the entry of a key out of the map at a path of keys.
    pub(super) fn remove(&mut self, path: &[&str], key: &str) {
        let Value::Map(entries) = &mut self.value else {
            return;
        };
        match path.split_first() {
            None => entries.retain(|entry| entry.key != key),
            Some((first, rest)) => {
                if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *first) {
                    entry.node.remove(rest, key);
                }
            }
        }
    }

    /// Cuts off the entry or item that the steps lead to; whether there was one.
    pub(super) fn prune(&mut self, steps: &[Step]) -> bool {
        let Some((&first, rest)) = steps.split_first() else {
            return false;
        };
        match &mut self.value {
            Value::Map(entries) if rest.is_empty() && first < entries.len() => {
                entries.remove(first);
                true
            }
            Value::List(items) if rest.is_empty() && first < items.len() => {
                items.remove(first);
                true
            }
            Value::Map(entries) => entries.get_mut(first).is_some_and(|entry| entry.node.prune(rest)),
            Value::List(items) => items.get_mut(first).is_some_and(|item| item.prune(rest)),
            Value::Null | Value::Text(_) => false,
        }
    }
}
