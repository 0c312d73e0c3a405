//! What a compiler's process is asked, and what it answers: heads of a few words, each after its length, and what
//! follows them as it is.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::CompileLimits;
use crate::EngineId;

/// The longest head.
const HEAD_BYTES_MAX: u32 = 64 * 1024;

/// What is asked. The component follows it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// For which engine.
    pub(super) engine: EngineId,
    /// Whether that one has a pool.
    pub(super) pooled: bool,
    /// Within which bounds.
    pub(super) limits: CompileLimits,
    /// How long the component is.
    pub(super) component_bytes: u64,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It is compiled, and so many bytes of code follow.
    Code(u64),
    /// The component is refused, with this sentence.
    Refused(String),
    /// The process could not work.
    Unfit(String),
}

/// A head as it is sent.
pub(super) fn head(head: &impl Serialize) -> Vec<u8> {
    let text = serde_json::to_vec(head).expect("a head is plain data");
    let length = u32::try_from(text.len()).expect("a head is a few words");
    [&length.to_le_bytes()[..], &text].concat()
}

/// Writes a head.
pub(super) fn write(to: &mut impl Write, of: &impl Serialize) -> io::Result<()> {
    to.write_all(&head(of))
}

/// Reads a head, and blocks for it.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut text = vec![0; bounded(length)?];
    from.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Reads a head; `None` if there is nothing at all.
pub(super) async fn hear<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    };
    let mut text = vec![0; bounded(length)?];
    from.read_exact(&mut text).await?;
    Ok(Some(serde_json::from_slice(&text)?))
}

fn bounded(length: [u8; 4]) -> io::Result<usize> {
    match u32::from_le_bytes(length) {
        length if length <= HEAD_BYTES_MAX => Ok(length as usize),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no head begins like this")),
    }
}
