//! `tollgate demo` and `tollgate mock`: the gateway without any provider, and the fake provider
//! without the gateway.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{DemoArguments, MockArguments, complain, complain_of, say, serve};
use crate::config::{self, Sources};
use crate::mock::{self, Mock};
use crate::proxy::serve::Start;

/// Runs gateway and fake provider in one process.
pub(super) fn demo(arguments: &DemoArguments) -> ExitCode {
    let options = mock::Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        threads: 1,
        human: !arguments.fast,
        ..mock::Options::default()
    };
    let Some(mock) = start(options) else { return ExitCode::FAILURE };
    let sources = sources(&mock);
    let compiled = match config::load(&sources, 1) {
        Ok(compiled) => compiled,
        Err(problems) => return complain_of(&problems),
    };
    say(&greeting(&compiled.process, mock.addr()));
    serve::run(compiled, sources, Start::Fresh)
}

/// The environment that points every dialect at the fake provider.
fn sources(mock: &Mock) -> Sources {
    let mut sources = Sources::from_process(None);
    let at = mock.addr();
    let defaults = [
        ("TOLLGATE_LISTEN", "127.0.0.1:8080".to_owned()),
        ("TOLLGATE_DISCOVERY", "off".to_owned()),
        ("TOLLGATE_LOG", "error".to_owned()),
    ];
    for (name, value) in defaults {
        sources.environment.entry(name.to_owned()).or_insert(value);
    }
    // Real keys of the shell that tries the demo stay unused: nothing of it leaves the machine.
    sources.environment.retain(|name, _| name.starts_with("TOLLGATE_"));
    let providers = [
        ("OPENAI", format!("http://{at}/v1")),
        ("ANTHROPIC", format!("http://{at}")),
        ("GEMINI", format!("http://{at}/v1beta")),
        ("COHERE", format!("http://{at}/compatibility/v1")),
        ("VOYAGE", format!("http://{at}/v1")),
        ("OLLAMA", format!("http://{at}/v1")),
    ];
    for (vendor, base) in providers {
        sources.environment.insert(format!("{vendor}_API_KEY"), "demo".to_owned());
        sources.environment.insert(format!("{vendor}_BASE_URL"), base);
    }
    sources.environment.insert("AWS_BEARER_TOKEN_BEDROCK".to_owned(), "demo".to_owned());
    sources.environment.insert("BEDROCK_BASE_URL".to_owned(), format!("http://{at}"));
    sources
}

fn greeting(process: &config::Process, mock: SocketAddr) -> String {
    let address = process.listen.replace("0.0.0.0", "127.0.0.1");
    let cost = process.admin_listen.as_ref().map_or_else(String::new, |admin| {
        let admin = admin.replace("0.0.0.0", "127.0.0.1");
        format!(
            "
  # what it cost, on the operator's listener
  curl -s http://{admin}/metrics | grep tollgate_cost
"
        )
    });
    format!(
        "Tollgate demo on http://{address} (fake provider on http://{mock}; Ctrl-C ends it). Paste into another shell:

  # OpenAI's API, answered by \"OpenAI\"
  curl -N http://{address}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{\"model\":\"gpt-4o-mini\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'

  # the same API, answered by \"Anthropic\"
  curl http://{address}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{\"model\":\"claude-sonnet-5\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'

  # OpenAI's Responses, answered by \"Anthropic\"
  curl -N http://{address}/v1/responses -H 'content-type: application/json' \\
    -d '{{\"model\":\"claude-sonnet-5\",\"stream\":true,\"input\":\"Hello\"}}'

  # Anthropic's API, answered by \"Gemini\"
  curl -N http://{address}/v1/messages -H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' \\
    -d '{{\"model\":\"gemini-2.5-flash\",\"max_tokens\":200,\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'

  # OpenAI's API, answered by \"Bedrock\"
  curl http://{address}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{\"model\":\"us.amazon.nova-lite-v1:0\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'
{cost}"
    )
}

/// Runs the fake provider until it is interrupted.
pub(super) fn mock(arguments: &MockArguments) -> ExitCode {
    let options = mock::Options {
        listen: arguments.listen,
        threads: arguments.threads.max(1),
        first_token: arguments.latency,
        tokens: arguments.tokens,
        rate: arguments.rate,
        failure_rate: arguments.failure_rate.clamp(0.0, 1.0),
        human: false,
    };
    let Some(mock) = start(options) else { return ExitCode::FAILURE };
    say(&format!("fake provider on http://{}", mock.addr()));
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

fn start(options: mock::Options) -> Option<Mock> {
    let listen = options.listen;
    mock::start(options)
        .map_err(|error| complain(&format!("the fake provider cannot listen on {listen}: {error}")))
        .ok()
}
