//! What each measure weighs, as `scripts/distill/teach.py` learnt it. Not written by hand.

use super::measure::MEASURES;

/// The weights.
pub(super) const WEIGHTS: [f32; MEASURES] =
    [0.0127, 0.0000, -2.6170, 1.2910, -3.0201, -0.9537, 0.5578, 0.0000, -2.0418, 1.3276, 0.4924];
