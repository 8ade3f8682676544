//! Stands in place of the crate of this name, which Pingora links to pack answers for clients. The
//! gateway never does, and no answer is unpacked with it either; so this has the shape of what
//! Pingora names, and refuses every byte.

use std::io::{Error, ErrorKind};

fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported, "this build packs nothing with zstd")
}

/// Streams.
pub mod stream {
    /// Writers that pack.
    pub mod write {
        use std::io::{Result, Write};
        use std::marker::PhantomData;

        use crate::unsupported;

        /// A packer by its shape only.
        #[derive(Debug)]
        pub struct Encoder<'dictionary, W> {
            writer: W,
            dictionary: PhantomData<&'dictionary [u8]>,
        }

        impl<W: Write> Encoder<'static, W> {
            /// One in front of this writer; the level means nothing to it.
            ///
            /// # Errors
            /// None; it is the writing that fails.
            pub fn new(writer: W, _level: i32) -> Result<Self> {
                Ok(Self { writer, dictionary: PhantomData })
            }

            /// As [`Self::new`], whatever the dictionary.
            ///
            /// # Errors
            /// None; it is the writing that fails.
            pub fn with_dictionary(writer: W, level: i32, _dictionary: &[u8]) -> Result<Self> {
                Self::new(writer, level)
            }
        }

        impl<W: Write> Encoder<'_, W> {
            /// The writer behind it.
            pub fn get_ref(&self) -> &W {
                &self.writer
            }

            /// The writer behind it.
            pub fn get_mut(&mut self) -> &mut W {
                &mut self.writer
            }

            /// Has nothing to end.
            ///
            /// # Errors
            /// Always: nothing was packed.
            pub fn do_finish(&mut self) -> Result<()> {
                Err(unsupported())
            }
        }

        impl<W: Write> Write for Encoder<'_, W> {
            fn write(&mut self, _bytes: &[u8]) -> Result<usize> {
                Err(unsupported())
            }

            fn flush(&mut self) -> Result<()> {
                self.writer.flush()
            }
        }
    }
}

/// Dictionaries.
pub mod dict {
    use std::io::Result;
    use std::path::Path;

    use crate::unsupported;

    /// Would learn one from files.
    ///
    /// # Errors
    /// Always.
    pub fn from_files<I, P>(_files: I, _most: usize) -> Result<Vec<u8>>
    where
        P: AsRef<Path>,
        I: IntoIterator<Item = P>,
    {
        Err(unsupported())
    }
}
