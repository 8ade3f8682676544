//! What may be kept, for whom and how long; and what a request says to that.

use std::time::Duration;

use crate::units::parse_duration;

/// Whether answers are kept at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are not.
    Off,
    /// They answer the same question once more.
    Exact,
    /// And the same question in other words, as far as rules tell.
    Safe,
    /// And as far as words tell that may stand for one another.
    Balanced,
    /// And as far as a model says so that is asked where those leave it in doubt.
    Verified,
    /// And as far as a model says so that turns questions into vectors.
    Custom,
}

impl Mode {
    /// Whether a question gets the answer to the same one in other words.
    #[must_use]
    pub const fn knows_other_words(self) -> bool {
        match self {
            Self::Off | Self::Exact => false,
            Self::Safe | Self::Balanced | Self::Verified | Self::Custom => true,
        }
    }

    /// The same without what other requests have to be made for.
    #[must_use]
    pub const fn alone(self) -> Self {
        match self {
            Self::Off | Self::Exact | Self::Safe | Self::Balanced => self,
            Self::Verified | Self::Custom => Self::Balanced,
        }
    }
}

/// What becomes of a question that was answered in other words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherWords {
    /// It is another question.
    Unknown,
    /// It is asked, and the answers are compared.
    Watched,
    /// It gets that answer.
    Answered,
}

/// Who shares answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Whoever shows the same virtual key; all that show the master key, or none.
    Key,
    /// All keys of one owner; a key that nobody owns is alone.
    Owner,
    /// Everybody.
    Shared,
}

/// How a stream is told once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// As fast as it is taken.
    AtOnce,
    /// At the pace at which it came.
    Recorded,
}

/// What becomes of an answer in flight for which nobody waits any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The provider is left, too.
    Cancel,
    /// It is heard to its end, and its answer kept.
    Finish,
}

/// What may be kept, for whom and how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Whether answers are kept.
    pub mode: Mode,
    /// Who shares them.
    pub scope: Scope,
    /// How long they are kept at most.
    pub ttl: Duration,
    /// A draw that is freer than this is not the answer for all.
    pub temperature: f64,
    /// Whether requests that say no temperature count as drawn that strictly; where that is not said, in the modes
    /// that know other words.
    pub without_temperature: Option<bool>,
    /// Whether requests with tools may be answered.
    pub tools: bool,
    /// Whether the same question in flight is asked once.
    pub in_flight: bool,
    /// What becomes of an answer that nobody waits for.
    pub left: Left,
    /// How streams are told once more.
    pub replay: Replay,
    /// Whether a question that was answered in other words is asked all the same, to compare the answers.
    pub shadow: bool,
}

/// What a route or a key has otherwise than the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Otherwise {
    /// Whether answers are kept.
    pub mode: Option<Mode>,
    /// Who shares them.
    pub scope: Option<Scope>,
    /// How long they are kept at most.
    pub ttl: Option<Duration>,
    /// The freest draw.
    pub temperature: Option<f64>,
    /// Whether requests that say no temperature count as drawn that strictly.
    pub without_temperature: Option<bool>,
    /// Whether requests with tools may be answered.
    pub tools: Option<bool>,
    /// Whether the same question in flight is asked once.
    pub in_flight: Option<bool>,
    /// Whether a question that was answered in other words is asked all the same, to compare the answers.
    pub shadow: Option<bool>,
}

impl Rules {
    /// The same, with what stands otherwise here.
    #[must_use]
    pub fn with(&self, otherwise: &Otherwise) -> Self {
        Self {
            mode: otherwise.mode.unwrap_or(self.mode),
            scope: otherwise.scope.unwrap_or(self.scope),
            ttl: otherwise.ttl.unwrap_or(self.ttl),
            temperature: otherwise.temperature.unwrap_or(self.temperature),
            without_temperature: otherwise.without_temperature.or(self.without_temperature),
            tools: otherwise.tools.unwrap_or(self.tools),
            in_flight: otherwise.in_flight.unwrap_or(self.in_flight),
            left: self.left,
            replay: self.replay,
            shadow: otherwise.shadow.unwrap_or(self.shadow),
        }
    }

