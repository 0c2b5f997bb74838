//! Networks that lie, cut or fall silent, and servers that answer something else than the protocol says.

#[path = "edges_network/doubled.rs"]
mod doubled;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mooring_tests::crew::{add, crew, edit, names, person, value, wait_value};
use mooring_tests::gate::{Link, Reply, Request, Way};
use mooring_tests::{Client, Gate, Server, on_a_local_set};
use serde_json::json;
use sync_client::api::{Answer, Command, FailureKind};
use sync_client::status::Transport;

/// A server, a gate in front of it, and a device behind the gate that has everything: the crew with Ann.
struct Scene {
    server: Server,
    gate: Gate,
    a: Client,
    dir: tempfile::TempDir,
}

impl Scene {
    async fn set() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data").display().to_string();
        let server = Server::start(&["--data", &data], 0)?;
        let gate = Gate::to(&server.url).await?;
        let a = Client::start(&dir.path().join("a"), "Deck tablet")?;
        a.join(&gate.url).await?;
        crew(&a).await?;
        add(&a, 1, "Ann").await?;
        a.synced().await?;
        Ok(Self { server, gate, a, dir })
    }

    /// A device of its own with a straight way to the server.
    async fn another(&self, name: &str) -> Result<Client> {
        let client = Client::start(&self.dir.path().join(name), name)?;
        client.join(&self.server.url).await?;
        Ok(client)
    }

    /// In the end the device has everything, and so has another one: each change once, nothing to review.
    async fn ends_with(&self, people: &[(i64, &str)]) -> Result<()> {
        self.gate.set(Way::Open);
        let b = self.another("b").await?;
        let wanted: BTreeMap<String, String> =
            people.iter().map(|(key, name)| (key.to_string(), (*name).to_owned())).collect();
        for client in [&self.a, &b] {
            client.until_pill("Synced and verified").await?;
            assert_eq!(names(client).await?, wanted);
            assert_eq!(client.status().await?.review(), 0);
        }
        Ok(())
    }
}

#[test]
fn a_network_that_wants_a_sign_in_is_named_and_what_is_unsent_arrives_after_it() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        let portals = [
            Reply::page("200 OK", "<html>Welcome to the harbour! Accept our terms.</html>"),
            Reply { headers: vec![("location", "/welcome".into())], ..Reply::page("302 Found", "") },
            Reply::page("511 Network Authentication Required", "<html>Sign in</html>"),
        ];
        let mut saw = "Ann".to_owned();
        for (round, portal) in (1..).zip(portals) {
            scene.gate.set(Way::Stranger(Rc::new(move |request: &Request| match request.path.as_str() {
                "/welcome" => Some(Reply::page("200 OK", "<html>Welcome!</html>")),
                _ => Some(portal.clone()),
            })));
            let want = format!("Ann {round}");
            edit(&scene.a, &person(1), "name", &saw, &want).await?;
            let status = scene.a.until_pill("Problem: see details").await?;
            assert_eq!(
                status.problem.as_deref(),
                Some(
                    "Something other than the Mooring server answered. Does this network want you to sign in first?"
                )
            );
            assert_eq!((status.pending, status.transport), (1, Transport::Offline));
            assert_eq!(value(&scene.a, &person(1), "name").await?, Some(want.clone()));
            // the person signs in to the network, and does nothing here
            scene.gate.set(Way::Open);
            scene.a.synced().await?;
            saw = want;
        }
        // a device that is new here is told as well
        scene.gate.set(Way::Stranger(Rc::new(|_: &Request| Some(Reply::page("200 OK", "<html></html>")))));
        let new = Client::start(&scene.dir.path().join("new"), "New")?;
        let failure = new.ask(Command::Connect { server: scene.gate.url.clone() }).await.err();
        let failure = failure.context("a web page is no server")?;
        ensure!(failure.message.contains("sign-in page first"), "{failure}");
        assert_eq!(failure.kind, FailureKind::Offline);
        scene.ends_with(&[(1, "Ann 3")]).await
    });
}

