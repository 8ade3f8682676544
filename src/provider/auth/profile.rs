//! The files of Amazon's command line: `~/.aws/credentials` and `~/.aws/config`.

use crate::units::Secret;

use super::aws::{Role, WebIdentity};
use super::sigv4::Keys;

/// A profile that stands on others may stand on so many.
const DEEPEST: usize = 5;

/// What a profile comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// Keys.
    Keys(Keys),
    /// A role for whoever holds a token.
    WebIdentity(WebIdentity),
    /// A role that is assumed with what another profile comes to.
    Role(Role, Box<Profile>),
    /// What a machine, a container or the environment gives.
    Elsewhere(Elsewhere),
}

/// Where a profile sends for credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// The environment's keys.
    Environment,
    /// A machine's own address.
    Machine,
    /// A container's own address.
    Container,
}

/// The two files.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    /// The text of the credentials file.
    pub credentials: &'a str,
    /// The text of the config file.
    pub config: &'a str,
}

impl Files<'_> {
    /// What the profile comes to; `None` when neither file has it.
    ///
    /// # Errors
    /// When it wants something that is not served, such as a program to be run, or misses a part.
    pub fn profile(&self, name: &str) -> Result<Option<Profile>, String> {
        self.resolve(name, DEEPEST)
    }

    /// The region that the profile names.
    #[must_use]
    pub fn region(&self, name: &str) -> Option<String> {
        self.value(name, "region")
    }

    fn resolve(&self, name: &str, depth: usize) -> Result<Option<Profile>, String> {
        if !self.has(name) {
            return Ok(None);
        }
        let value = |key: &str| self.value(name, key);
        let keys = value("aws_access_key_id").map(|access_key| {
            let secret = value("aws_secret_access_key");
            let secret =
                secret.ok_or_else(|| format!("the profile {name} holds no aws_secret_access_key"))?;
            Ok::<_, String>(Profile::Keys(Keys {
                access_key,
                secret_key: Secret::new(&secret),
                session_token: Secret::new(&value("aws_session_token").unwrap_or_default()),
            }))
        });
        let Some(arn) = value("role_arn") else {
            if let Some(keys) = keys {
                return keys.map(Some);
            }
            for (key, what) in [
                ("credential_process", "runs a program, which a gateway does not"),
                ("sso_start_url", "needs a person to log in"),
                ("sso_session", "needs a person to log in"),
            ] {
                if value(key).is_some() {
                    return Err(format!("the profile {name} {what}; give it keys or a role"));
                }
            }
            return Err(format!("the profile {name} holds neither keys nor a role"));
        };
        if value("mfa_serial").is_some() {
            return Err(format!("the profile {name} needs a person's second factor"));
        }
        let role = Role {
            arn,
            session: value("role_session_name").unwrap_or_default(),
            external_id: value("external_id").unwrap_or_default(),
        };
        if let Some(token_file) = value("web_identity_token_file") {
            return Ok(Some(Profile::WebIdentity(WebIdentity { token_file, role })));
        }
        let from = match (value("source_profile"), value("credential_source")) {
            (Some(source), _) if source == name => match keys {
                Some(keys) => keys?,
                None => return Err(format!("the profile {name} stands on itself")),
            },
            (Some(source), _) if depth > 0 => self
                .resolve(&source, depth - 1)?
                .ok_or_else(|| format!("there is no profile {source}, on which {name} stands"))?,
            (Some(_), _) => return Err(format!("the profile {name} stands on too many others")),
            (None, Some(source)) => Profile::Elsewhere(match source.as_str() {
                "Environment" => Elsewhere::Environment,
                "Ec2InstanceMetadata" => Elsewhere::Machine,
                "EcsContainer" => Elsewhere::Container,
                _ => return Err(format!("the credential_source of the profile {name} is not known")),
            }),
            (None, None) => {
                return Err(format!("the profile {name} needs a source_profile or credential_source"));
            }
        };
        Ok(Some(Profile::Role(role, Box::new(from))))
    }

    fn has(&self, name: &str) -> bool {
        self.sections(name).any(|(text, title)| lines(text, &title).is_some())
    }

    fn value(&self, name: &str, key: &str) -> Option<String> {
        let mut found = self.sections(name).filter_map(|(text, title)| {
            let mut lines = lines(text, &title)?;
            lines.find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, value)| value.to_owned())
        });
        found.find(|value| !value.is_empty())
    }

    /// Where a profile may be written, the likeliest first.
    fn sections(&self, name: &str) -> impl Iterator<Item = (&str, String)> {
        let plain = (self.credentials, name.to_owned());
        let told = (self.config, format!("profile {name}"));
        let bare = (name == "default").then(|| (self.config, name.to_owned()));
        [Some(plain), Some(told), bare].into_iter().flatten()
    }
}