    /// What becomes of a question that was answered in other words.
    #[must_use]
    pub const fn other_words(&self) -> OtherWords {
        match (self.shadow, self.mode) {
            (_, Mode::Off) | (false, Mode::Exact) => OtherWords::Unknown,
            (true, _) => OtherWords::Watched,
            (false, Mode::Safe | Mode::Balanced | Mode::Verified | Mode::Custom) => OtherWords::Answered,
        }
    }

    /// Whether a request is drawn so strictly that its answer is the answer for all that ask the same.
    #[must_use]
    pub fn is_strict(&self, asked: &Drawn) -> bool {
        let says = |temperature| temperature <= self.temperature;
        // Who wants other words answered wants most clients answered, and those name none.
        let silent = || self.without_temperature.unwrap_or(self.mode.knows_other_words());
        asked.seeded || asked.temperature.map_or_else(silent, says)
    }

    /// Whether a request may be answered from what is kept, and its answer kept.
    #[must_use]
    pub fn allow(&self, asked: &Drawn, wish: &Wish) -> bool {
        let drawn = self.is_strict(asked) || wish.insists;
        self.mode != Mode::Off && wish.allows && (self.tools || !asked.tools) && drawn
    }
}

/// What of a request decides whether its answer is the answer for all that ask the same.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Drawn {
    /// How freely it is drawn, where it says so.
    pub temperature: Option<f64>,
    /// Whether it asks for a draw that can be repeated.
    pub seeded: bool,
    /// Whether it has tools, which may do something.
    pub tools: bool,
}

/// What a request's headers say of the cache: `cache-control` as HTTP has it, and our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Whether anything may be kept or given (not with `no-store`).
    pub allows: bool,
    /// Whether it wants it though its draw be free.
    pub insists: bool,
    /// Whether it wants a fresh answer, which may be kept (`no-cache`).
    pub fresh: bool,
    /// Whether it wants no other answer than a kept one (`only-if-cached`).
    pub only: bool,
    /// How old an answer may be (`max-age`).
    pub max_age: Option<Duration>,
    /// How long the answer may be kept.
    pub ttl: Option<Duration>,
    /// A part of the cache that is kept apart.
    pub namespace: String,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            allows: true,
            insists: false,
            fresh: false,
            only: false,
            max_age: None,
            ttl: None,
            namespace: String::new(),
        }
    }
}

/// A header of ours that says what it cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwished {
    /// The header.
    pub header: &'static str,
    /// What was expected.
    pub expected: &'static str,
}

/// The header that switches the cache for a request.
pub const SWITCH: &str = "x-tollgate-cache";
/// The header that says how long an answer may be kept.
pub const TTL: &str = "x-tollgate-cache-ttl";
/// The header that names a part of the cache.
pub const NAMESPACE: &str = "x-tollgate-cache-namespace";
/// A namespace is no longer than this.
const LONGEST: usize = 128;

