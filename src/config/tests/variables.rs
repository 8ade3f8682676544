use super::*;
use crate::units::ByteSize;

#[test]
fn every_documented_variable_does_what_it_says() {
    let compiled = of_variables(&[
        ("OPENAI_API_KEY", "k"),
        ("GROQ_API_KEY", "k"),
        ("TOLLGATE_CONFIG", "elsewhere.yaml"),
        ("TOLLGATE_LISTEN", ":81"),
        ("TOLLGATE_ADMIN_LISTEN", "[::1]:82"),
        ("TOLLGATE_THREADS", "3"),
        ("TOLLGATE_MASTER_KEY", "m"),
        ("TOLLGATE_DATA_DIR", "/var/lib/tollgate"),
        ("TOLLGATE_RESPONSES_KEEP", "7d"),
        ("TOLLGATE_RESPONSES_ROOM", "64MiB"),
        ("TOLLGATE_LOG", "DEBUG"),
        ("TOLLGATE_ACCESS_LOG", "off"),
        ("TOLLGATE_LOG_FORMAT", "pretty"),
        ("TOLLGATE_LOG_OUTPUT", "/var/log/t.log"),
        ("TOLLGATE_LOG_ROTATE_SIZE", "1MiB"),
        ("TOLLGATE_LOG_ROTATE_KEEP", "2"),
        ("TOLLGATE_LOG_SAMPLE", "25%"),
        ("TOLLGATE_BODY_LIMIT", "1MiB"),
        ("TOLLGATE_HEAD_LIMIT", "2KiB"),
        ("TOLLGATE_HELD_LIMIT", "3MiB"),
        ("TOLLGATE_READ_TIMEOUT", "1s"),
        ("TOLLGATE_WRITE_TIMEOUT", "2s"),
        ("TOLLGATE_KEEPALIVE", "3s"),
        ("TOLLGATE_CONNECT_TIMEOUT", "4s"),
        ("TOLLGATE_FIRST_BYTE_TIMEOUT", "5s"),
        ("TOLLGATE_IDLE_TIMEOUT", "6s"),
        ("TOLLGATE_TOTAL_TIMEOUT", "7s"),
        ("TOLLGATE_ATTEMPTS", "8"),
        ("TOLLGATE_DRAIN", "9s"),
        ("TOLLGATE_UPGRADE_DRAIN", "10s"),
        ("TOLLGATE_UPGRADE_SOCKET", "/run/up.sock"),
        ("TOLLGATE_STRICT", "yes"),
        ("TOLLGATE_DEFAULT_PROVIDER", "openai"),
        ("TOLLGATE_PREFER", "groq, openai"),
        ("TOLLGATE_DISCOVERY", "off"),
        ("TOLLGATE_H2C", "0"),
        ("TOLLGATE_LEDGER", "on"),
        ("TOLLGATE_LEDGER_KEEP", "off"),
        ("TOLLGATE_LEDGER_KEEP_ROLLUPS", "2h"),
        ("TOLLGATE_LEDGER_KEEP_BODIES", "1h"),
        ("TOLLGATE_LEDGER_BODY_SIZE", "1KiB"),
        ("TOLLGATE_LEDGER_WHEN_FULL", "serve"),
        ("TOLLGATE_LEDGER_SYNC", "always"),
    ])
    .unwrap();
    assert_eq!(compiled.warnings, []);
    let seconds = Duration::from_secs;
    let expected = Process {
        listen: "0.0.0.0:81".into(),
        admin_listen: Some("[::1]:82".into()),
        threads: 3,
        data_dir: "/var/lib/tollgate".into(),
        responses: Some((seconds(7 * 86_400), ByteSize(64 << 20))),
        ledger: Some(Ledger {
            keep: None,
            keep_rollups: Some(seconds(7200)),
            keep_bodies: Some(seconds(3600)),
            when_full: WhenFull::Serve,
            sync: Sync::Always,
        }),
        log: LogLevel::Debug,
        metrics_series: 2000,
        access_log: false,
        lines: LogLines {
            format: LogFormat::Pretty,
            output: LogOutput::File { path: "/var/log/t.log".into(), size: ByteSize(1 << 20), keep: 2 },
            sample: crate::account::trace::ALL / 4,
        },
        otlp: None,
        tiers: SecondTiers::default(),
        drain: seconds(9),
        upgrade_drain: seconds(10),
        upgrade_sock: "/run/up.sock".into(),
        discovery: None,
        h2c: false,
    };
    assert_eq!(compiled.process, expected);
    let snapshot = &compiled.snapshot;
    assert_eq!(snapshot.bodies.most, 1024);
    let down = &snapshot.downstream;
    assert_eq!((down.body, down.head, down.held), (ByteSize(1 << 20), ByteSize(2 << 10), ByteSize(3 << 20)));
    assert_eq!((down.read_timeout, down.write_timeout, down.keepalive), (seconds(1), seconds(2), seconds(3)));
    let up = &snapshot.upstream;
    assert_eq!((up.connect_timeout, up.first_byte_timeout), (seconds(4), seconds(5)));
    assert_eq!((up.idle_timeout, up.total_timeout, up.attempts), (seconds(6), seconds(7), 8));
    assert!(snapshot.strict && opens(&snapshot.door, Some(b"m")));
    assert_eq!(names(&compiled), ["groq", "openai"]);
    assert_eq!(targets(&compiled, "nobody-knows-me"), ["openai/nobody-knows-me"]);
}

