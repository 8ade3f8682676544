//! Reads the data file that is built into the program.

use std::io::Read as _;
use std::sync::LazyLock;

use flate2::read::DeflateDecoder;

use crate::ir::ServiceTier;
use crate::units::{PicoUsd, Price};

use super::model::{Flag, Flags, Mode, Model};
use super::price::{ContextTier, PriceTable, Rates, ServiceRates};

/// The facts; the grammar stands at the head of the file, `data.txt`, which `build.rs` packs.
pub(super) static TEXT: LazyLock<String> = LazyLock::new(|| {
    let packed: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/catalog.packed"));
    let mut text = String::with_capacity(128 << 10);
    // The build packed it; a test sees to it that all of it is read.
    let _ = DeflateDecoder::new(packed).read_to_string(&mut text);
    text
});

/// The same of models that neither chat nor embed.
pub(super) const FLAT: &str = include_str!("flat.txt");

/// The same of models that nobody serves any more.
pub(super) const RETIRED: &str = include_str!("retired.txt");

/// Reads every row. A row that breaks the grammar is left out; a test sees to it that none does.
pub(super) fn read(text: &'static str) -> Vec<Model> {
    let mut provider = "";
    let mut models = Vec::with_capacity(1024);
    for line in text.lines() {
        match line.as_bytes().first() {
            None | Some(b'#') => {}
            Some(b'@') => provider = line.get(1..).unwrap_or_default(),
            Some(_) => models.extend(model(provider, line)),
        }
    }
    models.shrink_to_fit();
    models
}

fn model(provider: &'static str, line: &'static str) -> Option<Model> {
    let mut fields = line.split('|');
    let mut names = fields.next()?.split(',');
    let name = names.next()?;
    let mode = match fields.next()? {
        "" => Mode::Chat,
        word => Mode::ALL.into_iter().find(|mode| mode.name() == word)?,
    };
    let mut limits = fields.next()?.split(' ');
    let mut limit = || limits.next().filter(|text| !text.is_empty()).map(str::parse).transpose();
    let (max_input, max_output) = (limit().ok()?, limit().ok()?);
    let mut prices = prices(fields.next()?)?;
    if let Some(text) = fields.next().filter(|text| !text.is_empty()) {
        prices.web_search = Some(PicoUsd(text.parse::<u128>().ok()? * 1_000_000));
    }
    let retires = fields.next().filter(|text| !text.is_empty());
    let flags = flags(fields.next().unwrap_or_default())?;
    Some(Model {
        provider: provider.into(),
        name: name.into(),
        aliases: names.map(Into::into).collect(),
        mode,
        max_input,
        max_output,
        prices,
        retires,
        flags,
    })
}

fn prices(text: &str) -> Option<PriceTable> {
    let mut table = PriceTable::default();
    for group in text.split(';') {
        let mut words = group.split(' ');
        let head = words.next()?;
        let rates = rates(words)?;
        let (mark, service) = match head.strip_prefix('>') {
            Some(long) => match long.split_once('/') {
                Some((_, service)) => (None, service),
                None => (Some(long.parse::<u64>().ok()?), ""),
            },
            None => (None, head),
        };
        // The services of a long prompt stand right behind its own rates.
        let services = match table.tiers.last_mut() {
            Some(tier) if head.starts_with('>') => &mut tier.services,
            _ => &mut table.services,
        };
        match (mark, service) {
            (Some(from), _) => table.tiers.push(ContextTier { from, rates, services: Vec::new() }),
            (None, "-") => table.standard = rates,
            (None, name) => services.push(ServiceRates { tier: tier(name), rates }),
        }
    }
    Some(table)
}

fn tier(name: &str) -> ServiceTier {
    match name {
        "batch" => ServiceTier::Batch,
        "flex" => ServiceTier::Flex,
        "priority" => ServiceTier::Priority,
        other => ServiceTier::Other(other.to_owned()),
    }
}

fn rates<'a>(words: impl Iterator<Item = &'a str>) -> Option<Rates> {
    let mut rates = Rates::NONE;
    for word in words {
        let (letter, number) = word.split_at_checked(1)?;
        let rate = match letter {
            "i" => &mut rates.input,
            "o" => &mut rates.output,
            "r" => &mut rates.cache_read,
            "w" => &mut rates.cache_write_5m,
            "h" => &mut rates.cache_write_1h,
            "t" => &mut rates.reasoning,
            "a" => &mut rates.audio_input,
            "A" => &mut rates.audio_output,
            "P" => &mut rates.image_output,
            "I" => &mut rates.image_input,
            "R" => &mut rates.audio_cache_read,
            "J" => &mut rates.image_cache_read,
            "n" => &mut rates.image,
            "c" => &mut rates.character,
            "s" => &mut rates.second,
            "q" => &mut rates.search,
            _ => return None,
        };
        *rate = Some(Price(number.parse().ok()?));
    }
    Some(rates)
}

fn flags(text: &str) -> Option<Flags> {
    let words = text.split(' ').filter(|word| !word.is_empty());
    words.into_iter().try_fold(Flags::default(), |flags, word| {
        let (word, stated) = match word.strip_prefix('-') {
            Some(word) => (word, false),
            None => (word, true),
        };
        Some(flags.with(Flag::from_word(word)?, stated))
    })
}
