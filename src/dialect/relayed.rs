//! Operations that are relayed: routed by their model, which alone is rewritten, and metered, but
//! said the same way by everyone who has them. Each is one row.

use std::borrow::Cow;

use super::{openai_media, openai_responses};
use crate::ir::Usage;

/// An operation that is relayed. All are OpenAI's, and lie where OpenAI has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relayed {
    /// Whether a text or an image is harmful.
    Moderation,
    /// Pictures from words.
    Image,
    /// A picture changed.
    ImageEdit,
    /// A picture once more, with differences.
    ImageVariation,
    /// Words spoken.
    Speech,
    /// Spoken words written down.
    Transcription,
    /// The same in English.
    Translation,
    /// What was said in OpenAI's Responses, made short in a way that only its provider can read.
    Compaction,
}

/// What there is to know of one.
#[derive(Debug)]
struct Row {
    /// Its name in records and metrics.
    name: &'static str,
    /// Where it lies below a base.
    place: &'static str,
    /// The model that is meant where none is named.
    usual_model: Option<&'static str>,
    /// Reads the usage out of a whole answer, its end, or one event.
    find: fn(&[u8]) -> Option<Usage>,
}

impl Relayed {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Moderation,
        Self::Image,
        Self::ImageEdit,
        Self::ImageVariation,
        Self::Speech,
        Self::Transcription,
        Self::Translation,
        Self::Compaction,
    ];

    const fn row(self) -> &'static Row {
        match self {
            Self::Moderation => &Row {
                name: "moderation",
                place: "/moderations",
                usual_model: Some("omni-moderation-latest"),
                find: |_| None,
            },
            Self::Image => &Row {
                name: "image_generation",
                place: "/images/generations",
                usual_model: Some("dall-e-2"),
                find: openai_media::find_image_usage,
            },
            Self::ImageEdit => &Row {
                name: "image_edit",
                place: "/images/edits",
                usual_model: Some("dall-e-2"),
                find: openai_media::find_image_usage,
            },
            Self::ImageVariation => &Row {
                name: "image_variation",
                place: "/images/variations",
                usual_model: Some("dall-e-2"),
                find: openai_media::find_image_usage,
            },
            Self::Transcription => &Row {
                name: "transcription",
                place: "/audio/transcriptions",
                usual_model: None,
                find: openai_media::find_transcript_usage,
            },
            Self::Translation => &Row {
                name: "translation",
                place: "/audio/translations",
                usual_model: None,
                find: openai_media::find_transcript_usage,
            },
            Self::Compaction => &Row {
                name: "compaction",
                place: "/responses/compact",
                usual_model: None,
                find: openai_responses::find_usage,
            },
            Self::Speech => &Row {
                name: "speech",
                place: "/audio/speech",
                usual_model: None,
                find: openai_media::find_speech_usage,
            },
        }
    }

    /// The one that lies at this place below a version's path, given without a slash before it.
    #[must_use]
    pub fn at(place: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relayed| relayed.place().strip_prefix('/') == Some(place))
    }

    /// The name in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Where it lies below a base.
    #[must_use]
    pub const fn place(self) -> &'static str {
        self.row().place
    }

    /// The model that is meant where none is named, if one is.
    #[must_use]
    pub const fn usual_model(self) -> Option<&'static str> {
        self.row().usual_model
    }

    /// What a request tells to be billed by number: the pictures asked for, the characters to speak.
    /// `text` and `number` look at its fields.
    #[must_use]
    pub fn assumed<'b>(
        self,
        text: impl Fn(&str) -> Option<Cow<'b, str>>,
        number: impl Fn(&str) -> Option<u64>,
    ) -> Usage {
        match self {
            Self::Image | Self::ImageEdit | Self::ImageVariation => {
                Usage { images: number("n").unwrap_or(1), ..Usage::default() }
            }
            Self::Speech => {
                let characters = text("input").map_or(0, |input| input.chars().count() as u64);
                Usage { characters, ..Usage::default() }
            }
            Self::Moderation | Self::Transcription | Self::Translation | Self::Compaction => Usage::default(),
        }
    }

    /// Reads the usage out of an answer: a whole one, the end of one, or one event of a stream.
    #[must_use]
    pub fn find_usage(self, json: &[u8]) -> Option<Usage> {
        (self.row().find)(json)
    }
}
