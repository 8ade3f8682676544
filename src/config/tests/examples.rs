use super::*;
use crate::units::Price;

fn example(name: &str) -> Compiled {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf").join(name);
    let variables = [
        ("TOLLGATE_MASTER_KEY", "m"),
        ("TEAM_KEY", "team"),
        ("OPENAI_API_KEY", "sk-1"),
        ("OPENAI_API_KEY_2", "sk-2"),
        ("OPENAI_EU_API_KEY", "sk-eu"),
        ("ANTHROPIC_API_KEY", "sk-ant"),
    ];
    let compiled = load(&Sources { file: Some(path), environment: set(&variables) }, 1);
    let compiled = compiled.unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
    assert_eq!(compiled.warnings, [], "{name}");
    compiled
}

#[test]
fn the_minimal_example_needs_two_variables() {
    let compiled = example("minimal.yaml");
    assert!(opens(&compiled.snapshot.door, Some(b"m")));
    assert_eq!(keys(&compiled, "openai"), ["sk-1", "sk-2"]);
}

#[test]
fn the_example_for_teams_means_what_it_says() {
    let compiled = example("teams.yaml");
    assert_eq!(names(&compiled), ["openai-eu", "openai", "anthropic", "house"]);
    assert_eq!(targets(&compiled, "gpt-4o"), ["openai-eu/gpt-4o", "openai/gpt-4o"]);
    assert_eq!(targets(&compiled, "cheap"), ["openai/gpt-4o-mini"]);
    assert_eq!(targets(&compiled, "smart"), ["anthropic/claude-sonnet-5", "openai/gpt-4.1"]);
    assert_eq!(targets(&compiled, "resilient").len(), 4);
    assert_eq!(targets(&compiled, "nobody-knows-me"), ["openai/nobody-knows-me"]);
    let price = |provider, model| {
        let model = compiled.snapshot.catalog.find(provider, model).unwrap();
        model.prices.rates(1, None).input.unwrap()
    };
    assert_eq!(price("house", "llama-3.3-70b"), Price(200_000));
    assert_eq!(price("openai-eu", "gpt-4o"), Price(2_250_000));
    assert_eq!(price("openai", "gpt-4o"), Price(2_500_000));
}

#[test]
fn the_example_with_own_servers_needs_no_keys() {
    let compiled = example("vllm.yaml");
    assert_eq!(targets(&compiled, "qwen3-32b"), ["vllm/qwen3-32b", "vllm-2/qwen3-32b"]);
    assert_eq!(provider(&compiled, "ollama").base.path, "/v1");
    assert_eq!(compiled.process.discovery, Some(Duration::from_secs(60)));
}

#[test]
fn the_commented_file_holds_the_defaults() {
    let commented = example("tollgate.yaml");
    let bare = of_variables(KEYS).unwrap();
    assert_eq!(commented.process, bare.process);
    let shown = |compiled: &Compiled| {
        let snapshot = &compiled.snapshot;
        format!("{:?} {:?} {}", snapshot.downstream, snapshot.upstream, snapshot.strict)
    };
    assert_eq!(shown(&commented), shown(&bare));
}

/// The names of the fields of every object in a schema.
fn fields(schema: &serde_json::Value, into: &mut Vec<String>) {
    match schema {
        serde_json::Value::Object(members) => {
            if let Some(serde_json::Value::Object(properties)) = members.get("properties") {
                into.extend(properties.keys().cloned());
            }
            members.values().for_each(|member| fields(member, into));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| fields(item, into)),
        _ => {}
    }
}

#[test]
fn the_written_schema_is_that_of_the_types() {
    let types = file::schema::of_types();
    if std::env::var_os("TOLLGATE_BLESS").is_some_and(|value| value == "1") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/file/schema.json");
        std::fs::write(path, types).unwrap();
        return;
    }
    assert!(
        schema() == types.trim_end(),
        "the schema is old: TOLLGATE_BLESS=1 cargo test --lib the_written_schema writes it"
    );
}

#[test]
fn the_schema_and_the_commented_file_name_the_same_fields() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    assert_eq!(schema["properties"]["limits"]["$ref"], "#/$defs/Limits");
    assert_eq!(schema["$defs"]["Limits"]["properties"]["body"]["default"], "32MiB");
    assert_eq!(schema["additionalProperties"], false);
    let mut known = Vec::new();
    fields(&schema, &mut known);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/tollgate.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    for field in &known {
        assert!(text.contains(&format!("{field}:")), "conf/tollgate.yaml does not show {field}");
    }
    let mut written = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches(['#', ' ', '-']);
        let key = line.split_once(':').map(|(key, _)| key).unwrap_or_default();
        let named = ["openai", "smart", "fast", "web", "contact", "acme", "prod", "corp", "ann"]
            .contains(&key)
            || ["legal", "harm", "names", "rail", "safety", "armor", "house"].contains(&key);
        if !named && !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            written.push(key.to_owned());
        }
    }
    for key in &written {
        assert!(known.contains(key), "the schema does not know {key}");
    }
}

#[test]
fn differences_name_the_fields_that_need_a_restart() {
    let one = of_variables(KEYS).unwrap().process;
    assert!(one.differences(&one.clone()).is_empty());
    let other = Process { h2c: false, log: LogLevel::Off, threads: one.threads + 1, ..one.clone() };
    assert_eq!(one.differences(&other), ["threads", "log.level", "h2c"]);
}
