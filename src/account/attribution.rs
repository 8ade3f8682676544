//! On whose behalf a request is made, as its client says: for records alone, since any client may
//! say anything.

/// As many letters as are kept of a name.
const LONGEST: usize = 256;
/// As many tags as are kept.
const MOST_TAGS: usize = 16;
/// As many letters as are kept of a tag.
const LONGEST_TAG: usize = 64;

/// On whose behalf a request is made. All of it is bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attribution {
    /// The user behind the client.
    pub user: Option<Box<str>>,
    /// What the request belongs to with others.
    pub session: Option<Box<str>>,
    /// Words to find it by.
    pub tags: Vec<Box<str>>,
}

impl Attribution {
    /// Notes the user; what was said first holds.
    pub fn by(&mut self, user: &str) {
        if self.user.is_none() {
            self.user = short(user, LONGEST);
        }
    }

    /// Notes the session.
    pub fn within(&mut self, session: &str) {
        self.session = short(session, LONGEST);
    }

    /// Notes tags, with commas between them.
    pub fn tagged(&mut self, tags: &str) {
        let room = MOST_TAGS.saturating_sub(self.tags.len());
        self.tags.extend(tags.split(',').filter_map(|tag| short(tag, LONGEST_TAG)).take(room));
    }

    /// Takes over what was said elsewhere, where nothing is known yet.
    #[must_use]
    pub fn with_user(this: Option<Box<Self>>, user: Option<&str>) -> Option<Box<Self>> {
        match user.map(str::trim).filter(|user| !user.is_empty()) {
            Some(user) => {
                let mut this = this.unwrap_or_default();
                this.by(user);
                Some(this)
            }
            None => this,
        }
    }
}

/// The text as far as it is kept; none of nothing.
fn short(text: &str, longest: usize) -> Option<Box<str>> {
    let text = text.trim();
    let end = text.char_indices().nth(longest).map_or(text.len(), |(at, _)| at);
    text.get(..end).filter(|text| !text.is_empty()).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_is_bounded() {
        let mut said = Attribution::default();
        said.by(&"ü".repeat(1000));
        said.within("  ");
        said.tagged(&"x, ".repeat(100));
        said.tagged("y");
        assert_eq!(said.user.map(|user| user.chars().count()), Some(LONGEST));
        assert_eq!((said.session, said.tags.len()), (None, MOST_TAGS));
    }

    #[test]
    fn a_header_names_the_user_before_the_body_does() {
        let mut said = Attribution::default();
        said.by("ann");
        let said = Attribution::with_user(Some(Box::new(said)), Some("bob"));
        assert_eq!(said.unwrap().user.as_deref(), Some("ann"));
        assert_eq!(Attribution::with_user(None, Some(" ")), None);
        assert_eq!(Attribution::with_user(None, Some("bob")).unwrap().user.as_deref(), Some("bob"));
    }
}
