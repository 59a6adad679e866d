//! The database that a command works on: the one that is set, or the private one that is kept.

use anyhow::Context;
use secrecy::ExposeSecret;

use super::Failure;
use crate::config::Config;
use crate::embedded::{Data, Embedded, Options};
use crate::store::Store;

/// Our database in the private server.
const NAME: &str = "jit";

/// An open database.
#[derive(Debug)]
pub struct Database {
    /// The database.
    pub store: Store,
    /// Its private server, if it has one.
    server: Option<Embedded>,
}

impl Database {
    /// Opens the database that is set, or starts the private server.
    ///
    /// # Errors
    /// When the URL cannot be read, or the private server does not start. A server that is set and
    /// does not answer is not noticed here.
    pub async fn open(config: &Config, connections: u32) -> Result<Self, Failure> {
        if let Some(url) = &config.database {
            let store = Store::connect_lazy(url.expose_secret(), connections);
            return Ok(Self {
                store: store.map_err(Failure::usage)?,
                server: None,
            });
        }
        let exe = std::env::current_exe().context("this program's own file is not found");
        let options = Options {
            exe: exe.map_err(Failure::wrong)?,
            data: Data::kept(),
        };
        let server = Embedded::start(options).await.map_err(Failure::wrong)?;
        let url = server.database_url(NAME).await.map_err(Failure::wrong)?;
        let store = Store::connect_lazy(&url, connections).map_err(Failure::wrong)?;
        Ok(Self {
            store,
            server: Some(server),
        })
    }

    /// Whether the server is a private one.
    pub fn is_private(&self) -> bool {
        self.server.is_some()
    }

    /// Closes it, and stops the private server.
    pub async fn close(self) {
        self.store.close().await;
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}
