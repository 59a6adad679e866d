//! Sealing of tokens: AES-256-GCM under a key of the operator's, bound to the row and the column in
//! which the token stands. Whoever reads the database learns nothing, and whoever may also write to
//! it cannot put the token of one workspace into the row of another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The first byte of what is sealed in this way.
const VERSION: u8 = 1;
/// Bytes that tell a key from others; they do not tell the key.
const KEY_ID: usize = 4;
const KEY: usize = 32;

/// The keys that tokens are sealed with: the first seals, all open.
pub struct Keys {
    keys: Vec<([u8; KEY_ID], LessSafeKey)>,
    random: SystemRandom,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// What a token is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound<'a> {
    /// The organisation of the row.
    pub enterprise: &'a str,
    /// The workspace of the row.
    pub team: &'a str,
    /// The column.
    pub column: &'static str,
}

/// Why something could not be sealed or opened. Never holds a key or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// A key is not 32 bytes in base64.
    #[error("a token key has to be 32 bytes in base64, as from `openssl rand -base64 32`")]
    Key,
    /// There is no key.
    #[error("there is no token key")]
    NoKey,
    /// It was sealed with a key that is not among ours.
    #[error("the token was sealed with a key that is not set any more")]
    UnknownKey,
    /// It was changed, or belongs to another row.
    #[error("the token does not belong to this row, or was changed")]
    Broken,
    /// The machine has no randomness.
    #[error("this machine gives no random numbers")]
    Random,
}

impl Keys {
    /// Reads keys in base64.
    ///
    /// # Errors
    /// Without any, or with one of the wrong length.
    pub fn new(keys: &[SecretString]) -> Result<Self, SealFault> {
        if keys.is_empty() {
            return Err(SealFault::NoKey);
        }
        let read = |key: &SecretString| {
            let bytes = STANDARD.decode(key.expose_secret().trim());
            let bytes = bytes.map_err(|_| SealFault::Key)?;
            if bytes.len() != KEY {
                return Err(SealFault::Key);
            }
            let cipher = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealFault::Key)?;
            Ok((id_of(&bytes), LessSafeKey::new(cipher)))
        };
        Ok(Self {
            keys: keys.iter().map(read).collect::<Result<_, _>>()?,
            random: SystemRandom::new(),
        })
    }

    /// Seals a token with the first key.
    ///
    /// # Errors
    /// Where the machine gives no random numbers.
    pub fn seal(&self, token: &SecretString, bound: Bound<'_>) -> Result<Vec<u8>, SealFault> {
        let (id, key) = self.keys.first().ok_or(SealFault::NoKey)?;
        let mut nonce = [0; NONCE_LEN];
        let filled = self.random.fill(&mut nonce);
        filled.map_err(|_| SealFault::Random)?;
        let mut text = token.expose_secret().as_bytes().to_vec();
        let sealing = key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            bound.to_aad(),
            &mut text,
        );
        sealing.map_err(|_| SealFault::Random)?;
        Ok([&[VERSION][..], id, &nonce, &text].concat())
    }

    /// Opens what was sealed for that row and column.
    ///
    /// # Errors
    /// When it was not, was changed, or its key is not among ours.
    pub fn open(&self, sealed: &[u8], bound: Bound<'_>) -> Result<SecretString, SealFault> {
        let (key, nonce, text) = self.split(sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealFault::Broken)?;
        let mut text = text.to_vec();
        let opened = key.open_in_place(nonce, bound.to_aad(), &mut text);
        let opened = opened.map_err(|_| SealFault::Broken)?;
        let opened = std::str::from_utf8(opened).map_err(|_| SealFault::Broken)?;
        Ok(opened.into())
    }

    /// Thirty-two random bytes.
    ///
    /// # Errors
    /// Where the machine gives no random numbers.
    pub fn random(&self) -> Result<[u8; 32], SealFault> {
        let mut bytes = [0; 32];
        let filled = self.random.fill(&mut bytes);
        filled.map_err(|_| SealFault::Random)?;
        Ok(bytes)
    }

    /// Whether it was sealed with another key than the one that seals now.
    pub fn is_old(&self, sealed: &[u8]) -> bool {
        let first = self.keys.first().map(|(id, _)| id.as_slice());
        sealed.get(1..=KEY_ID) != first
    }

    fn split<'a>(&self, sealed: &'a [u8]) -> Result<(&LessSafeKey, &'a [u8], &'a [u8]), SealFault> {
        let Some((&VERSION, rest)) = sealed.split_first() else {
            return Err(SealFault::Broken);
        };
        let (id, rest) = rest.split_at_checked(KEY_ID).ok_or(SealFault::Broken)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(SealFault::Broken)?;
        let found = self.keys.iter().find(|(known, _)| known == id);
        let (_, key) = found.ok_or(SealFault::UnknownKey)?;
        Ok((key, nonce, text))
    }
}

