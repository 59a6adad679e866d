//! Who people are, as Slack and the policy together tell.

use std::collections::BTreeSet;
use std::time::Duration;

use jitbot::directory::{About, Directory, DirectoryFault, Unfit};
use jitbot::domain::{GroupName, Identity, Member, PersonId, Roster};
use jitbot::policy::{Policy, Source};
use jitbot::sandbox::{Fault, FaultKind, Sandbox, Settings};
use jitbot::slack::client::{Client, ClientSettings};
use jitbot::store::Store;
use secrecy::SecretString;
use uuid::Uuid;

use crate::harness::store::fresh;

const POLICY: &str = r##"
version: 1
defaults: { channel: "#access-requests" }
people:
  dana: { emails: [dana@acme.example, dana@elsewhere.example], slack: [U0ERIN] }
groups:
  dba: { members: [bob@acme.example, gus@acme.example, nobody@acme.example, U0JITBOT, dana] }
connectors:
  staging: { kind: webhook, url: "https://target.example/jit", secret: { env: NEVER_READ } }
resources:
  staging-db: { connector: staging, roles: { readonly: app_ro } }
rules:
  - name: reading
    match: { resources: [staging-db] }
    decision: review
    steps: [{ from: [dba], count: 1 }]
"##;

struct World {
    slack: Sandbox,
    store: Store,
    directory: Directory,
    policy: Policy,
}

impl World {
    async fn of(settings: Settings) -> Self {
        let slack = Sandbox::start(settings).await.unwrap();
        let (store, _) = fresh().await;
        let mut settings = ClientSettings::at(&slack.api_url());
        settings.quick_timeout = Duration::from_millis(800);
        let client = Client::new(&SecretString::from("xoxb-acme-bot"), settings).unwrap();
        let sources = vec![Source {
            name: "access.yaml".into(),
            text: POLICY.into(),
        }];
        let policy = Policy::from_sources(sources);
        Self {
            directory: Directory::new(store.clone(), client),
            policy: policy.unwrap_or_else(|faults| panic!("{}", faults.render(false))),
            slack,
            store,
        }
    }

    async fn id(&self, user: &str) -> PersonId {
        let member = self.directory.holder(&self.policy, user).await;
        member.unwrap().person
    }

    async fn click(&self, user: &str) -> Result<Member, DirectoryFault> {
        let about = About {
            groups: BTreeSet::from([dba()]),
            holder: PersonId::from_uuid(Uuid::nil()),
        };
        let reading = self.directory.member_at_click(&self.policy, user, &about);
        reading.await
    }

    async fn groups(&self, user: &str) -> BTreeSet<GroupName> {
        self.click(user).await.unwrap().groups
    }

    async fn roster(&self) -> Result<Roster, DirectoryFault> {
        let dana = self.directory.person(&self.policy, "U0DANA").await;
        let dana = dana.unwrap();
        self.directory.roster(&self.policy, [dba()], &dana).await
    }

    fn reads(&self) -> usize {
        self.slack.calls_to("users.info").len()
    }
}

fn dba() -> GroupName {
    GroupName::new("dba")
}

#[tokio::test]
async fn a_click_is_always_read_afresh_and_asking_is_not() {
    let world = World::of(Settings::acme()).await;
    for _ in 0..3 {
        world
            .directory
            .person(&world.policy, "U0BOB")
            .await
            .unwrap();
    }
    assert_eq!(world.reads(), 1);
    for _ in 0..3 {
        assert!(world.groups("U0BOB").await.contains(&dba()));
    }
    assert_eq!(world.reads(), 4);
    world.directory.forget("U0BOB");
    world
        .directory
        .person(&world.policy, "U0BOB")
        .await
        .unwrap();
    assert_eq!(world.reads(), 5, "what changed is read again");
}

#[tokio::test]
async fn a_click_that_cannot_be_read_is_never_a_yes() {
    let world = World::of(Settings::acme()).await;
    assert!(world.groups("U0BOB").await.contains(&dba()));
    for kind in [
        FaultKind::Status { status: 500 },
        FaultKind::RateLimited { retry_after: 1 },
    ] {
        world.slack.fault(Fault::once("users.info", kind));
        let read = world.click("U0BOB").await;
        assert!(
            matches!(read, Err(DirectoryFault::Unreadable(_))),
            "{read:?}"
        );
    }
}