#[test]
fn a_connection_that_falls_silent_does_not_look_live_for_ever() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        assert_eq!(scene.a.pill().await?, "Synced and verified");
        // one device had a live connection, the other never gets an answer at all
        scene.gate.set(Way::Silent);
        add(&scene.a, 2, "Bob").await?;
        let new = Client::start(&scene.dir.path().join("new"), "New")?;
        let (live, connecting) = futures::join!(
            scene.a.until_pill("Offline, 1 change safe on this device"),
            new.ask(Command::Connect { server: scene.gate.url.clone() }),
        );
        let failure = connecting.err().context("no answer is a failure")?;
        assert_eq!(failure.kind, FailureKind::Offline);
        ensure!(failure.message.starts_with("The server did not answer in time."), "{failure}");
        assert_eq!(
            (live?.transport, value(&scene.a, &person(2), "name").await?),
            (Transport::Offline, Some("Bob".into()))
        );
        scene.ends_with(&[(1, "Ann"), (2, "Bob")]).await
    });
}

#[test]
fn connections_cut_in_the_middle_lose_nothing_and_repeat_nothing() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        let mut people = vec![(1, "Ann".to_owned())];
        for bytes in [1, 20, 150, 300, 500, 900, 2_000] {
            for cut in [Way::CutRequests, Way::CutAnswers] {
                let key = people.len() as i64 + 1;
                let before = scene.gate.cuts();
                scene.gate.set(cut(bytes));
                let name = format!("Person {key} {}", "x".repeat(700));
                add(&scene.a, key, &name).await?;
                people.push((key, name));
                scene.a.ask(Command::SyncNow).await?;
                // long requests and answers are cut twice; short ones pass, and everything is sent
                while scene.gate.cuts() < before + 2 && scene.a.status().await?.pending > 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    scene.a.ask(Command::SyncNow).await?;
                }
            }
        }
        ensure!(scene.gate.cuts() >= 20, "{} cuts", scene.gate.cuts());
        let people: Vec<(i64, &str)> = people.iter().map(|(key, name)| (*key, name.as_str())).collect();
        scene.ends_with(&people).await
    });
}

/// As some proxies do, here when a connection is two seconds old: far shorter than a device waits for news.
#[test]
fn a_proxy_that_cuts_every_connection_delays_nothing_much_and_is_no_problem_to_the_person() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        let b = scene.another("writer").await?;
        b.synced().await?;
        scene.gate.set(Way::CutAtAge(Duration::from_secs(2)));
        let mut seen = BTreeMap::new();
        for n in 0..12 {
            let phone = |n: i32| if n == 0 { "1".to_owned() } else { format!("phone {n}") };
            edit(&b, &person(1), "phone", &phone(n), &phone(n + 1)).await?;
            wait_value(&scene.a, &person(1), "phone", &phone(n + 1)).await?;
            for _ in 0..10 {
                let status = scene.a.status().await?;
                ensure!(status.problem.is_none(), "{status:?}");
                *seen.entry(status.pill().text).or_insert(0) += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        println!("{} cuts, {seen:?}", scene.gate.cuts());
        ensure!(scene.gate.cuts() >= 2, "{} cuts", scene.gate.cuts());
        add(&scene.a, 2, "Bob").await?;
        wait_value(&b, &person(2), "name", "Bob").await?;
        edit(&b, &person(1), "phone", "phone 12", "1").await?;
        b.synced().await?;
        scene.ends_with(&[(1, "Ann"), (2, "Bob")]).await
    });
}

