//! `jit demo --tour`: the story, played without a browser and without waiting for people. Each step
//! looks at the real database or at what people really see; one line a step.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sqlx::PgConnection;

mod people;

use super::world::World;
use crate::cli::{Failure, out};
use crate::domain::{GrantState, Request};
use crate::ledger::export::{export, verify_database, verify_file};
use crate::sandbox::{Message, Sandbox, SubmitValues};
use people::{heard, heard_submit, preformatted, preformatted_text, until};

/// What a step waits for comes within this time, or the step fails.
const SOON: Duration = Duration::from_secs(15);
/// The longest grant of the story.
const WHOLE_STORY: Duration = Duration::from_secs(45);

/// Plays the story. Fails when a step failed; the steps after it are played all the same, as far as
/// they do not need what it should have left.
pub(super) async fn play(world: &mut World, keep: Option<&Path>) -> Result<(), Failure> {
    let mut tour = Tour {
        world,
        passed: 0,
        failed: 0,
        card: None,
        login: None,
        session: None,
    };
    tour.asking().await;
    tour.using().await;
    tour.ending().await;
    tour.dying().await;
    tour.proving(keep).await;
    let (passed, failed) = (tour.passed, tour.failed);
    say(&format!("tour: {passed} passed, {failed} failed"));
    if failed == 0 {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}

struct Tour<'a> {
    world: &'a mut World,
    passed: u32,
    failed: u32,
    /// The card of the story's main request.
    card: Option<Message>,
    /// Dana's temporary login and its password.
    login: Option<(String, String)>,
    /// Dana's open session.
    session: Option<PgConnection>,
}

/// Plays one step and prints its line; the story goes on.
macro_rules! step {
    ($tour:ident, $what:literal, $act:expr) => {{
        let outcome: Result<()> = $act.await;
        $tour.done($what, outcome);
    }};
}

