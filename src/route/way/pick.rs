//! One of several targets, by the strategy of their route.

use super::{Leg, Strategy};

/// A target that may be asked, as it does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'l> {
    /// Its place among the targets.
    pub place: usize,
    /// What the route says of it.
    pub leg: &'l Leg,
    /// What tells it from all others, whatever their order.
    pub id: u64,
    /// How many requests it has in flight.
    pub busy: u32,
    /// How long its answers take to begin, in microseconds; zero where nobody knows.
    pub latency: u64,
    /// What the request would cost about; the greatest where nobody knows.
    pub cost: u128,
}

/// Chooses one of the candidates; `None` where there is none. `chance` is any number; `bond` is the same
/// for all requests that belong together.
#[must_use]
pub fn pick(
    strategy: Strategy,
    candidates: &[Candidate<'_>],
    chance: u64,
    bond: Option<u64>,
) -> Option<usize> {
    let all = || candidates.iter();
    let chosen = match strategy {
        Strategy::Fallback => all().next(),
        Strategy::Weighted => weighted(candidates, chance),
        Strategy::LeastLatency => least_latency(candidates, chance),
        Strategy::LeastBusy => all().min_by(|one, other| {
            // Their loads, each by the other's weight.
            let load = |of: &Candidate<'_>, by: &Candidate<'_>| (u64::from(of.busy) + 1) * weight(by);
            load(one, other)
                .cmp(&load(other, one))
                .then_with(|| spread(one, chance).cmp(&spread(other, chance)))
        }),
        Strategy::Cheapest => all().min_by_key(|one| one.cost),
        Strategy::Sticky(_) => match bond {
            Some(bond) => rendezvous(candidates, bond),
            None => weighted(candidates, chance),
        },
        Strategy::Canary(_) => canary(candidates, bond.unwrap_or(chance)),
    };
    chosen.map(|chosen| chosen.place)
}

fn weight(candidate: &Candidate<'_>) -> u64 {
    u64::from(candidate.leg.weight)
}

/// By chance, each as often as its weight says.
fn weighted<'c, 'l>(candidates: &'c [Candidate<'l>], chance: u64) -> Option<&'c Candidate<'l>> {
    let total: u64 = candidates.iter().map(weight).sum();
    if total == 0 {
        return candidates.first();
    }
    let mut left = within(mix(chance), total);
    candidates.iter().find(|candidate| {
        let own = weight(candidate);
        let here = left < own;
        left = left.saturating_sub(own);
        here
    })
}

/// The quicker of two that chance names by their weights. All would run to the quickest of all, until it
/// is not any more.
fn least_latency<'c, 'l>(candidates: &'c [Candidate<'l>], chance: u64) -> Option<&'c Candidate<'l>> {
    let first = weighted(candidates, chance)?;
    let others = candidates.iter().filter(|other| other.place != first.place && other.leg.weight > 0);
    let others: Vec<_> = others.copied().collect();
    let Some(second) = weighted(&others, mix(chance)) else { return Some(first) };
    // What has requests waiting will be slower than it was.
    let cost = |one: &Candidate<'_>| u128::from(one.latency) * (u128::from(one.busy) + 1);
    let second = candidates.iter().find(|one| one.place == second.place)?;
    Some(if cost(second) < cost(first) { second } else { first })
}

/// The one with the highest score for this bond: when a target comes or goes, only what it gets or had
/// moves.
fn rendezvous<'c, 'l>(candidates: &'c [Candidate<'l>], bond: u64) -> Option<&'c Candidate<'l>> {
    let score = |one: &Candidate<'_>| {
        #[allow(clippy::cast_precision_loss)]
        let drawn = ((spread(one, bond) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        f64::from(one.leg.weight) / -drawn.ln()
    };
    candidates.iter().max_by(|one, other| score(one).total_cmp(&score(other)))
}

/// Those with a share first, each with its part; then the others in their order.
fn canary<'c, 'l>(candidates: &'c [Candidate<'l>], bond: u64) -> Option<&'c Candidate<'l>> {
    const WHOLE: u64 = 10_000;
    let mut left = within(mix(bond), WHOLE);
    let drawn = candidates.iter().filter(|one| one.leg.share > 0).find(|one| {
        let own = u64::from(one.leg.share);
        let here = left < own;
        left = left.saturating_sub(own);
        here
    });
    let stable = || candidates.iter().find(|one| one.leg.share == 0);
    drawn.or_else(stable).or_else(|| candidates.first())
}

/// A target's own number for this chance or bond.
const fn spread(candidate: &Candidate<'_>, chance: u64) -> u64 {
    mix(candidate.id ^ mix(chance))
}

