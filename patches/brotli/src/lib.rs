//! Stands in place of the crate of this name, which Pingora links for both directions. The gateway
//! never packs an answer, and the packer with its tables weighs as much as the largest of our own
//! rooms; so this hands on the unpacker, and a packer that says what it is not.

use std::io::{self, Write};

pub use brotli_decompressor::DecompressorWriter;

/// A packer by its shape only: it refuses every byte.
#[derive(Debug)]
pub struct CompressorWriter<W>(W);

impl<W: Write> CompressorWriter<W> {
    /// One in front of this writer; buffer, quality and window mean nothing to it.
    pub fn new(writer: W, _buffer: usize, _quality: u32, _window: u32) -> Self {
        Self(writer)
    }

    /// The writer behind it.
    pub fn get_ref(&self) -> &W {
        &self.0
    }

    /// The writer behind it.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.0
    }
}

impl<W: Write> Write for CompressorWriter<W> {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this build packs nothing with brotli"))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
