//! Model names: what they say of their maker, how they are spelt, and which are alike.

use std::borrow::Cow;

/// Whether only the maker and its licensees serve a family's models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weights {
    Closed,
    Open,
}

use Weights::{Closed, Open};

/// Whether a model of OpenAI's only goes on with a prompt and takes no messages.
#[must_use]
pub fn only_completes(name: &str) -> bool {
    let name = plain(name.strip_prefix("ft:").unwrap_or(name));
    name.starts_with("davinci")
        || name.starts_with("babbage")
        || (name.starts_with("gpt-3.5") || name.starts_with("gpt-35")) && name.contains("instruct")
}

/// How a name begins, and who serves such models, the likeliest first. A longer beginning stands
/// before a shorter one that it starts with.
const FAMILIES: &[(&str, Weights, &[&str])] = &[
    ("gpt-oss", Open, &["groq", "cerebras", "together", "fireworks", "ollama", "vllm"]),
    ("gpt-", Closed, &["openai", "azure"]),
    ("chatgpt-", Closed, &["openai"]),
    ("chat-latest", Closed, &["openai"]),
    ("o1", Closed, &["openai", "azure"]),
    ("o3", Closed, &["openai", "azure"]),
    ("o4", Closed, &["openai", "azure"]),
    ("codex-", Closed, &["openai", "azure"]),
    ("computer-use-preview", Closed, &["openai", "azure"]),
    ("text-embedding-00", Closed, &["gemini"]),
    ("text-embedding-", Closed, &["openai", "azure"]),
    ("omni-moderation", Closed, &["openai"]),
    ("text-moderation", Closed, &["openai"]),
    ("dall-e-", Closed, &["openai", "azure"]),
    ("sora-", Closed, &["openai", "azure"]),
    ("tts-1", Closed, &["openai", "azure"]),
    ("whisper-large", Open, &["groq", "fireworks", "deepinfra"]),
    ("whisper-", Closed, &["openai", "azure"]),
    ("davinci-", Closed, &["openai"]),
    ("babbage-", Closed, &["openai"]),
    ("claude", Closed, &["anthropic"]),
    ("gemini-", Closed, &["gemini"]),
    ("gemma", Open, &["gemini", "groq", "together", "ollama"]),
    ("learnlm", Closed, &["gemini"]),
    ("grok-", Closed, &["xai"]),
    ("deepseek", Open, &["deepseek", "together", "fireworks", "deepinfra", "ollama"]),
    ("codestral", Open, &["mistral", "codestral"]),
    ("mistral", Open, &["mistral", "ollama"]),
    ("open-mi", Open, &["mistral"]),
    ("mixtral", Open, &["mistral", "together", "groq"]),
    ("magistral", Open, &["mistral"]),
    ("ministral", Open, &["mistral"]),
    ("pixtral", Open, &["mistral"]),
    ("devstral", Open, &["mistral"]),
    ("voxtral", Open, &["mistral"]),
    ("command", Closed, &["cohere"]),
    ("c4ai-", Open, &["cohere"]),
    ("embed-", Closed, &["cohere"]),
    ("rerank-1", Closed, &["voyage"]),
    ("rerank-2", Closed, &["voyage"]),
    ("rerank-lite-", Closed, &["voyage"]),
    ("rerank-", Closed, &["cohere"]),
    ("llama", Open, &["groq", "together", "fireworks", "cerebras", "sambanova", "meta_llama", "ollama"]),
    ("meta-llama", Open, &["groq", "together", "deepinfra"]),
    ("qwen", Open, &["dashscope", "groq", "together", "fireworks", "ollama"]),
    ("qwq", Open, &["dashscope", "groq", "together"]),
    ("kimi", Open, &["moonshot", "groq", "together", "fireworks"]),
    ("moonshot", Closed, &["moonshot"]),
    ("glm", Open, &["zai", "zhipu", "together", "fireworks"]),
    ("minimax", Open, &["minimax", "together", "fireworks"]),
    ("abab", Closed, &["minimax"]),
    ("mimo", Open, &["xiaomi_mimo"]),
    ("doubao", Closed, &["volcengine"]),
    ("hunyuan", Closed, &["tencent"]),
    ("sonar", Closed, &["perplexity"]),
    ("nova-", Closed, &["amazon_nova", "bedrock"]),
    ("jamba", Open, &["ai21"]),
    ("solar", Closed, &["upstage"]),
    ("mercury", Closed, &["inception"]),
    ("reka", Closed, &["reka"]),
    ("v0-", Closed, &["v0"]),
    ("morph-", Closed, &["morph"]),
    ("voyage-", Closed, &["voyage"]),
    ("jina-", Closed, &["jina"]),
    ("phi", Open, &["ollama", "azure_ai", "github"]),
    ("nomic-", Open, &["ollama", "fireworks"]),
];

