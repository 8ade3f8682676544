//! A virtual key: whose it is, and whether it opens.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::cache::Otherwise;
use crate::policy::access::Access;
use crate::policy::rule::Rule;
use crate::route::pressure::Priority;
use crate::units::Secret;

/// Where a key is written, and can be changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Home {
    /// In the configuration, where its name is its id.
    #[default]
    Configuration,
    /// In the store, under an id of its own.
    Store,
}

/// What the ids of keys in the store begin with, and no name of a key there.
pub const ID: &str = "key_";

/// A virtual key, without the secret that opens it.
#[derive(Debug, Clone, Default)]
pub struct Key {
    /// What stays when its name or its secret changes: tallies and kept responses hang on it.
    pub id: Arc<str>,
    /// The id under which its own limits and budgets are counted, where that is another: tokens have those
    /// of the key that they come in as.
    pub counted: Option<Arc<str>>,
    /// Where it is written.
    pub home: Home,
    /// Its name in records, metrics and refusals.
    pub name: Arc<str>,
    /// Whose it is: `org/team/service`, or a part of that from its left, or "".
    pub owner: Arc<str>,
    /// On whose behalf it asks, where a token says so.
    pub user: Option<Arc<str>>,
    /// What it is counted under besides.
    pub labels: Vec<Arc<str>>,
    /// Whether it is in use.
    pub enabled: bool,
    /// When it was revoked, in seconds since 1970.
    pub revoked: Option<u64>,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u64>,
    /// What it may ask for.
    pub access: Access,
    /// The limits and budgets that bind it: its own, those of its owners and those of its labels.
    pub rules: Vec<Rule>,
    /// What may be kept of its answers, where that is otherwise.
    pub cache: Option<Otherwise>,
    /// Of how many hundredths of its requests the bodies are logged, where its route does not decide that.
    pub log_bodies: Option<u8>,
    /// How much its requests matter while there is no room for all.
    pub priority: Priority,
    /// How many turns its owner has for one of another; 0 counts as 1.
    pub weight: u32,
    /// What its owner wrote on it; the gateway does not read it.
    pub metadata: BTreeMap<String, String>,
}

/// What all secrets begin with that the gateway makes.
pub const PREFIX: &str = "tg-";

/// The secret of a new key: 256 bits that nobody can guess, in letters that a double click selects.
#[must_use]
pub fn secret(bits: [u8; 32]) -> Secret {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut text = PREFIX.to_owned();
    let (mut held, mut count) = (0_u32, 0);
    for byte in bits.into_iter().chain([0]) {
        held = held << 8 | u32::from(byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            let digit = DIGITS.get((held >> count & 31) as usize);
            text.push(digit.map_or('0', |digit| char::from(*digit)));
        }
    }
    // The last letter would be of the padding alone.
    text.truncate(PREFIX.len() + 52);
    Secret::new(&text)
}

/// As much of a secret as a human needs to know it again.
#[must_use]
pub fn hint(secret: &Secret) -> String {
    secret.expose().chars().take(PREFIX.len() + 4).collect()
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Key {}

/// Why a key that is known does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// It was revoked at this time, in seconds since 1970.
    Revoked(u64),
    /// It is switched off.
    Disabled,
    /// It ended at this time, in seconds since 1970.
    Expired(u64),
    /// The secret was replaced by another at this time, in seconds since 1970.
    Rotated(u64),
    /// It may not be used from the client's address.
    Address,
}

impl Key {
    /// Whether it opens now, to a client at this address.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, now: u64, address: Option<IpAddr>) -> Result<(), Closed> {
        if let Some(at) = self.revoked {
            return Err(Closed::Revoked(at));
        }
        if !self.enabled {
            return Err(Closed::Disabled);
        }
        if let Some(at) = self.expires.filter(|end| *end <= now) {
            return Err(Closed::Expired(at));
        }
        if !self.access.allows_address(address) {
            return Err(Closed::Address);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_until_its_last_second() {
        let key = Key { enabled: true, expires: Some(100), ..Key::default() };
        assert_eq!(key.admit(99, None), Ok(()));
        assert_eq!(key.admit(100, None), Err(Closed::Expired(100)));
    }

    #[test]
    fn every_bit_of_a_secret_is_in_it() {
        let text = |bits| secret(bits).expose().to_owned();
        let none = text([0; 32]);
        assert_eq!(none, format!("tg-{}", "0".repeat(52)));
        for bit in 0..256 {
            let mut bits = [0; 32];
            bits[bit / 8] = 1 << (bit % 8);
            assert_ne!(text(bits), none, "bit {bit}");
        }
        assert_eq!(hint(&secret([255; 32])), "tg-zzzz");
    }

    #[test]
    fn what_was_taken_back_counts_before_all_else() {
        let key = Key { revoked: Some(5), expires: Some(1), ..Key::default() };
        assert_eq!(key.admit(9, None), Err(Closed::Revoked(5)));
        assert_eq!(Key::default().admit(9, None), Err(Closed::Disabled));
    }
}
