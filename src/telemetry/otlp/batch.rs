//! What is sent at one time: the spans of many requests, or all metrics, and whose they are.

use prometheus::proto::MetricFamily;

use super::json;
use super::outbox::Parcel;
use super::points::{self, Times};
use super::protobuf::{self, Message};
use super::span::{Attributes, Span};
use crate::config::OtlpForm;
use crate::wire::json as text;

/// What makes the spans.
const SCOPE: &str = "tollgate";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The spans of one request, ready to be joined with others.
pub(super) fn parcel(form: OtlpForm, spans: &[Span]) -> Parcel {
    let mut bytes = Vec::with_capacity(1024 * spans.len());
    for (place, span) in spans.iter().enumerate() {
        match form {
            OtlpForm::Protobuf => protobuf::span(span, &mut bytes),
            OtlpForm::Json => {
                if place > 0 {
                    bytes.push(b',');
                }
                json::span(span, &mut bytes);
            }
        }
    }
    Parcel { bytes, spans: spans.len() as u64 }
}

/// The body of one export of spans (`ExportTraceServiceRequest`).
pub(super) fn spans(form: OtlpForm, resource: &[(String, String)], parcels: &[Parcel]) -> Vec<u8> {
    let length: usize = parcels.iter().map(|parcel| parcel.bytes.len() + 1).sum();
    let names = ["resourceSpans", "scopeSpans", "spans"];
    export(form, resource, length, names, |scope| match scope {
        Scope::Protobuf(of_scope) => parcels.iter().for_each(|parcel| of_scope.ready(&parcel.bytes)),
        Scope::Json(list) => joined(parcels, list),
    })
}

/// The body of one export of metrics (`ExportMetricsServiceRequest`).
pub(super) fn metrics(
    form: OtlpForm,
    resource: &[(String, String)],
    families: &[MetricFamily],
    times: Times,
) -> Vec<u8> {
    let names = ["resourceMetrics", "scopeMetrics", "metrics"];
    export(form, resource, 64 << 10, names, |scope| match scope {
        Scope::Protobuf(of_scope) => points::protobuf(of_scope, families, times),
        Scope::Json(list) => text::array(list, |list| points::json(list, families, times)),
    })
}

/// Where what a scope holds is written: as fields of its own, or as one list.
enum Scope<'a, 'm> {
    Protobuf(&'a mut Message<'m>),
    Json(&'a mut Vec<u8>),
}

/// What all exports have in common: whose it is, and what made it.
fn export(
    form: OtlpForm,
    resource: &[(String, String)],
    length: usize,
    names: [&str; 3],
    fill: impl Fn(Scope<'_, '_>),
) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 1024);
    let resource: Attributes =
        resource.iter().map(|(name, value)| (name.clone().into(), value.clone().into())).collect();
    let [resources, scopes, list] = names;
    match form {
        OtlpForm::Protobuf => Message::new(&mut out).message(1, |of_resource| {
            of_resource.message(1, |message| {
                for (name, value) in &resource {
                    message.attribute(1, name, value);
                }
            });
            of_resource.message(2, |of_scope| {
                of_scope.message(1, |scope| {
                    scope.bytes(1, SCOPE.as_bytes());
                    scope.bytes(2, VERSION.as_bytes());
                });
                fill(Scope::Protobuf(of_scope));
            });
        }),
        OtlpForm::Json => text::object(&mut out, |request| {
            request.array(resources, |all| {
                all.object(|of_resource| {
                    of_resource.object("resource", |object| json::attributes(object, &resource));
                    of_resource.array(scopes, |all| {
                        all.object(|of_scope| {
                            of_scope.object("scope", |scope| {
                                scope.string("name", SCOPE);
                                scope.string("version", VERSION);
                            });
                            of_scope.embed(list, |out| fill(Scope::Json(out)));
                        });
                    });
                });
            });
        }),
    }
    out
}

fn joined(parcels: &[Parcel], out: &mut Vec<u8>) {
    out.push(b'[');
    for (place, parcel) in parcels.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&parcel.bytes);
    }
    out.push(b']');
}
