//! `jit manifest`

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use url::Url;

use super::{Failure, out};
use crate::slack::manifest::{self, Mode};

/// Print the manifest to create the Slack app from.
#[derive(Args, Debug)]
#[command(after_help = "\
Open https://api.slack.com/apps, choose “Create New App”, “From a manifest”, and paste it.

Examples:
  jit manifest
  jit manifest --mode http --url https://jit.example.com
  jit manifest --install --url https://jit.example.com   (several workspaces: docs/workspaces.md)

Exit status: 0 it was printed, 2 the address is missing or wrong.")]
pub struct Arguments {
    /// How deliveries come in: socket needs no public address
    #[arg(long, value_enum, default_value_t = Way::Socket)]
    mode: Way,
    /// The bot's public address, for HTTP and for --install
    #[arg(long, value_name = "URL", required_if_eq("mode", "http"))]
    url: Option<String>,
    /// For an app that several workspaces, or a whole organisation, install by OAuth
    #[arg(long, requires = "url")]
    install: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    Socket,
    Http,
}

impl Arguments {
    /// Prints it.
    pub(super) fn run(self) -> Result<(), Failure> {
        let url = self.url.as_deref().map(public).transpose()?;
        let mode = match (self.mode, &url) {
            (Way::Socket, Some(_)) if !self.install => {
                return Err(Failure::usage(anyhow!(
                    "--url is for --mode http and --install"
                )));
            }
            (Way::Socket, _) => Mode::Socket,
            (Way::Http, url) => Mode::Http {
                url: url.clone().unwrap_or_default(),
            },
        };
        match url.filter(|_| self.install) {
            Some(url) => {
                let manifest = manifest::manifest_for_installing(&mode, &url);
                out::raw(format!("{manifest:#}\n"))
            }
            None => out::raw(manifest::to_file(&mode)),
        }
    }
}

/// Slack calls nothing but `https`.
fn public(url: &str) -> Result<String, Failure> {
    let parsed = Url::parse(url)
        .ok()
        .filter(|url| url.scheme() == "https" && url.has_host());
    match parsed {
        Some(_) => Ok(url.trim_end_matches('/').to_owned()),
        None => Err(Failure::usage(anyhow!(
            "--url has to be an https address that Slack can reach, as https://jit.example.com"
        ))),
    }
}
