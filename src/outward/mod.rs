//! Calls to addresses that the policy names: whoever writes a policy must not thereby make this
//! process speak to what only this process can reach, nor learn a secret of its.
//!
//! [`guard`] keeps calls away from internal addresses, [`http`] makes the client and reads answers
//! within bounds, [`secret`] reads secrets at the moment of use, [`signed`] signs by Standard
//! Webhooks. Nothing here knows what is called for.

pub mod guard;
pub mod http;
pub mod secret;
pub mod signed;

pub use guard::allow_list;
