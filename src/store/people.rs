//! Persons and what other systems call them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Store, StoreError, Tx};
use crate::domain::{Identity, Person, PersonId};

impl Store {
    /// The person, with every identity that counts: an e-mail that stands at two people counts for
    /// neither.
    pub async fn person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        Ok(self.people(&BTreeSet::from([id])).await?.remove(&id))
    }

    /// Those people, with every identity that counts.
    pub async fn people(
        &self,
        ids: &BTreeSet<PersonId>,
    ) -> Result<BTreeMap<PersonId, Person>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        let persons = sqlx::query!("select id, name from persons where id = any($1)", &ids)
            .fetch_all(&self.pool)
            .await?;
        let identities = sqlx::query!(
            r#"select i.person_id, i.kind, i.team, i.value from identities i
               where i.person_id = any($1)
                 and (i.kind = 'slack' or not exists (select from identities o
                   where o.kind = i.kind and o.value = i.value and o.person_id <> i.person_id))"#,
            &ids
        )
        .fetch_all(&self.pool)
        .await?;
        let mut people: BTreeMap<PersonId, Person> = BTreeMap::new();
        for row in persons {
            let id = PersonId::from_uuid(row.id);
            people.insert(
                id,
                Person {
                    id,
                    name: row.name,
                    identities: BTreeSet::new(),
                },
            );
        }
        for row in identities {
            if let Some(person) = people.get_mut(&PersonId::from_uuid(row.person_id)) {
                person
                    .identities
                    .insert(identity(&row.kind, row.team, row.value));
            }
        }
        Ok(people)
    }

    /// The people at whom any of these identities stands, with all that is known of them.
    pub async fn people_with(
        &self,
        identities: &BTreeSet<Identity>,
    ) -> Result<BTreeSet<PersonId>, StoreError> {
        let mut found = BTreeSet::new();
        for wanted in identities {
            let (kind, team, value) = columns(wanted);
            let ids = sqlx::query_scalar!(
                "select person_id from identities where kind = $1 and team = $2 and value = $3",
                kind,
                team,
                value
            )
            .fetch_all(&self.pool)
            .await?;
            found.extend(ids.into_iter().map(PersonId::from_uuid));
        }
        Ok(found)
    }

    /// The people whom a Slack user id of any team belongs to.
    pub async fn people_with_slack_user(
        &self,
        user: &str,
    ) -> Result<BTreeSet<PersonId>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select person_id from identities where kind = 'slack' and value = $1",
            user
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(PersonId::from_uuid).collect())
    }

    /// Records what a source says of one user of it: the identity by which it knows the user, and
    /// the confirmed e-mails. Makes the person on first sight with the id given; replaces the
    /// e-mails otherwise. Answers the person's id.
    pub async fn record_person(
        &self,
        new_id: PersonId,
        name: &str,
        known_as: &Identity,
        emails: &BTreeSet<Identity>,
    ) -> Result<PersonId, StoreError> {
        let mut tx = self.begin().await?;
        let now = tx.database_now().await?;
        let person = tx.person_known_as(new_id, name, known_as, now).await?;
        tx.replace_emails(person, emails, now).await?;
        tx.commit().await?;
        Ok(person)
    }
}

impl Tx {
    async fn person_known_as(
        &mut self,
        new_id: PersonId,
        name: &str,
        known_as: &Identity,
        now: DateTime<Utc>,
    ) -> Result<PersonId, StoreError> {
        let (kind, team, value) = columns(known_as);
        // Two first sights at once: the lock lets the second see the first.
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))",
            format!("{team}/{value}")
        )
        .execute(&mut *self.0)
        .await?;
        let known = sqlx::query_scalar!(
            "update identities set seen_at = $4 where kind = $1 and team = $2 and value = $3
             returning person_id",
            kind,
            team,
            value,
            now
        )
        .fetch_optional(&mut *self.0)
        .await?;
        if let Some(id) = known {
            sqlx::query!(
                "update persons set name = $2 where id = $1 and name <> $2",
                id,
                name
            )
            .execute(&mut *self.0)
            .await?;
            return Ok(PersonId::from_uuid(id));
        }
        sqlx::query!(
            "insert into persons (id, name, created_at) values ($1, $2, $3)",
            new_id.as_uuid(),
            name,
            now
        )
        .execute(&mut *self.0)
        .await?;
        self.link(new_id, known_as, now).await?;
        Ok(new_id)
    }

    async fn replace_emails(
        &mut self,
        person: PersonId,
        emails: &BTreeSet<Identity>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from identities where person_id = $1 and kind = 'email'",
            person.as_uuid()
        )
        .execute(&mut *self.0)
        .await?;
        for email in emails {
            self.link(person, email, now).await?;
        }
        Ok(())
    }

    async fn link(
        &mut self,
        person: PersonId,
        identity: &Identity,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (kind, team, value) = columns(identity);
        sqlx::query!(
            "insert into identities (person_id, kind, team, value, seen_at)
             values ($1, $2, $3, $4, $5)",
            person.as_uuid(),
            kind,
            team,
            value,
            now
        )
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }
}

fn columns(identity: &Identity) -> (&'static str, &str, &str) {
    match identity {
        Identity::Slack { team, user } => ("slack", team, user),
        Identity::Email(address) => ("email", "", address),
    }
}

fn identity(kind: &str, team: String, value: String) -> Identity {
    if kind == "slack" {
        Identity::Slack { team, user: value }
    } else {
        Identity::Email(value)
    }
}
