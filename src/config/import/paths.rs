//! Spend and rate limits that GoModel sets for paths of users.

use crate::wire::json::{self, Json};

use super::money::per_million;
use super::written::Written;

/// The path behind `SET_BUDGET_` and `SET_RATE_LIMIT_`: two underscores are a slash.
pub(super) fn path(suffix: &str) -> String {
    let parts = suffix.split("__").map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("/")
}

/// `daily=10,monthly=100`, or the same as JSON, as budgets.
pub(super) fn budgets(text: &str) -> Result<Vec<Written>, String> {
    let mut all = Vec::new();
    for (period, amount) in pairs(text, "amount")? {
        let per = match period.to_ascii_lowercase().as_str() {
            "hour" | "hours" | "hourly" | "3600" => "hour",
            "day" | "days" | "daily" | "86400" => "day",
            "week" | "weeks" | "weekly" | "604800" => "week",
            "month" | "months" | "monthly" | "2592000" => "month",
            _ => {
                return Err(format!(
                    "a budget is for an hour, a day, a week or a month, not for \"{period}\""
                ));
            }
        };
        // A price of a millionth for a million of them is that number itself, without its exponent.
        let usd = per_million(&format!("{}e-6", amount.trim()));
        let (usd, _) = usd.ok_or_else(|| format!("\"{amount}\" is no amount"))?;
        all.push(Written::Map(vec![
            ("usd".to_owned(), Written::Text(usd)),
            ("per".to_owned(), Written::text(per)),
        ]));
    }
    Ok(all)
}

/// `rpm=100,tpm=50000,concurrent=10`, or rules as JSON, as limits.
pub(super) fn limits(text: &str) -> Result<Vec<Written>, String> {
    let mut all = Vec::new();
    let mut add = |field: &str, amount: &str, per: Option<&str>| {
        let number: u64 = amount.trim().parse().map_err(|_| format!("\"{amount}\" is no number"))?;
        let mut limit = vec![(field.to_owned(), Written::Text(number.to_string()))];
        limit.extend(per.map(|per| ("per".to_owned(), Written::text(per))));
        all.push(Written::Map(limit));
        Ok::<(), String>(())
    };
    if text.trim_start().starts_with('[') {
        let tree = json::parse(text.as_bytes()).map_err(|_| "expected rules as JSON")?;
        for rule in tree.elements() {
            let word = |name: &str| rule.field(name).map(|value| plain(value)).unwrap_or_default();
            let period =
                if word("period_seconds").is_empty() { word("period") } else { word("period_seconds") };
            let per = match period.to_ascii_lowercase().as_str() {
                "minute" | "minutes" | "min" | "minutely" | "60" => Some("minute"),
                "hour" | "hours" | "hourly" | "3600" => Some("hour"),
                "day" | "days" | "daily" | "86400" => Some("day"),
                "concurrent" | "concurrency" | "0" => None,
                _ => return Err(format!("a limit is for a minute, an hour or a day, not for \"{period}\"")),
            };
            let (requests, tokens) = (word("max_requests"), word("max_tokens"));
            if !requests.is_empty() {
                add(if per.is_some() { "requests" } else { "concurrency" }, &requests, per)?;
            }
            if !tokens.is_empty() && per.is_some() {
                add("tokens", &tokens, per)?;
            }
        }
        return Ok(all);
    }
    for (name, amount) in pairs(text, "")? {
        match name.to_ascii_lowercase().as_str() {
            "rpm" => add("requests", &amount, Some("minute"))?,
            "tpm" => add("tokens", &amount, Some("minute"))?,
            "rph" => add("requests", &amount, Some("hour"))?,
            "tph" => add("tokens", &amount, Some("hour"))?,
            "rpd" => add("requests", &amount, Some("day"))?,
            "tpd" => add("tokens", &amount, Some("day"))?,
            "concurrent" | "concurrency" => add("concurrency", &amount, None)?,
            _ => return Err(format!("no limit is called \"{name}\"")),
        }
    }
    Ok(all)
}

fn plain(value: &Json<'_>) -> String {
    value.as_str().map_or_else(|| value.raw().to_owned(), str::to_owned)
}

/// `name=value` with commas between, an object, or a list of objects with a period and an amount.
fn pairs(text: &str, amount: &str) -> Result<Vec<(String, String)>, String> {
    let text = text.trim();
    if text.starts_with(['{', '[']) {
        let tree = json::parse(text.as_bytes()).map_err(|_| "expected amounts as JSON")?;
        let of_entry = |(key, value): &(std::borrow::Cow<'_, str>, Json<'_>)| (key.to_string(), plain(value));
        if tree.is_object() {
            return Ok(tree.entries().iter().map(of_entry).collect());
        }
        let of_element = |rule: &Json<'_>| {
            let period = rule.field("period").or_else(|| rule.field("period_seconds"));
            Some((plain(period?), plain(rule.field(amount)?)))
        };
        return tree
            .elements()
            .iter()
            .map(|rule| of_element(rule).ok_or("a rule is not whole".to_owned()))
            .collect();
    }
    let parts = text.split([',', ';', '\n']).map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let pair = part.split_once('=').or_else(|| part.split_once(':'));
            let (name, value) = pair.ok_or_else(|| format!("expected name=amount, found \"{part}\""))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}
