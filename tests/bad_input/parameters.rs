//! Queries, paths and methods.
use super::guard::{Call, Guard, Refusal};
use Refusal::{Field, Function, Gateway};

const CURSOR: Refusal = Function(400, "invalid_cursor");
const NOT_FOUND: Refusal = Function(404, "top_up_not_found");
const NO_ROUTE: Refusal = Gateway(404, "not_found");

#[tokio::test]
async fn every_query_parameter_is_checked() {
    let mut guard = Guard::start("queries").await;
    let below = Function(422, "credits_below_minimum");
    let above = Function(422, "credits_above_maximum");
    let (nines, text) = ("9".repeat(1_000), "x".repeat(1_025));
    let owned = guard.owned.clone();
    let entry = "01a208df-7580-7be6-ac3d-04a43fd722a5";
    let of_day_one = "00000000-0000-7000-8000-000000000000";
    let mut cases: Vec<(&str, &str, &str, Refusal)> = Vec::new();
    for value in [
        "",
        "%20",
        "abc",
        "1000.0",
        "1e3",
        "1,000",
        "0x3e8",
        "+1000",
        "1000%20",
        "1000%00",
        "NaN",
        "null",
        "%D9%A1%D9%A0%D9%A0%D9%A0",
        "%ff%fe",
        "%",
        "%zz",
        "1000&credits=2500",
        "1000&credits=1000",
        &text,
    ] {
        cases.push(("/v1/quote", "credits", value, Field("credits")));
    }
    for value in ["-9223372036854775809", "-1000", "-1", "-0", "0", "1", "999"] {
        cases.push(("/v1/quote", "credits", value, below));
    }
    for value in ["1000001", "9223372036854775807", "9223372036854775808", &nines] {
        cases.push(("/v1/quote", "credits", value, above));
    }
    for path in ["/v1/top-ups", "/v1/entries"] {
        for value in [
            "",
            "0",
            "-1",
            "101",
            "abc",
            "1.0",
            "1e1",
            "+1",
            "99999999999999999999",
            "-0",
            "10&limit=10",
            &text,
        ] {
            cases.push((path, "limit", value, Field("limit")));
        }
        for value in [
            "",
            "abc",
            "0",
            "null",
            "%00",
            "%ff",
            "top_",
            "..%2F..",
            "%7B%7D",
            "eyJwayI6Ik9SRyNnbG9iZXgifQ%3D%3D",
            "ORG%23globex",
            &text,
        ] {
            cases.push((path, "cursor", value, CURSOR));
        }
    }
    let other_prefix = owned.replacen("top_", "inv_", 1);
    let capitals = owned.to_uppercase();
    let longer = format!("{owned}0");
    let twice = format!("{owned}&cursor={owned}");
    for value in [&*other_prefix, &capitals, &longer, &twice, &owned[..35], &owned[4..], entry] {
        cases.push(("/v1/top-ups", "cursor", value, CURSOR));
    }
    for value in [
        &*owned,
        of_day_one,
        "01A208DF-7580-7BE6-AC3D-04A43FD722A5",
        "01a208df75807be6ac3d04a43fd722a5",
        "01a208df-7580-4be6-ac3d-04a43fd722a5",
    ] {
        cases.push(("/v1/entries", "cursor", value, CURSOR));
        cases.push(("/v1/usage", "cursor", value, CURSOR));
    }
    for value in ["", "unknown", "Paid", "PAID", "paid%20", "paid,open", "paid&status=open", "0", &text] {
        cases.push(("/v1/top-ups", "status", value, Field("status")));
    }
    for value in [
        "",
        "2026",
        "2026-0",
        "2026-00",
        "2026-13",
        "2026-1",
        "26-11",
        "2026-11-01",
        "11-2026",
        "2026%2F11",
        "1969-12",
        "0000-01",
        "-001-01",
        "%2B202-11",
        "99999-01",
        "2026-011",
        "november",
        "2026-11&month=2026-11",
        &text,
    ] {
        cases.push(("/v1/entries", "month", value, Field("month")));
        cases.push(("/v1/usage", "month", value, Field("month")));
    }
    for value in [
        "",
        "2026",
        "2026-11",
        "2026-02-30",
        "2026-11-31",
        "26-11-01",
        "1969-12-31",
        "2026-1-01",
        "2026-11-01T00",
        "x",
        &text,
    ] {
        cases.push(("/v1/usage?to=2026-11-03", "from", value, Field("from")));
        cases.push(("/v1/usage?from=2026-11-01", "to", value, Field("to")));
    }
    for (path, name, value, field) in [
        ("/v1/usage", "from", "2026-11-01", "to"),
        ("/v1/usage", "to", "2026-11-01", "from"),
        ("/v1/usage?from=2026-11-02", "to", "2026-11-01", "to"),
        ("/v1/usage?from=2026-08-01", "to", "2026-11-01", "to"),
        ("/v1/usage?from=2026-11-01&to=2026-11-02", "month", "2026-11", "month"),
    ] {
        cases.push((path, name, value, Field(field)));
    }
    for value in ["", "channel", "Class", "class,", "country,class", "class,class", "class&by=class", &text] {
        cases.push(("/v1/usage", "by", value, Field("by")));
    }
    for value in [of_day_one, entry] {
        cases.push(("/v1/usage?from=2020-01-01&to=2020-01-02", "cursor", value, CURSOR));
    }
    let member = guard.member("acme");
    for (path, name, value, refusal) in cases {
        let what = format!("{path}?{name}={value:.80}");
        let behind = if path.contains('?') { '&' } else { '?' };
        guard
            .refuses(&what, Call::get(&format!("{path}{behind}{name}={value}")).token(&member), refusal)
            .await;
    }
    let csv = Call::get("/v1/entries?month=2026-13").header("accept", "text/csv").token(&member);
    guard.refuses("a bad month as CSV", csv, Field("month")).await;
    for path in [
        "/v1/quote?credits=1000",
        "/v1/quote?credits=1000000",
        "/v1/quote",
        "/v1/quote?other=%zz",
        "/v1/top-ups?limit=1",
        "/v1/top-ups?limit=100&status=in_review",
        "/v1/entries?limit=100&month=9999-12",
        "/v1/usage?month=9999-12",
        "/v1/usage?month=1970-01&by=class,country",
        "/v1/usage?from=9999-12-31&to=9999-12-31",
        "/v1/usage?from=2026-08-02&to=2026-11-01&by=class",
    ] {
        guard.takes(path, Call::get(path).token(&member), 200).await;
    }
    guard.nothing_happened().await;
}

