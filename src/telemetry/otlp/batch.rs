//! What is sent at one time: the spans of many requests, and whose they are.

use super::json;
use super::outbox::Parcel;
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

/// The body of one export (`ExportTraceServiceRequest`).
pub(super) fn body(form: OtlpForm, resource: &[(String, String)], parcels: &[Parcel]) -> Vec<u8> {
    let length: usize = parcels.iter().map(|parcel| parcel.bytes.len() + 1).sum();
    let mut out = Vec::with_capacity(length + 1024);
    let resource: Attributes =
        resource.iter().map(|(name, value)| (name.clone().into(), value.clone().into())).collect();
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
                for parcel in parcels {
                    of_scope.ready(&parcel.bytes);
                }
            });
        }),
        OtlpForm::Json => text::object(&mut out, |request| {
            request.array("resourceSpans", |resources| {
                resources.object(|of_resource| {
                    of_resource.object("resource", |object| json::attributes(object, &resource));
                    of_resource.array("scopeSpans", |scopes| {
                        scopes.object(|of_scope| {
                            of_scope.object("scope", |scope| {
                                scope.string("name", SCOPE);
                                scope.string("version", VERSION);
                            });
                            of_scope.embed("spans", |out| joined(parcels, out));
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
