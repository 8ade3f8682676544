//! Stands in place of the crate of this name, with which Pingora notes of each TLS connection whose
//! certificate it saw. The gateway never asks for that; whether a certificate is good is rustls's to
//! judge, which reads it with code of its own. So this has the shape of what Pingora names, knows a
//! serial number, and takes any certificate: the original made Pingora panic at one it could not read.

/// Certificates.
pub mod certificate {
    use crate::{Name, Validity, serial};

    /// A certificate as it was sent.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct X509Certificate<'a> {
        /// Whose it is.
        pub subject: Name,
        /// How long it holds.
        pub validity: Validity,
        serial: &'a [u8],
    }

    impl<'a> X509Certificate<'a> {
        pub(crate) fn of(der: &'a [u8]) -> Self {
            Self { subject: Name, validity: Validity::default(), serial: serial(der).unwrap_or_default() }
        }

        /// Its serial number: pairs of digits with colons in between.
        #[must_use]
        pub fn raw_serial_as_string(&self) -> String {
            let pairs: Vec<String> = self.serial.iter().map(|byte| format!("{byte:02x}")).collect();
            pairs.join(":")
        }
    }
}

/// What is mostly needed together.
pub mod prelude {
    pub use crate::FromDer;
    pub use crate::certificate::X509Certificate;
}

/// What Pingora takes from the crate below.
pub mod nom {
    /// Anything that is bytes.
    pub trait AsBytes {
        /// The bytes.
        fn as_bytes(&self) -> &[u8];
    }

    impl AsBytes for [u8] {
        fn as_bytes(&self) -> &[u8] {
            self
        }
    }
}

/// What is read from DER.
pub trait FromDer<'a>: Sized {
    /// Reads one.
    ///
    /// # Errors
    /// None.
    fn from_der(der: &'a [u8]) -> Result<(&'a [u8], Self), std::convert::Infallible>;
}

impl<'a> FromDer<'a> for certificate::X509Certificate<'a> {
    fn from_der(der: &'a [u8]) -> Result<(&'a [u8], Self), std::convert::Infallible> {
        Ok((&[], Self::of(der)))
    }
}

/// A name, of which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name;

/// A part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {}

impl Part {
    /// Its text.
    ///
    /// # Errors
    /// None.
    pub const fn as_str(&self) -> Result<&'static str, std::convert::Infallible> {
        match *self {}
    }
}

impl Name {
    /// The organizations.
    pub fn iter_organization(&self) -> impl Iterator<Item = &Part> {
        std::iter::empty()
    }

    /// Their units.
    pub fn iter_organizational_unit(&self) -> impl Iterator<Item = &Part> {
        std::iter::empty()
    }

    /// The common names.
    pub fn iter_common_name(&self) -> impl Iterator<Item = &Part> {
        std::iter::empty()
    }
}

/// How long a certificate holds, of which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validity {
    /// Its end, as text.
    pub not_after: String,
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const INTEGER: u8 = 0x02;

/// The serial number: the first number of what is signed, behind a version.
fn serial(der: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = element(der).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, signed, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (tag, value, rest) = element(signed)?;
    let (tag, value) =
        if tag == VERSION { element(rest).map(|(tag, value, _)| (tag, value))? } else { (tag, value) };
    (tag == INTEGER).then_some(value)
}

/// The first element: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) =
            rest.split_at_checked(usize::from(length & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}
