//! What the emulator cannot do, and what stands in its place in a copy of the built template: everything in which the
//! deployed system of the test differs from the one on AWS is in this file.
//!
//! - An API that is described by a document (which SAM makes) gets no routes: each becomes a route, an integration and a
//!   permission of its own, with the authoriser that the template names.
//! - An issuer must be reached over HTTPS: here it is a server of the test on loopback.
//! - Alarms over several metrics are refused: each watches one metric instead.
//! - CodeDeploy does not exist: aliases move at once, without a canary.
//! - A restore to a point in time gives the table as it is, whichever moment is asked for: the test asks for the latest.
//!
//! What it takes and does nothing with, so that the test says nothing about it: throttling, access logs, metric filters,
//! metrics of queues, payload limits of API Gateway, reserved concurrency's share of the account. It lets in a token without
//! `exp`. Health is at `/healthz`, and the emulator has a `/health` of its own.

use serde_json::{Map, Value, json};

/// The built template as the emulator understands it.
pub(super) fn bridged(built: &str) -> String {
    let mut template: Value = serde_yaml_ng::from_str(built).unwrap();
    take_any_issuer(&mut template);
    take_canaries_out(&mut template);
    watch_one_metric(&mut template);
    write_routes_out(&mut template);
    template.to_string()
}

fn take_any_issuer(template: &mut Value) {
    let issuer = template["Parameters"]["JwtIssuer"].as_object_mut().unwrap();
    assert!(issuer.remove("AllowedPattern").is_some(), "there is nothing to bridge any more");
}

fn take_canaries_out(template: &mut Value) {
    let globals = template["Globals"]["Function"].as_object_mut().unwrap();
    assert!(globals.remove("DeploymentPreference").is_some(), "there is nothing to bridge any more");
}

fn watch_one_metric(template: &mut Value) {
    for (_, resource) in resources(template) {
        if resource["Type"] != "AWS::CloudWatch::Alarm" || resource["Properties"]["Metrics"].is_null() {
            continue;
        }
        let properties = resource["Properties"].as_object_mut().unwrap();
        properties.remove("Metrics");
        let one =
            json!({ "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 300 });
        properties.extend(one.as_object().unwrap().clone());
    }
}

fn write_routes_out(template: &mut Value) {
    let mut added = Map::new();
    let mut apis = Vec::new();
    for (id, resource) in resources(template) {
        if resource["Type"] == "AWS::Serverless::HttpApi" {
            apis.push((id.clone(), resource["Properties"]["Auth"].clone()));
        }
    }
    for (id, auth) in &apis {
        added.extend(api(id, auth));
    }
    for (function, resource) in resources(template) {
        let Some(events) = resource["Properties"]["Events"].as_object_mut() else { continue };
        for (name, event) in events.iter() {
            if event["Type"] == "HttpApi" {
                added.extend(route(function, name, &event["Properties"]));
            }
        }
        events.retain(|_, event| event["Type"] != "HttpApi");
    }
    let all = template["Resources"].as_object_mut().unwrap();
    all.extend(added);
    if let Some(mapping) = all.get_mut("DomainMapping") {
        mapping["Properties"]["Stage"] = json!("$default");
    }
}

/// The API, its stage, and an authoriser for each that it names.
fn api(id: &str, auth: &Value) -> Map<String, Value> {
    let mut made = Map::new();
    made.insert(
        id.to_owned(),
        json!({ "Type": "AWS::ApiGatewayV2::Api", "Properties": { "Name": id, "ProtocolType": "HTTP" } }),
    );
    made.insert(
        format!("{id}Stage"),
        json!({ "Type": "AWS::ApiGatewayV2::Stage", "Properties": {
            "ApiId": { "Ref": id }, "StageName": "$default", "AutoDeploy": true,
        } }),
    );
    for (name, authorizer) in auth["Authorizers"].as_object().unwrap() {
        let jwt = &authorizer["JwtConfiguration"];
        made.insert(
            authorizer_id(name),
            json!({ "Type": "AWS::ApiGatewayV2::Authorizer", "Properties": {
                "ApiId": { "Ref": id }, "Name": name, "AuthorizerType": "JWT",
                "IdentitySource": [authorizer["IdentitySource"]],
                "JwtConfiguration": { "Issuer": jwt["issuer"], "Audience": jwt["audience"] },
            } }),
        );
    }
    made
}

/// A route to a function's alias, as SAM names it, and the permission to call it.
fn route(function: &str, event: &str, properties: &Value) -> Map<String, Value> {
    let id = format!("{function}{event}");
    let alias = json!({ "Ref": format!("{function}Aliaslive") });
    let method_and_path =
        format!("{} {}", properties["Method"].as_str().unwrap(), properties["Path"].as_str().unwrap());
    let mut route = json!({
        "ApiId": properties["ApiId"], "RouteKey": method_and_path,
        "Target": { "Fn::Sub": format!("integrations/${{{id}Integration}}") },
    });
    match properties["Auth"]["Authorizer"].as_str() {
        Some("NONE") => route["AuthorizationType"] = json!("NONE"),
        Some(name) => {
            route["AuthorizationType"] = json!("JWT");
            route["AuthorizerId"] = json!({ "Ref": authorizer_id(name) });
        }
        None => panic!("{function}: {method_and_path} names no authoriser"),
    }
    let integration = json!({
        "ApiId": properties["ApiId"], "IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0",
        "IntegrationUri": alias,
    });
    let permission = json!({
        "Action": "lambda:InvokeFunction", "FunctionName": alias, "Principal": "apigateway.amazonaws.com",
    });
    [
        (format!("{id}Integration"), "AWS::ApiGatewayV2::Integration", integration),
        (format!("{id}Route"), "AWS::ApiGatewayV2::Route", route),
        (format!("{id}Permission"), "AWS::Lambda::Permission", permission),
    ]
    .into_iter()
    .map(|(id, kind, properties)| (id, json!({ "Type": kind, "Properties": properties })))
    .collect()
}

fn authorizer_id(name: &str) -> String {
    format!("Authorizer{name}")
}

fn resources(template: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    template["Resources"].as_object_mut().unwrap().iter_mut()
}
