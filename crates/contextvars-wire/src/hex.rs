//! Lower-case hexadecimal digits: reading and writing the ids.

use super::rule::Violation;

/// Returns the number that up to 32 lower-case digits stand for.
pub(super) fn parse(digits: &[u8]) -> Result<u128, Violation> {
    let mut number = 0;
    let mut is_valid = true;
    // 64 bits at a time, because shifting 128 takes several instructions.
    for digits in digits.chunks(16) {
        let part = digits.iter().fold(0, |part: u64, &digit| {
            let value = VALUES[usize::from(digit)];
            is_valid &= value < 16;
            part << 4 | u64::from(value)
        });
        number = number << (4 * digits.len()) | u128::from(part);
    }
    if is_valid { Ok(number) } else { Err(Violation::Character) }
}

/// The value of each byte that is a digit; of any other byte, a number that none has.
const VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value as usize] as usize] = value;
        value += 1;
    }
    values
};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Returns `text` if it has `len` bytes. The length is checked before the digits are read.
pub(super) fn exactly(len: usize, text: &str) -> Result<&[u8], Violation> {
    match text.len() {
        given if given > len => Err(Violation::TooLong),
        given if given < len => Err(Violation::Form),
        _ => Ok(text.as_bytes()),
    }
}

/// Fills `digits`, an even number of them, with the last digits of `number`. This is several times as fast as formatting the number.
pub(super) fn write(number: u128, digits: &mut [u8]) {
    let pairs = digits.rchunks_exact_mut(2);
    for (pair, byte) in pairs.zip(number.to_be_bytes().into_iter().rev()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

/// Calls `f` with the last `N` digits of `number`.
pub(super) fn with_digits<const N: usize, R>(number: u128, f: impl FnOnce(&str) -> R) -> R {
    let mut digits = [0; N];
    write(number, &mut digits);
    f(std::str::from_utf8(&digits).unwrap_or_default()) // digits are UTF-8
}

/// Implements the traits of an id that is written as `$len` digits. The id has `parse(&[u8])` and `number() -> u128`.
macro_rules! impl_digits {
    ($id:ident, $len:literal) => {
        impl std::str::FromStr for $id {
            type Err = Violation;

            #[doc = concat!("Reads exactly ", $len, " lower-case hexadecimal digits.")]
            ///
            /// # Errors
            ///
            /// Returns the rule that `text` breaks: [`TooLong`](Violation::TooLong), [`Form`](Violation::Form) for a text
            /// that is too short, [`Character`](Violation::Character), or, for an id that must not be zero,
            /// [`Zero`](Violation::Zero).
            fn from_str(text: &str) -> Result<Self, Violation> {
                Self::parse(hex::exactly($len, text)?)
            }
        }

        #[doc = concat!("Writes ", $len, " lower-case hexadecimal digits.")]
        impl std::fmt::Display for $id {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                hex::with_digits::<$len, _>(self.number(), |digits| f.pad(digits))
            }
        }

        #[doc = concat!("Writes ", $len, " digits, after `0x` in the alternate form.")]
        impl std::fmt::LowerHex for $id {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                hex::with_digits::<$len, _>(self.number(), |digits| {
                    f.pad_integral(true, "0x", digits)
                })
            }
        }

        /// Writes the digits.
        impl std::fmt::Debug for $id {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        /// Returns the digits as text.
        impl contextvars::fields::ToValue for $id {
            fn to_value(&self) -> contextvars::fields::Value {
                self.to_string().into()
            }
        }
    };
}
pub(super) use impl_digits;
