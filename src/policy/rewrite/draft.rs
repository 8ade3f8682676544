//! A body that is being said otherwise: its outermost members, and what has become of some.

use crate::dialect::Malformed;
use crate::wire::lens::{Edit, Lens};

/// A body that is being said otherwise.
#[derive(Debug)]
pub(super) struct Draft<'d, 'a> {
    lens: &'d Lens<'a>,
    /// Members that are said otherwise, or no more.
    changed: Vec<(String, Option<String>)>,
}

impl<'d, 'a> Draft<'d, 'a> {
    /// One of which nothing is changed yet.
    pub(super) const fn new(lens: &'d Lens<'a>) -> Self {
        Self { lens, changed: Vec::new() }
    }

    /// An outermost member.
    fn member(&self, key: &str) -> Option<&str> {
        match self.changed.iter().find(|(changed, _)| changed == key) {
            Some((_, value)) => value.as_deref(),
            None => self.lens.raw(key),
        }
    }

    /// What is said there; `null` says nothing.
    ///
    /// # Errors
    /// When something on the way says a thing twice, so that it could be read as two things.
    pub(super) fn at<P: AsRef<str>>(&self, path: &[P]) -> Result<Option<&str>, Malformed> {
        let Some((first, mut rest)) = path.split_first() else { return Ok(None) };
        let mut found = self.member(first.as_ref());
        while let Some((key, further)) = rest.split_first() {
            let Some(object) = found.filter(|raw| raw.starts_with('{')) else { return Ok(None) };
            found = Lens::new(object.as_bytes()).map_err(|_| wrong(path))?.raw(key.as_ref());
            rest = further;
        }
        Ok(found.filter(|raw| *raw != "null"))
    }

    /// Says this there, or nothing more.
    ///
    /// # Errors
    /// When something on the way is no object.
    pub(super) fn put<P: AsRef<str>>(&mut self, path: &[P], value: Option<&str>) -> Result<(), Malformed> {
        let Some((first, rest)) = path.split_first() else { return Ok(()) };
        let first = first.as_ref();
        let anew = match rest {
            [] if value.is_none() && self.member(first).is_none() => return Ok(()),
            [] => value.map(str::to_owned),
            rest => match with(self.member(first), rest, value).map_err(|NoObject| wrong(path))? {
                Some(anew) => Some(anew),
                None => return Ok(()),
            },
        };
        match self.changed.iter_mut().find(|(changed, _)| changed == first) {
            Some((_, value)) => *value = anew,
            None => self.changed.push((first.to_owned(), anew)),
        }
        Ok(())
    }

    /// What of the body changes.
    pub(super) fn into_edits(self) -> Vec<Edit> {
        let edit = |(key, value): (String, Option<String>)| match value {
            Some(value) => Edit::Set { key: key.into(), value },
            None => Edit::Remove { key: key.into() },
        };
        self.changed.into_iter().map(edit).collect()
    }
}

/// Where an object belongs there is none, or one that says something twice.
#[derive(Debug)]
struct NoObject;

/// An object with this there, or without it; `None` where it stays as it is.
fn with<P: AsRef<str>>(
    object: Option<&str>,
    path: &[P],
    value: Option<&str>,
) -> Result<Option<String>, NoObject> {
    let Some((key, rest)) = path.split_first() else { return Ok(value.map(str::to_owned)) };
    let object = match object.filter(|raw| *raw != "null") {
        Some(object) => object,
        None if value.is_none() => return Ok(None),
        None => "{}",
    };
    let lens = Lens::new(object.as_bytes()).map_err(|_| NoObject)?;
    let key = key.as_ref();
    let inner = if rest.is_empty() { value.map(str::to_owned) } else { with(lens.raw(key), rest, value)? };
    let edit = match inner {
        Some(value) => Edit::Set { key: key.to_owned().into(), value },
        None if rest.is_empty() && lens.raw(key).is_some() => Edit::Remove { key: key.to_owned().into() },
        None => return Ok(None),
    };
    Ok(Some(String::from_utf8(lens.apply(&[edit])).unwrap_or_default()))
}

fn wrong<P: AsRef<str>>(path: &[P]) -> Malformed {
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    Malformed::new(path.join("."), "expected an object that says nothing twice")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(body: &str, path: &[&str], value: Option<&str>) -> Result<String, Malformed> {
        let lens = Lens::new(body.as_bytes()).unwrap();
        let mut draft = Draft::new(&lens);
        draft.put(path, value)?;
        Ok(String::from_utf8(lens.apply(&draft.into_edits())).unwrap())
    }

    #[test]
    fn something_is_said_or_taken_out_however_deep_it_stands() {
        let body = r#"{ "a": {"b" : 1, "c":{"d":2}}, "e":null}"#;
        for (path, value, expected) in [
            (&["a", "b"][..], Some("5"), r#"{ "a": {"b" : 5, "c":{"d":2}}, "e":null}"#),
            (&["a", "c", "d"], None, r#"{ "a": {"b" : 1, "c":{}}, "e":null}"#),
            (&["a", "c"], None, r#"{ "a": {"b" : 1}, "e":null}"#),
            (&["e", "f", "g"], Some("1"), r#"{ "a": {"b" : 1, "c":{"d":2}}, "e":{"f":{"g":1}}}"#),
            (&["h"], Some("1"), r#"{ "a": {"b" : 1, "c":{"d":2}}, "e":null,"h":1}"#),
            (&["e"], None, r#"{ "a": {"b" : 1, "c":{"d":2}}}"#),
            (&["h", "i"], None, body),
            (&["h"], None, body),
        ] {
            assert_eq!(put(body, path, value).as_deref(), Ok(expected), "{path:?}");
        }
        assert_eq!(put(r#"{"a":[1]}"#, &["a", "b"], Some("1")).unwrap_err().param, "a.b");
    }

    #[test]
    fn what_was_changed_is_read_as_it_is_now() {
        let lens = Lens::new(br#"{"a":{"b":1},"c":null,"d":{"x":1,"x":2}}"#).unwrap();
        let mut draft = Draft::new(&lens);
        assert_eq!((draft.at(&["a", "b"]), draft.at(&["c"])), (Ok(Some("1")), Ok(None)));
        draft.put(&["a", "b"], Some("2")).unwrap();
        draft.put(&["a", "c"], Some("3")).unwrap();
        assert_eq!((draft.at(&["a", "b"]), draft.at(&["a", "c"])), (Ok(Some("2")), Ok(Some("3"))));
        draft.put(&["a"], None).unwrap();
        assert_eq!(draft.at(&["a", "b"]), Ok(None));
        assert_eq!(draft.at(&["d", "x"]).unwrap_err().param, "d.x");
    }
}
