//! The whole way of an ask, as people read it.

use super::meaning::with;
use super::*;
use crate::domain::{Asker, Standing};

#[test]
fn an_explanation_tells_conditions_steps_and_what_is_missing() {
    let policy = with(
        "  - { name: freeze, match: { labels: { env: prod } }, when: \"now.weekend\", decision: deny, message: Not at weekends. }
  - { name: on call, match: { requester_in: [oncall] }, decision: approve }
  - { name: quick, match: {}, when: \"request.duration <= duration('30m')\", limits: { hours: \"08:00-18:00\" }, decision: approve }
  - name: people
    match: { resources: [db] }
    require: { reason: { pattern: '.{5,}', message: Please say why. }, ticket: 'INC-\\d+', max_duration: 2h }
    decision: review
    steps:
      - { from: [dba], ping: [leads], nudge: 15m, escalate: { after: 1h, to: [platform] } }
      - { from: [owner], when: \"request.role == 'rw'\", quiet: { hours: \"22:00-07:00\", fallback: [platform] } }
    break_glass: { who: [web], max_duration: 1h }
",
    );
    let unreadable = Standing {
        unreadable: BTreeSet::from([GroupName::new("oncall")]),
        ..Standing::default()
    };
    let asker = Asker {
        person: person("bob"),
        standing: Standing::default(),
    };
    let asks = [
        ask("dana db rw 3h hm"),
        ask("dana db 1h see INC-7"),
        Ask {
            standing: unreadable,
            ..ask("dana db 1h see INC-7")
        },
        Ask {
            asker: Some(asker),
            ..ask("dana db rw 1h see INC-7")
        },
        Ask {
            break_glass: true,
            ..ask("dana db 1h fire, see INC-7")
        },
    ];
    let told: Vec<String> = (asks.iter())
        .map(|ask| policy.explain(ask, &noon()).to_string())
        .collect();
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn an_explanation_stops_where_nobody_can_tell() {
    let policy = with(
        "  - { name: closed, match: {}, when: \"resource.labels['team'] == 'x'\", decision: deny, message: No. }
  - { name: people, match: {}, decision: review, steps: [ { from: [dba] } ] }
"
        .replace("'x'", "'web'")
        .as_str(),
    );
    insta::assert_snapshot!(policy.explain(&ask("dana db 1h"), &noon()));
}
