//! The dialect in which one target is asked one thing, where it depends on what that is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::ir::Thinking;
use crate::proxy::departure::attempt::parse;
use crate::proxy::departure::targets::Known;
use crate::proxy::exchange::Ask;
use crate::refusal::Refusal;
use crate::route::wants_thought_beside_tools;
use crate::wire::lens::Lens;

/// The target as it must be spoken to: some take thought beside tools in their other dialect alone,
/// and some have not the dialect that they should.
pub(super) fn choose(ask: &mut Ask, lens: &Lens<'_>, known: Arc<Known>) -> Result<Arc<Known>, Refusal> {
    if let Some(instead) = known.instead.as_ref().filter(|instead| instead.needed.load(Ordering::Relaxed)) {
        return Ok(Arc::clone(&instead.known));
    }
    let Some(bridge) = &known.bridge else { return Ok(known) };
    let wanted = if ask.dialect == known.dialect {
        wants_thought_beside_tools(lens, &known.profile)
    } else {
        let request = match ask.parsed.take() {
            Some(parsed) => parsed,
            None => Box::new(parse(ask, None, ask.dialect)?),
        };
        let effort = request.thinking.as_ref().and_then(Thinking::as_effort);
        let request = ask.parsed.insert(request);
        !request.tools.is_empty() && known.profile.together.effort_beside_tools.loses(effort)
    };
    Ok(if wanted { Arc::clone(bridge) } else { known })
}
