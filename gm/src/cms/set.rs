//! `SET OF` that keeps the order it was read in.

use std::fmt;

use der::{DecodeOwned, DecodeValue, Encode, EncodeValue, FixedTag, Header, Length, Reader, Tag, Writer};

/// A `SET OF`: written in DER's order, read in any.
///
/// Only signed attributes have to be DER (RFC 5652 clause 5.3); certificates and signers come
/// unsorted from much of the software in use. What was read is written back unchanged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SetOf<T>(Vec<T>);

impl<T: Encode> SetOf<T> {
    /// A set in DER's order: by the elements' encodings.
    pub(crate) fn sorted(elements: Vec<T>) -> der::Result<Self> {
        let mut keyed = elements
            .into_iter()
            .map(|element| Ok((element.to_der()?, element)))
            .collect::<der::Result<Vec<_>>>()?;
        keyed.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(Self(keyed.into_iter().map(|(_, element)| element).collect()))
    }
}

impl<T> SetOf<T> {
    pub(crate) fn as_slice(&self) -> &[T] {
        &self.0
    }

    pub(crate) fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T> FixedTag for SetOf<T> {
    const TAG: Tag = Tag::Set;
}

impl<'a, T> DecodeValue<'a> for SetOf<T>
where
    T: DecodeOwned + fmt::Debug,
    der::Error: From<<T as der::Decode<'a>>::Error>,
{
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, _header: Header) -> der::Result<Self> {
        let mut elements = Vec::new();
        while !reader.is_finished() {
            elements.push(T::decode(reader)?);
        }
        Ok(Self(elements))
    }
}

impl<T: Encode> EncodeValue for SetOf<T> {
    fn value_len(&self) -> der::Result<Length> {
        self.0.iter().try_fold(Length::ZERO, |length, element| length + element.encoded_len()?)
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.iter().try_for_each(|element| element.encode(writer))
    }
}