/// More than fits the time for an answer, if all of it had to be there by then.
#[test]
fn over_a_slow_link_a_first_copy_and_a_long_page_of_news_arrive_and_an_edit_gets_through() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        let b = scene.another("writer").await?;
        b.synced().await?;
        // nothing that could be compressed
        let noise = |from: u64, bytes: usize| -> String {
            let digit = |n: u64| {
                let mixed = (from * 1_000_003 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                char::from(
                    b'!' + ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 57) as u8 % 90,
                )
            };
            (0..bytes as u64).map(digit).collect()
        };
        for key in 2..1_002 {
            add(&b, key, &format!("Person {key}")).await?;
        }
        b.synced().await?;
        scene.a.synced().await?;
        scene.gate.set(Way::Slow(Link::SECOND_GENERATION));
        // a new device
        let new = Client::start(&scene.dir.path().join("new"), "New")?;
        new.join(&scene.gate.url).await?;
        new.synced().await?;
        assert_eq!(new.status().await?.problem, None);
        // one that was away while much happened
        scene.a.ask(Command::Network { online: false }).await?;
        add(&scene.a, 2_000, "Cid").await?;
        for key in 1_002..1_052 {
            add(&b, key, &noise(key as u64, 12_000)).await?;
        }
        b.synced().await?;
        let begin = std::time::Instant::now();
        scene.a.ask(Command::Network { online: true }).await?;
        wait_value(&b, &person(2_000), "name", "Cid").await?;
        println!("the edit got through after {:?}", begin.elapsed());
        let status = scene.a.synced().await?;
        println!("everything was there after {:?}", begin.elapsed());
        assert_eq!((status.problem, status.transport), (None, Transport::Online));
        Ok(())
    });
}

/// What is done to the answer of a request whose path ends like that.
type Broken = (&'static str, &'static str, fn(Reply) -> Reply);

#[test]
fn answers_that_break_the_protocol_are_told_and_change_nothing() {
    let broken: [Broken; 7] = [
        ("pull", "not JSON", |reply| Reply { body: b"{\"feeds\": [".to_vec(), ..reply }),
        ("pull", "JSON of another kind", |reply| reply.edited(|answer| *answer = json!([1, 2, 3]))),
        ("pull", "a cursor ahead", |reply| reply.edited(|answer| answer["cursor"][1] = json!(1_000_000))),
        ("pull", "a short cursor", |reply| reply.edited(|answer| answer["cursor"] = json!([]))),
        ("pull", "a partition too many", |reply| reply.edited(|answer| answer["expired"] = json!([4_000]))),
        ("push", "too few verdicts", |reply| reply.edited(|answer| answer["verdicts"] = json!([]))),
        ("push", "a verdict too many", |reply| {
            reply.edited(|answer| {
                let verdicts = answer["verdicts"].as_array_mut().expect("a list");
                verdicts.push(json!({ "verdict": "duplicate" }));
            })
        }),
    ];
    on_a_local_set(async {
        let scene = Scene::set().await?;
        let mut saw = "Ann".to_owned();
        for (round, (ending, what, edit_answer)) in (1..).zip(broken) {
            scene.gate.set(Way::Changed(Rc::new(move |request: &Request, reply| {
                if request.path.ends_with(ending) { edit_answer(reply) } else { reply }
            })));
            let want = format!("Ann {round}");
            edit(&scene.a, &person(1), "name", &saw, &want).await?;
            let status = scene.a.until_pill("Problem: see details").await.context(what)?;
            let problem = status.problem.context("a problem")?;
            ensure!(
                problem.starts_with("An answer of the server cannot be used: ")
                    || problem.starts_with("Something other than the Mooring server answered."),
                "{what}: {problem}"
            );
            assert_eq!(value(&scene.a, &person(1), "name").await?, Some(want.clone()), "{what}");
            scene.gate.set(Way::Open);
            scene.a.synced().await.context(what)?;
            saw = want;
        }
        scene.ends_with(&[(1, saw.as_str())]).await
    });
}

