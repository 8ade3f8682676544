//! Where the lines of finished requests go: standard output, a file that is rotated, or the system's log.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::config::LogOutput;

/// Local use 0, informational (RFC 5424, 6.2.1).
const PRIORITY: &str = "<134>1";

/// A datagram has room for so much of a line, wherever it goes.
const LONGEST: usize = 8 << 10;

/// Opens what is written to.
///
/// # Errors
/// When the file, its folder or the socket cannot be had.
pub(super) fn open(output: &LogOutput) -> io::Result<Box<dyn Write + Send>> {
    Ok(match output {
        LogOutput::Stdout => Box::new(io::stdout()),
        LogOutput::File { path, size, keep } => Box::new(Rotated::open(path, size.0, *keep)?),
        LogOutput::Socket(path) => {
            // Whoever reads there may come later.
            Box::new(Syslog { to: To::Socket(UnixDatagram::unbound()?, path.clone()) })
        }
        LogOutput::Host(host, port) => {
            let own = if host.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
            let socket = UdpSocket::bind(own)?;
            socket.connect((host.as_str(), *port))?;
            Box::new(Syslog { to: To::Host(socket) })
        }
    })
}

/// A file that makes room for another when it is full.
struct Rotated {
    path: PathBuf,
    file: File,
    written: u64,
    most: u64,
    keep: u32,
}

impl Rotated {
    fn open(path: &Path, most: u64, keep: u32) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, written, most, keep })
    }

    /// The name of an old file: the newest is the first.
    fn old(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    /// Every file becomes one older; the oldest goes.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..self.keep).rev() {
            // Fewer may be there yet.
            let _ = std::fs::rename(self.old(number), self.old(number + 1));
        }
        if self.keep == 0 {
            std::fs::remove_file(&self.path)?;
        } else {
            std::fs::rename(&self.path, self.old(1))?;
        }
        self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.written = 0;
        Ok(())
    }
}

impl Write for Rotated {
    /// Takes whole lines, so that none is divided between two files.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let length = lines.len() as u64;
        if self.written > 0 && self.written.saturating_add(length) > self.most {
            self.rotate()?;
        }
        self.file.write_all(lines)?;
        self.written += length;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The system's log, by RFC 5424 in datagrams.
struct Syslog {
    to: To,
}

enum To {
    Socket(UnixDatagram, PathBuf),
    Host(UdpSocket),
}

impl Write for Syslog {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let time = clock::rfc3339(clock::unix_millis());
        let process = std::process::id();
        let mut message = Vec::with_capacity(1024);
        let mut failed = None;
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            message.clear();
            // Neither a host's name nor data of its own form: both may be said to be unknown.
            write!(message, "{PRIORITY} {time} - tollgate {process} access - ")?;
            message.extend_from_slice(line);
            message.truncate(LONGEST);
            let sent = match &self.to {
                To::Socket(socket, path) => socket.send_to(&message, path),
                To::Host(socket) => socket.send(&message),
            };
            // The next may arrive.
            failed = sent.err().or(failed);
        }
        failed.map_or(Ok(lines.len()), Err)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::ByteSize;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tollgate-log-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn full_files_make_room_and_no_line_is_divided() {
        let folder = folder("rotated");
        let path = folder.join("deeper").join("access.log");
        let output = LogOutput::File { path: path.clone(), size: ByteSize(20), keep: 2 };
        let mut log = open(&output).unwrap();
        for number in 0..6 {
            log.write_all(format!("line {number}\nand so\n").as_bytes()).unwrap();
        }
        drop(log);
        let text = |path: PathBuf| std::fs::read_to_string(path).unwrap();
        assert_eq!(text(path.clone()), "line 5\nand so\n");
        assert_eq!(text(path.with_file_name("access.log.1")), "line 4\nand so\n");
        assert_eq!(text(path.with_file_name("access.log.2")), "line 3\nand so\n");
        assert!(!path.with_file_name("access.log.3").exists());
        open(&output).unwrap().write_all(b"more\n").unwrap();
        assert_eq!(text(path), "line 5\nand so\nmore\n");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn each_line_is_a_message_of_its_own_in_the_systems_log() {
        let folder = folder("syslog");
        let path = folder.join("log");
        let reader = UnixDatagram::bind(&path).unwrap();
        let remote = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = remote.local_addr().unwrap().port();
        for output in [LogOutput::Socket(path), LogOutput::Host("127.0.0.1".to_owned(), port)] {
            open(&output).unwrap().write_all(b"{\"a\":1}\n{\"b\":2}\n").unwrap();
        }
        let mut buffer = [0; 256];
        let mut heard = Vec::new();
        for _ in 0..2 {
            let length = reader.recv(&mut buffer).unwrap();
            heard.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
            let length = remote.recv(&mut buffer).unwrap();
            heard.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        for (message, line) in heard.iter().zip(["{\"a\":1}", "{\"a\":1}", "{\"b\":2}", "{\"b\":2}"]) {
            let fields: Vec<_> = message.splitn(8, ' ').collect();
            assert_eq!((fields[0], fields[2], fields[3], fields[5]), ("<134>1", "-", "tollgate", "access"));
            assert_eq!((fields[6], fields[7]), ("-", line));
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