impl Tour<'_> {
    async fn asking(&mut self) {
        step!(
            self,
            "dana cannot log in to staging: nobody has standing access",
            self.no_access()
        );
        step!(
            self,
            "dana asks to change staging; a card asks dba and leads",
            self.asks()
        );
        step!(
            self,
            "erin is no approver: her click is refused, and she is told why",
            self.stranger()
        );
        step!(self, "dana may not approve her own request", self.own());
        step!(
            self,
            "bob approves; that is one of two, and nothing is given yet",
            self.first()
        );
        step!(
            self,
            "lee approves; dana's role appears in the database",
            self.second()
        );
    }

    async fn using(&mut self) {
        step!(
            self,
            "dana gets credentials in a modal that only she sees",
            self.credentials()
        );
        step!(
            self,
            "bob cannot get dana's credentials by pressing her button",
            self.not_for_bob()
        );
        step!(
            self,
            "dana logs in and reads and changes orders",
            self.works()
        );
        step!(
            self,
            "a second, shorter grant of the same access is approved",
            self.overlap()
        );
        step!(
            self,
            "carol denies a request and says why; erin learns it",
            self.denied()
        );
        step!(
            self,
            "the shorter grant ends; dana's access and session go on",
            self.not_shortened()
        );
    }

    async fn ending(&mut self) {
        step!(self, "dana is reminded before the end", self.reminded());
        step!(
            self,
            "the time is over: dana's open session was terminated",
            self.terminated()
        );
        step!(
            self,
            "dana's login is refused again, and her role is gone",
            self.refused_again()
        );
        step!(
            self,
            "the card says that the access is taken away, and its thread tells the story",
            self.told()
        );
    }

    async fn dying(&mut self) {
        step!(
            self,
            "erin gets a short grant, and the bot is killed before its end",
            self.killed()
        );
        step!(
            self,
            "its time is over while the bot is dead: the role still stands",
            self.outlived()
        );
        step!(
            self,
            "the bot is started again and takes the role away at once",
            self.repaired()
        );
    }

    async fn proving(&mut self, keep: Option<&Path>) {
        step!(
            self,
            "the ledger's chain is verified, also from its export",
            self.verified(keep)
        );
        step!(
            self,
            "nothing is left undone, and no temporary role stands",
            self.nothing_left()
        );
    }

    // -- asking --

    async fn no_access(&mut self) -> Result<()> {
        ensure!(
            self.world.targets.log_in("dana", "guess").await.is_err(),
            "she could log in"
        );
        ensure!(
            self.world.targets.temporary_roles().await? == 0,
            "there is a temporary role"
        );
        Ok(())
    }

    async fn asks(&mut self) -> Result<()> {
        let card = self
            .request("dana", "staging-db readwrite 30s INC-7 mend order 1002")
            .await?;
        let says = card.plain();
        ensure!(
            says.contains("INC-7") && card.buttons().contains(&"Approve".to_owned()),
            "{says}"
        );
        self.card = Some(card);
        Ok(())
    }

    async fn stranger(&mut self) -> Result<()> {
        self.clicks_in_vain("erin", "dba").await
    }

    async fn own(&mut self) -> Result<()> {
        self.clicks_in_vain("dana", "own request").await
    }

    async fn first(&mut self) -> Result<()> {
        let card = self.card.clone().context("there is no card")?;
        self.press("bob", &card, "Approve").await?;
        self.until_card(&card, "@bob approved").await?;
        ensure!(
            self.world.targets.temporary_roles().await? == 0,
            "something was given already"
        );
        Ok(())
    }

    async fn second(&mut self) -> Result<()> {
        let card = self.card.clone().context("there is no card")?;
        self.press("lee", &card, "Approve").await?;
        self.until_card(&card, "Active until").await?;
        ensure!(
            self.world.targets.temporary_roles().await? == 1,
            "there is no role"
        );
        Ok(())
    }

    // -- using --

    async fn credentials(&mut self) -> Result<()> {
        let message = self.dm("dana", "Get credentials").await?;
        let slack = self.world.slack.clone();
        heard(
            &slack
                .click("dana", "dm", &message.ts, "Get credentials")
                .await?,
        )?;
        let shown = slack.wait_some(|slack| preformatted(slack.modal("dana")?.blocks()), SOON);
        let shown = shown.await.context("no credentials were shown")?;
        let login = shown[0]
            .lines()
            .find_map(|line| line.trim().strip_prefix("login:"));
        let login = login.context("no login is named")?.trim().to_owned();
        let password = shown
            .get(1)
            .context("no password is shown")?
            .trim()
            .to_owned();
        slack.close_modal("dana").await?;
        let seen = |user: &str| {
            slack
                .dms(user)
                .iter()
                .any(|dm| dm.plain().contains(&password))
        };
        ensure!(
            !seen("dana") && !seen("bob"),
            "the password stands in a message"
        );
        self.login = Some((login, password));
        Ok(())
    }

    async fn not_for_bob(&mut self) -> Result<()> {
        let message = self.dm("dana", "Get credentials").await?;
        let slack = self.world.slack.clone();
        slack.click_seen("bob", &message, "Get credentials").await?;
        let answer = slack.wait_some(
            |slack| Some(slack.modal("bob")?.plain()).filter(|says| !says.contains("…")),
            SOON,
        );
        let answer = answer.await.unwrap_or_default();
        ensure!(
            preformatted_text(&slack, "bob").is_none(),
            "bob saw credentials: {answer}"
        );
        let (login, password) = self.login.clone().context("there is no login")?;
        ensure!(
            self.world.targets.log_in(&login, &password).await.is_ok(),
            "her password was changed"
        );
        slack.clear_modals("bob").await?;
        Ok(())
    }

    async fn works(&mut self) -> Result<()> {
        let (login, password) = self.login.clone().context("there is no login")?;
        let mut session = self.world.targets.log_in(&login, &password).await?;
        let orders: i64 = sqlx::query_scalar("select count(*) from orders")
            .fetch_one(&mut session)
            .await?;
        ensure!(orders == 3, "she sees {orders} orders");
        sqlx::query("update orders set state = 'paid' where id = 1002")
            .execute(&mut session)
            .await?;
        let forbidden = sqlx::query("delete from customers")
            .execute(&mut session)
            .await;
        ensure!(forbidden.is_err(), "she may do more than her role");
        self.session = Some(session);
        Ok(())
    }

    async fn overlap(&mut self) -> Result<()> {
        let card = self
            .request("dana", "staging-db readwrite 8s INC-7 once more")
            .await?;
        self.press("bob", &card, "Approve").await?;
        self.press("carol", &card, "Approve").await?;
        self.until_card(&card, "Active until").await
    }

    async fn denied(&mut self) -> Result<()> {
        let card = self
            .request("erin", "staging-db readwrite 1h INC-8 look around")
            .await?;
        let slack = self.world.slack.clone();
        self.press("carol", &card, "Deny…").await?;
        let asked = slack
            .wait_for(|slack| slack.modal("carol").is_some(), SOON)
            .await;
        ensure!(asked, "carol was not asked why");
        let why = SubmitValues::new().with("jit_why_text", "Please take a replica");
        heard_submit(&slack.submit("carol", why).await?)?;
        self.until_card(&card, "Please take a replica").await?;
        self.dm("erin", "Please take a replica").await.map(drop)
    }

    async fn not_shortened(&mut self) -> Result<()> {
        let slack = self.world.slack.clone();
        let goes_on = |message: &Message| message.plain().contains("but you keep");
        let told = slack
            .wait_for(|slack| slack.dms("dana").iter().any(goes_on), SOON)
            .await;
        ensure!(told, "dana was not told that her access goes on");
        let session = self.session.as_mut().context("there is no session")?;
        sqlx::query("select 1 from orders")
            .execute(session)
            .await
            .context("her session ended")?;
        Ok(())
    }

    // -- ending --

    async fn reminded(&mut self) -> Result<()> {
        let slack = self.world.slack.clone();
        let reminder = |message: &Message| message.plain().contains("/jit extend");
        let told = slack.wait_for(|slack| slack.dms("dana").iter().any(reminder), WHOLE_STORY);
        ensure!(told.await, "no reminder came");
        let session = self.session.as_mut().context("there is no session")?;
        sqlx::query("select 1")
            .execute(session)
            .await
            .context("it came after the end")?;
        Ok(())
    }

    async fn terminated(&mut self) -> Result<()> {
        let card = self.card.clone().context("there is no card")?;
        self.until_card_within(&card, "Taken away", WHOLE_STORY)
            .await?;
        let session = self.session.as_mut().context("there is no session")?;
        ensure!(
            sqlx::query("select 1").execute(session).await.is_err(),
            "her session lives"
        );
        Ok(())
    }

    async fn refused_again(&mut self) -> Result<()> {
        let (login, password) = self.login.clone().context("there is no login")?;
        ensure!(
            self.world.targets.log_in(&login, &password).await.is_err(),
            "she could log in"
        );
        ensure!(
            self.world.targets.temporary_roles().await? == 0,
            "her role stands"
        );
        Ok(())
    }

    async fn told(&mut self) -> Result<()> {
        let card = self.card.clone().context("there is no card")?;
        let slack = self.world.slack.clone();
        let told = |slack: &Sandbox| {
            let thread = slack.thread(&card.channel, &card.ts);
            let story: Vec<String> = thread.iter().map(Message::plain).collect();
            let story = story.join("\n");
            story.contains("approved") && story.contains("is given") && story.contains("taken away")
        };
        ensure!(
            slack.wait_for(told, SOON).await,
            "the thread does not tell the story"
        );
        let now = slack
            .message(&card.channel, &card.ts)
            .context("the card is gone")?;
        ensure!(
            !now.buttons().contains(&"Approve".to_owned()),
            "it still has buttons"
        );
        Ok(())
    }

    // -- dying --

    async fn killed(&mut self) -> Result<()> {
        let card = self
            .request("erin", "staging-db readonly 8s to look")
            .await?;
        self.press("carol", &card, "Approve").await?;
        self.until_card(&card, "Active until").await?;
        self.card = Some(card);
        self.world.bot.kill().await
    }

    async fn outlived(&mut self) -> Result<()> {
        let end = self.active_until().await?;
        let store = self.world.store.clone();
        // By the database's clock, which is the one that counts.
        until(SOON, async || {
            Ok(end < store.begin().await?.database_now().await?)
        })
        .await?;
        ensure!(
            self.world.targets.temporary_roles().await? == 1,
            "the role went by itself"
        );
        Ok(())
    }

    async fn active_until(&self) -> Result<chrono::DateTime<chrono::Utc>> {
        let requests = self.world.store.all_requests().await?;
        match requests
            .last()
            .and_then(Request::grant)
            .map(|grant| &grant.state)
        {
            Some(GrantState::Active { until, .. }) => Ok(*until),
            other => bail!("it is not active: {other:?}"),
        }
    }

    async fn repaired(&mut self) -> Result<()> {
        self.world.bot.restart()?;
        self.world.await_bot().await?;
        until(SOON, async || {
            Ok(self.world.targets.temporary_roles().await? == 0)
        })
        .await?;
        let card = self.card.clone().context("there is no card")?;
        self.until_card(&card, "Taken away").await
    }

    // -- proving --

    async fn verified(&mut self, keep: Option<&Path>) -> Result<()> {
        let head = verify_database(&self.world.store).await?;
        let mut file = Vec::new();
        let exported = export(&self.world.store, &mut file).await?;
        let read = verify_file(&file[..])?;
        ensure!(
            read == exported && head == exported,
            "the export ends elsewhere"
        );
        if let Some(folder) = keep {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join("ledger.jsonl"), &file)?;
        }
        Ok(())
    }

    async fn nothing_left(&mut self) -> Result<()> {
        let store = self.world.store.clone();
        until(SOON, async || {
            Ok(store.unsettled().await? + store.unfinished_deliveries().await? == 0)
        })
        .await
        .context("the outbox is not empty")?;
        ensure!(
            self.world.targets.temporary_roles().await? == 0,
            "a temporary role stands"
        );
        let requests = store.all_requests().await?;
        ensure!(
            requests.iter().all(Request::is_over),
            "a request is not over"
        );
        Ok(())
    }

    // -- the lines --

    fn done(&mut self, what: &str, outcome: Result<()>) {
        let number = self.passed + self.failed + 1;
        match outcome {
            Ok(()) => {
                self.passed += 1;
                say(&format!("ok {number}. {what}"));
            }
            Err(error) => {
                self.failed += 1;
                say(&format!("not ok {number}. {what}\n    {error:#}"));
            }
        }
    }
}

/// Prints a line. A reader that has gone away does not stop the story.
fn say(line: &str) {
    let _ = out::line(line);
}