#[test]
fn a_first_copy_that_breaks_the_protocol_is_asked_for_again() {
    let broken: [Broken; 4] = [
        ("snapshot", "a partition that nobody asked for", |reply| {
            reply.edited(|answer| answer["finished"] = json!([[60_000, 1]]))
        }),
        ("snapshot", "an end before the end", |reply| {
            reply.edited(|answer| *answer = json!({ "pages": [], "finished": [], "done": 0, "total": 9 }))
        }),
        ("snapshot", "a page of something else", |reply| {
            reply.edited(|answer| answer["pages"][0]["records"] = json!([{ "no": "record" }]))
        }),
        ("snapshot", "not JSON", |reply| Reply { body: b"<html>".to_vec(), ..reply }),
    ];
    on_a_local_set(async {
        let scene = Scene::set().await?;
        for (round, (ending, what, edit_answer)) in (1..).zip(broken) {
            scene.gate.set(Way::Changed(Rc::new(move |request: &Request, reply| {
                if request.path.ends_with(ending) { edit_answer(reply) } else { reply }
            })));
            let new = Client::start(&scene.dir.path().join(format!("new {round}")), "New")?;
            new.join(&scene.gate.url).await?;
            new.until_pill("Problem: see details").await.context(what)?;
            scene.gate.set(Way::Open);
            let status = new.synced().await.context(what)?;
            assert_eq!(names(&new).await?, [("1".to_owned(), "Ann".to_owned())].into(), "{what}");
            assert_eq!(status.notice, None, "{what}: nothing on the device is damaged");
        }
        Ok(())
    });
}

#[test]
fn fields_that_a_newer_server_adds_are_no_matter() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        scene.gate.set(Way::Changed(Rc::new(|_: &Request, reply: Reply| {
            reply.edited(|answer| {
                deepen(answer);
                if let Some(feeds) = answer.get_mut("feeds") {
                    assert!(feeds.is_array());
                }
            })
        })));
        edit(&scene.a, &person(1), "name", "Ann", "Ann Smith").await?;
        scene.a.synced().await?;
        let new = Client::start(&scene.dir.path().join("new"), "New")?;
        new.join(&scene.gate.url).await?;
        new.synced().await?;
        wait_value(&new, &person(1), "name", "Ann Smith").await?;
        scene.ends_with(&[(1, "Ann Smith")]).await
    });
}

/// Adds a field that nobody knows to every object of the protocol; a record's own fields and checksums are names.
fn deepen(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if !["fields", "edits", "checksums", "records", "next"].contains(&name.as_str()) {
                    deepen(member);
                }
            }
            members.insert("from_a_newer_version".into(), json!({ "a": [1, { "b": null }] }));
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(deepen),
        _ => {}
    }
}

#[test]
fn a_server_that_wants_a_newer_program_stops_the_sync_and_nothing_else() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        let sentence = "This app is too old for the server. Update it; until then you can go on working offline, and nothing is lost.";
        scene.gate.set(Way::Stranger(Rc::new(move |_: &Request| {
            Some(Reply::json("426 Upgrade Required", &json!({ "code": "upgrade", "message": sentence })))
        })));
        add(&scene.a, 2, "Bob").await?;
        let status = scene.a.until_pill("Needs an update of Mooring to sync").await?;
        assert_eq!((status.problem.as_deref(), status.pending), (Some(sentence), 1));
        edit(&scene.a, &person(2), "name", "Bob", "Bob Hope").await?;
        add(&scene.a, 3, "Cid").await?;
        let scene = Scene { a: scene.a.restart().await?, ..scene };
        let status = scene.a.until_pill("Needs an update of Mooring to sync").await?;
        assert_eq!(status.pending, 3, "work goes on, also after a restart");
        let asked = scene.gate.asked("pull").len();
        ensure!(asked <= 6, "{asked} pulls: such a server is not asked in a loop");
        // it was the server that was too old, and it has been updated
        scene.gate.set(Way::Open);
        scene.a.ask(Command::SyncNow).await?;
        scene.ends_with(&[(1, "Ann"), (2, "Bob Hope"), (3, "Cid")]).await
    });
}

