//! Apache Parquet, as much of it as a plain table needs: optional columns, plain values, one page a
//! column and group of rows, not compressed. (The format's own description, parquet-format 2.9.)

use std::io::{self, Write};

use super::{Kind, Value};

/// What a file begins and ends with.
const MAGIC: &[u8; 4] = b"PAR1";

/// So many rows are a group.
const GROUP: usize = 10_000;

/// A file that is being written.
pub(super) struct Writer<W> {
    out: W,
    at: u64,
    columns: Vec<Held>,
    held: usize,
    rows: u64,
    groups: Vec<Group>,
}

/// A column of the group that is being gathered.
struct Held {
    name: String,
    kind: Kind,
    /// Of each row, whether it has a value.
    there: Vec<bool>,
    values: Vec<u8>,
    /// Truths are bits.
    bits: usize,
}

/// A group that is in the file.
struct Group {
    rows: u64,
    bytes: u64,
    /// Of each column, where its page begins, and how long it is.
    pages: Vec<(u64, u64)>,
}

impl<W: Write> Writer<W> {
    pub(super) fn begin(columns: Vec<(String, Kind)>, mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        let held = |(name, kind)| Held { name, kind, there: Vec::new(), values: Vec::new(), bits: 0 };
        let columns = columns.into_iter().map(held).collect();
        Ok(Self { out, at: MAGIC.len() as u64, columns, held: 0, rows: 0, groups: Vec::new() })
    }

    pub(super) fn add(&mut self, values: impl Iterator<Item = Value>) -> io::Result<()> {
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.add(&value);
        }
        self.held += 1;
        self.rows += 1;
        if self.held >= GROUP { self.group() } else { Ok(()) }
    }

    /// Writes the rows that are gathered.
    fn group(&mut self) -> io::Result<()> {
        let mut group = Group { rows: self.held as u64, bytes: 0, pages: Vec::new() };
        for column in &mut self.columns {
            let page = column.page();
            self.out.write_all(&page)?;
            group.pages.push((self.at, page.len() as u64));
            self.at += page.len() as u64;
            group.bytes += page.len() as u64;
        }
        self.held = 0;
        self.groups.push(group);
        Ok(())
    }

    pub(super) fn end(mut self) -> io::Result<W> {
        if self.held > 0 {
            self.group()?;
        }
        let mut footer = Thrift::default();
        footer.int(1, 1);
        footer.list(2, STRUCT, self.columns.len() + 1);
        footer.structure(|root| {
            root.text(4, "requests");
            root.int(5, self.columns.len() as u64);
        });
        for column in &self.columns {
            footer.structure(|element| column.describe(element));
        }
        footer.long(3, self.rows);
        footer.list(4, STRUCT, self.groups.len());
        for group in &self.groups {
            footer.structure(|written| {
                written.list(1, STRUCT, self.columns.len());
                for (column, (at, length)) in self.columns.iter().zip(&group.pages) {
                    written.structure(|chunk| {
                        chunk.long(2, *at);
                        chunk.member(3, |page| {
                            page.int(1, column.kind.physical());
                            page.list(2, I32, 2);
                            page.element(PLAIN);
                            page.element(RLE);
                            page.list(3, BINARY, 1);
                            page.bytes(column.name.as_bytes());
                            page.int(4, 0);
                            page.long(5, group.rows);
                            page.long(6, *length);
                            page.long(7, *length);
                            page.long(9, *at);
                        });
                    });
                }
                written.long(2, group.bytes);
                written.long(3, group.rows);
            });
        }
        footer.text(6, concat!("tollgate version ", env!("CARGO_PKG_VERSION")));
        let footer = footer.end();
        self.out.write_all(&footer)?;
        self.out.write_all(&u32::try_from(footer.len()).unwrap_or(u32::MAX).to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        Ok(self.out)
    }
}

const PLAIN: u64 = 0;
const RLE: u64 = 3;

impl Kind {
    /// How such values lie in the file: as truths, numbers of 8 bytes, fractions, texts, numbers of 16
    /// bytes.
    const fn physical(self) -> u64 {
        match self {
            Self::Truth => 0,
            Self::Number | Self::Moment => 2,
            Self::Millis => 5,
            Self::Text => 6,
            Self::Money => 7,
        }
    }
}

