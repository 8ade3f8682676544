//! Texts in portions, for services that take only so much at a time.

use super::Piece;

/// The pieces in portions of at most so many characters each, with one more between two of them. A piece that
/// is longer is cut, behind a word where that is near.
pub(super) fn portions<'t>(
    pieces: &[Piece],
    most: usize,
    text: impl Fn(&Piece) -> &'t str,
) -> Vec<Vec<Piece>> {
    let mut portions: Vec<Vec<Piece>> = Vec::new();
    let mut room = 0;
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let said = text(&rest);
            let length = said.chars().count();
            if length > room && room < most {
                room = 0;
            }
            if room == 0 {
                portions.push(Vec::new());
                room = most;
            }
            let taken = if length <= room { said.len() } else { cut(said, room) };
            if let Some(portion) = portions.last_mut() {
                portion.push(Piece { end: rest.start + taken, ..rest });
            }
            if length <= room {
                room = room.saturating_sub(length + 1);
                break;
            }
            room = 0;
            rest.start += taken;
        }
    }
    portions
}

/// How many bytes of a text that is longer than `most` characters go into a portion.
fn cut(text: &str, most: usize) -> usize {
    let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    let part = text.get(..end).unwrap_or_default();
    let word = part.trim_end_matches(|letter: char| !letter.is_whitespace()).len();
    let word = Some(word).filter(|word| *word > 0);
    // Where no word ends in the last quarter there are none.
    word.filter(|word| *word * 4 >= end * 3).unwrap_or(end)
}

/// Pieces as one text.
pub(super) struct Joined {
    /// The text.
    pub(super) text: String,
    /// What stands between two pieces, and nowhere else.
    pub(super) between: &'static str,
}

impl Joined {
    /// These pieces, each as it stands.
    pub(super) fn new<'t>(pieces: &[Piece], text: impl Fn(&Piece) -> &'t str) -> Self {
        const BETWEEN: [&str; 4] = ["\n", "\n\n", "\n---\n", "\n\u{2028}\n"];
        let free = |between: &&&str| pieces.iter().all(|piece| !text(piece).contains(**between));
        let between = BETWEEN.iter().find(free).copied().unwrap_or("\n");
        let texts: Vec<&str> = pieces.iter().map(&text).collect();
        Self { text: texts.join(between), between }
    }

    /// The same pieces in other words; `None` where they cannot be told apart any more.
    pub(super) fn apart<'a>(&self, anew: &'a str, count: usize) -> Option<Vec<&'a str>> {
        let parts: Vec<&str> = anew.split(self.between).collect();
        (parts.len() == count).then_some(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_hold_all_that_is_said_and_no_more_than_they_may() {
        let said =
            ["one two three", "", "vier fünf sechs sieben acht", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"];
        let pieces: Vec<_> = said
            .iter()
            .enumerate()
            .map(|(place, text)| Piece { said: place, start: 0, end: text.len() })
            .collect();
        let text = |piece: &Piece| &said[piece.said][piece.start..piece.end];
        let portions = portions(&pieces, 16, text);
        let told: Vec<Vec<&str>> =
            portions.iter().map(|portion| portion.iter().map(text).collect()).collect();
        assert_eq!(
            told,
            [
                vec!["one two three", ""],
                vec!["vier fünf sechs "],
                vec!["sieben acht"],
                vec!["xxxxxxxxxxxxxxxx"],
                vec!["xxxxxxxxxxxxxxxx"],
                vec!["xxx"],
            ]
        );
    }
}