#[tokio::test]
async fn an_id_that_is_none_of_mine_is_not_found() {
    let mut guard = Guard::start("paths").await;
    let owned = guard.owned.clone();
    let ids = [
        "x",
        "0",
        "-1",
        "null",
        "%20",
        "%00",
        "%FF",
        "%E2%98%83",
        "entries",
        "cancel",
        ".",
        "top_",
        "BALANCE%23SLOT",
        "BALANCE",
        "TOPUP%23",
        "%23",
        "..%2F..%2Fv1%2Fbalance",
        "%2e%2e%2fentries",
        "a%2Fentries",
        "top_%2Fcancel",
        "top_00000000000000000000000000000000",
        "top_01a208df75807be6ac3d04a43fd722a5",
        "%2500",
    ]
    .map(str::to_owned);
    let of_owned = [
        owned.to_uppercase(),
        format!("{owned}%20"),
        format!("%20{owned}"),
        format!("{owned}%00"),
        format!("{owned}%23"),
        format!("{owned}%2Fcancel"),
        owned[4..].to_owned(),
        owned[..35].to_owned(),
        format!("{owned}0"),
        "a".repeat(4_000),
    ];
    let member = guard.member("owner");
    for id in ids.into_iter().chain(of_owned) {
        let (path, what) = (format!("/v1/top-ups/{id}"), format!("{id:.80}"));
        guard.refuses(&what, Call::get(&path).token(&member), NOT_FOUND).await;
        let cancel = Call::new("POST", &format!("{path}/cancel")).token(&member);
        guard.refuses(&format!("to cancel {what}"), cancel, NOT_FOUND).await;
    }
    let long = format!("/v1/top-ups/{}", "a".repeat(11 * 1024));
    let refusal = Gateway(431, "headers_too_large");
    guard.refuses("an id of 11 KB", Call::get(&long).token(&member), refusal).await;
    // The same id in another spelling of the URL is the same id.
    let spelled = owned.replacen("top_", "%74op%5F", 1);
    let answer = guard
        .takes("percent-encoded", Call::get(&format!("/v1/top-ups/{spelled}")).token(&member), 200)
        .await;
    assert_eq!(answer.json()["id"], owned);
    guard.nothing_happened().await;
}

