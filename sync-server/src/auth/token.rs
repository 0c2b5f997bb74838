//! Session tokens: 256 random bits, opaque, known to the client alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// A session token as the client holds it. `Debug` hides it.
pub struct Token(String);

/// What the server stores of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl Token {
    /// A new one, from the system's random numbers.
    pub fn mint() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(secret)))
    }

    /// The text that the client sends back.
    pub fn into_text(self) -> String {
        self.0
    }

    /// What is stored.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl TokenHash {
    /// The hash of what a client sent, if that has the form of a token.
    pub fn of_text(text: &str) -> Option<Self> {
        let secret = URL_SAFE_NO_PAD.decode(text).ok()?;
        (secret.len() == 32).then(|| Self(Sha256::digest(text.as_bytes()).into()))
    }
}

impl TokenHash {
    /// What stands for it where people choose among several; nobody gets in with it.
    pub fn id(&self) -> Uuid {
        let mut half = [0; 16];
        half.copy_from_slice(&self.0[..16]);
        uuid::Builder::from_random_bytes(half).into_uuid()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_again_by_its_text_only() {
        let token = Token::mint().unwrap();
        let hash = token.hash();
        assert_eq!(format!("{token:?}"), "Token");
        let text = token.into_text();
        assert_eq!(text.len(), 43);
        assert!(TokenHash::of_text(&text) == Some(hash));
        assert!(Token::mint().unwrap().hash() != hash);
        for wrong in ["", "x", &text[1..], &format!("{text}A"), "päß"] {
            assert!(TokenHash::of_text(wrong).is_none(), "{wrong}");
        }
    }
}
