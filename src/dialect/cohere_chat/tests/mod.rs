//! What no recording shows: mistakes of clients by the path of the field, rules of requests, counts,
//! and the odder orders of events.

mod answers;
mod requests;
