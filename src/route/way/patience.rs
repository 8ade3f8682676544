//! How long a provider is waited for, at each stage of an answer.

use std::time::Duration;

/// How long a provider is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until it is connected, TLS included.
    pub connect: Duration,
    /// Until the first byte of an answer.
    pub first_byte: Duration,
    /// Until a stream has something in it, from when it was asked for.
    pub first_token: Option<Duration>,
    /// Between two pieces of a stream.
    pub idle: Duration,
    /// For the whole answer, all attempts together.
    pub total: Duration,
}

/// Times that are said for a route or a request; what is absent stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Until it is connected.
    pub connect: Option<Duration>,
    /// Until the first byte of an answer.
    pub first_byte: Option<Duration>,
    /// Until a stream has something in it.
    pub first_token: Option<Duration>,
    /// Between two pieces of a stream.
    pub idle: Option<Duration>,
    /// For the whole answer.
    pub total: Option<Duration>,
}

impl Patience {
    /// The same, with what a route says instead.
    #[must_use]
    pub fn with(self, said: &Times) -> Self {
        Self {
            connect: said.connect.unwrap_or(self.connect),
            first_byte: said.first_byte.unwrap_or(self.first_byte),
            first_token: said.first_token.or(self.first_token),
            idle: said.idle.unwrap_or(self.idle),
            total: said.total.unwrap_or(self.total),
        }
    }

    /// The same, where a client says that it has less; it cannot have more.
    #[must_use]
    pub fn within(self, said: &Times) -> Self {
        let shorter = |own: Duration, said: Option<Duration>| said.map_or(own, |said| own.min(said));
        let first_token = match (self.first_token, said.first_token) {
            (Some(own), Some(said)) => Some(own.min(said)),
            (own, said) => own.or(said),
        };
        Self {
            connect: shorter(self.connect, said.connect),
            first_byte: shorter(self.first_byte, said.first_byte),
            first_token,
            idle: shorter(self.idle, said.idle),
            total: shorter(self.total, said.total),
        }
    }
}

impl Times {
    /// The time that a header of this name says, and that name.
    pub fn of_header(&mut self, name: &str) -> Option<(&'static str, &mut Option<Duration>)> {
        Some(match name {
            "x-tollgate-timeout" => ("x-tollgate-timeout", &mut self.total),
            "x-tollgate-connect-timeout" => ("x-tollgate-connect-timeout", &mut self.connect),
            "x-tollgate-first-byte-timeout" => ("x-tollgate-first-byte-timeout", &mut self.first_byte),
            "x-tollgate-first-token-timeout" => ("x-tollgate-first-token-timeout", &mut self.first_token),
            "x-tollgate-idle-timeout" => ("x-tollgate-idle-timeout", &mut self.idle),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_says_what_it_likes_and_a_client_only_less() {
        let seconds = Duration::from_secs;
        let own = Patience {
            connect: seconds(10),
            first_byte: seconds(300),
            first_token: None,
            idle: seconds(300),
            total: seconds(3600),
        };
        let said = Times { first_byte: Some(seconds(400)), total: Some(seconds(5)), ..Times::default() };
        let route = own.with(&said);
        assert_eq!((route.first_byte, route.total, route.idle), (seconds(400), seconds(5), seconds(300)));
        let client = own.within(&said);
        assert_eq!((client.first_byte, client.total), (seconds(300), seconds(5)));
        let token = Times { first_token: Some(seconds(3)), ..Times::default() };
        assert_eq!(own.within(&token).first_token, Some(seconds(3)));
        let longer = Times { first_token: Some(seconds(9)), ..Times::default() };
        assert_eq!(own.with(&token).within(&longer).first_token, Some(seconds(3)));
    }
}
