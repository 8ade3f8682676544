use super::*;
use crate::units::ByteSize;

#[test]
fn defaults_hold_where_nothing_is_written() {
    let compiled = of_variables(KEYS).unwrap();
    assert_eq!(compiled.warnings, []);
    assert_eq!(compiled.snapshot.generation, 7);
    assert_eq!(names(&compiled), ["openai"]);
    assert_eq!(keys(&compiled, "openai"), ["sk-1"]);
    assert_eq!(compiled.snapshot.downstream.body, ByteSize(32 << 20));
    assert_eq!(compiled.snapshot.upstream.attempts, 3);
    assert!(opens(&compiled.snapshot.door, Some(b"m")) && !opens(&compiled.snapshot.door, None));
    let process = &compiled.process;
    assert_eq!(
        (process.listen.as_str(), process.admin_listen.as_deref()),
        ("0.0.0.0:8080", Some("127.0.0.1:9090"))
    );
    assert_eq!(process.upgrade_sock, Path::new("tollgate-data/upgrade.sock"));
    assert_eq!((process.log, process.access_log, process.h2c), (LogLevel::Info, true, true));
    assert_eq!(process.discovery, Some(Duration::from_secs(3600)));
    assert!(process.threads > 0);
}

#[test]
fn an_open_door_and_no_provider_are_told() {
    let open = of_variables(&[("OPENAI_API_KEY", "k")]).unwrap();
    assert!(open.warnings[0].to_string().contains("no master key"), "{:?}", open.warnings);
    let here = of_variables(&[("OPENAI_API_KEY", "k"), ("TOLLGATE_LISTEN", "localhost:80")]).unwrap();
    assert_eq!((here.warnings.len(), here.process.listen.as_str()), (0, "127.0.0.1:80"));
    let none = of_variables(&[("TOLLGATE_MASTER_KEY", "m")]).unwrap_err();
    assert_eq!(none.len(), 1);
    assert!(none[0].hint.as_ref().unwrap().contains("OPENAI_API_KEY"));
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let yaml = "\
listen: here
adress: 1
limits:
  body: 10 elephants
  held: [1]
upstream: { attempts: 0, connect_timeout: 0s }
log: { level: inof }
providers:
  openai: { api_key: a, base_ulr: https://x }
  anthropc: { api_key: a }
  groq:
    api_key: [sk-very-secret]
aliases:
  a: b
  b: a
  c: opnai/x
routes:
  empty: { targets: [] }
models:
  - { provider: openai, model: x, input: -1, output: 1 }
  - { provider: openai, input: 1 }
  - { provider: nobody, model: x, input: 0.0000001, output: 1 }
";
    let told = problems(yaml, &[("TOLLGATE_MASTER_KEY", "m")]);
    let expected = [
        "tollgate.yaml:1:9: error: expected an address and a port such as 0.0.0.0:8080\n  hint: names of hosts \
         are not looked up; 0.0.0.0 is every IPv4 address, [::] every address",
        "tollgate.yaml:2:1: error: unknown field \"adress\"\n  hint: the fields here are",
        "tollgate.yaml:4:9: error: expected a size such as 512KiB, 10MB or 1048576, found \"10 elephants\"",
        "tollgate.yaml:5:9: error: expected text, found a list",
        "tollgate.yaml:6:23: error: expected a number from 1 to 20",
        "tollgate.yaml:6:43: error: expected a time that is longer than nothing",
        "tollgate.yaml:7:15: error: expected one of off, error, warn, info, debug, trace, found \"inof\"\n  hint: \
         did you mean \"info\"?",
        "tollgate.yaml:9:25: error: unknown field \"base_ulr\"\n  hint: did you mean \"base_url\"?",
        "tollgate.yaml:10:3: error: no vendor is named \"anthropc\", and the provider names no other\n  hint: did \
         you mean \"anthropic\"?",
        "tollgate.yaml:12:14: error: expected text, found a list",
        "tollgate.yaml:15:6: error: the names lead in a circle: a → b → a",
        "tollgate.yaml:16:6: error: no provider is named \"opnai\"\n  hint: did you mean \"openai\"?",
        "tollgate.yaml:18:3: error: the route \"empty\" has no targets",
        "tollgate.yaml:20:42: error: expected a price that is not below zero, found \"-1\"",
        "tollgate.yaml:21:5: error: the field \"model\" is missing",
        "tollgate.yaml:22:17: error: no provider or vendor is named \"nobody\"",
        "tollgate.yaml:22:42: error: expected a price of at most six decimal places, found \"0.0000001\"",
    ];
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "expected {expected}\n   found {told}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    assert!(!told.concat().contains("sk-very-secret"));
}

#[test]
fn what_is_no_yaml_and_what_stands_twice_have_a_place() {
    let told = problems("a: 1\n  b: [", KEYS);
    assert!(
        told[0].starts_with("tollgate.yaml:") && told[0].contains("this cannot be read as YAML"),
        "{told:?}"
    );
    let told = problems("strict: true\nstrict: false\n", KEYS);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("tollgate.yaml:2:1: error: \"strict\" stands here a second time"),
        "{told:?}"
    );
    assert!(told[0].contains("tollgate.yaml:1:1"));
    let told = problems("providers: { openai: { api_key: ${env:OPENAI_API_KEY} } }", KEYS);
    assert!(told[0].contains("needs quotes"), "{told:?}");
    let missing = load(&Sources { file: Some("nowhere/tollgate.yaml".into()), environment: set(KEYS) }, 1);
    assert!(missing.unwrap_err()[0].to_string().starts_with("nowhere/tollgate.yaml: error: cannot be read"));
    let told = problems("a: b\n---\nc: d\n", KEYS);
    assert_eq!(
        told,
        ["tollgate.yaml:3:1: error: this cannot be read as YAML: multiple YAML documents detected"]
    );
    assert_eq!(problems("just text", KEYS).len(), 1);
    assert_eq!(of_yaml("# nothing\n---\n", KEYS).unwrap().warnings, []);
}

