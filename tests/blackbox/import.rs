//! `tollgate import`, as it is typed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/import/testdata");

fn import(arguments: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_tollgate");
    Command::new(binary).arg("import").args(arguments).env_clear().output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_file_is_written_once_and_what_has_no_counterpart_is_told() {
    let sample = format!("{SAMPLES}/litellm-team.yaml");
    let printed = import(&["litellm", &sample]);
    assert!(printed.status.success());
    assert!(text(&printed.stdout).contains("gpt-4: gpt-4o"), "{}", text(&printed.stdout));
    let notes = text(&printed.stderr);
    assert!(notes.lines().all(|line| line.starts_with(&sample)), "{notes}");
    assert!(notes.contains("litellm-team.yaml:9:12: warning: rpm of"), "{notes}");

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("import-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let out = folder.join("tollgate.yaml");
    let own = ["litellm", &sample, "-o", out.to_str().unwrap()];
    assert!(import(&own).status.success());
    assert_eq!(std::fs::read_to_string(&out).unwrap().trim_end(), text(&printed.stdout).trim_end());
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o077, 0);
    let again = import(&own);
    assert!(
        !again.status.success() && text(&again.stderr).contains("cannot be written: entity already exists")
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_cannot_be_read_is_said() {
    let missing = import(&["gomodel", "/no/such/file"]);
    assert!(!missing.status.success() && text(&missing.stderr).contains("/no/such/file: cannot be read"));
    let env = format!("{SAMPLES}/gomodel.env");
    let wrong = import(&["litellm", &env]);
    assert!(!wrong.status.success() && wrong.stdout.is_empty(), "{}", text(&wrong.stdout));
    assert!(import(&["gomodel", &env]).status.success());
    assert!(!import(&["bifrost", &env]).status.success());
}
