//! What a request asks for that the plainer dialects have no word for.

use crate::ir::{Losses, Request};

/// Notes what the target cannot be asked for.
pub(in crate::dialect) fn note(request: &Request, losses: &mut Losses) {
    let sampling = &request.sampling;
    for (field, asked) in [
        ("n", sampling.candidates.is_some_and(|answers| answers > 1)),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("user", request.user.is_some()),
        ("service_tier", request.service_tier.is_some()),
        ("metadata", request.metadata.is_some()),
    ] {
        if asked {
            losses.dropped(field, "the target cannot be asked for it");
        }
    }
}
