//! Secrets of targets, in the words of a connector's fault.

use secrecy::SecretString;

use super::ConnectorError;
use crate::domain::SecretRef;
use crate::outward::secret;

pub(super) use crate::outward::secret::source;

/// Reads a secret. One that is missing or empty is [`ConnectorError::Unreached`] with words that say
/// what to set: it may be there at the next try.
pub(super) async fn read(secret: &SecretRef) -> Result<SecretString, ConnectorError> {
    let reading = secret::read(secret).await;
    reading.map_err(|missing| {
        ConnectorError::Unreached(format!("The connector's secret is missing; {missing}"))
    })
}
