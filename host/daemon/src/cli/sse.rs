//! Reading server-sent events: bytes in, events out. Knows nothing of connections.

/// The longest line that is read; a longer one ends the connection.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Where to go on after this one, if one may.
    pub(crate) id: Option<String>,
    /// What the event says.
    pub(crate) data: String,
}

/// The source sent a line without end.
#[derive(Debug, thiserror::Error)]
#[error("a line of the stream is longer than {LINE_BYTES_MAX} bytes")]
pub(crate) struct LineTooLong;

/// Puts events together from pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    last_id: Option<String>,
}

impl Reader {
    /// Takes the next piece and gives the events that it completes.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Vec<Event>, LineTooLong> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.event.data.len() > LINE_BYTES_MAX {
                return Err(LineTooLong);
            }
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                events.extend(self.field(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n'])));
            }
        }
        Ok(events)
    }

    /// Where to go on after all that was taken. It moves without an event too, past what a filter keeps from us.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// Takes one whole line; an empty one ends an event.
    fn field(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            self.last_id = event.id.clone().or(self.last_id.take());
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            // Comments keep the connection alive; the event's name stands in the data as well.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        ": hello\n\nid: e:1\nevent: x\ndata: {\"a\":\ndata: \"é\"}\n\nretry: 5\n\r\ndata:b\r\n\r\ndata: half";

    fn event(id: Option<&str>, data: &str) -> Event {
        Event { id: id.map(str::to_owned), data: data.to_owned() }
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let expected = [event(Some("e:1"), "{\"a\":\n\"é\"}"), event(None, "b")];
        for size in 1..TEXT.len() {
            let mut reader = Reader::default();
            let events: Vec<Event> =
                TEXT.as_bytes().chunks(size).flat_map(|chunk| reader.take(chunk).unwrap()).collect();
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn the_place_moves_without_an_event_and_not_before_its_end() {
        let mut reader = Reader::default();
        for (text, expected) in [("id: 1\ndata: x\n\n", "1"), (": alive\nid: 5\n\n", "5"), ("id: 6\ndata: y\n", "5")] {
            reader.take(text.as_bytes()).unwrap();
            assert_eq!(reader.last_id(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut reader = Reader::default();
        let piece = vec![b'x'; LINE_BYTES_MAX / 2];
        assert!(reader.take(&piece).is_ok() && reader.take(&piece).is_ok());
        assert!(reader.take(b"x").is_err());
    }
}
