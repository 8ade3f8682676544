//! What is known of a failure when its body says nothing: a page, a line of text, the headers.

use std::time::Duration;

use http::HeaderMap;

use crate::fault::Fault;

/// When the headers ask to come back.
pub(in crate::dialect) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    // A date would need a clock; the providers that send one are asked again after their default.
    let seconds: f64 = text("retry-after")?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The most characters that are taken from a body that is no JSON.
const MOST_SHOWN: usize = 200;

/// One line about a body that is no JSON: the title of a page, or the first line of a text.
pub(in crate::dialect) fn plain_message(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..4096).unwrap_or(body));
    let text = text.trim_start_matches('\u{feff}').trim();
    let line = if text.starts_with('<') { title(text) } else { text.lines().next().map(str::to_owned) };
    let mut line = line.unwrap_or_default();
    line.retain(|c| !c.is_control());
    let line: String = line.trim().chars().take(MOST_SHOWN).collect();
    if line.is_empty() {
        return Fault::from_status(status).message;
    }
    format!("the provider answered with status {status}: {line}")
}

fn title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower.get(start..)?.find('>')? + 1;
    let end = start + lower.get(start..)?.find('<')?;
    page.get(start..end).map(str::to_owned)
}