#[test]
fn the_table_of_variables_is_the_one_of_the_commented_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/tollgate.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    for name in environment::names().filter(|name| name.starts_with("TOLLGATE_")) {
        assert!(text.contains(&format!("# {name} ")) || text.contains(&format!("# {name}\n")), "{name}");
    }
}

#[test]
fn names_of_gomodel_work_and_ours_win() {
    let theirs = [
        ("OPENAI_API_KEY", "k"),
        ("PORT", "9000"),
        ("GOMODEL_MASTER_KEY", "m"),
        ("GOMODEL_CACHE_DIR", "cache"),
        ("LOGGING_ENABLED", "false"),
        ("LOG_LEVEL", "Warning"),
        ("LOG_FORMAT", "json"),
        ("BODY_SIZE_LIMIT", "10M"),
        ("HTTP_TIMEOUT", "600"),
        ("HTTP_RESPONSE_HEADER_TIMEOUT", "30"),
        ("RETRY_MAX_RETRIES", "3"),
        ("CACHE_REFRESH_INTERVAL", "60"),
        ("METRICS_ENABLED", "true"),
    ];
    let compiled = of_variables(&theirs).unwrap();
    assert_eq!(compiled.warnings, []);
    assert_eq!(compiled.process.listen, "0.0.0.0:9000");
    assert!(opens(&compiled.snapshot.door, Some(b"m")));
    assert_eq!(compiled.process.data_dir, Path::new("cache"));
    assert_eq!((compiled.process.access_log, compiled.process.log), (false, LogLevel::Warn));
    assert_eq!(compiled.snapshot.downstream.body, ByteSize(10 << 20));
    assert_eq!(compiled.snapshot.upstream.total_timeout, Duration::from_secs(600));
    assert_eq!(compiled.snapshot.upstream.first_byte_timeout, Duration::from_secs(30));
    assert_eq!(compiled.snapshot.upstream.attempts, 4);
    assert_eq!(compiled.process.discovery, Some(Duration::from_secs(60)));

    let ours =
        [("TOLLGATE_LISTEN", "127.0.0.1:1"), ("TOLLGATE_ATTEMPTS", "2"), ("TOLLGATE_MASTER_KEY", "own")];
    let both = of_variables(&[theirs.as_slice(), &ours].concat()).unwrap();
    assert_eq!((both.process.listen.as_str(), both.snapshot.upstream.attempts), ("127.0.0.1:1", 2));
    assert!(opens(&both.snapshot.door, Some(b"own")));
}