/// Every bit of it depends on every bit of that (the last steps of `SplitMix64`).
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A number below another, as evenly as it was drawn.
fn within(drawn: u64, below: u64) -> u64 {
    u64::try_from((u128::from(drawn) * u128::from(below)) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::Bond;
    use super::*;

    fn leg(weight: u32) -> Leg {
        Leg { weight, ..Leg::default() }
    }

    fn candidates(legs: &[Leg]) -> Vec<Candidate<'_>> {
        let one =
            |(place, leg)| Candidate { place, leg, id: mix(place as u64 + 77), busy: 0, latency: 0, cost: 0 };
        legs.iter().enumerate().map(one).collect()
    }

    /// How often each was picked of 40,000 times.
    fn counts(
        strategy: Strategy,
        candidates: &[Candidate<'_>],
        bond: impl Fn(u64) -> Option<u64>,
    ) -> Vec<u32> {
        let mut counts = vec![0; candidates.iter().map(|one| one.place + 1).max().unwrap_or(0)];
        for chance in 0..40_000 {
            counts[pick(strategy, candidates, chance, bond(chance)).unwrap()] += 1;
        }
        counts
    }

    fn near(count: u32, expected: u32) -> bool {
        count.abs_diff(expected) < 40 + expected / 20
    }

    #[test]
    fn weights_hold_within_bounds_by_chance_and_by_bond() {
        for weights in [[1, 1, 1, 1], [5, 3, 1, 1], [0, 10, 0, 30], [100, 1, 1, 1]] {
            let legs: Vec<Leg> = weights.iter().copied().map(leg).collect();
            let (all, total) = (candidates(&legs), weights.iter().sum::<u32>());
            for (strategy, bond) in [
                (Strategy::Weighted, None),
                (Strategy::Sticky(Bond::Any), Some(())),
                (Strategy::Sticky(Bond::Any), None),
            ] {
                let counts = counts(strategy, &all, |chance| bond.map(|()| chance));
                for (count, weight) in counts.iter().zip(weights) {
                    assert!(near(*count, 40_000 * weight / total), "{strategy:?} {weights:?}: {counts:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_bound_moves_only_if_it_must() {
        let legs: Vec<Leg> = [1, 2, 3, 4, 5].map(leg).into();
        let all = candidates(&legs);
        let sticky = Strategy::Sticky(Bond::Session);
        for gone in 0..all.len() {
            let rest: Vec<_> = all.iter().filter(|one| one.place != gone).copied().collect();
            for bond in 0..2000 {
                let before = pick(sticky, &all, bond * 3, Some(bond)).unwrap();
                let after = pick(sticky, &rest, bond * 7, Some(bond)).unwrap();
                assert!(before == gone || before == after, "{bond} moved from {before} to {after}");
            }
        }
        let mut turned = all.clone();
        turned.reverse();
        for bond in 0..2000 {
            assert_eq!(pick(sticky, &all, 1, Some(bond)), pick(sticky, &turned, 2, Some(bond)), "any order");
        }
    }

    #[test]
    fn a_canary_gets_its_share_and_the_first_of_the_others_the_rest() {
        let legs = [leg(1), Leg { share: 500, ..Leg::default() }, leg(1)];
        let all = candidates(&legs);
        let counts = counts(Strategy::Canary(Bond::Any), &all, Some);
        assert!(near(counts[1], 2000) && near(counts[0], 38_000) && counts[2] == 0, "{counts:?}");
        let alone = &all[1..2];
        assert_eq!(pick(Strategy::Canary(Bond::Any), alone, 1, None), Some(1));
    }

    #[test]
    fn the_quicker_of_two_is_taken_and_what_is_known_of_neither_is_found_out() {
        let legs = [leg(1), leg(1), leg(1)];
        let mut all = candidates(&legs);
        for (one, latency) in all.iter_mut().zip([300_000, 100_000, 200_000]) {
            one.latency = latency;
        }
        let counts = counts(Strategy::LeastLatency, &all, |_| None);
        assert_eq!(counts[0], 0, "the slowest loses each time");
        assert!(near(counts[1], 26_667) && near(counts[2], 13_333), "{counts:?}");
        all[1].busy = 5;
        let busy = counts_of(&all);
        assert!(busy[1] == 0 && busy[2] > busy[0], "{busy:?}");
        all[0].latency = 0;
        assert!(counts_of(&all)[0] > 20_000, "it is tried");
    }

    fn counts_of(all: &[Candidate<'_>]) -> Vec<u32> {
        counts(Strategy::LeastLatency, all, |_| None)
    }

    #[test]
    fn the_least_busy_and_the_cheapest_are_taken() {
        let legs = [leg(1), leg(4), leg(1)];
        let mut all = candidates(&legs);
        (all[0].busy, all[1].busy, all[2].busy) = (2, 7, 3);
        assert_eq!(pick(Strategy::LeastBusy, &all, 9, None), Some(1), "it has four times the room");
        (all[0].cost, all[1].cost, all[2].cost) = (5, u128::MAX, 4);
        assert_eq!(pick(Strategy::Cheapest, &all, 9, None), Some(2));
        assert_eq!(pick(Strategy::Fallback, &all, 9, None), Some(0));
        assert_eq!(pick(Strategy::Fallback, &[], 9, None), None);
        let even = counts(Strategy::LeastBusy, &candidates(&[leg(1), leg(1)]), |_| None);
        assert!(near(even[0], 20_000), "{even:?}");
    }
}