/// The pairs of a section; `None` when it is not there. Oracle's files are of the same form.
pub(super) fn lines<'a>(text: &'a str, title: &str) -> Option<impl Iterator<Item = (&'a str, &'a str)>> {
    let is_title = |line: &str| {
        let inner = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        inner.is_some_and(|(inner, _)| inner.split_whitespace().eq(title.split_whitespace()))
    };
    let mut rest = text.lines();
    rest.by_ref().find(|line| is_title(line))?;
    let own = rest.take_while(|line| !line.starts_with('['));
    Some(own.filter_map(|line| {
        // An indented line belongs to a nested setting of the line before.
        if line.starts_with([' ', '\t', '#', ';']) {
            return None;
        }
        let (key, value) = line.split_once('=')?;
        let value = value.split(" #").next().unwrap_or_default();
        Some((key.trim(), value.trim()))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "[default]\naws_access_key_id = AKID1\naws_secret_access_key=s1\n\n\
        [other]\naws_access_key_id=AKID2 # comment\naws_secret_access_key=s2\naws_session_token=t2\n";
    const CONFIG: &str = "[default]\nregion = eu-west-1\ns3 =\n  role_arn = no\n\
        [profile prod]\nrole_arn = arn:prod\nsource_profile = other\nexternal_id = e\nregion=us-east-2\n\
        [profile deep]\nrole_arn = arn:deep\nsource_profile = prod\n\
        [profile pod]\nrole_arn = arn:pod\nweb_identity_token_file = /token\n\
        [profile box]\nrole_arn = arn:box\ncredential_source = Ec2InstanceMetadata\n\
        [profile loop]\nrole_arn = arn:loop\nsource_profile = loop\n\
        [profile program]\ncredential_process = /bin/keys\n\
        [profile person]\nsso_session = me\n";

    fn profile(name: &str) -> Result<Option<Profile>, String> {
        Files { credentials: CREDENTIALS, config: CONFIG }.profile(name)
    }

    fn keys(id: &str, secret: &str, token: &str) -> Profile {
        Profile::Keys(Keys {
            access_key: id.to_owned(),
            secret_key: Secret::new(secret),
            session_token: Secret::new(token),
        })
    }

    fn role(arn: &str, external_id: &str) -> Role {
        Role { arn: arn.to_owned(), session: String::new(), external_id: external_id.to_owned() }
    }

    #[test]
    fn a_profile_holds_keys_or_stands_on_one_that_does() {
        assert_eq!(profile("default"), Ok(Some(keys("AKID1", "s1", ""))));
        assert_eq!(profile("other"), Ok(Some(keys("AKID2", "s2", "t2"))));
        let prod = Profile::Role(role("arn:prod", "e"), Box::new(keys("AKID2", "s2", "t2")));
        assert_eq!(profile("prod"), Ok(Some(prod.clone())));
        assert_eq!(profile("deep"), Ok(Some(Profile::Role(role("arn:deep", ""), Box::new(prod)))));
        let token_file = "/token".to_owned();
        let pod = WebIdentity { token_file, role: role("arn:pod", "") };
        assert_eq!(profile("pod"), Ok(Some(Profile::WebIdentity(pod))));
        let machine = Box::new(Profile::Elsewhere(Elsewhere::Machine));
        assert_eq!(profile("box"), Ok(Some(Profile::Role(role("arn:box", ""), machine))));
        assert_eq!(profile("nobody"), Ok(None));
        let files = Files { credentials: CREDENTIALS, config: CONFIG };
        assert_eq!(files.region("default").as_deref(), Some("eu-west-1"));
        assert_eq!(files.region("prod").as_deref(), Some("us-east-2"));
    }

    #[test]
    fn what_a_gateway_cannot_do_is_refused_by_name() {
        for (name, words) in
            [("program", "runs a program"), ("person", "needs a person"), ("loop", "stands on itself")]
        {
            let said = profile(name).unwrap_err();
            assert!(said.contains(words) && said.contains(name), "{said}");
        }
    }
}
