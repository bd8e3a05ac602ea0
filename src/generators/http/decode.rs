//! `Content-Encoding` (RFC 9110 8.4), undone here rather than by the client: a client that inflates has no limit on
//! what comes out, and trips over gzip bodies of several members.

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, BufReader};

use super::errors::HttpError;

/// What is asked for.
pub(super) const ACCEPT_ENCODING: &str = "gzip, deflate, br";

/// Layers that are undone. Proxies that compress once more exist; more than three layers are an attack.
const MAX_LAYERS: usize = 3;

/// Size of the buffer behind each layer: large enough that a 256 MiB body costs a few thousand turns of the loop.
const BUFFER: usize = 64 * 1024;

/// A body on its way.
pub(super) type Reader<'a> = Pin<Box<dyn AsyncBufRead + Send + 'a>>;

/// A way to encode a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// The encodings of a body, in the order in which they were applied.
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, HttpError> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let value = value.to_str().map_err(|_| HttpError::UnknownEncoding)?;
        for name in value.split(',').map(|name| name.trim().to_ascii_lowercase()) {
            match name.as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => codings.push(Coding::Gzip),
                "deflate" => codings.push(Coding::Deflate),
                "br" => codings.push(Coding::Brotli),
                _ => return Err(HttpError::UnknownEncoding),
            }
            if codings.len() > MAX_LAYERS {
                return Err(HttpError::UnknownEncoding);
            }
        }
    }
    Ok(codings)
}

/// Undoes `codings`. No bytes at all are no bytes however they are encoded: some origins send the header with an empty
/// body.
pub(super) async fn decode<'a>(mut reader: Reader<'a>, codings: &[Coding]) -> io::Result<Reader<'a>> {
    if !codings.is_empty() && reader.fill_buf().await?.is_empty() {
        return Ok(reader);
    }
    for coding in codings.iter().rev() {
        reader = undo(reader, *coding).await?;
    }
    Ok(reader)
}

async fn undo(mut reader: Reader<'_>, coding: Coding) -> io::Result<Reader<'_>> {
    Ok(match coding {
        Coding::Gzip => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            Box::pin(BufReader::with_capacity(BUFFER, decoder))
        }
        Coding::Brotli => Box::pin(BufReader::with_capacity(BUFFER, BrotliDecoder::new(reader))),
        Coding::Deflate if is_zlib(reader.fill_buf().await?) => {
            Box::pin(BufReader::with_capacity(BUFFER, ZlibDecoder::new(reader)))
        }
        Coding::Deflate => Box::pin(BufReader::with_capacity(BUFFER, DeflateDecoder::new(reader))),
    })
}

/// "deflate" means zlib (RFC 9110 8.4.1.2), but some servers send the bare stream. Zlib begins with method 8 and a
/// window of at most 32 KiB; a bare stream never does in practice, as that would be a stored block with dirty padding.
fn is_zlib(start: &[u8]) -> bool {
    start.first().is_some_and(|byte| byte & 0x0f == 8 && byte >> 4 <= 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str]) -> Result<Vec<Coding>, HttpError> {
        codings(&values.iter().map(|value| (CONTENT_ENCODING, value.parse().unwrap())).collect())
    }

    #[test]
    fn reads_every_header_and_every_element() {
        use Coding::{Brotli, Deflate, Gzip};
        assert_eq!(parse(&[]), Ok(vec![]));
        assert_eq!(parse(&["", "identity"]), Ok(vec![]));
        assert_eq!(parse(&["X-GZip"]), Ok(vec![Gzip]));
        assert_eq!(parse(&["deflate , br", "gzip"]), Ok(vec![Deflate, Brotli, Gzip]));
    }

    #[test]
    fn refuses_unknown_encodings_and_too_many() {
        for values in [vec!["zstd"], vec!["gzip, compress"], vec!["gzip"; 4], vec!["gzip,gzip,gzip,gzip"]] {
            assert_eq!(parse(&values), Err(HttpError::UnknownEncoding), "{values:?}");
        }
    }
}
