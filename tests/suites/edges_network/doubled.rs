//! A network that delivers requests twice, some of them late, and answers out of order.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use mooring_tests::crew::{add, count_up, edit, field, names, number, person, value};
use mooring_tests::gate::Way;
use mooring_tests::{Client, on_a_local_set};
use sync_client::api::{Answer, Command};
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, RecordId, RecordKey, Value};

use super::Scene;

/// How often each of two people counts one up.
const TIMES: i64 = 25;

fn tally() -> RecordId {
    RecordId::new(CollectionId::new("tally").expect("a valid name"), RecordKey::Int(1))
}

const COUNT: &str = "count";

async fn versions(client: &Client) -> Result<usize> {
    let (mut versions, mut resume) = (0, None);
    loop {
        let Answer::History(page) = client.ask(Command::History { id: tally(), resume }).await? else {
            bail!("no history")
        };
        versions += page.versions.len();
        resume = page.next;
        if resume.is_none() {
            return Ok(versions);
        }
    }
}

#[test]
fn requests_that_come_twice_or_late_and_answers_out_of_order_change_nothing() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        let a = &scene.a;
        let fields = vec![field(COUNT, FieldType::Counter, 0)];
        a.ask(Command::NewCollection { label: "Tally".into(), fields }).await?;
        let fields = Fields::from([(FieldName::new(COUNT)?, Value::from(0))]);
        a.ask(Command::Insert { collection: tally().collection, key: Some(tally().key), fields }).await?;
        a.synced().await?;
        let b = Client::start(&scene.dir.path().join("writer"), "Writer")?;
        b.join(&scene.gate.url).await?;
        b.synced().await?;

        scene.gate.set(Way::Doubled(Duration::from_millis(120)));
        let name = |n: i64| if n == 0 { "Ann".to_owned() } else { format!("Ann {n}") };
        let phone = |n: i64| (n + 1).to_string();
        for n in 0..TIMES {
            count_up(a, &tally(), COUNT).await?;
            count_up(&b, &tally(), COUNT).await?;
            edit(a, &person(1), "name", &name(n), &name(n + 1)).await?;
            edit(&b, &person(1), "phone", &phone(n), &phone(n + 1)).await?;
            add(a, n + 2, &format!("Person {}", n + 2)).await?;
            if n % 5 == 4 {
                a.synced().await?;
                b.synced().await?;
            }
        }
        let doubled = scene.gate.doubled().await;
        let (requests, overtook) = (doubled.requests.get(), doubled.overtook.get());
        println!("{requests} requests came twice, {overtook} answers overtook another one");
        ensure!(requests > 30 && overtook > 5, "{requests} requests, {overtook} out of order");

        let mut people = vec![(1, name(TIMES))];
        people.extend((2..TIMES + 2).map(|key| (key, format!("Person {key}"))));
        let people: Vec<(i64, &str)> = people.iter().map(|(key, name)| (*key, name.as_str())).collect();
        scene.ends_with(&people).await?;
        b.synced().await?;
        let c = scene.another("c").await?;
        c.synced().await?;
        for client in [a, &b, &c] {
            assert_eq!(number(client, &tally(), COUNT).await?, 2 * TIMES, "each count once");
            assert_eq!(value(client, &person(1), "phone").await?, Some(phone(TIMES)));
            assert_eq!((names(client).await?.len(), client.status().await?.review()), (people.len(), 0));
        }
        assert_eq!(versions(&c).await?, 2 * TIMES as usize + 1, "and each a version of its own");
        Ok(())
    });
}