#[test]
fn names_that_change_nothing_are_told_but_not_those_of_kubernetes() {
    let compiled = of_variables(&[
        ("OPENAI_API_KEY", "k"),
        ("TOLLGATE_MASTER_KEY", "m"),
        ("TOLLGATE_ATEMPTS", "3"),
        ("GOMODEL_MASTER_KEYS", "x"),
        ("LOG_FORMAT", "text"),
        ("LOG_LEVEL", "loud"),
        ("ANTHROPIC_BASE_URL", "https://proxy.example"),
        ("AZURE_API_KEY", "k"),
        ("GITHUB_TOKEN", "k"),
        ("OPENAI_PROXY_BASE_URL", "https://proxy.example"),
        ("OPENAI_2024_API_KEY", "k"),
        ("MISTRAL_API_KEY", "  "),
        ("TOLLGATE_SERVICE_HOST", "10.0.0.1"),
        ("TOLLGATE_PORT", "tcp://10.0.0.1:8080"),
        ("TOLLGATE_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ])
    .unwrap();
    assert_eq!(names(&compiled), ["openai"]);
    let told: Vec<String> = compiled.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "environment ANTHROPIC_BASE_URL: warning: this alone makes no provider, so it changes nothing\n  hint: set \
         ANTHROPIC_API_KEY too",
        "environment AZURE_API_KEY: warning: this alone makes no provider, so it changes nothing\n  hint: set \
         AZURE_BASE_URL too",
        "environment GOMODEL_MASTER_KEYS: warning: no setting has this name\n  hint: did you mean \
         TOLLGATE_MASTER_KEY?",
        "environment LOG_FORMAT: warning: this changes nothing; TOLLGATE_LOG_FORMAT is what says in which form the log is",
        "environment LOG_LEVEL: warning: this level is not known, so it changes nothing",
        "environment TOLLGATE_ATEMPTS: warning: no setting has this name\n  hint: did you mean TOLLGATE_ATTEMPTS?",
    ];
    assert_eq!(told, expected);
}

#[test]
fn keys_are_numbered_and_suffixes_make_further_providers() {
    let compiled = of_variables(&[
        ("TOLLGATE_MASTER_KEY", "m"),
        ("OPENAI_API_KEY", "one"),
        ("OPENAI_API_KEY_2", "two"),
        ("OPENAI_API_KEY_10", "ten"),
        ("OPENAI_MODELS", "gpt-4o, gpt-4.1"),
        ("OPENAI_BASE_URL", "https://proxy.example/v1"),
        ("OPENAI_EU_WEST_API_KEY", "eu"),
        ("OPENAI_EU_WEST_BASE_URL", "https://eu.example/v1"),
        ("GOOGLE_API_KEY", "second name"),
        ("GEMINI_API_KEY", "first-name"),
        ("AZURE_API_KEY", "az"),
        ("AZURE_BASE_URL", "https://us.openai.azure.com"),
        ("AZURE_API_VERSION", "2025-01-01"),
        ("AZURE_AI_API_KEY", "ai"),
        ("AZURE_AI_BASE_URL", "https://us.services.ai.azure.com/models"),
        ("OLLAMA_BASE_URL", "http://localhost:11434"),
        ("VLLM_A100_BASE_URL", "http://a100:8000/v1"),
        ("CUSTOM_BASE_URL", "http://any:1/v1"),
    ])
    .unwrap();
    assert_eq!(compiled.warnings, []);
    let all = ["openai", "openai-eu-west", "gemini", "azure", "azure_ai", "ollama", "vllm-a100", "custom"];
    assert_eq!(names(&compiled), all);
    assert_eq!(keys(&compiled, "openai"), ["one", "two", "ten"]);
    assert_eq!(provider(&compiled, "openai").base.host, "proxy.example");
    assert_eq!(keys(&compiled, "openai-eu-west"), ["eu"]);
    assert_eq!(provider(&compiled, "openai-eu-west").vendor.id, "openai");
    assert_eq!(keys(&compiled, "gemini"), ["first-name"]);
    assert_eq!(provider(&compiled, "azure").api_version.as_deref(), Some("2025-01-01"));
    assert_eq!(keys(&compiled, "azure_ai"), ["ai"]);
    assert_eq!(provider(&compiled, "ollama").base.path, "/v1");
    assert!(keys(&compiled, "ollama").is_empty());
    assert_eq!(provider(&compiled, "vllm-a100").base.host, "a100");
    assert_eq!(targets(&compiled, "gpt-4.1").first().map(String::as_str), Some("openai/gpt-4.1"));
}

#[test]
fn a_provider_of_the_file_has_variables_of_its_own() {
    let yaml = "\
master_key: m
providers:
  google: { models: [gemini-2.5-pro] }
  house: { vendor: custom, base_url: http://a/v1, api_key: from-file, models: [m] }
  openai-eu: { vendor: openai }
  huggingface:
";
    let compiled = of_yaml(
        yaml,
        &[
            ("GEMINI_API_KEY", "g"),
            ("HOUSE_API_KEY", "h1"),
            ("HOUSE_API_KEY_2", "h2"),
            ("HOUSE_BASE_URL", "http://b/v1"),
            ("OPENAI_EU_API_KEY", "eu"),
            ("HF_TOKEN", "hf"),
        ],
    )
    .unwrap();
    assert_eq!(compiled.warnings, []);
    assert_eq!(keys(&compiled, "google"), ["g"]);
    assert_eq!(keys(&compiled, "house"), ["h1", "h2"]);
    assert_eq!(provider(&compiled, "house").base.host, "b");
    assert_eq!(keys(&compiled, "openai-eu"), ["eu"]);
    assert_eq!(keys(&compiled, "huggingface"), ["hf"]);
}