impl Wish {
    /// What headers say, each as its name and value.
    ///
    /// # Errors
    /// The first header of ours that is not understood. What `cache-control` says that is not known
    /// here is passed over, as HTTP wants it.
    pub fn read<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>) -> Result<Self, Unwished> {
        let mut wish = Self::default();
        for (name, value) in headers {
            let value = value.trim();
            match name {
                "cache-control" => value.split(',').for_each(|directive| wish.directive(directive.trim())),
                SWITCH => wish.switch(value)?,
                TTL => {
                    let ttl = parse_duration(value).ok().filter(|ttl| !ttl.is_zero());
                    let wrong = Unwished { header: TTL, expected: "a time such as 30s, 10m or 1h" };
                    wish.ttl = Some(ttl.ok_or(wrong)?);
                }
                NAMESPACE if value.is_empty() || value.len() > LONGEST => {
                    return Err(Unwished { header: NAMESPACE, expected: "1 to 128 letters" });
                }
                NAMESPACE => value.clone_into(&mut wish.namespace),
                _ => {}
            }
        }
        Ok(wish)
    }

    fn switch(&mut self, value: &str) -> Result<(), Unwished> {
        match value.to_ascii_lowercase().as_str() {
            "off" | "false" | "no-store" => self.allows = false,
            "on" | "true" => self.insists = true,
            "refresh" | "no-cache" => self.fresh = true,
            _ => return Err(Unwished { header: SWITCH, expected: "on, off or refresh" }),
        }
        Ok(())
    }

    fn directive(&mut self, directive: &str) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" => self.allows = false,
            "no-cache" => self.fresh = true,
            "only-if-cached" => self.only = true,
            "max-age" => {
                let seconds = value.trim().trim_matches('"').parse().ok();
                self.max_age = seconds.map(Duration::from_secs).or(self.max_age);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        mode: Mode::Exact,
        scope: Scope::Key,
        ttl: Duration::from_secs(3600),
        temperature: 0.3,
        without_temperature: None,
        tools: false,
        in_flight: true,
        left: Left::Cancel,
        replay: Replay::AtOnce,
        shadow: false,
    };

    fn wish(headers: &[(&str, &str)]) -> Wish {
        Wish::read(headers.iter().copied()).unwrap()
    }

    #[test]
    fn only_a_strict_draw_without_tools_is_the_answer_for_all() {
        let allows = |drawn: Drawn, headers: &[(&str, &str)]| RULES.allow(&drawn, &wish(headers));
        let at = |temperature| Drawn { temperature: Some(temperature), ..Drawn::default() };
        assert!(allows(at(0.0), &[]) && allows(at(0.3), &[]) && !allows(at(0.31), &[]));
        assert!(!allows(Drawn::default(), &[]));
        assert!(allows(Drawn::default(), &[(SWITCH, "on")]));
        assert!(allows(Drawn { seeded: true, ..at(1.0) }, &[]));
        assert!(!allows(Drawn { tools: true, ..at(0.0) }, &[(SWITCH, "on")]));
        assert!(!allows(at(0.0), &[(SWITCH, "off")]));
        assert!(!allows(at(0.0), &[("cache-control", "max-age=5, No-Store")]));
        let with_tools = RULES.with(&Otherwise { tools: Some(true), ..Otherwise::default() });
        assert!(with_tools.allow(&Drawn { tools: true, ..at(0.0) }, &Wish::default()));
        let off = RULES.with(&Otherwise { mode: Some(Mode::Off), ..Otherwise::default() });
        assert!(!off.allow(&at(0.0), &wish(&[(SWITCH, "on")])));
    }

    #[test]
    fn requests_that_name_no_temperature_are_answered_where_safe_is() {
        let unsaid = |rules: Rules| rules.is_strict(&Drawn::default());
        let mode = |rules: Rules, mode| rules.with(&Otherwise { mode: Some(mode), ..Otherwise::default() });
        let safe = mode(RULES, Mode::Safe);
        assert!(!unsaid(RULES) && unsaid(safe) && !unsaid(mode(safe, Mode::Exact)));
        let said = |without| Rules { without_temperature: Some(without), ..RULES };
        assert!(unsaid(said(true)) && !unsaid(mode(said(false), Mode::Safe)));
    }

    #[test]
    fn what_http_says_of_caches_is_understood_and_the_rest_passed_over() {
        let said = wish(&[("cache-control", "max-age=60, only-if-cached"), ("cache-control", "x-new=1")]);
        assert!(said.only && !said.fresh && said.allows);
        assert_eq!(said.max_age, Some(Duration::from_secs(60)));
        assert!(wish(&[("cache-control", "no-cache")]).fresh);
        assert_eq!(wish(&[("cache-control", "max-age=soon")]).max_age, None);
        assert_eq!(wish(&[(TTL, "10m"), (NAMESPACE, " a ")]).namespace, "a");
        for (header, value) in [(SWITCH, "maybe"), (TTL, "0"), (TTL, "long"), (NAMESPACE, "")] {
            let wrong = Wish::read([(header, value)].into_iter()).unwrap_err();
            assert_eq!(wrong.header, header, "{value}");
        }
    }
}
