//! Tollgate: one door in front of every LLM provider, every token counted.
//!
//! The rooms in reading order; each may use its own ring and those above it, never below:
//!
//! | ring | room | what it is for |
//! | --- | --- | --- |
//! | 0 | [`units`], [`clock`] | newtypes; the only reader of time and chance |
//! | 1 | [`ir`], [`wire`], [`refusal`], [`fault`] | the hub, framing, what we say no with, what upstreams do to us |
//! | 2 | [`catalog`] | prices, limits and tolerances of models |
//! | 3 | [`dialect`] | one codec a format, and the pipe between two |
//! | 4 | [`provider`] | where to send and as whom |
//! | 5 | [`route`], [`account`], [`policy`], [`cache`] | names to targets; usage to cost; who may ask for what; what was answered already |
//! | 6 | [`config`], [`snapshot`] | what a human wrote, and the world compiled from it |
//! | 7 | [`telemetry`], [`store`] | metrics and logs, told of every settled request; what outlives requests |
//! | 8 | [`proxy`], [`admin`], [`mock`] | Pingora's ends, the operator's listener, the fake provider |
//! | 9 | [`cli`] | the commands |

#![forbid(unsafe_code)]

pub mod account;
pub mod admin;
pub mod cache;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dialect;
pub mod fault;
pub mod ir;
pub mod mock;
pub mod policy;
pub mod provider;
pub mod proxy;
pub mod refusal;
pub mod route;
pub mod snapshot;
pub mod store;
pub mod telemetry;
pub mod units;
pub mod wire;
