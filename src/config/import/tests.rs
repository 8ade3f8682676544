use super::*;
use crate::config::{Compiled, Sources, load};
use crate::route::Names;

const TEAM: &str = include_str!("testdata/litellm-team.yaml");
const ACCOUNT: &str = r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#;
const WILDCARDS: &str = include_str!("testdata/litellm-wildcards.yaml");
const GOMODEL: &str = include_str!("testdata/gomodel.env");

/// What comes of it with these variables: it must be whole.
fn loaded(imported: &Imported, variables: &[(&str, &str)]) -> Compiled {
    let number = imported.yaml.len();
    let folder = std::env::temp_dir().join(format!("tollgate-import-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("tollgate.yaml");
    std::fs::write(&file, &imported.yaml).unwrap();
    let set = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let loaded = load(&Sources { file: Some(file), environment: set.collect() }, 1);
    std::fs::remove_dir_all(&folder).unwrap();
    loaded.unwrap_or_else(|problems| panic!("{problems:#?}\n{}", imported.yaml))
}

fn targets(compiled: &Compiled, model: &str) -> Vec<String> {
    let world = &compiled.snapshot;
    let choice = world.table.choose(model, &Names::default()).map(|choice| choice.targets);
    let name =
        |target: &crate::route::Target| format!("{}/{}", world.providers[target.provider].name, target.model);
    choice.unwrap_or_default().iter().map(name).collect()
}

#[track_caller]
fn told(imported: &Imported, expected: &[&str]) {
    let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
    for one in expected {
        assert!(notes.iter().any(|note| note.contains(one)), "{one}\n{notes:#?}");
    }
    assert_eq!(notes.len(), expected.len(), "{notes:#?}");
}

#[test]
fn a_litellm_proxy_of_a_team_means_the_same() {
    let imported = litellm("config.yaml", TEAM);
    let compiled = loaded(
        &imported,
        &[
            ("AZURE_API_KEY_EU", "eu"),
            ("AZURE_API_KEY_US", "us"),
            ("HOUSE_KEY", "h"),
            ("LITELLM_MASTER_KEY", "sk-master"),
            ("OPENAI_API_KEY", "o"),
            ("VERTEX_CREDENTIALS", ACCOUNT),
        ],
    );
    let azure = ["azure/gpt-4o-eu", "azure-2/gpt-4o-us"];
    let claude = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0";
    assert_eq!(targets(&compiled, "gpt-4o"), [&azure[..], &[claude]].concat());
    assert_eq!(targets(&compiled, "claude"), [&[claude][..], &azure].concat());
    assert_eq!(targets(&compiled, "gpt-4"), [&azure[..], &[claude]].concat());
    assert_eq!(targets(&compiled, "gemini-flash"), ["vertex/gemini-2.5-flash"]);
    assert_eq!(targets(&compiled, "house"), ["custom/llama-3.3-70b"]);
    assert_eq!(targets(&compiled, "text-embedding-3-small"), ["openai/text-embedding-3-small"]);
    let world = &compiled.snapshot;
    assert_eq!(world.upstream.attempts, 3);
    assert_eq!(world.upstream.total_timeout.as_secs(), 600);
    assert_eq!(world.downstream.body.to_string(), "50MiB");
    let price = world.catalog.find("custom", "llama-3.3-70b").unwrap();
    assert_eq!(price.prices.rates(1, None).output.unwrap().0, 600_000);
    assert!(!world.door.is_open() && !imported.yaml.contains("sk-"));
    told(
        &imported,
        &[
            "config.yaml:9:12: warning: rpm of \"gpt-4o\": limits are of keys",
            "config.yaml:11:19: warning: base_model of \"gpt-4o\": write the prices",
            "litellm_settings.num_retries",
            "litellm_settings.success_callback: nobody is called",
            "litellm_settings.cache: what it configures there is not imported",
            "router_settings.routing_strategy: targets of one name are tried in their order",
            "router_settings.redis_host",
            "general_settings.database_url: keys, tallies and responses are kept in data_dir",
            "general_settings.nobody_knows_me: it has no counterpart",
            "finetune_settings: it has no counterpart",
        ],
    );
}

#[test]
fn fallbacks_are_reached_however_few_retries_there_are() {
    let source = |names: &[&str], retries: &str| {
        let model =
            |name: &&str| format!("  - {{model_name: {name}, litellm_params: {{model: openai/{name}}}}}\n");
        let models: String = names.iter().map(model).collect();
        let others = names[1..].join(", ");
        format!("model_list:\n{models}router_settings: {{{retries}fallbacks: [{{a: [{others}]}}]}}\n")
    };
    let attempts = |names: &[&str], retries: &str| {
        let imported = litellm("config.yaml", &source(names, retries));
        let told = imported.notes.iter().any(|note| note.to_string().contains("gets to all its targets"));
        (loaded(&imported, &[("OPENAI_API_KEY", "o")]).snapshot.upstream.attempts, told)
    };
    assert_eq!(attempts(&["a", "b", "c"], "num_retries: 0, "), (3, true));
    assert_eq!(attempts(&["a", "b", "c", "d"], ""), (4, true));
    assert_eq!(attempts(&["a", "b", "c"], "num_retries: 5, "), (6, false));
    assert_eq!(attempts(&["a"], "num_retries: 0, "), (1, false));
}

#[test]
fn patterns_of_names_become_providers() {
    let imported = litellm("config.yaml", WILDCARDS);
    let compiled = loaded(&imported, &[("OPENAI_KEY", "o")]);
    assert_eq!(targets(&compiled, "openai/gpt-4o"), ["openai/gpt-4o"]);
    assert_eq!(targets(&compiled, "anthropic/claude-x"), ["anthropic/claude-x"]);
    assert_eq!(targets(&compiled, "fast/llama-3.1-8b-instant"), ["fast/llama-3.1-8b-instant"]);
    assert_eq!(targets(&compiled, "whatever-else"), ["openai/whatever-else"]);
    assert_eq!(targets(&compiled, "my-gpt"), ["openai/gpt-4o-mini"]);
    assert_eq!(targets(&compiled, "local"), ["ollama/llama3.2"]);
    let provider =
        |name: &str| compiled.snapshot.providers.iter().find(|provider| provider.name == name).unwrap();
    assert_eq!(provider("fast").vendor.id, "groq");
    assert_eq!(provider("fast").keys[0].expose(), "gsk-literal-${weird}");
    assert_eq!(provider("anthropic").keys[0].expose(), "sk-ant-inline");
    assert_eq!(provider("ollama").base.path, "/v1");
    told(&imported, &["who serves \"nobody/knows\" is not known here"]);
}

#[test]
fn a_litellm_file_that_cannot_be_read_says_so() {
    assert!(!litellm("config.yaml", "model_list: [").is_whole());
    assert!(!litellm("config.yaml", "- a\n- b\n").is_whole());
    let empty = litellm("config.yaml", "model_list:\n  - model_name: x\n  - {litellm_params: {}}\n");
    told(&empty, &["\"x\" has no litellm_params", "this entry has no model_name"]);
}

#[test]
fn a_gomodel_environment_means_the_same() {
    let imported = gomodel(".env", GOMODEL);
    let compiled = loaded(
        &imported,
        &[
            ("GOMODEL_MASTER_KEY", "change-me-please-change-me"),
            ("OPENAI_API_KEY", "sk-one"),
            ("OPENAI_API_KEY_2", "sk-two"),
            ("ANTHROPIC_API_KEY", "sk-ant"),
            ("OPENAI_EU_API_KEY", "sk-eu"),
            ("AWS_BEARER_TOKEN_BEDROCK", "ABSK"),
        ],
    );
    assert!(!imported.yaml.contains("sk-") && !imported.yaml.contains("change-me"), "{}", imported.yaml);
    assert_eq!(compiled.process.listen, "0.0.0.0:8081");
    assert_eq!(targets(&compiled, "smart"), ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"]);
    assert_eq!(targets(&compiled, "fast"), ["openai/gpt-4o-mini"]);
    assert_eq!(targets(&compiled, "gpt-4o"), ["openai/gpt-4o", "openai-eu/gpt-4o"]);
    assert_eq!(targets(&compiled, "llama3.2"), ["ollama/llama3.2"]);
    let world = &compiled.snapshot;
    assert_eq!((world.upstream.attempts, world.upstream.idle_timeout.as_secs()), (4, 120));
    assert_eq!((world.proxies.networks.len(), world.providers.len()), (3, 5));
    let bounds = &compiled.keys.bounds.owners["team/alpha"];
    let shown: Vec<String> = bounds.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "100 requests a minute",
            "50000 tokens a minute",
            "10 requests at a time",
            "10 USD a day",
            "100.5 USD a month"
        ]
    );
    told(
        &imported,
        &[
            "RETRY_JITTER_FACTOR: other attempts are made at once",
            "LOGGING_LOG_BODIES: routes and keys say whose bodies are logged",
            "STORAGE_TYPE: keys, tallies and responses are kept in data_dir",
            "POSTGRES_URL",
            "limits for everybody",
            "SET_PROVIDER_RATE_LIMIT_OPENAI: limits are of keys",
            "OPENAI_SESSION_STICKY_KEYS: a provider's keys are used in turn",
            "the targets of \"shared\" are tried in their order",
            "SEMANTIC_CACHE_ENABLED",
            ".env:30:1: warning: WHATEVER: there is no such setting",
        ],
    );
}

#[test]
fn no_key_of_any_vendor_is_written_down() {
    for name in crate::provider::Vendor::all().flat_map(|vendor| vendor.key_env) {
        for name in [(*name).to_owned(), format!("{name}_2")] {
            let imported = gomodel(".env", &format!("{name}=the-secret"));
            let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
            assert!(!imported.yaml.contains("the-secret"), "{name}: {}", imported.yaml);
            assert!(!notes.concat().contains("the-secret"), "{notes:?}");
        }
    }
    let imported = gomodel(".env", "CLARIFAI_PAT=p\nTOLLGATE_MASTER_KEY=m\n");
    let compiled =
        loaded(&imported, &[("CLARIFAI_PAT", "the-secret"), ("TOLLGATE_MASTER_KEY", "long-enough-a-key")]);
    assert_eq!(compiled.snapshot.providers[0].keys[0].expose(), "the-secret");
}

#[test]
fn limits_of_paths_are_read_in_all_their_forms() {
    let budget = |text: &str| Written::List(paths::budgets(text).unwrap()).to_string();
    for text in ["daily=10.5", "{\"daily\": 10.5}", "[{\"period\":\"day\",\"amount\":10.5}]", "daily:10.50"] {
        assert_eq!(budget(text), "[{usd: 10.5, per: day}]\n", "{text}");
    }
    let limit = |text: &str| Written::List(paths::limits(text).unwrap()).to_string();
    assert_eq!(
        limit("[{\"period_seconds\":3600,\"max_requests\":5,\"max_tokens\":9}]"),
        "[{requests: 5, per: hour}, {tokens: 9, per: hour}]\n"
    );
    assert_eq!(limit("concurrent=3"), "[{concurrency: 3}]\n");
    for wrong in ["yearly=1", "daily", "daily=x", "{", "[{\"period\":\"day\"}]"] {
        assert!(paths::budgets(wrong).is_err(), "{wrong}");
    }
    assert!(paths::limits("rps=1").is_err() && paths::limits("rpm=x").is_err());
}

#[test]
fn what_is_written_is_read_as_it_was_meant() {
    let mut written = Written::map();
    for text in ["plain", "yes", "a: b", "#x", "${env:A}", "12", "-", "", "a\"b\nc", "{x}", "* star", "ünï"]
    {
        written.put(&["texts", text], Written::text(text));
    }
    let mut problems = Problems::default();
    let read = crate::config::yaml::parse("x", &written.to_string(), &mut problems).unwrap();
    assert!(problems.has_no_errors(), "{written}");
    let entries = read.get("texts").unwrap().entries();
    assert_eq!(entries.len(), 12);
    for entry in entries {
        assert_eq!(text(&entry.node).unwrap(), entry.key.trim());
    }
}

#[test]
fn parameters_of_litellm_hold_where_the_client_says_nothing() {
    let yaml = "\
model_list:
  - model_name: fast
    litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY, temperature: 0.2, max_tokens: 100}
  - model_name: fast
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY, temperature: 0.5, stop: [a]}
  - model_name: '*'
    litellm_params: {model: openai/*, api_key: os.environ/OPENAI_API_KEY, top_p: 0.5}
";
    let imported = litellm("config.yaml", yaml);
    let compiled = loaded(&imported, &[("OPENAI_API_KEY", "o")]);
    let rules = &compiled.snapshot.rewrites;
    assert_eq!(
        (rules.len(), &*rules[0].name, rules[0].scope.models.as_slice()),
        (1, "fast", &["fast".to_owned()][..])
    );
    assert_eq!(rules[0].changes.len(), 2);
    told(
        &imported,
        &[
            "\"fast\": targets of one name are tried in their order",
            "temperature of \"fast\": defaults are of a name, not of one of its deployments",
            "stop of \"fast\": write it under rewrites",
            "top_p of \"*\": write it under rewrites",
        ],
    );
}