#[tokio::test]
async fn what_another_organisation_owns_is_as_if_it_were_not_there() {
    let mut guard = Guard::start("others").await;
    let owned = guard.owned.clone();
    let stranger = guard.member("stranger");
    let mut answers = Vec::new();
    for id in [owned.as_str(), "top_01a208df75807be6ac3d04a43fd722a5"] {
        for (method, path) in
            [("GET", format!("/v1/top-ups/{id}")), ("POST", format!("/v1/top-ups/{id}/cancel"))]
        {
            let call = Call::new(method, &path).token(&stranger);
            guard.refuses(&path, call.clone(), NOT_FOUND).await;
            answers.push(guard.send(&call).await.body);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "nobody can tell whether it exists");
    // A cursor is only a place in one's own list.
    let path = format!("/v1/top-ups?cursor={owned}");
    let listed = guard.takes("the cursor of another", Call::get(&path).token(&stranger), 200).await;
    assert_eq!(listed.json()["top_ups"], serde_json::json!([]));
    let balance = guard.takes("a balance", Call::get("/v1/balance").token(&stranger), 200).await;
    assert!(balance.json()["open_top_up"].is_null());
    // Who one is comes from the token alone.
    for path in ["/v1/top-ups?org_id=owner", "/v1/top-ups?organisation=owner"] {
        let call = Call::get(path).token(&stranger).header("x-org-id", "owner").header("org_id", "owner");
        let listed = guard.takes(path, call, 200).await;
        assert_eq!(listed.json()["top_ups"], serde_json::json!([]));
    }
    guard.nothing_happened().await;
}

#[tokio::test]
async fn what_is_no_route_is_not_found_whatever_the_method() {
    let mut guard = Guard::start("routes").await;
    let member = guard.member("owner");
    let owned = guard.owned.clone();
    let cancel = format!("/v1/top-ups/{owned}/cancel");
    let one = format!("/v1/top-ups/{owned}");
    let cases = [
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "/v2/balance"),
        ("GET", "/V1/balance"),
        ("GET", "/v1/balance/"),
        ("GET", "//v1/balance"),
        ("GET", "/v1//balance"),
        ("GET", "/v1/./balance"),
        ("GET", "/v1/x/../balance"),
        ("GET", "/v1%2Fbalance"),
        ("GET", "/v1/balance%00"),
        ("GET", "/v1/balances"),
        ("GET", "/v1/top-ups/"),
        ("GET", "/v1/accounts"),
        ("GET", "/.env"),
        ("GET", "/local"),
        ("GET", "/stripe/webhook"),
        ("POST", "/v1/balance"),
        ("POST", "/v1/quote"),
        ("DELETE", "/v1/top-ups"),
        ("PUT", "/v1/top-ups"),
        ("PATCH", &one),
        ("DELETE", &one),
        ("POST", &one),
        ("GET", &cancel),
        ("DELETE", &cancel),
        ("PUT", "/stripe/webhook"),
        ("BREW", "/v1/balance"),
        ("TRACE", "/v1/balance"),
        ("OPTIONS", "/v1/top-ups"),
    ];
    for (method, path) in cases {
        let call = Call::new(method, path).token(&member);
        guard.refuses(&format!("{method} {path}"), call, NO_ROUTE).await;
    }
    guard.nothing_happened().await;
}