fn row(model: &str) -> Option<&'static (&'static str, Weights, &'static [&'static str])> {
    let name = bare(tail(model));
    FAMILIES
        .iter()
        .find(|(prefix, ..)| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}

/// The vendors, by id, that a name alone points to, the likeliest first; empty if it says nothing.
#[must_use]
pub fn family(model: &str) -> &'static [&'static str] {
    if is_of_bedrock(model) {
        return &["bedrock"];
    }
    row(model).map(|(_, _, vendors)| *vendors).unwrap_or_default()
}

/// Every vendor that some family points to, as often as it is pointed to.
pub fn family_vendors() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().flat_map(|(_, _, vendors)| vendors.iter().copied())
}

/// The maker of a closed family. The price of open weights is each host's own, so they have none.
pub(super) fn maker(model: &str) -> Option<&'static str> {
    let (_, weights, vendors) = row(model)?;
    if *weights == Open { None } else { vendors.first().copied() }
}

/// The name behind `models/` or a vendor's path.
#[must_use]
pub fn tail(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

/// Where Bedrock's inference profiles send a request.
const REGIONS: [&str; 8] = ["us.", "eu.", "apac.", "global.", "jp.", "au.", "ca.", "us-gov."];

/// Whose models Bedrock serves. DeepSeek's names say nothing without their maker's, which is kept.
const MAKERS: [&str; 17] = [
    "anthropic.",
    "openai.",
    "google.",
    "amazon.",
    "meta.",
    "mistral.",
    "qwen.",
    "cohere.",
    "ai21.",
    "writer.",
    "minimax.",
    "moonshot.",
    "moonshotai.",
    "nvidia.",
    "zai.",
    "xai.",
    "stability.",
];

fn stripped<'m>(text: &'m str, prefixes: &[&str]) -> &'m str {
    prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text)
}

/// The name behind a cloud's region and the maker's dot: `us.anthropic.claude-…`.
fn bare(model: &str) -> &str {
    stripped(stripped(model, &REGIONS), &MAKERS)
}

/// Whether a name is one of Bedrock's: an address of a resource there, or a maker's dot before the
/// model.
fn is_of_bedrock(model: &str) -> bool {
    if model.starts_with("arn:") {
        return model.contains(":bedrock:");
    }
    let name = stripped(model, &REGIONS);
    name.len() < model.len() || name.starts_with("deepseek.") || stripped(name, &MAKERS).len() < name.len()
}

/// The name without the version that Bedrock puts behind it: `claude-…-v1:0`, `gpt-oss-120b-1:0`,
/// `nova-lite-v1:0:300k`.
fn versionless(name: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((before, first)) = name.split_once(':') else { return name };
    let (minor, room) = first.split_once(':').unwrap_or((first, "1k"));
    if !is_number(minor) || !room.strip_suffix('k').is_some_and(is_number) {
        return name;
    }
    match before.rsplit_once('-') {
        Some((plain, major)) if is_number(major.strip_prefix('v').unwrap_or(major)) => plain,
        _ => before,
    }
}

/// The name without its date or `-latest`: `gpt-4o-2024-08-06`, `claude-sonnet-4-5@20250929`.
#[must_use]
pub fn dateless(model: &str) -> &str {
    for suffix in ["-latest", "@latest", "@default", ":latest"] {
        if let Some(name) = model.strip_suffix(suffix) {
            return name;
        }
    }
    for shape in ["-dddddddd", "@dddddddd", "-dddd-dd-dd", "@dddd-dd-dd"] {
        let Some(start) = model.len().checked_sub(shape.len()) else {
            continue;
        };
        let Some((name, date)) = model.split_at_checked(start) else {
            continue;
        };
        let fits = date.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            mark => byte == mark,
        });
        if fits && !name.is_empty() {
            return name;
        }
    }
    model
}

