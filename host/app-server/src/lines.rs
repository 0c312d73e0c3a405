//! Lines out of a stream of bytes, each of bounded length.
//!
//! Works on bytes, so a character that is split between two reads is whole again before anybody decodes it. Whether a
//! line is valid UTF-8 is for its reader to say.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;
/// A buffer that grew beyond this for one long line is given back after it.
const KEPT_BYTES: usize = 1024 * 1024;

/// A reader of lines.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    source: R,
    line_bytes_max: usize,
    buffer: Vec<u8>,
    /// Where the next line begins in `buffer`.
    start: usize,
    /// How far `buffer` was searched for the end of that line.
    searched: usize,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line, without its end (`\n` or `\r\n`). Never blank.
    Whole(Vec<u8>),
    /// The line is longer than allowed. Nothing more can be read.
    TooLong,
    /// The stream ended, with this many bytes of a line that has no end.
    End { unfinished: usize },
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(source: R, line_bytes_max: usize) -> Self {
        Self { source, line_bytes_max, buffer: Vec::new(), start: 0, searched: 0 }
    }

    /// The next line that is not blank. May be dropped and called again without loss.
    pub(crate) async fn next(&mut self) -> io::Result<Line> {
        loop {
            while let Some(line) = self.take_line() {
                if line.len() > self.line_bytes_max {
                    return Ok(Line::TooLong);
                }
                if !line.iter().all(u8::is_ascii_whitespace) {
                    return Ok(Line::Whole(line));
                }
            }
            if self.buffer.len() > self.line_bytes_max {
                return Ok(Line::TooLong);
            }
            self.buffer.reserve(READ_BYTES);
            if (&mut self.source).take(READ_BYTES as u64).read_buf(&mut self.buffer).await? == 0 {
                return Ok(Line::End { unfinished: self.buffer.len() });
            }
        }
    }

    /// Takes the first complete line out of the buffer. When there is none, what is left moves to the front.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let Some(length) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.buffer.drain(..self.start);
            self.start = 0;
            self.searched = self.buffer.len();
            if self.buffer.capacity() > KEPT_BYTES && self.buffer.len() < READ_BYTES {
                self.buffer.shrink_to(READ_BYTES);
            }
            return None;
        };
        let end = self.searched + length;
        let line = &self.buffer[self.start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        self.start = end + 1;
        self.searched = self.start;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn read(chunks: &[&[u8]], max: usize) -> Vec<Line> {
        let (mut near, far) = tokio::io::duplex(8);
        let chunks: Vec<Vec<u8>> = chunks.iter().map(|chunk| chunk.to_vec()).collect();
        let writing = tokio::spawn(async move {
            for chunk in chunks {
                // The reader hangs up on a line that is too long.
                let _ = near.write_all(&chunk).await;
            }
        });
        let mut lines = Lines::new(far, max);
        let mut seen = Vec::new();
        loop {
            let line = lines.next().await.unwrap();
            let last = !matches!(line, Line::Whole(_));
            seen.push(line);
            if last {
                drop(lines);
                writing.await.unwrap();
                return seen;
            }
        }
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn a_character_split_between_reads_is_whole_again() {
        let text = "{\"a\":\"Grüße €𝄞\"}";
        for cut in 0..text.len() {
            let (first, second) = text.as_bytes().split_at(cut);
            assert_eq!(read(&[first, second, b"\n"], 100).await, [whole(text), Line::End { unfinished: 0 }]);
        }
    }

    #[tokio::test]
    async fn blank_lines_and_carriage_returns_go() {
        let seen = read(&[b"\n\r\n  \na\r\nb\n\n"], 100).await;
        assert_eq!(seen, [whole("a"), whole("b"), Line::End { unfinished: 0 }]);
    }

    #[tokio::test]
    async fn half_a_line_at_the_end_is_no_line() {
        assert_eq!(read(&[b"a\n{\"b\""], 100).await, [whole("a"), Line::End { unfinished: 4 }]);
    }

    #[tokio::test]
    async fn the_longest_line_passes_and_one_byte_more_does_not() {
        assert_eq!(read(&[b"12345678\n"], 8).await[0], whole("12345678"));
        assert_eq!(read(&[b"123456789\n"], 8).await, [Line::TooLong]);
        assert_eq!(read(&[b"ok\n", &[b'x'; 1000]], 8).await, [whole("ok"), Line::TooLong]);
    }

    #[tokio::test]
    async fn memory_stays_bounded_while_a_line_has_no_end() {
        let mut lines = Lines::new(tokio::io::repeat(b'x'), 1_000_000);
        assert_eq!(lines.next().await.unwrap(), Line::TooLong);
        assert!(lines.buffer.capacity() < 3_000_000);
    }
}
