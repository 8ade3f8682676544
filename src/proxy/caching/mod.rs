//! Requests that were answered before, or are being answered.
//!
//! A look before anything departs ([`look`]) finds an entry, a flight to join, or nothing. What is found is
//! told as if its provider had just said it ([`serving`]): through the same relays as any answer. Who asks in
//! the same bytes is found without being read ([`verbatim`]). Who finds
//! nothing looks behind memory, where something lies there ([`behind`]), and then asks the provider and takes
//! the answer along ([`tape`]). Where a mode wants it, a model is asked about the question before ([`asking`]).

pub mod asking;
pub mod behind;
pub mod items;
pub mod look;
pub mod serving;
pub mod tape;
pub mod verbatim;

pub use look::{Query, mark, query};
pub use serving::serve;
pub use tape::Tape;