impl Bound<'_> {
    /// Each part with its length, so that no two rows give the same bytes.
    fn to_aad(self) -> Aad<Vec<u8>> {
        let mut bytes = b"jit token".to_vec();
        for part in [self.enterprise, self.team, self.column] {
            bytes.extend(part.len().to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        Aad::from(bytes)
    }
}

fn id_of(key: &[u8]) -> [u8; KEY_ID] {
    let digest = Sha256::new_with_prefix(b"jit token key").chain_update(key);
    let digest = digest.finalize();
    let mut id = [0; KEY_ID];
    id.copy_from_slice(&digest[..KEY_ID]);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretString {
        STANDARD.encode([byte; KEY]).into()
    }

    const HERE: Bound<'static> = Bound {
        enterprise: "",
        team: "T1",
        column: "bot",
    };

    #[test]
    fn a_token_is_opened_where_it_was_sealed_and_nowhere_else() {
        let keys = Keys::new(&[key(1)]).unwrap();
        let sealed = keys.seal(&"xoxb-secret".into(), HERE).unwrap();
        assert_eq!(
            keys.open(&sealed, HERE).unwrap().expose_secret(),
            "xoxb-secret"
        );
        assert_ne!(
            sealed,
            keys.seal(&"xoxb-secret".into(), HERE).unwrap(),
            "no two look alike"
        );
        let elsewhere = [
            Bound { team: "T2", ..HERE },
            Bound {
                column: "refresh",
                ..HERE
            },
            Bound {
                enterprise: "T1",
                team: "",
                ..HERE
            },
        ];
        for bound in elsewhere {
            let opened = keys.open(&sealed, bound);
            assert_eq!(opened.unwrap_err(), SealFault::Broken, "{bound:?}");
        }
    }

    #[test]
    fn what_was_changed_is_not_opened() {
        let keys = Keys::new(&[key(1)]).unwrap();
        let sealed = keys.seal(&"xoxb-secret".into(), HERE).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(keys.open(&changed, HERE).is_err(), "byte {at}");
            assert!(keys.open(&sealed[..at], HERE).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = Keys::new(&[key(1)]).unwrap();
        let sealed = old.seal(&"xoxb-secret".into(), HERE).unwrap();
        let both = Keys::new(&[key(2), key(1)]).unwrap();
        assert!(both.open(&sealed, HERE).is_ok() && both.is_old(&sealed));
        let again = both.seal(&"xoxb-secret".into(), HERE).unwrap();
        assert!(!both.is_old(&again));
        let new = Keys::new(&[key(2)]).unwrap();
        assert!(new.open(&again, HERE).is_ok());
        assert_eq!(new.open(&sealed, HERE).unwrap_err(), SealFault::UnknownKey);
    }

    #[test]
    fn only_keys_of_the_right_length_are_taken() {
        let short: SecretString = STANDARD.encode([1; 31]).into();
        assert_eq!(Keys::new(&[short]).unwrap_err(), SealFault::Key);
        assert_eq!(Keys::new(&["!".into()]).unwrap_err(), SealFault::Key);
        assert_eq!(Keys::new(&[]).unwrap_err(), SealFault::NoKey);
    }
}
