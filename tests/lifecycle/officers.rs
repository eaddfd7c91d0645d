//! Security officers act on each other at once: the trading centre is never left without any.

use serde_json::{Value, json};

use super::stage::Stage;

/// How often it is tried: who is first is up to chance.
const ROUNDS: usize = 20;

fn name(who: &str, round: usize) -> String {
    format!("officer-{who}-{round}")
}

/// The token of a new security officer.
fn officer(stage: &Stage, name: &str) -> String {
    stage.broker.operator(&["staff", "add", name, "--role", "security-officer"]).trim().to_owned()
}

fn id_of(stage: &Stage, name: &str) -> String {
    let list: Value = serde_json::from_str(&stage.broker.operator(&["staff", "list"])).unwrap();
    let found = list["staff"].as_array().unwrap().iter().find(|member| member["name"] == name);
    found.unwrap()["operator"].as_str().unwrap().to_owned()
}

#[test]
fn of_two_officers_who_disable_each_other_one_stays() {
    let stage = Stage::new();
    for round in 0..ROUNDS {
        let tokens = ["a", "b"].map(|who| officer(&stage, &name(who, round)));
        let ids = ["a", "b"].map(|who| id_of(&stage, &name(who, round)));
        let disable = |by: usize, whom: usize| {
            stage
                .try_as_staff(&tokens[by], &format!("/v1/operator/staff/{}/disable", ids[whom]), &json!({}))
                .0
        };
        let statuses = std::thread::scope(|scope| {
            let other = scope.spawn(|| disable(1, 0));
            [disable(0, 1), other.join().unwrap()]
        });
        let done = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(done, 1, "{statuses:?}");
        let refused = statuses.iter().find(|status| **status != 200).unwrap();
        assert!([401, 403].contains(refused), "{statuses:?}");
    }
}