/// The name without path, region and date.
#[must_use]
pub fn plain(model: &str) -> &str {
    let tail = tail(model);
    let bare = bare(tail);
    let name = versionless(bare);
    // Newer names have no minor version: `anthropic.claude-opus-4-6-v1`.
    let name = if bare.len() < tail.len() { name.strip_suffix("-v1").unwrap_or(name) } else { name };
    dateless(name)
}

/// The version in a name, such as (4, 5) in `claude-sonnet-4-5` and `claude-sonnet-4.5`, (2, 5) in
/// `gemini-2.5-pro` and (3, 0) in `gemini-3-flash`: the first number and the one right behind it.
#[must_use]
pub fn version(model: &str) -> Option<(u32, u32)> {
    let mut words = plain(model).split(['-', '.']);
    let number = |word: &str| word.parse().ok().filter(|_| word.len() <= 2);
    let major = words.find_map(number)?;
    Some((major, words.next().and_then(number).unwrap_or(0)))
}

/// The spellings under which a name may be in the catalogue, the most faithful first.
pub(super) fn spellings(model: &str) -> [Option<Cow<'_, str>>; 10] {
    let tail = tail(model);
    let bare = bare(tail);
    let undated = dateless(bare);
    // OpenRouter's `claude-sonnet-4.5` is Anthropic's `claude-sonnet-4-5`.
    let hyphens = (undated.starts_with("claude") && undated.contains('.')).then(|| undated.replace('.', "-"));
    let other = |name: &str, than: &str| name.len() < than.len();
    // Bedrock asks in every region what it asks in the United States, and nowhere less.
    let anywhere = stripped(tail, &REGIONS);
    let region = tail.get(..tail.len() - anywhere.len()).unwrap_or_default();
    let there = (!matches!(region, "" | "us." | "global.")).then(|| format!("us.{anywhere}"));
    [
        Some(Cow::Borrowed(model)),
        Some(dateless(model)).filter(|name| other(name, model)).map(Cow::Borrowed),
        Some(tail).filter(|name| other(name, model)).map(Cow::Borrowed),
        Some(dateless(tail)).filter(|name| other(name, tail)).map(Cow::Borrowed),
        there.map(Cow::Owned),
        Some(anywhere).filter(|name| other(name, tail)).map(Cow::Borrowed),
        Some(bare).filter(|name| other(name, tail)).map(Cow::Borrowed),
        Some(undated).filter(|name| other(name, bare)).map(Cow::Borrowed),
        hyphens.map(Cow::Owned),
        None,
    ]
}

/// Whether a text fits a pattern in which `*` stands for any run of characters.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        let Some(at) = text.find(piece) else {
            return false;
        };
        text = text.get(at + piece.len()..).unwrap_or_default();
    }
    true
}

/// Whether a pattern means a model behind a provider, by its name or as `provider/model`.
#[must_use]
pub fn matches_target(pattern: &str, provider: &str, model: &str) -> bool {
    let both = |(one, other): (&str, &str)| matches(one, provider) && matches(other, model);
    matches(pattern, model) || pattern.split_once('/').is_some_and(both)
}

/// A provider's name without the region in which a target has it asked (`bedrock@eu-west-1`): rules that name a
/// provider mean it in all of its regions.
#[must_use]
pub fn without_region(provider: &str) -> &str {
    provider.split_once('@').map_or(provider, |(name, _)| name)
}

/// Up to three of the candidates that are most like a name, for "did you mean".
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    const MOST: usize = 3;
    let far = (name.chars().count() / 3).max(2);
    let mut best: Vec<(usize, &str)> = Vec::with_capacity(MOST + 1);
    for candidate in candidates {
        if candidate.len().abs_diff(name.len()) > far || best.iter().any(|(_, known)| *known == candidate) {
            continue;
        }
        let distance = distance(name, candidate);
        if distance <= far {
            let place = best.partition_point(|known| *known <= (distance, candidate));
            best.insert(place, (distance, candidate));
            best.truncate(MOST);
        }
    }
    best.into_iter().map(|(_, candidate)| candidate).collect()
}

/// How many letters must be changed, added or taken away, capitals aside (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut line: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.chars().enumerate() {
        let mut diagonal = row;
        let mut left = row + 1;
        for (cell, against) in line.iter_mut().skip(1).zip(&other) {
            let same = letter.eq_ignore_ascii_case(against);
            let here = (diagonal + usize::from(!same)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = here;
            left = here;
        }
    }
    line.last().copied().unwrap_or_default()
}
