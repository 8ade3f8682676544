//! T11 to T14 and T26 to T28: instructions, empty words and media.

use super::*;

fn messages(messages: &Value) -> Value {
    json!({"model": "m", "messages": messages})
}

#[test]
fn t11_a_later_system_message_keeps_its_place_issue_36559() {
    let request = messages(&json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "system", "content": "Speak French."},
        {"role": "user", "content": "Three"},
    ]));
    let said = say(Chat, &request, &sonnet());
    assert_eq!(said.body["system"].as_array().unwrap().len(), 1, "the prompt's head stays as it was cached");
    let last = said.body["messages"][2].to_string();
    assert!(last.contains("Speak French.") && last.contains("operator") && last.contains("Three"), "{last}");
    assert!(said.lost("messages.system;bent"), "{}", said.losses);
    let said = say(Chat, &request, &flash());
    assert!(!said.body["systemInstruction"].to_string().contains("French"));
    let said = say(Chat, &request, &gpt());
    assert_eq!(said.body["messages"][3]["role"], "system");
}

#[test]
fn t12_a_developer_is_a_system_elsewhere() {
    let request =
        messages(&json!([{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]));
    assert_eq!(say(Chat, &request, &sonnet()).body["system"][0]["text"], "Be brief.");
    assert_eq!(say(Chat, &request, &flash()).body["systemInstruction"]["parts"][0]["text"], "Be brief.");
    let together = corpus::target(Chat, "together", "some-model");
    assert_eq!(say(Chat, &request, &together).body["messages"][0]["role"], "system");
}

#[test]
fn t13_several_system_messages_keep_order_and_the_mark_of_the_second() {
    let request = messages(&json!([
        {"role": "system", "content": "First."},
        {"role": "system", "content": [{"type": "text", "text": "Second.", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": "Hi"},
    ]));
    let system = &say(Chat, &request, &sonnet()).body["system"];
    assert_eq!(system[0], json!({"type": "text", "text": "First."}));
    assert_eq!(system[1], json!({"type": "text", "text": "Second.", "cache_control": {"type": "ephemeral"}}));
}

#[test]
fn t14_empty_words_are_left_out_and_a_prefill_ends_without_space() {
    let request = messages(&json!([
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": ""},
        {"role": "assistant", "content": "The answer is "},
    ]));
    let said = say(Chat, &request, &sonnet());
    let turns = &said.body["messages"];
    assert_eq!(turns[0]["content"], json!([{"type": "text", "text": "Hi"}]));
    assert_eq!(turns[1]["content"].as_array().unwrap().len(), 1, "{turns}");
    let prefill = turns[3].to_string();
    assert!(prefill.contains("The answer is\""), "{prefill}");
    assert!(!turns.to_string().contains(r#""text":"""#), "{turns}");
}

#[test]
fn t14_null_content_beside_calls_is_no_words() {
    let body = json!({"choices": [{"message": {"role": "assistant", "content": null,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, "finish_reason": "tool_calls"}]});
    let said = answer(Chat, &body, &Restore::default(), Claude);
    assert_eq!(said["content"].as_array().unwrap().len(), 1);
    let body = json!({"content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}], "stop_reason": "tool_use"});
    let said = answer(Claude, &body, &Restore::default(), Chat);
    assert_eq!(said["choices"][0]["message"]["content"], Value::Null);
}

#[test]
fn t26_sound_that_a_target_does_not_take_is_a_loss() {
    let sound = json!([{"role": "user", "content": [{"type": "text", "text": "Hear."},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]}]);
    let said = say(Chat, &messages(&sound), &sonnet());
    assert!(said.lost("messages.content.input_audio;dropped"), "{}", said.losses);
    let said = say(Chat, &messages(&sound), &flash());
    assert_eq!(said.body["contents"][0]["parts"][1]["inlineData"]["mimeType"], "audio/wav");
}

#[test]
fn t27_a_pdf_is_a_file_and_no_picture() {
    let request = claude(&json!({"messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}, "title": "a.pdf"}]}]}));
    let said = say(Claude, &request, &gpt());
    let part = &said.body["messages"][0]["content"][0];
    assert_eq!(part["type"], "file");
    assert_eq!(part["file"]["file_data"], "data:application/pdf;base64,JVBERi0=");
    assert_eq!(part["file"]["filename"], "a.pdf");
}

#[test]
fn t28_addresses_that_a_target_cannot_read_are_losses() {
    let picture = |url: &str| {
        messages(
            &json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "?"}]}]),
        )
    };
    let said = say(Chat, &picture("gs://bucket/cat.png"), &gpt());
    assert!(!said.body.to_string().contains("gs://") && !said.losses.is_empty(), "{}", said.body);
    let said = say(Chat, &picture("gs://bucket/cat.png"), &sonnet());
    assert!(!said.body.to_string().contains("gs://") && !said.losses.is_empty(), "{}", said.body);
    let said = say(Chat, &picture("https://example.com/cat.png"), &sonnet());
    assert_eq!(said.body["messages"][0]["content"][0]["source"]["url"], "https://example.com/cat.png");
    let said = say(Chat, &picture("https://example.com/cat.png"), &flash());
    assert!(said.body.to_string().contains("cat.png") || !said.losses.is_empty());
}

#[test]
fn t28_a_wrong_picture_type_is_told_by_its_first_bytes_issue_24900() {
    let request = messages(&json!([{"role": "user", "content": [{"type": "image_url",
        "image_url": {"url": "data:image/jpeg;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}}]}]));
    let source = &say(Chat, &request, &sonnet()).body["messages"][0]["content"][0]["source"];
    assert_eq!(source["media_type"], "image/png");
}
