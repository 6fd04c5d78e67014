//! Key pairs of an identity service that publishes its keys: one for each algorithm that the workers take.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use uuid::Uuid;

/// An RSA key of 2048 bits (PKCS #1), made for these tests and used nowhere else: making one takes seconds.
const RSA: &[u8] = include_bytes!("keys/rsa.der");

/// What comes before the private number in PKCS #8.
const P256: &[u8] = &[
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
];
const P384: &[u8] = &[
    0x30, 0x4e, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x04, 0x37, 0x30, 0x35, 0x02, 0x01, 0x01, 0x04, 0x30,
];
const ED25519: &[u8] = &[
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A key pair with its name.
pub struct Signer {
    /// The name under which it is published.
    pub kid: String,
    algorithm: Algorithm,
    private: EncodingKey,
}

impl Signer {
    /// A pair for `algorithm`; a new one, but for RSA.
    pub fn new(algorithm: Algorithm) -> Self {
        let private = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&pkcs8(P256, 32)),
            Algorithm::ES384 => EncodingKey::from_ec_der(&pkcs8(P384, 48)),
            Algorithm::EdDSA => EncodingKey::from_ed_der(&pkcs8(ED25519, 32)),
            _ => EncodingKey::from_rsa_der(RSA),
        };
        Self {
            kid: crate::unique("key"),
            algorithm,
            private,
        }
    }

    /// The public half as an issuer publishes it.
    pub fn published(&self) -> Value {
        let mut key = Jwk::from_encoding_key(&self.private, self.algorithm).expect("the key has a public half");
        key.common.key_id = Some(self.kid.clone());
        json!(key)
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_under(&self.header(), claims)
    }

    /// The header of its tokens.
    pub fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone());
        header
    }

    /// A token with these claims under a header of the test's own.
    pub fn sign_under(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.private).expect("claims can be signed")
    }
}

/// `length` random bytes are a private number of each of the curves, but for one in billions.
fn pkcs8(before: &[u8], length: usize) -> Vec<u8> {
    let random = std::iter::repeat_with(|| Uuid::new_v4().into_bytes()).flatten();
    // Below the order of P-256 and P-384, which begin with 0xff.
    let number = random
        .take(length)
        .enumerate()
        .map(|(at, byte)| if at == 0 { byte & 0x7f } else { byte });
    before.iter().copied().chain(number).collect()
}