#[test]
fn who_signs_in_where_the_server_cannot_is_asked_to_try_again() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        let message =
            "The server's database does not answer now. Nothing is lost: your device sends again by itself.";
        let busy = json!({ "code": "unavailable", "message": message });
        let proxy = Reply::page("503 Service Unavailable", "<html>Maintenance</html>");
        let proxy = Reply { headers: vec![("retry-after", "2".into())], ..proxy };
        let c = Client::start(&scene.dir.path().join("c"), "Office")?;
        c.ask(Command::Connect { server: scene.gate.url.clone() }).await?;
        for reply in [Reply::json("503 Service Unavailable", &busy), proxy] {
            scene.gate.set(Way::Stranger(Rc::new(move |request: &Request| {
                request.path.contains("sign-in").then(|| reply.clone())
            })));
            let failure = c.ask(Command::SignInDemo).await.err().context("signed in")?;
            let words = "The server cannot do this at the moment. Try again in a few seconds.";
            assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Offline, words));
        }
        scene.gate.set(Way::Open);
        c.ask(Command::SignInDemo).await?;
        Ok(())
    });
}

#[test]
fn a_server_that_asks_to_wait_is_left_alone_for_that_long() {
    let busy = |status: &'static str, code: &'static str| {
        Reply::json(status, &json!({ "code": code, "message": "Too much at once. Wait a little." }))
    };
    let cases = [
        ("429 Too Many Requests", busy("429 Too Many Requests", "slow_down")),
        ("503 Service Unavailable", busy("503 Service Unavailable", "unavailable")),
        ("a proxy's 503", Reply::page("503 Service Unavailable", "<html>Maintenance</html>")),
        ("a proxy's 429", Reply::page("429 Too Many Requests", "<html>Slow down</html>")),
    ];
    on_a_local_set(async {
        let scene = Scene::set().await?;
        let b = scene.another("writer").await?;
        b.synced().await?;
        for (key, (what, reply)) in (2..).zip(cases) {
            let reply = Reply { headers: vec![("retry-after", "2".into())], ..reply };
            let pushes = scene.gate.asked("push").len();
            scene.gate.set(Way::Stranger(Rc::new(move |request: &Request| {
                request.path.ends_with("push").then(|| reply.clone())
            })));
            let name = format!("Person {key}");
            add(&scene.a, key, &name).await?;
            let status = scene.a.until_pill("Problem: see details").await.context(what)?;
            ensure!(status.retry_at.is_some() && status.pending == 1, "{what}: {status:?}");
            // pulls that work meanwhile do not make the push hurry
            for n in 0..4 {
                let phone = n.to_string();
                edit(&b, &person(1), "phone", if n == 0 { "1" } else { "x" }, &phone).await?;
                wait_value(&scene.a, &person(1), "phone", &phone).await?;
                edit(&b, &person(1), "phone", &phone, if n == 3 { "1" } else { "x" }).await?;
            }
            while scene.gate.asked("push").len() < pushes + 2 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let asked = scene.gate.asked("push");
            let waited = asked[pushes + 1] - asked[pushes];
            ensure!(waited >= Duration::from_secs(2), "{what}: only {waited:?}");
            scene.gate.set(Way::Open);
            scene.a.ask(Command::SyncNow).await?;
            scene.a.synced().await.context(what)?;
            b.synced().await?;
            wait_value(&b, &person(key), "name", &name).await?;
        }
        scene
            .ends_with(&[(1, "Ann"), (2, "Person 2"), (3, "Person 3"), (4, "Person 4"), (5, "Person 5")])
            .await
    });
}

