//! Why a TLS handshake failed, for every service alike.

use std::error::Error;

use rustls::{AlertDescription as Alert, CertificateError as Certificate, Error as TlsError};

use super::chain::chain;

/// Why a handshake failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handshake {
    /// The server's certificate has expired.
    Expired,
    /// The server's certificate is not valid yet.
    NotYetValid,
    /// The server's certificate is for another name.
    OtherName,
    /// Nobody who is trusted signed the server's certificate.
    Untrusted,
    /// The server did not accept the client's certificate.
    ClientCertificate,
    /// The two have no version or cipher in common, or the server speaks something else.
    Protocol,
}

/// The failed handshake in an error and what lies below it.
pub fn failed_handshake<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    chain(error).find_map(|error| error.downcast_ref())
}

impl Handshake {
    /// Why it failed.
    pub fn of(error: &TlsError) -> Self {
        if let TlsError::AlertReceived(alert) = error
            && is_about_client_certificate(*alert)
        {
            return Self::ClientCertificate;
        }
        let TlsError::InvalidCertificate(why) = error else {
            return Self::Protocol;
        };
        if matches!(why, Certificate::Expired | Certificate::ExpiredContext { .. }) {
            Self::Expired
        } else if matches!(why, Certificate::NotValidYet | Certificate::NotValidYetContext { .. }) {
            Self::NotYetValid
        } else if matches!(
            why,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. }
        ) {
            Self::OtherName
        } else {
            Self::Untrusted
        }
    }
}

/// Whether the server turned down the certificate that it was shown.
fn is_about_client_certificate(alert: Alert) -> bool {
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::UnknownCA
    )
}
