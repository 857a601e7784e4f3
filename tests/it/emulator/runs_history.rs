//! What can be done to a run, and how it is found again.

use terraform_provider_acr::emulator::CancelRun;

use super::lab::{Lab, POOLS};
use super::runs_lab::{PICK_UP, command, lab, shape};
use super::shape::shape_of;

#[tokio::test]
async fn canceling() {
    let lab = lab().await;
    let cancel = |id: &str| lab.below(&format!("runs/{id}/cancel"));
    let [waits, runs, over] = [
        lab.scheduled(&command("bash echo a")).await,
        lab.scheduled(&command("bash echo b")).await,
        "x".into(),
    ];
    let reply = lab.call("POST", &cancel(&waits), None).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, ""));
    assert_eq!(lab.run_status(&waits).await, "Canceled");
    assert_eq!(lab.log(&waits).await.status, 404);
    lab.emulator.advance(PICK_UP * 2);
    assert_eq!(lab.run_status(&runs).await, "Running");
    assert_eq!(lab.call("POST", &cancel(&runs), None).await.status, 200);
    lab.run_through();
    assert_eq!(lab.run_status(&runs).await, "Canceled");
    let log = lab.log(&runs).await;
    assert_eq!(log.header("x-ms-meta-complete"), Some("canceled"));
    assert!(
        log.text.ends_with("Run ID: cf2 was canceled after 10s\r\n"),
        "{}",
        log.text
    );
    let reply = lab.call("POST", &cancel(&runs), None).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "RunAlreadyFinished"));
    assert_eq!(lab.call("POST", &cancel(&over), None).await.status, 404);
}

#[tokio::test]
async fn canceling_on_a_pool_is_a_switch() {
    for (switch, status) in [(CancelRun::Accepted, 200), (CancelRun::RefusedOnPools, 400)] {
        let lab = Lab::with(|options| options.seed.assumptions.cancel_run = switch).await;
        lab.have_pool("pool-a", r#"{"tier":"S1","count":0}"#).await;
        let mut request = command("bash echo hello");
        request["agentPoolName"] = "pool-a".into();
        let id = lab.scheduled(&request).await;
        let reply = lab.call("POST", &lab.below(&format!("runs/{id}/cancel")), None).await;
        assert_eq!(reply.status, status, "{}", reply.text);
        let expected = if status == 200 { "Canceled" } else { "Queued" };
        assert_eq!(lab.run_status(&id).await, expected);
    }
}

#[tokio::test]
async fn keeping_a_run_and_finding_it() {
    let lab = lab().await;
    let built = lab.build(&[("Dockerfile", "FROM alpine")]).await;
    let ran = lab.scheduled(&command("bash echo hello")).await;
    lab.run_through();
    let late = lab.scheduled(&command("bash echo late")).await;
    let reply = lab
        .call(
            "PATCH",
            &lab.below(&format!("runs/{ran}")),
            Some(r#"{"isArchiveEnabled":true}"#),
        )
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let created = "createdBy:string,createdByType:string,createdAt:string,";
    assert_eq!(shape_of(&reply.text), shape(&["startTime", "finishTime"], created));
    assert_eq!(reply.json()["properties"]["isArchiveEnabled"], true);
    let digest = lab.run(&built).await["outputImages"][0]["digest"]
        .as_str()
        .unwrap()
        .to_string();
    let since = lab.run(&late).await["createTime"].as_str().unwrap().to_string();
    for (filter, expected) in [
        ("".to_string(), vec![&late, &ran, &built]),
        (format!("contains(OutputImageManifests, 'app@{digest}')"), vec![&built]),
        ("Status eq 'Succeeded' and IsArchiveEnabled eq true".into(), vec![&ran]),
        (format!("CreateTime ge {since}"), vec![&late]),
        (format!("FinishTime lt {since}"), vec![]),
        (format!("FinishTime le {since}"), vec![&ran, &built]),
        (format!("RunId eq '{built}'"), vec![&built]),
    ] {
        let mut url = reqwest::Url::parse(&format!("{}{}", lab.emulator.url(), lab.below("runs"))).unwrap();
        url.query_pairs_mut().append_pair("$filter", &filter);
        let reply = lab.get(url.as_str()).await;
        let found = reply.json()["value"]
            .as_array()
            .unwrap_or_else(|| panic!("{filter}: {}", reply.text))
            .clone();
        let names: Vec<String> = found
            .iter()
            .map(|run| run["name"].as_str().unwrap().to_string())
            .collect();
        assert_eq!(names, expected.into_iter().cloned().collect::<Vec<_>>(), "{filter}");
    }
    let url = format!("{}/runs?api-version={POOLS}&$top=1", lab.registry());
    assert_eq!(lab.get(&url).await.json()["value"].as_array().unwrap().len(), 1);
}
