//! Keys that opened nothing, by where they came from: nobody may try for long.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;

/// So many may be tried in a minute from one address.
const MOST: u32 = 20;

/// How long they count, in seconds.
const SPAN: u64 = 60;

/// So many addresses are told apart; all further ones count as one.
const ADDRESSES: usize = 4096;

/// The tries of the last minute.
#[derive(Debug, Default)]
pub struct Tries(Mutex<FxHashMap<Option<IpAddr>, Count>>);

#[derive(Debug, Clone, Copy)]
struct Count {
    since: u64,
    number: u32,
}

impl Tries {
    /// How long nobody is heard from this address, if so; `now` is in seconds since 1970.
    #[must_use]
    pub fn wait(&self, address: Option<IpAddr>, now: u64) -> Option<Duration> {
        let address = address.map(network);
        let tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tries.get(&address).or_else(|| tries.get(&None).filter(|_| tries.len() > ADDRESSES))?;
        let ends = known.since + SPAN;
        (known.number >= MOST && now < ends).then(|| Duration::from_secs(ends - now))
    }

    /// Counts one.
    pub fn failed(&self, address: Option<IpAddr>, now: u64) {
        let address = address.map(network);
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= ADDRESSES && !tries.contains_key(&address) {
            tries.retain(|_, count| now < count.since + SPAN);
        }
        let is_told_apart = tries.len() < ADDRESSES || tries.contains_key(&address);
        let place = if is_told_apart { address } else { None };
        let count = tries.entry(place).or_insert(Count { since: now, number: 0 });
        if now >= count.since + SPAN {
            *count = Count { since: now, number: 0 };
        }
        count.number = count.number.saturating_add(1);
    }
}

/// What counts as one address: of IPv6 the 64 bits that one household has, all of which it may use.
fn network(address: IpAddr) -> IpAddr {
    const OWN: u32 = 64;
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> OWN << OWN).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from(number).into()
    }

    #[test]
    fn who_tries_too_often_waits_and_nobody_else_does() {
        let tries = Tries::default();
        for _ in 0..MOST {
            assert_eq!(tries.wait(Some(address(1)), 100), None);
            tries.failed(Some(address(1)), 100);
        }
        assert_eq!(tries.wait(Some(address(1)), 110), Some(Duration::from_secs(50)));
        assert_eq!(tries.wait(Some(address(2)), 110), None);
        assert_eq!(tries.wait(Some(address(1)), 160), None);
    }

    #[test]
    fn another_address_of_the_same_household_is_the_same() {
        let tries = Tries::default();
        let address = |text: &str| Some(text.parse().unwrap());
        for number in 0..MOST {
            tries.failed(address(&format!("2001:db8:1:2::{number:x}")), 100);
            tries.failed(address("::ffff:192.0.2.1"), 100);
        }
        assert!(tries.wait(address("2001:db8:1:2:ffff::1"), 100).is_some());
        assert!(tries.wait(address("192.0.2.1"), 100).is_some());
        assert_eq!(tries.wait(address("2001:db8:1:3::1"), 100), None);
    }

    #[test]
    fn a_crowd_of_addresses_takes_no_more_room_and_waits_together() {
        let tries = Tries::default();
        for number in 0..2 * u32::try_from(ADDRESSES).unwrap() {
            tries.failed(Some(address(number)), 100);
        }
        assert!(tries.0.lock().unwrap().len() <= ADDRESSES + 1);
        assert!(tries.wait(Some(address(u32::MAX)), 100).is_some());
    }
}
