//! Both spellings of a field: `inlineData` as the API documents it, `inline_data` as many clients
//! say it. The API takes either at every level, so everything here is looked up through this file.

use std::borrow::Cow;

use crate::dialect::Malformed;
use crate::wire::json::Json;

/// The documented spelling of a key.
pub(super) fn camel(key: &str) -> Cow<'_, str> {
    // A leading underscore (`_responseJsonSchema`) is part of the name.
    let Some(inner) = key.get(1..).filter(|inner| inner.contains('_')) else {
        return Cow::Borrowed(key);
    };
    let mut name = String::with_capacity(key.len());
    name.extend(key.chars().next());
    let mut raised = false;
    for letter in inner.chars() {
        match letter {
            '_' => raised = true,
            letter if raised => {
                name.push(letter.to_ascii_uppercase());
                raised = false;
            }
            letter => name.push(letter),
        }
    }
    Cow::Owned(name)
}

/// The members of an object that are not null, each under its documented name.
pub(super) fn fields<'j, 'a>(json: &'j Json<'a>) -> impl Iterator<Item = (Cow<'j, str>, &'j Json<'a>)> {
    json.entries().iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (camel(key), value))
}

/// One member by its documented name; null counts as absent.
pub(super) fn field<'j, 'a>(json: &'j Json<'a>, name: &str) -> Option<&'j Json<'a>> {
    let mut entries = json.entries().iter().rev();
    entries.find(|(key, _)| means(key, name)).map(|(_, value)| value).filter(|value| !value.is_null())
}

/// Whether a key is this name in either spelling.
fn means(key: &str, name: &str) -> bool {
    // The other spelling is longer, by a line for each word but the first.
    key == name || (key.len() > name.len() && camel(key) == name)
}

/// The text of a member.
pub(super) fn text<'j>(json: &'j Json<'_>, name: &str) -> Option<&'j str> {
    field(json, name)?.as_str()
}

/// The elements of a list; a lone object stands for a list of one, as the API has it.
pub(super) fn items<'j, 'a>(json: &'j Json<'a>) -> &'j [Json<'a>] {
    if json.is_array() { json.elements() } else { std::slice::from_ref(json) }
}

/// A client's list of objects.
pub(super) fn list<'j, 'a>(json: &'j Json<'a>, name: &str) -> Result<&'j [Json<'a>], Malformed> {
    let items = items(json);
    match items.iter().position(|item| !item.is_object()) {
        None => Ok(items),
        Some(at) if json.is_array() => Err(Malformed::new(format!("{name}[{at}]"), "expected an object")),
        Some(_) => Err(Malformed::new(name, "expected a list of objects")),
    }
}

/// A client's string.
pub(super) fn string(json: &Json<'_>, name: &str) -> Result<String, Malformed> {
    let text = json.as_str().map(str::to_owned);
    text.ok_or_else(|| Malformed::new(name, "expected a string"))
}

/// A client's list of strings.
pub(super) fn strings(json: &Json<'_>, name: &str) -> Result<Vec<String>, Malformed> {
    if !json.is_array() {
        return Err(Malformed::new(name, "expected a list of strings"));
    }
    let items = json.elements().iter().enumerate();
    items
        .map(|(at, item)| {
            let text = item.as_str().map(str::to_owned);
            text.ok_or_else(|| Malformed::new(format!("{name}[{at}]"), "expected a string"))
        })
        .collect()
}

/// A client's whole number that is not negative; JSON of protocol buffers also quotes them.
pub(super) fn whole(json: &Json<'_>, name: &str) -> Result<u64, Malformed> {
    json.as_u64()
        .or_else(|| json.as_str()?.parse().ok())
        .ok_or_else(|| Malformed::new(name, "expected a whole number that is not negative"))
}

/// A client's whole number.
pub(super) fn signed(json: &Json<'_>, name: &str) -> Result<i64, Malformed> {
    json.as_i64()
        .or_else(|| json.as_str()?.parse().ok())
        .ok_or_else(|| Malformed::new(name, "expected a whole number"))
}

/// A client's number.
pub(super) fn number(json: &Json<'_>, name: &str) -> Result<f64, Malformed> {
    let number = json.as_f64();
    number.ok_or_else(|| Malformed::new(name, "expected a number"))
}

/// A client's truth.
pub(super) fn truth(json: &Json<'_>, name: &str) -> Result<bool, Malformed> {
    let truth = json.as_bool();
    truth.ok_or_else(|| Malformed::new(name, "expected true or false"))
}

/// A client's object.
pub(super) fn object<'j, 'a>(json: &'j Json<'a>, name: &str) -> Result<&'j Json<'a>, Malformed> {
    let object = json.is_object().then_some(json);
    object.ok_or_else(|| Malformed::new(name, "expected an object"))
}

/// The text of a value that is kept as it is, but for the white space between its tokens: whole
/// answers come in lines, and no line may end in the middle of an event of a stream.
pub(super) fn compact(json: &Json<'_>) -> String {
    let mut rest = json.raw();
    let mut text = String::with_capacity(rest.len());
    while let Some(at) = rest.find(['"', ' ', '\n', '\r', '\t']) {
        let (plain, after) = rest.split_at(at);
        text.push_str(plain);
        let length = if after.starts_with('"') { quoted(after) } else { 0 };
        text.push_str(after.get(..length).unwrap_or_default());
        rest = after.get(length.max(1)..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

/// The length of the string, quotes included, that the text begins with.
fn quoted(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

/// The same complaint, about a field inside `outer`.
pub(super) fn within(outer: impl std::fmt::Display) -> impl FnOnce(Malformed) -> Malformed {
    move |inner| Malformed {
        param: match inner.param.as_str() {
            "" => outer.to_string(),
            param if param.starts_with('[') => format!("{outer}{param}"),
            param => format!("{outer}.{param}"),
        },
        message: inner.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_but_from_strings() {
        let text = "{ \"a b\\\\\" :\n\t[ 1.50 , \"\\\" x\" ] }";
        let json = crate::wire::json::parse(text.as_bytes()).unwrap();
        assert_eq!(compact(&json), "{\"a b\\\\\":[1.50,\"\\\" x\"]}");
    }

    #[test]
    fn both_spellings_have_one_name() {
        assert_eq!(camel("inline_data"), "inlineData");
        assert_eq!(camel("inlineData"), "inlineData");
        assert_eq!(camel("_responseJsonSchema"), "_responseJsonSchema");
        assert_eq!(camel("_response_json_schema"), "_responseJsonSchema");
        assert_eq!(camel(""), "");
        assert_eq!(camel("é_a"), "é_a");
    }
}
