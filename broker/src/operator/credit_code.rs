//! 统一社会信用代码, the unified social credit code of legal persons (GB 32100-2015).

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/// Whether `code` has 18 characters of the standard's alphabet and the check character that follows from the first 17
/// (GB 32100-2015 clause 4.5: 31 minus the weighted sum modulo 31).
pub fn is_valid(code: &str) -> bool {
    let Some(values) = code.bytes().map(value).collect::<Option<Vec<u32>>>() else { return false };
    let [first @ .., check] = values.as_slice() else { return false };
    if first.len() != 17 {
        return false;
    }
    let sum: u32 = first.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    (31 - sum % 31) % 31 == *check
}

fn value(character: u8) -> Option<u32> {
    ALPHABET.iter().position(|known| *known == character).and_then(|index| u32::try_from(index).ok())
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn a_code_with_the_right_check_character_is_valid() {
        assert!(is_valid("91350100M000100Y43"));
    }

    #[test]
    fn a_code_with_any_other_check_character_is_not() {
        for other in "0125679ABCDEFGHJKLMNPQRTUWXY".chars() {
            assert!(!is_valid(&format!("91350100M000100Y4{other}")), "{other}");
        }
        assert!(!is_valid("91350100M000100Y4"));
        assert!(!is_valid("91350100I000100Y43"));
    }
}
