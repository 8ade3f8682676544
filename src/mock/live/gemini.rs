//! A session in Gemini's form: JSON in frames of bytes.

use std::io;

use base64::Engine as _;
use serde_json::{Value, json};

use super::socket::Socket;
use crate::mock::World;
use crate::mock::say::compose;
use crate::mock::say::script::Script;
use crate::mock::say::{Answer, Ask, Block, Outcome, Tool, fingerprint, tokens_of};
use crate::wire::websocket::Kind;

pub(super) async fn talk(socket: &mut Socket<'_>, world: &World) -> io::Result<()> {
    let Some(first) = socket.next().await? else { return Ok(()) };
    let mut first: Value = serde_json::from_slice(&first).unwrap_or_default();
    in_camels(&mut first);
    let setup = &first["setup"];
    let Some(model) = setup["model"].as_str().and_then(|model| model.strip_prefix("models/")) else {
        return socket.close(1007, "setup must be the first message and only the first").await;
    };
    if !(model.contains("live") || model.contains("native-audio")) {
        let reason = format!(
            "models/{model} is not found for API version v1beta, or is not supported for bidiGenerateContent."
        );
        return socket.close(1008, &reason).await;
    }
    socket.say(Kind::Binary, &json!({"setupComplete": {}})).await?;
    let mut prompt = 0;
    while let Some(message) = socket.next().await? {
        let Ok(mut message) = serde_json::from_slice::<Value>(&message) else {
            return socket.close(1007, "Invalid JSON payload received.").await;
        };
        in_camels(&mut message);
        let Some(ask) = ask(&message, setup, model, &mut prompt) else { continue };
        let script = Script::read(model, &ask.text);
        socket.fragment = script.chunk;
        let answer = compose::answer(&ask, &script, world.options.tokens);
        let mut said = told(&answer, setup, world);
        said.extend(ended(&answer, setup, prompt));
        prompt += answer.tokens();
        let cut = script.cut.unwrap_or(usize::MAX);
        for (index, message) in said.iter().enumerate() {
            if index >= cut {
                return Ok(());
            }
            socket.say(Kind::Binary, message).await?;
        }
    }
    Ok(())
}

/// Google takes names in either spelling; what is the client's own stays as it is.
fn in_camels(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(in_camels),
        Value::Object(members) => {
            for (key, mut value) in std::mem::take(members) {
                if !matches!(key.as_str(), "properties" | "response" | "args") {
                    in_camels(&mut value);
                }
                let mut words = key.split('_');
                let mut name = words.next().unwrap_or_default().to_owned();
                for word in words {
                    let (first, rest) = word.split_at(word.len().min(1));
                    name.push_str(&first.to_ascii_uppercase());
                    name.push_str(rest);
                }
                members.insert(name, value);
            }
        }
        _ => {}
    }
}

/// What a message asks for, if it ends the client's turn.
fn ask(message: &Value, setup: &Value, model: &str, prompt: &mut usize) -> Option<Ask> {
    let (mut text, mut results) = (String::new(), Vec::new());
    if let Some(content) = message["clientContent"].as_object() {
        let turns = content.get("turns").and_then(Value::as_array).cloned().unwrap_or_default();
        let parts = turns.iter().flat_map(|turn| turn["parts"].as_array().cloned().unwrap_or_default());
        for part in parts {
            text.push_str(part["text"].as_str().unwrap_or_default());
        }
        *prompt += tokens_of(text.len());
        if content.get("turnComplete") != Some(&true.into()) {
            return None;
        }
    } else if let Some(said) = message["realtimeInput"]["text"].as_str() {
        said.clone_into(&mut text);
        *prompt += tokens_of(text.len());
    } else if let Some(all) = message["toolResponse"]["functionResponses"].as_array() {
        for response in all {
            let text = response["response"].to_string();
            *prompt += tokens_of(text.len());
            results.push(Outcome { text, ..Outcome::default() });
        }
    } else {
        return None;
    }
    let tools = setup["tools"].as_array().cloned().unwrap_or_default();
    let declared =
        tools.iter().flat_map(|tool| tool["functionDeclarations"].as_array().cloned().unwrap_or_default());
    let tool = |tool: Value| {
        Some(Tool { name: tool["name"].as_str()?.to_owned(), schema: tool["parameters"].clone() })
    };
    Some(Ask {
        model: model.to_owned(),
        print: fingerprint(&text),
        prompt: *prompt,
        text,
        results,
        tools: declared.filter_map(tool).collect(),
        ..Ask::default()
    })
}

fn is_aloud(setup: &Value) -> bool {
    setup["generationConfig"]["responseModalities"][0] == "AUDIO"
}

fn told(answer: &Answer, setup: &Value, world: &World) -> Vec<Value> {
    let part = |piece: &str| {
        if is_aloud(setup) {
            let sound = base64::engine::general_purpose::STANDARD.encode([0_u8; 1_920]);
            json!({"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": sound}})
        } else {
            json!({"text": piece})
        }
    };
    let mut said = Vec::new();
    let mut calls = Vec::new();
    for block in &answer.blocks {
        match block {
            Block::Text(pieces) => said.extend(
                pieces.iter().map(|piece| json!({"serverContent": {"modelTurn": {"parts": [part(piece)]}}})),
            ),
            Block::Call(call) => {
                let args: Value = serde_json::from_str(&call.arguments.text).unwrap_or_default();
                calls.push(json!({"id": world.id("function-call-", 19), "name": call.name, "args": args}));
            }
        }
    }
    if !calls.is_empty() {
        said.push(json!({"toolCall": {"functionCalls": calls}}));
    }
    said
}

fn ended(answer: &Answer, setup: &Value, prompt: usize) -> Vec<Value> {
    let all = answer.tokens();
    let modality = if is_aloud(setup) { "AUDIO" } else { "TEXT" };
    let usage = json!({"promptTokenCount": prompt, "responseTokenCount": all, "totalTokenCount": prompt + all,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
        "responseTokensDetails": [{"modality": modality, "tokenCount": all}]});
    if answer.calls().next().is_some() {
        return vec![json!({"usageMetadata": usage})];
    }
    vec![
        json!({"serverContent": {"generationComplete": true}}),
        json!({"serverContent": {"turnComplete": true}, "usageMetadata": usage}),
    ]
}