#[test]
fn references_are_followed_and_never_quoted() {
    let folder = Folder::new().with("key", "sk-from-file\n").with("empty", "\n");
    let yaml =
        "providers: { openai: { api_key: '${file:key}', headers: { x-a: 'a-${env:A}-${env:B:-b}-$${c}' } } }";
    let compiled = folder.with("tollgate.yaml", yaml);
    let compiled = compiled.load(&[("A", "1"), ("TOLLGATE_MASTER_KEY", "${env:A}")]).unwrap();
    assert_eq!(keys(&compiled, "openai"), ["sk-from-file"]);
    assert_eq!(provider(&compiled, "openai").headers["x-a"], "a-1-b-${c}");
    assert!(opens(&compiled.snapshot.door, Some(b"1")));

    let yaml = "\
listen: ${env:SECRET}
threads: ${env:SECRET}
master_key: ${env:MISSING}
data_dir: ${HOME}
prefer: ['${file:nowhere']
providers: { openai: { api_key: '${file:nowhere}', base_url: '${env:SECRET}' } }
";
    let told = problems(yaml, &[("SECRET", "sk-secret")]);
    let expected = [
        "tollgate.yaml:1:9: error: expected an address",
        "tollgate.yaml:2:10: error: expected a whole number",
        "tollgate.yaml:3:13: error: the environment variable MISSING is not set",
        "tollgate.yaml:4:11: error: expected a reference of the form ${file:PATH} or ${env:NAME}\n  hint: did you \
         mean ${env:HOME}?",
        "tollgate.yaml:5:10: error: a reference has no closing brace",
        "tollgate.yaml:6:33: error: the file nowhere cannot be read",
        "tollgate.yaml:6:62: error: expected an address that begins with https:// or http://",
    ];
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "expected {expected}\n   found {told}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    assert!(!told.concat().contains("sk-secret"));
}

