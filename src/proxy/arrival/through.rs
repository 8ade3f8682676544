//! Requests that go through to a provider as they are: `/p/{provider}/…`.

use std::sync::Arc;

use bytes::Bytes;
use http::header;
use pingora::proxy::Session;

use crate::dialect::Framing;
use crate::ir::Dialect;
use crate::provider::through::join;
use crate::proxy::arrival::asked::{Asked, Through};
use crate::proxy::bytes_held::Share;
use crate::proxy::departure::attempt::{Attempt, Mode};
use crate::proxy::departure::targets::Known;
use crate::proxy::departure::upload::Upload;
use crate::proxy::exchange::{Ask, Call, Exchange, Stage};
use crate::proxy::relay::Find;
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::route::Target;
use crate::snapshot::{Provider, Snapshot};

/// The request with the dialect of its provider's own API, as far as that is one of ours.
pub(super) fn settle(world: &Snapshot, asked: Asked) -> Asked {
    let Asked::Through(mut through) = asked else { return asked };
    let found = world.table.provider(&through.provider).ok();
    if let Some(provider) = found.and_then(|index| world.providers.get(index)) {
        let spoken = provider.vendor.speaks;
        if !spoken.iter().any(|(dialect, _)| *dialect == through.dialect) {
            through.dialect = spoken.first().map_or(Dialect::OpenaiChat, |(dialect, _)| *dialect);
        }
    }
    Asked::Through(through)
}

/// Whether the request must be read whole, since a signature is made over its body.
pub(super) fn is_signed(world: &Snapshot, through: &Through) -> bool {
    let provider = world.table.provider(&through.provider).ok();
    let cloud = provider.and_then(|index| world.providers.get(index)?.cloud.as_ref());
    cloud.is_some_and(|cloud| !cloud.service.is_empty())
}

/// Prepares the one attempt that there is; the body will go through as it comes.
///
/// # Errors
/// When no provider has that name, or the path leads upwards.
pub(super) fn dispatch(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    through: &Through,
    share: Share,
) -> Result<(), Refusal> {
    let world = Arc::clone(&exchange.world);
    let index = world.table.provider(&through.provider).map_err(|unknown| {
        let shown: String = through.provider.chars().take(128).collect();
        let hint = match unknown.nearest.as_slice() {
            [] => String::new(),
            nearest => format!("; did you mean {}?", nearest.join(", ")),
        };
        Refusal::new(Kind::NotFound, format!("no provider is named \"{shown}\"{hint}"))
    })?;
    let provider =
        world.providers.get(index).ok_or_else(|| Refusal::new(Kind::Internal, "no such provider"))?;
    let like = through.like.as_ref().map(Asked::dialect);
    let joined = join(&provider.spoken(), &provider.base, like, &through.place);
    let (base, mut path) = joined.ok_or_else(|| {
        Refusal::new(Kind::InvalidRequest, "a path that goes through must not lead upwards")
    })?;
    let query = query(session.req_header().uri.query().unwrap_or(""), provider, &path);
    if !query.is_empty() {
        path.push('?');
        path.push_str(&query);
    }
    let body_less = session.as_downstream_mut().is_body_empty();
    let head = session.req_header();
    let model = through.like.as_ref().and_then(Asked::model_in_path).unwrap_or_default();
    let known = Arc::new(Known::through(&world, provider, index, through.dialect, base, &model));
    let keys = provider.keys.len();
    let key = if keys > 1 { shared.next_turn() % keys } else { 0 };
    let method = head.method.clone();
    let ask = Ask {
        dialect: through.dialect,
        path: through.place.clone(),
        query,
        body: Bytes::new(),
        form: None,
        rest: 0,
        unsized_body: !body_less && !head.headers.contains_key(header::CONTENT_LENGTH),
        parsed: None,
        model: model.clone(),
        stream: false,
        framing: Framing::Sse,
        stream_usage: true,
        strict: false,
        tier: None,
        assumed: <_>::default(),
        carried: Vec::new(),
    };
    let attempt = Attempt {
        known,
        key,
        method,
        path,
        body: Bytes::new(),
        headers: Vec::new(),
        mode: Mode::Through(Find::like(through.like.as_ref())),
        losses: <_>::default(),
    };
    let target = Target { provider: index, model };
    exchange.stage = Stage::Away(Box::new(Call {
        upload: Upload::streamed(Bytes::new()),
        ..Call::new(ask, vec![target], 0, attempt, share)
    }));
    Ok(())
}

/// The client's query without the key that opened our door, and with the version that Azure demands.
fn query(query: &str, provider: &Provider, path: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.starts_with("key=") && *pair != "key");
    let mut kept: Vec<_> = pairs.filter(|pair| !pair.is_empty()).collect();
    let demanded = provider.api_version.as_deref().or(provider.vendor.api_version);
    let version = demanded.map(|version| format!("api-version={version}"));
    let missing = path.contains("/deployments/") && !kept.iter().any(|pair| pair.starts_with("api-version="));
    kept.extend(version.as_deref().filter(|_| missing));
    kept.join("&")
}
