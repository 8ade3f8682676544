use super::*;

const DIALECTS: [(Dialect, &str, [&str; 4]); 7] = [
    (
        Dialect::OpenaiChat,
        r#"{"messages": [ {"role":"system","content":"own"},{"role":"user","content":"hi"}]}"#,
        [
            r#"{"messages": [ {"role":"system","content":"own"},{"role":"user","content":"hi"}]}"#,
            r#"{"messages": [ {"role":"system","content":"house\n\nown"},{"role":"user","content":"hi"}]}"#,
            r#"{"messages": [ {"role":"system","content":"own\n\nhouse"},{"role":"user","content":"hi"}]}"#,
            r#"{"messages": [{"role":"system","content":"house"},{"role":"user","content":"hi"}]}"#,
        ],
    ),
    (
        Dialect::OpenaiResponses,
        r#"{"input":[{"role":"developer","content":"own"},{"role":"user","content":"hi"}] }"#,
        [
            r#"{"input":[{"role":"developer","content":"own"},{"role":"user","content":"hi"}] }"#,
            r#"{"input":[{"role":"developer","content":"own"},{"role":"user","content":"hi"}],"instructions":"house" }"#,
            r#"{"input":[{"role":"developer","content":"own"},{"role":"user","content":"hi"}],"instructions":"house" }"#,
            r#"{"input":[{"role":"user","content":"hi"}],"instructions":"house" }"#,
        ],
    ),
    (
        Dialect::AnthropicMessages,
        r#"{"system":[{"type":"text","text":"own","cache_control":{"type":"ephemeral"}}],"messages":[]}"#,
        [
            r#"{"system":[{"type":"text","text":"own","cache_control":{"type":"ephemeral"}}],"messages":[]}"#,
            r#"{"system":[{"type":"text","text":"house"},{"type":"text","text":"own","cache_control":{"type":"ephemeral"}}],"messages":[]}"#,
            r#"{"system":[{"type":"text","text":"own","cache_control":{"type":"ephemeral"}},{"type":"text","text":"house"}],"messages":[]}"#,
            r#"{"system":"house","messages":[]}"#,
        ],
    ),
    (
        Dialect::GeminiGenerate,
        r#"{"system_instruction":{"parts":{"text":"own"}},"contents":[]}"#,
        [
            r#"{"system_instruction":{"parts":{"text":"own"}},"contents":[]}"#,
            r#"{"system_instruction":{"parts":[{"text":"house"},{"text":"own"}]},"contents":[]}"#,
            r#"{"system_instruction":{"parts":[{"text":"own"},{"text":"house"}]},"contents":[]}"#,
            r#"{"system_instruction":{"parts":[{"text":"house"}]},"contents":[]}"#,
        ],
    ),
    (
        Dialect::BedrockConverse,
        r#"{"messages":[],"system":[{"text":"own"}]}"#,
        [
            r#"{"messages":[],"system":[{"text":"own"}]}"#,
            r#"{"messages":[],"system":[{"text":"house"},{"text":"own"}]}"#,
            r#"{"messages":[],"system":[{"text":"own"},{"text":"house"}]}"#,
            r#"{"messages":[],"system":[{"text":"house"}]}"#,
        ],
    ),
    (
        Dialect::OllamaGenerate,
        r#"{"system":"own","prompt":"hi"}"#,
        [
            r#"{"system":"own","prompt":"hi"}"#,
            r#"{"system":"house\n\nown","prompt":"hi"}"#,
            r#"{"system":"own\n\nhouse","prompt":"hi"}"#,
            r#"{"system":"house","prompt":"hi"}"#,
        ],
    ),
    (
        Dialect::OpenaiCompletions,
        r#"{"prompt":["one","two"]}"#,
        [r#"{"prompt":["house\n\none","house\n\ntwo"]}"#; 4],
    ),
];

fn said(dialect: Dialect, place: Place, body: &str) -> Result<String, Malformed> {
    let prompt = SystemPrompt { place, text: "house".to_owned() };
    let lens = Lens::new(body.as_bytes()).unwrap();
    let edits = prompt.edits(dialect, &lens)?;
    Ok(String::from_utf8(lens.apply(&edits)).unwrap())
}

const PLACES: [Place; 4] = [Place::Inject, Place::Prepend, Place::Append, Place::Replace];

#[test]
fn a_prompt_stands_beside_the_clients_own_in_each_dialect() {
    for (dialect, body, expected) in DIALECTS {
        for (place, expected) in PLACES.into_iter().zip(expected) {
            assert_eq!(said(dialect, place, body).as_deref(), Ok(expected), "{dialect:?} {place:?}");
        }
    }
}

#[test]
fn where_the_client_says_none_each_says_it_alone() {
    for (dialect, body, expected) in [
        (
            Dialect::CohereChat,
            r#"{"messages":[{"role":"user","content":"hi"}]}"#,
            r#"{"messages":[{"role":"system","content":"house"},{"role":"user","content":"hi"}]}"#,
        ),
        (Dialect::OllamaChat, r#"{"messages":[]}"#, r#"{"messages":[{"role":"system","content":"house"}]}"#),
        (Dialect::OpenaiResponses, r#"{"input":"hi"}"#, r#"{"input":"hi","instructions":"house"}"#),
        (Dialect::OpenaiResponses, r#"{"instructions":null}"#, r#"{"instructions":"house"}"#),
        (Dialect::AnthropicMessages, r#"{"messages":[],"system":""}"#, r#"{"messages":[],"system":"house"}"#),
        (Dialect::AnthropicMessages, r#"{"system":[]}"#, r#"{"system":"house"}"#),
        (
            Dialect::GeminiGenerate,
            r#"{"contents":[]}"#,
            r#"{"contents":[],"systemInstruction":{"parts":[{"text":"house"}]}}"#,
        ),
        (
            Dialect::GeminiGenerate,
            r#"{"generateContentRequest":{"contents":[]}}"#,
            r#"{"generateContentRequest":{"contents":[],"systemInstruction":{"parts":[{"text":"house"}]}}}"#,
        ),
        (Dialect::BedrockConverse, "{}", r#"{"system":[{"text":"house"}]}"#),
        (
            Dialect::BedrockConverse,
            r#"{"input":{"converse":{"messages":[]}}}"#,
            r#"{"input":{"converse":{"messages":[],"system":[{"text":"house"}]}}}"#,
        ),
        (Dialect::OllamaGenerate, r#"{"prompt":"hi"}"#, r#"{"prompt":"hi","system":"house"}"#),
    ] {
        for place in PLACES {
            assert_eq!(said(dialect, place, body).as_deref(), Ok(expected), "{dialect:?} {place:?}");
        }
    }
}

#[test]
fn a_turn_of_a_developer_stays_one_and_so_do_blocks() {
    let body = r#"{"messages":[{"role":"developer","content":[{"type":"text","text":"own"}]},{"role":"developer","content":"more"},{"role":"user","content":"hi"},{"role":"system","content":"late"}]}"#;
    assert_eq!(
        said(Dialect::OpenaiChat, Place::Prepend, body).unwrap(),
        body.replace(r#"[{"type""#, r#"[{"type":"text","text":"house"},{"type""#)
    );
    assert_eq!(
        said(Dialect::OpenaiChat, Place::Append, body).unwrap(),
        body.replace("\"more\"", "\"more\\n\\nhouse\"")
    );
    assert_eq!(
        said(Dialect::OpenaiChat, Place::Replace, body).unwrap(),
        r#"{"messages":[{"role":"developer","content":"house"},{"role":"user","content":"hi"}]}"#
    );
    // One that stands elsewhere is no beginning.
    let late = r#"{"messages":[{"role":"user","content":"hi"},{"role":"system","content":"late"}]}"#;
    assert_eq!(
        said(Dialect::OpenaiChat, Place::Append, late).unwrap(),
        late.replace("[{", r#"[{"role":"system","content":"house"},{"#)
    );
    assert_eq!(said(Dialect::OpenaiChat, Place::Inject, late).unwrap(), late);
    let mid = r#"{"messages":[{"role":"user","content":"hi"},{"role":"system","content":"late"}]}"#;
    assert_eq!(
        said(Dialect::AnthropicMessages, Place::Replace, mid).unwrap(),
        r#"{"messages":[{"role":"user","content":"hi"}],"system":"house"}"#
    );
}

#[test]
fn what_no_prompt_can_stand_beside_is_refused_with_its_place() {
    for (dialect, place, body, param) in [
        (Dialect::OpenaiCompletions, Place::Inject, r#"{"prompt":[1,2]}"#, "prompt"),
        (Dialect::GeminiGenerate, Place::Prepend, r#"{"cachedContent":"c"}"#, "cachedContent"),
        (
            Dialect::OpenaiChat,
            Place::Append,
            r#"{"messages":[{"role":"system","content":5}]}"#,
            "messages[0].content",
        ),
        (
            Dialect::OpenaiChat,
            Place::Inject,
            r#"{"messages":[{"role":"user","role":"system"}]}"#,
            "messages[0]",
        ),
        (Dialect::BedrockConverse, Place::Append, r#"{"system":"own"}"#, "system"),
        (Dialect::OpenaiResponses, Place::Prepend, r#"{"instructions":[{"role":"user"}]}"#, "instructions"),
    ] {
        assert_eq!(said(dialect, place, body).unwrap_err().param, param, "{body}");
    }
    let cached = r#"{"cachedContent":"c"}"#;
    assert_eq!(said(Dialect::GeminiGenerate, Place::Inject, cached).as_deref(), Ok(cached));
}