#[test]
fn variables_win_over_env_files_and_these_over_the_file() {
    let yaml = "\
env_files: [team.env]
listen: 127.0.0.1:1
threads: 1
strict: false
providers: { openai: { api_key: from-file } }
";
    let env = "# comment\nexport TOLLGATE_THREADS=2\nTOLLGATE_STRICT='true' # why\nOPENAI_API_KEY=\"from env\"\n\
               OPENAI_API_KEY=sk-env # later\nTOLLGATE_LISTEN=127.0.0.1:2\nGROQ_API_KEY=\n";
    let folder = Folder::new().with("tollgate.yaml", yaml).with("team.env", env);
    let compiled = folder.load(&[("TOLLGATE_LISTEN", "127.0.0.1:3")]).unwrap();
    assert_eq!(compiled.process.listen, "127.0.0.1:3");
    assert_eq!(compiled.process.threads, 2);
    assert!(compiled.snapshot.strict);
    assert_eq!(names(&compiled), ["openai"]);
    assert_eq!(keys(&compiled, "openai"), ["sk-env"]);

    let bad = folder.with("team.env", "TOLLGATE_THREADS=many\nnot a line\n");
    let told = bad.told(&bad.load(&[]).unwrap_err());
    assert!(told[0].starts_with("team.env:1:1: error: expected a whole number"), "{told:?}");
    assert!(told[1].starts_with("team.env:2:1: error: expected NAME=value"), "{told:?}");
}

#[test]
fn numbers_and_words_of_yaml_keep_their_spelling_as_texts() {
    let yaml = "\
master_key: 0123456789012345678901234567
providers:
  openai: &openai
    api_key: 1e400
    headers: { x-price: 1.10, x-yes: yes, x-octal: 0o17 }
  openai-two:
    <<: *openai
    vendor: openai
";
    let compiled = of_yaml(yaml, &[]).unwrap();
    assert!(opens(&compiled.snapshot.door, Some(b"0123456789012345678901234567")));
    assert_eq!(keys(&compiled, "openai-two"), ["1e400"]);
    let headers: Vec<&str> = provider(&compiled, "openai").headers.values().map(String::as_str).collect();
    assert_eq!(headers, ["0o17", "1.10", "yes"]);
}

#[test]
fn what_a_reference_gave_is_in_no_problem_of_any_field() {
    let secret = "sk-very/secret text";
    for (yaml, place) in [
        ("aliases: {x: '${file:key}'}", 1),
        ("aliases: {x: 'nobody/${file:key}'}", 1),
        ("aliases: {x: '${env:SHORT}'}", 1),
        ("aliases: {x: '${env:SHORT}/y'}", 1),
        ("routes: {x: {targets: ['${file:key}', '${env:KEY}']}}", 2),
        ("default_provider: '${file:key}'", 1),
        ("prefer: ['${file:key}']", 1),
        ("providers: {x: {vendor: ' ${file:key} ', api_key: a}}", 1),
        ("models: [{provider: '${file:key}', model: x, input: 1, output: 1}]", 1),
        ("guards: {x: {detect: ['${file:key}']}}", 1),
        ("guards: {x: {patterns: {y: '(?P<${file:key}'}}}", 1),
        ("jwt: {x: {issuer: 'https://x.test', audience: [x], as_key: '${file:key}'}}", 1),
        ("listen: '${file:key}'", 1),
        ("log: {level: '${file:key}'}", 1),
        ("cache: {mode: '${file:key}'}", 1),
        ("env_files: ['${file:key}']", 1),
    ] {
        let yaml = format!("{yaml}\nthreads: none\n");
        let folder = Folder::new().with("key", &format!("{secret}\n")).with("tollgate.yaml", &yaml);
        let variables = [KEYS, &[("KEY", secret), ("SHORT", "zq")]].concat();
        let told = folder.told(&folder.load(&variables).unwrap_err());
        assert!(told.len() > place, "{yaml}: {told:#?}");
        for part in ["sk-very", "secret text", "zq"] {
            assert!(!told.concat().contains(part), "{yaml}: {told:#?}");
        }
    }
    let told = problems("aliases: {x: '${env:OPENAI_API_KEY}'}", KEYS);
    assert!(
        told[0].starts_with("tollgate.yaml:1:14: error: no provider is known to serve \"***\""),
        "{told:?}"
    );
}
