//! Fresh passwords, and the verifier that is sent in their place: the server, its logs and its
//! statistics never see the clear text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use rand::distr::{Alphanumeric, SampleString};
use rand::rngs::OsRng;
use rand::{RngCore, TryRngCore};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Letters and digits: about 238 bits, and nothing that a shell or a URL would read otherwise.
const LENGTH: usize = 40;

/// PostgreSQL's own number of rounds.
const ITERATIONS: u32 = 4096;

/// A password from the operating system's randomness.
pub(super) fn fresh() -> SecretString {
    SecretString::from(Alphanumeric.sample_string(&mut OsRng.unwrap_err(), LENGTH))
}

/// The SCRAM-SHA-256 verifier of a password, with a salt of its own, as `ALTER ROLE` takes it. The
/// password must be ASCII: others would need normalising first.
pub(super) fn verifier(password: &SecretString) -> String {
    let mut salt = [0_u8; 16];
    OsRng.unwrap_err().fill_bytes(&mut salt);
    salted_verifier(password.expose_secret(), &salt)
}

/// RFC 5803: the stored key is a hash of the client key, the server key is kept as it is.
fn salted_verifier(password: &str, salt: &[u8]) -> String {
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, ITERATIONS);
    let stored_key = Sha256::digest(keyed(&salted, b"Client Key"));
    let server_key = keyed(&salted, b"Server Key");
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored_key),
        STANDARD.encode(server_key)
    )
}

fn keyed(key: &[u8; 32], label: &[u8]) -> [u8; 32] {
    // Any length of key is a key for HMAC; a block of 64 bytes is this one padded with zeros.
    let mut block = [0_u8; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(label);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_the_one_of_rfc_7677() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        // The stored and server keys of the RFC's example exchange (user `user`, `pencil`).
        assert_eq!(
            salted_verifier("pencil", &salt),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn passwords_are_long_plain_and_never_the_same() {
        let (one, other) = (fresh(), fresh());
        assert_eq!(one.expose_secret().len(), LENGTH);
        assert!(
            one.expose_secret()
                .bytes()
                .all(|b| b.is_ascii_alphanumeric())
        );
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert_ne!(verifier(&one), verifier(&one), "each has a salt of its own");
    }
}