#[test]
fn what_is_too_large_for_something_in_between_is_refused_alone_and_keeps_nothing_else() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        // as a proxy with a small limit does: 50 KB as they travel
        scene.gate.set(Way::Stranger(Rc::new(|request: &Request| {
            (request.bytes() > 50_000).then(|| Reply::page("413 Payload Too Large", "<html>413</html>"))
        })));
        scene.a.ask(Command::Network { online: false }).await?;
        let noise = |seed: u64, bytes: usize| {
            let mut at = seed;
            let mut next = || {
                at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(b'!' + (at >> 33) as u8 % 90)
            };
            (0..bytes).map(|_| next()).collect::<String>()
        };
        for key in 2..=40 {
            add(&scene.a, key, &noise(key as u64, 4_000)).await?;
        }
        add(&scene.a, 41, &noise(41, 200_000)).await?;
        for key in 42..=44 {
            add(&scene.a, key, "after it").await?;
        }
        scene.a.ask(Command::Network { online: true }).await?;
        let done = |status: &sync_client::api::Status| status.pending == 0 && status.rejected == 1;
        let status = scene.a.until("all sent but one", done).await?;
        assert_eq!(status.problem, None);
        let refused = mooring_tests::crew::review(&scene.a).await?.rejected.remove(0);
        assert_eq!(refused.id, person(41));
        ensure!(refused.message.contains("too large"), "{}", refused.message);
        scene.a.ask(Command::Discard { counter: refused.counter }).await?;
        scene.gate.set(Way::Open);
        let b = scene.another("b").await?;
        for client in [&scene.a, &b] {
            client.synced().await?;
            let names = names(client).await?;
            assert_eq!((names.len(), names.get("44").map(String::as_str)), (43, Some("after it")));
        }
        Ok(())
    });
}

#[test]
fn an_address_that_leads_to_another_one_works_for_signing_in_and_sending() {
    on_a_local_set(async {
        let scene = Scene::set().await?;
        let to = scene.server.url.clone();
        let moved = move |status: &'static str| {
            let to = to.clone();
            Way::Stranger(Rc::new(move |request: &Request| {
                let place = format!("{to}{}", request.path);
                Some(Reply { headers: vec![("location", place)], ..Reply::page(status, "") })
            }))
        };
        for (key, status) in [(2, "301 Moved Permanently"), (3, "302 Found"), (4, "308 Permanent Redirect")] {
            scene.gate.set(moved(status));
            add(&scene.a, key, status).await?;
            scene.a.synced().await.context(status)?;
            let new = Client::start(&scene.dir.path().join(status), "New")?;
            new.join(&scene.gate.url).await.context(status)?;
            let Answer::Session(session) = new.ask(Command::Session).await? else { bail!("no session") };
            assert_eq!(
                session.server.as_ref(),
                Some(&scene.server.url),
                "it goes there by itself from now on"
            );
            new.synced().await?;
        }
        scene
            .ends_with(&[
                (1, "Ann"),
                (2, "301 Moved Permanently"),
                (3, "302 Found"),
                (4, "308 Permanent Redirect"),
            ])
            .await
    });
}

#[test]
fn why_a_server_cannot_be_reached_is_said() {
    on_a_local_set(async {
        let Scene { server, gate, a, dir } = Scene::set().await?;
        let new = Client::start(&dir.path().join("new"), "New")?;
        let why = async |server: &str| new.ask(Command::Connect { server: server.into() }).await.err();
        // something that does not speak TLS, and so cannot prove anything
        let plain = why(&gate.url.replace("http://", "https://")).await.context("no encryption there")?;
        ensure!(plain.message.starts_with("The server cannot prove who it is"), "{plain}");
        // an address that others can listen to is connected to only when the person says so
        let open = gate.url.replace("127.0.0.1", "0.0.0.0");
        let asked = why(&open).await.context("asked first")?;
        assert_eq!(asked.kind, FailureKind::Open, "{asked}");
        ensure!(asked.message.contains("does not encrypt"), "{asked}");
        new.ask(Command::ConnectOpenly { server: open }).await?;
        let url = server.url.clone();
        server.kill()?;
        let refused = why(&url).await.context("nobody is there")?;
        ensure!(refused.message.starts_with("No server answers there"), "{refused}");
        // also a device that only wants to sync can say why it does not
        drop(gate);
        add(&a, 2, "Bob").await?;
        a.until_pill("Offline, 1 change safe on this device").await?;
        let told = |cause: &String| cause.starts_with("No server answers there");
        a.until("told why", |status| status.cause.as_ref().is_some_and(told)).await?;
        Ok(())
    });
}
