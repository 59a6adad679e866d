//! What `jit doctor` looks at where workspaces install the app.

use super::Findings;
use crate::cli::Failure;
use crate::cli::database::Database;
use crate::cli::estate::{installations, settings};
use crate::clock::Clock;
use crate::config::{Config, InstallConfig};
use crate::policy::Policy;
use crate::slack::client::{Client, SlackFault};
use crate::store::installations::Installed;
use crate::workspaces::{Installations, folder_of};

impl Findings {
    /// Looks at every installation. No token is exchanged: that is the bot's, which stores the next.
    pub(super) async fn workspaces(&mut self, config: &Config, app: &InstallConfig) {
        let Ok(database) = Database::open(config, 2).await else {
            // That is told already.
            return;
        };
        let settings = settings(app);
        match installations(app, &settings, (database.store.clone(), Clock::Database)) {
            Ok(installations) => self.installed(config, app, &installations).await,
            Err(Failure::Wrong(error) | Failure::Usage(error)) => {
                self.ill("token keys", format!("{error:#}"), "correct JIT_TOKEN_KEY");
            }
            Err(_) => {}
        }
        database.close().await;
    }

    async fn installed(&mut self, config: &Config, app: &InstallConfig, all: &Installations) {
        let rows = match all.all().await {
            Ok(rows) => rows,
            Err(error) => {
                return self.ill("installations", error.to_string(), "run `jit migrate`");
            }
        };
        let present: Vec<&Installed> = rows.iter().filter(|row| row.removed_at.is_none()).collect();
        if present.is_empty() {
            let remedy = format!("open {}slack/install in a browser", app.public_url);
            return self.ill("installations", "there is none yet", remedy);
        }
        for row in present {
            self.token_of(row, (app, all)).await;
            self.policy_of(row, config);
        }
    }

    async fn token_of(&mut self, row: &Installed, (app, all): (&InstallConfig, &Installations)) {
        let name = format!("workspace {}, token", folder_of(row));
        let again = format!(
            "if this stays so, install the app again: {}slack/install",
            app.public_url
        );
        let looked = async {
            let token = all.peek(&row.house).await?;
            let client = Client::new(&token, settings(app));
            let client = client.map_err(|fault| SlackFault::Permanent(fault.to_string()))?;
            client.auth_test().await
        };
        match looked.await {
            Ok(who) => self.well(&name, format!("good; the bot is {}", who.bot_user)),
            Err(fault) if fault.code() == "token_expired" => {
                let remedy = format!("`jit serve` gets the next one while it runs; {again}");
                self.ill(&name, fault.to_string(), remedy);
            }
            Err(fault) => self.ill(&name, fault.to_string(), again),
        }
    }

    fn policy_of(&mut self, row: &Installed, config: &Config) {
        let path = config.policy.join(folder_of(row));
        let (name, shown) = (
            format!("workspace {}, policy", folder_of(row)),
            path.display(),
        );
        match Policy::load(&path) {
            Ok(policy) => self.well(&name, format!("{shown}, hash {}", policy.hash())),
            Err(faults) => {
                let what = format!("{shown} is missing or has {} faults", faults.len());
                let remedy = format!("see them with `jit policy check {shown}`");
                self.ill(&name, what, remedy);
            }
        }
    }
}