impl Held {
    fn add(&mut self, value: &Value) {
        let kept = self.values.len();
        let is_there = match (self.kind, value) {
            (Kind::Text, Value::Text(text)) => {
                self.values.extend_from_slice(&u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
                self.values.extend_from_slice(text.as_bytes());
                true
            }
            (Kind::Number, Value::Number(number)) => {
                self.values.extend_from_slice(&number.to_le_bytes());
                true
            }
            (Kind::Moment, Value::Moment(at)) => {
                self.values.extend_from_slice(&at.to_le_bytes());
                true
            }
            (Kind::Millis, Value::Millis(micros)) => {
                #[allow(clippy::cast_precision_loss, reason = "no request takes so long")]
                let millis = *micros as f64 / 1000.0;
                self.values.extend_from_slice(&millis.to_le_bytes());
                true
            }
            (Kind::Money, Value::Money(amount)) => {
                let amount = i128::try_from(amount.0).unwrap_or(i128::MAX);
                self.values.extend_from_slice(&amount.to_be_bytes());
                true
            }
            (Kind::Truth, Value::Truth(truth)) => {
                if self.bits.is_multiple_of(8) {
                    self.values.push(0);
                }
                if let Some(last) = self.values.last_mut() {
                    *last |= u8::from(*truth) << (self.bits % 8);
                }
                self.bits += 1;
                true
            }
            (
                Kind::Text | Kind::Number | Kind::Truth | Kind::Money | Kind::Millis | Kind::Moment,
                Value::None
                | Value::Text(_)
                | Value::Number(_)
                | Value::Truth(_)
                | Value::Money(_)
                | Value::Millis(_)
                | Value::Moment(_),
            ) => false,
        };
        debug_assert!(is_there || self.values.len() == kept, "nothing is written of nothing");
        self.there.push(is_there);
    }

    /// The page of what is gathered, which begins anew.
    fn page(&mut self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.values.len() + 64);
        let levels = runs(&self.there);
        body.extend_from_slice(&u32::try_from(levels.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend_from_slice(&levels);
        body.append(&mut self.values);
        let mut head = Thrift::default();
        head.int(1, 0);
        head.int(2, body.len() as u64);
        head.int(3, body.len() as u64);
        head.member(5, |page| {
            page.int(1, self.there.len() as u64);
            page.int(2, PLAIN);
            page.int(3, RLE);
            page.int(4, RLE);
        });
        self.there.clear();
        self.bits = 0;
        let mut page = head.end();
        page.append(&mut body);
        page
    }

    /// What the file says of the column.
    fn describe(&self, element: &mut Thrift) {
        element.int(1, self.kind.physical());
        if self.kind == Kind::Money {
            element.int(2, 16);
        }
        // It may be nothing.
        element.int(3, 1);
        element.text(4, &self.name);
        match self.kind {
            Kind::Text => element.int(6, 0),
            Kind::Moment => element.int(6, 9),
            Kind::Money => {
                element.int(6, 5);
                element.int(7, 12);
                element.int(8, 38);
            }
            Kind::Number | Kind::Truth | Kind::Millis => {}
        }
    }
}

/// Truths as runs of the same.
fn runs(there: &[bool]) -> Vec<u8> {
    let mut out = Vec::new();
    for run in there.chunk_by(|one, other| one == other) {
        varint(&mut out, (run.len() as u64) << 1);
        out.push(u8::from(run.first() == Some(&true)));
    }
    out
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A structure in Thrift's compact form. Its numbers are never less than nothing.
#[derive(Default)]
struct Thrift {
    out: Vec<u8>,
    last: u8,
}

impl Thrift {
    /// A field's head: how far it is from the last one, and its type.
    fn head(&mut self, field: u8, kind: u8) {
        self.out.push(field.saturating_sub(self.last) << 4 | kind);
        self.last = field;
    }

    fn int(&mut self, field: u8, number: u64) {
        self.head(field, I32);
        self.element(number);
    }

    fn long(&mut self, field: u8, number: u64) {
        self.head(field, I64);
        self.element(number);
    }

    /// A number in a list, which like all numbers is folded around nothing.
    fn element(&mut self, number: u64) {
        varint(&mut self.out, number << 1);
    }

    fn text(&mut self, field: u8, text: &str) {
        self.head(field, BINARY);
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        varint(&mut self.out, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn list(&mut self, field: u8, kind: u8, length: usize) {
        self.head(field, LIST);
        match u8::try_from(length) {
            Ok(length) if length < 15 => self.out.push(length << 4 | kind),
            Ok(_) | Err(_) => {
                self.out.push(0xf0 | kind);
                varint(&mut self.out, length as u64);
            }
        }
    }

    /// A structure in a list.
    fn structure(&mut self, write: impl FnOnce(&mut Self)) {
        let outer = std::mem::take(&mut self.last);
        write(self);
        self.out.push(0);
        self.last = outer;
    }

    /// A structure in a field.
    fn member(&mut self, field: u8, write: impl FnOnce(&mut Self)) {
        self.head(field, STRUCT);
        self.structure(write);
    }

    fn end(mut self) -> Vec<u8> {
        self.out.push(0);
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_is_the_one_that_the_format_says() {
        let mut writer = Writer::begin(vec![("n".to_owned(), Kind::Number)], Vec::new()).unwrap();
        for value in [Value::Number(7), Value::None, Value::Number(-1)] {
            writer.add([value].into_iter()).unwrap();
        }
        let file = writer.end().unwrap();
        assert_eq!(&file[..4], MAGIC);
        assert_eq!(&file[file.len() - 4..], MAGIC);
        // The head of the page, its levels (one there, one not, one there), and two numbers.
        let page: &[u8] = &[
            0x15, 0x00, 0x15, 0x34, 0x15, 0x34, 0x2c, 0x15, 0x06, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x00,
            0x00, 6, 0, 0, 0, 2, 1, 2, 0, 2, 1,
        ];
        assert_eq!(&file[4..4 + page.len()], page);
        assert_eq!(
            &file[4 + page.len()..20 + page.len()],
            [7, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]
        );
        let length = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap());
        assert_eq!(4 + page.len() + 16 + length as usize + 8, file.len());
    }
}
