//! What a question is about, as a model has it that turns texts into vectors.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Vectors of more numbers than any model's are none.
const MOST: usize = 1 << 14;

/// The direction of a model's vector, each number of it in a byte: of what tells questions apart that is a thousandth.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    numbers: Box<[i8]>,
    /// How long these numbers are together.
    length: f32,
    /// Which model made it: directions of two have nothing to do with one another.
    model: u64,
}

impl Meaning {
    /// The direction of these numbers; `None` where they have none.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no number is larger than the largest, which becomes 127"
    )]
    pub fn of(model: &str, numbers: &[f32]) -> Option<Self> {
        let largest = numbers.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        if numbers.len() > MOST || !largest.is_normal() || numbers.iter().any(|number| !number.is_finite()) {
            return None;
        }
        let numbers: Box<[i8]> =
            numbers.iter().map(|number| (number / largest * 127.0).round() as i8).collect();
        let mut hasher = FxHasher::default();
        hasher.write(model.as_bytes());
        let length = product(&numbers, &numbers).sqrt();
        Some(Self { numbers, length, model: hasher.finish() })
    }

    /// How alike two are: 1 where they are the same, 0 where they have nothing to do with one another.
    #[must_use]
    pub fn alike(&self, other: &Self) -> f32 {
        if self.model != other.model || self.numbers.len() != other.numbers.len() {
            return 0.0;
        }
        product(&self.numbers, &other.numbers) / (self.length * other.length)
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.numbers.len()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ten-millionth of it says nothing")]
fn product(one: &[i8], other: &[i8]) -> f32 {
    let product: i32 = one.iter().zip(other).map(|(one, other)| i32::from(*one) * i32::from(*other)).sum();
    product as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_as_alike_as_their_numbers() {
        let many = |turn: f32| -> Vec<f32> {
            let angle = |at: u16| f32::from(at).mul_add(0.37, turn);
            (0..1536_u16).map(|at| angle(at).sin() * 0.02).collect()
        };
        let exactly = |one: &[f32], other: &[f32]| {
            let sum = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            sum(one, other) / (sum(one, one) * sum(other, other)).sqrt()
        };
        let (one, near, far) = (many(0.0), many(0.3), many(2.0));
        let of = |numbers: &[f32]| Meaning::of("small", numbers).unwrap();
        for other in [&one, &near, &far] {
            let told = of(&one).alike(&of(other));
            assert!((told - exactly(&one, other)).abs() < 0.002, "{told}");
        }
        // However long they are.
        let longer: Vec<f32> = one.iter().map(|number| number * 40.0).collect();
        assert!(of(&one).alike(&of(&longer)) > 0.9999);
        assert!(of(&one).alike(&Meaning::of("large", &one).unwrap()) < 0.1, "another model's");
        assert!(of(&one).alike(&of(&one[..768])) < 0.1, "of other lengths");
    }

    #[test]
    fn numbers_without_a_direction_are_none() {
        for none in [&[][..], &[0.0, 0.0], &[1.0, f32::NAN], &[f32::INFINITY], &vec![1.0; MOST + 1]] {
            assert_eq!(Meaning::of("m", none), None);
        }
    }
}
