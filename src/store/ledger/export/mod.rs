//! The ledger as files that other programs read: CSV, lines of JSON, Parquet.

mod columns;
mod csv;
mod parquet;
mod shown;

use std::io::{self, Write};

pub use columns::{Column, Kind, Value, of_requests, of_usage};
pub use shown::{tokens, write_row};

use super::Row;
use crate::wire::json;

/// What a file looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, with a head.
    #[default]
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Jsonl, Self::Parquet];

    /// The word for it, which is also how such files' names end.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// The one of that word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Its type in HTTP.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// A file that is being written, row by row.
pub struct Sheet<W: Write, T> {
    columns: Vec<Column<T>>,
    form: Form<W>,
}

enum Form<W: Write> {
    Csv(W),
    Jsonl(W),
    Parquet(Box<parquet::Writer<W>>),
}

impl<W: Write, T> std::fmt::Debug for Sheet<W, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet").field("columns", &self.columns.len()).finish_non_exhaustive()
    }
}

impl<W: Write, T> Sheet<W, T> {
    /// Begins a file of these columns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(format: Format, columns: Vec<Column<T>>, mut out: W) -> io::Result<Self> {
        let form = match format {
            Format::Csv => {
                csv::write(&mut out, columns.iter().map(|column| Value::Text(column.name.clone())))?;
                Form::Csv(out)
            }
            Format::Jsonl => Form::Jsonl(out),
            Format::Parquet => {
                let names = columns.iter().map(|column| (column.name.clone(), column.kind)).collect();
                Form::Parquet(Box::new(parquet::Writer::begin(names, out)?))
            }
        };
        Ok(Self { columns, form })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, row: &T) -> io::Result<()> {
        let values = self.columns.iter().map(|column| (column.of)(row));
        match &mut self.form {
            Form::Csv(out) => csv::write(out, values),
            Form::Jsonl(out) => {
                let mut line = Vec::new();
                json::object(&mut line, |object| {
                    for (column, value) in self.columns.iter().zip(values) {
                        value.write(object, &column.name);
                    }
                });
                line.push(b'\n');
                out.write_all(&line)
            }
            Form::Parquet(writer) => writer.add(values),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(self) -> io::Result<W> {
        let mut out = match self.form {
            Form::Csv(out) | Form::Jsonl(out) => out,
            Form::Parquet(writer) => writer.end()?,
        };
        out.flush()?;
        Ok(out)
    }
}

/// A request as a line of JSON, in the form of the admin API.
#[must_use]
pub fn line(row: &Row) -> Vec<u8> {
    let mut line = Vec::new();
    json::object(&mut line, |object| write_row(row, object));
    line.push(b'\n');
    line
}
