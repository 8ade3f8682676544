//! What holds for every recording, and for recordings that were tampered with.

mod answers;
mod requests;
mod streams;
mod usage;
