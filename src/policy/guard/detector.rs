//! What can be looked for, and what was found.

/// Something of a known kind that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Detector {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// The number of a payment card.
    Card,
    /// An international bank account number.
    Iban,
    /// An American social security number.
    UsSsn,
    /// An American taxpayer's number.
    UsItin,
    /// An American bank's routing number.
    UsAba,
    /// An American health provider's number.
    UsNpi,
    /// An American Medicare number.
    UsMbi,
    /// A Canadian social insurance number.
    CaSin,
    /// A British NHS number.
    UkNhs,
    /// A British national insurance number.
    UkNino,
    /// A German tax number.
    DeTax,
    /// A German pension number.
    DePension,
    /// A German health insurance number.
    DeHealth,
    /// The number of a German identity card or passport.
    DeIdCard,
    /// A French social security number.
    FrNir,
    /// A Spanish DNI or NIE.
    EsDni,
    /// An Italian codice fiscale.
    ItFiscal,
    /// A Dutch citizen's number.
    NlBsn,
    /// A Polish PESEL.
    PlPesel,
    /// An Indian Aadhaar number.
    InAadhaar,
    /// An Indian PAN.
    InPan,
    /// An Indian GSTIN.
    InGstin,
    /// An Australian tax file number.
    AuTfn,
    /// An Australian business number.
    AuAbn,
    /// An Australian company number.
    AuAcn,
    /// An Australian Medicare number.
    AuMedicare,
    /// A credential: a rule of the secrets' file.
    Secret,
    /// A character that nobody sees.
    Invisible,
    /// Markdown that makes a reader's program fetch an address with data in it.
    Exfiltration,
    /// A word of a guard's own list, or of one of its topics.
    Word,
    /// A match of a guard's own pattern.
    Pattern,
    /// Signs of an instruction smuggled in.
    Injection,
    /// A text longer than allowed.
    Length,
    /// A text in a language that is not allowed.
    Language,
    /// An answer that does not have the form that its request asks for.
    Schema,
}

impl Detector {
    /// All of them, in their order.
    pub const ALL: [Self; 37] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::UsSsn,
        Self::UsItin,
        Self::UsAba,
        Self::UsNpi,
        Self::UsMbi,
        Self::CaSin,
        Self::UkNhs,
        Self::UkNino,
        Self::DeTax,
        Self::DePension,
        Self::DeHealth,
        Self::DeIdCard,
        Self::FrNir,
        Self::EsDni,
        Self::ItFiscal,
        Self::NlBsn,
        Self::PlPesel,
        Self::InAadhaar,
        Self::InPan,
        Self::InGstin,
        Self::AuTfn,
        Self::AuAbn,
        Self::AuAcn,
        Self::AuMedicare,
        Self::Secret,
        Self::Invisible,
        Self::Exfiltration,
        Self::Word,
        Self::Pattern,
        Self::Injection,
        Self::Length,
        Self::Language,
        Self::Schema,
    ];

    /// How configuration, verdicts and metrics call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::UsSsn => "us_ssn",
            Self::UsItin => "us_itin",
            Self::UsAba => "us_aba",
            Self::UsNpi => "us_npi",
            Self::UsMbi => "us_mbi",
            Self::CaSin => "ca_sin",
            Self::UkNhs => "uk_nhs",
            Self::UkNino => "uk_nino",
            Self::DeTax => "de_tax",
            Self::DePension => "de_pension",
            Self::DeHealth => "de_health",
            Self::DeIdCard => "de_id_card",
            Self::FrNir => "fr_nir",
            Self::EsDni => "es_dni",
            Self::ItFiscal => "it_fiscal",
            Self::NlBsn => "nl_bsn",
            Self::PlPesel => "pl_pesel",
            Self::InAadhaar => "in_aadhaar",
            Self::InPan => "in_pan",
            Self::InGstin => "in_gstin",
            Self::AuTfn => "au_tfn",
            Self::AuAbn => "au_abn",
            Self::AuAcn => "au_acn",
            Self::AuMedicare => "au_medicare",
            Self::Secret => "secrets",
            Self::Invisible => "invisible",
            Self::Exfiltration => "exfiltration",
            Self::Word => "words",
            Self::Pattern => "pattern",
            Self::Injection => "injection",
            Self::Length => "length",
            Self::Language => "language",
            Self::Schema => "schema",
        }
    }

    /// What stands in a text in place of what was found, but for its number.
    #[must_use]
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Card => "CARD",
            Self::Iban => "IBAN",
            Self::Secret => "SECRET",
            Self::Word | Self::Pattern => "REDACTED",
            Self::Exfiltration => "LINK",
            Self::Invisible | Self::Injection | Self::Length | Self::Language | Self::Schema => "REMOVED",
            Self::UsSsn
            | Self::UsItin
            | Self::UsAba
            | Self::UsNpi
            | Self::UsMbi
            | Self::CaSin
            | Self::UkNhs
            | Self::UkNino
            | Self::DeTax
            | Self::DePension
            | Self::DeHealth
            | Self::DeIdCard
            | Self::FrNir
            | Self::EsDni
            | Self::ItFiscal
            | Self::NlBsn
            | Self::PlPesel
            | Self::InAadhaar
            | Self::InPan
            | Self::InGstin
            | Self::AuTfn
            | Self::AuAbn
            | Self::AuAcn
            | Self::AuMedicare => "ID",
        }
    }

    /// Whether it names a place in a text, and so can be masked.
    #[must_use]
    pub const fn has_place(self) -> bool {
        !matches!(self, Self::Injection | Self::Length | Self::Language | Self::Schema)
    }

    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// A set of detectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted(u64);

impl Wanted {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// What tells of persons: addresses, numbers, accounts and identities.
    pub const PII: Self = Self(Detector::Secret.bit() - 1);

    /// What numbers and codes are looked at for.
    pub(super) const NUMBERS: Self = Self(Self::PII.0 & !Detector::Email.bit());

    /// With one more.
    #[must_use]
    pub const fn with(self, detector: Detector) -> Self {
        Self(self.0 | detector.bit())
    }

    /// Without one.
    #[must_use]
    pub(super) const fn without(self, detector: Detector) -> Self {
        Self(self.0 & !detector.bit())
    }

    /// With all of another set.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether one is in it.
    #[must_use]
    pub const fn has(self, detector: Detector) -> bool {
        self.0 & detector.bit() != 0
    }

    /// Whether it is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Something that was found, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub detector: Detector,
    /// Which rule of its detector, where that has several: a rule of the secrets' file, a guard's list.
    pub rule: u16,
    /// Which guard's own rule it is, where that matters.
    pub guard: u16,
    /// The byte at which it begins, counted from the text's beginning.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
}

impl Finding {
    /// Something found by a detector that has one rule.
    pub(super) const fn of(detector: Detector, start: usize, end: usize) -> Self {
        Self { detector, rule: 0, guard: 0, start, end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_detector_has_its_own_name_and_bit() {
        for (place, detector) in Detector::ALL.into_iter().enumerate() {
            assert_eq!(detector as usize, place);
            assert_eq!(Detector::ALL.iter().filter(|other| other.name() == detector.name()).count(), 1);
        }
        assert!(Wanted::PII.has(Detector::AuMedicare) && !Wanted::PII.has(Detector::Secret));
        assert!(!Wanted::NUMBERS.has(Detector::Email));
    }
}