#[tokio::test]
async fn who_may_not_decide_is_told_apart() {
    let mut settings = Settings::acme();
    let stranger = settings.users.iter_mut().find(|user| user.name == "lee");
    stranger.unwrap().team_id = "T0OTHER".to_owned();
    let world = World::of(settings).await;
    for (user, unfit) in [
        ("U0GUS", Unfit::Guest),
        ("U0JITBOT", Unfit::Bot),
        ("U0LEE", Unfit::Foreign),
    ] {
        let read = world.click(user).await;
        let Err(DirectoryFault::Unfit(found)) = read else {
            panic!("{user}: {read:?}");
        };
        assert_eq!(found, unfit, "{user}");
    }
    let guest = world.directory.person(&world.policy, "U0GUS").await;
    assert!(guest.is_ok(), "a guest may ask");
    let foreign = world.directory.person(&world.policy, "U0LEE").await;
    assert!(foreign.is_err());
    let nobody = world.store.people_with_slack_user("U0LEE").await.unwrap();
    assert!(nobody.is_empty(), "no stranger becomes a person");
}

#[tokio::test]
async fn in_an_organisation_people_count_of_whom_no_workspace_is_named() {
    let mut settings = Settings::acme();
    settings.org_install = true;
    for user in &mut settings.users {
        user.team_id = String::new();
    }
    let lee = settings.users.iter_mut().find(|user| user.name == "lee");
    lee.unwrap().enterprise_id = "E0OTHER".to_owned();
    let world = World::of(settings).await;
    assert!(world.groups("U0BOB").await.contains(&dba()));
    let foreign = world.click("U0LEE").await;
    assert!(
        matches!(foreign, Err(DirectoryFault::Unfit(Unfit::Foreign))),
        "{foreign:?}"
    );
}

#[tokio::test]
async fn an_address_counts_only_while_it_is_confirmed() {
    let world = World::of(Settings::acme()).await;
    assert!(world.groups("U0BOB").await.contains(&dba()));
    world.slack.set_email_confirmed("bob", false).unwrap();
    assert!(!world.groups("U0BOB").await.contains(&dba()));
}

#[tokio::test]
async fn an_address_that_two_people_have_counts_for_neither() {
    let mut settings = Settings::acme();
    let carol = settings.users.iter_mut().find(|user| user.name == "carol");
    carol.unwrap().email = "Bob@Acme.example".to_owned();
    let world = World::of(settings).await;
    assert!(
        world.groups("U0BOB").await.contains(&dba()),
        "carol is not known yet"
    );
    assert!(!world.groups("U0CAROL").await.contains(&dba()));
    assert!(!world.groups("U0BOB").await.contains(&dba()));
    let bob = world.id("U0BOB").await;
    let member = world.click("U0CAROL").await;
    assert!(
        member.unwrap().is(bob),
        "and neither decides on what is the other's"
    );
}

#[tokio::test]
async fn an_address_that_has_moved_on_counts_for_its_new_owner() {
    let world = World::of(Settings::acme()).await;
    // Carol had bob's address when she was read last; Slack says otherwise now.
    let id = PersonId::from_uuid(Uuid::now_v7());
    let carol = Identity::slack("T0ACME", "U0CAROL");
    let address = BTreeSet::from([Identity::email("bob@acme.example")]);
    let recording = world.store.record_person(id, "carol", &carol, &address);
    recording.await.unwrap();
    assert!(world.groups("U0BOB").await.contains(&dba()));
}

#[tokio::test]
async fn the_policy_says_which_accounts_are_one_human() {
    let world = World::of(Settings::acme()).await;
    let erin = world.id("U0ERIN").await;
    let member = world.click("U0DANA").await;
    let member = member.unwrap();
    assert!(member.is(erin));
    assert!(member.groups.contains(&dba()) && member.groups.contains(&GroupName::new("dana")));
    assert!(world.groups("U0ERIN").await.contains(&dba()));
    let person = world
        .directory
        .person(&world.policy, "U0ERIN")
        .await
        .unwrap();
    let elsewhere = Identity::email("dana@elsewhere.example");
    assert!(person.identities.contains(&elsewhere), "{person:?}");
}

#[tokio::test]
async fn a_roster_holds_who_could_decide_and_counts_a_human_once() {
    let world = World::of(Settings::acme()).await;
    let roster = world.roster().await.unwrap();
    let people = &roster.groups[&dba()];
    assert_eq!(
        people.len(),
        2,
        "bob and dana; no guest, no bot, nobody unknown"
    );
    assert!(people.contains(&world.id("U0BOB").await));
    let before = world.slack.calls().len();
    world.roster().await.unwrap();
    assert_eq!(
        world.slack.calls().len(),
        before,
        "what was read lately serves"
    );
}

#[tokio::test]
async fn a_roster_that_cannot_be_read_is_no_empty_one() {
    let world = World::of(Settings::acme()).await;
    let down = FaultKind::Status { status: 500 };
    world.slack.fault(Fault::once("users.lookupByEmail", down));
    let read = world.roster().await;
    assert!(
        matches!(read, Err(DirectoryFault::Unreadable(_))),
        "{read:?}"
    );
}
