//! Requests.

use super::*;
use crate::ir::{
    Block, CacheMark, Content, Dialect, Format, Media, Reasoning, Role, Signature, Source, Tool, ToolCall,
    ToolChoice, ToolKind, ToolResult, Turn,
};

/// The same request in one spelling.
fn plain(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(plain),
        Value::Object(map) => {
            map.retain(|key, value| !value.is_null() && !(key == "annotations" && *value == json!([])));
            map.values_mut().for_each(plain);
            if map.get("role") == Some(&json!("developer")) {
                map.insert("role".into(), json!("system"));
            }
            if let Some([part]) = map.get("content").and_then(Value::as_array).map(Vec::as_slice)
                && let Some(text) = part.get("text").filter(|_| part.as_object().unwrap().len() == 2).cloned()
            {
                map.insert("content".into(), text);
            }
            if map.contains_key("tool_calls") && map.get("content") == Some(&json!("")) {
                map.remove("content");
            }
            let called = map.contains_key("id");
            if let Some(call) = map.get_mut("function").filter(|_| called) {
                let call = call.as_object_mut().unwrap();
                let blank = call.get("arguments").is_none_or(|text| text == "");
                blank.then(|| call.insert("arguments".into(), json!("{}")));
                map.remove("index");
            }
        }
        Value::Number(number) => *value = json!(number.as_f64().unwrap()),
        _ => {}
    }
}

#[test]
fn requests_come_through_the_hub_unchanged() {
    let mut unchanged = 0;
    for (name, body) in corpus("requests") {
        let (mut after, losses, restore) = render(&parse(&body), &OPEN);
        let mut before: Value = serde_json::from_slice(&body).unwrap();
        plain(&mut before);
        plain(&mut after);
        assert!(restore.is_empty(), "{name}");
        if losses.is_empty() && name != "legacy-functions.json" {
            assert_eq!(after, before, "{name}");
            unchanged += 1;
        }
    }
    assert!(unchanged >= 20, "{unchanged}");
}
