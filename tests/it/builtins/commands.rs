//! The stand-ins for jq and yq: their options, output and exit codes.

use anyhow::{Result, ensure};

use super::built_in;

async fn expect(arguments: &[&str], input: &str, code: i32, output: &str) -> Result<()> {
    let ran = built_in(arguments, input.as_bytes()).await?;
    ensure!(ran.code == Some(code) && ran.stdout == output, "{arguments:?}: {ran:?}");
    ensure!((code < 2) == ran.stderr.is_empty() || code == 4 || arguments[0] == "yq", "{arguments:?}: {ran:?}");
    Ok(())
}

#[tokio::test]
async fn jq_takes_the_options_of_jq() -> Result<()> {
    let input = "{\"b\":[1,\"é\"],\"a\":null}\n";
    for (arguments, expected) in [
        (&["jq"][..], "{\n  \"b\": [\n    1,\n    \"é\"\n  ],\n  \"a\": null\n}\n"),
        (&["jq", "-c"], "{\"b\":[1,\"é\"],\"a\":null}\n"),
        (&["jq", "-S", "-c", "."], "{\"a\":null,\"b\":[1,\"é\"]}\n"),
        (&["jq", "-Sc"], "{\"a\":null,\"b\":[1,\"é\"]}\n"),
        (&["jq", ".b[1]"], "\"é\"\n"),
        (&["jq", ".b[1]", "-r"], "é\n"),
        (&["jq", "-ra", ".b[1]"], "\"\\u00e9\"\n"),
        (&["jq", "-j", ".b[]"], "1é"),
        (&["jq", "--tab", ".b"], "[\n\t1,\n\t\"é\"\n]\n"),
        (&["jq", "--indent", "1", ".b"], "[\n 1,\n \"é\"\n]\n"),
        (&["jq", "--indent", "0", ".b"], "[1,\"é\"]\n"),
        (&["jq", "-s", "length"], "1\n"),
        (&["jq", "-n", "input | length"], "2\n"),
        (&["jq", "-n", "1 + 1"], "2\n"),
        (&["jq", "-R", "length"], "22\n"),
        (&["jq", "-Rs", "length"], "23\n"),
        (&["jq", "-nR", "[inputs] | length"], "1\n"),
        (&["jq", "-M", "-r", ".b[1]"], "é\n"),
        (
            &["jq", "--arg", "x", "1", "--argjson", "y", "1", "-c", "[$x, $y, $ARGS.named]"],
            "[\"1\",1,{\"x\":\"1\",\"y\":1}]\n",
        ),
        (&["jq", "-c", "$ARGS.positional", "--args", "a", "1"], "[\"a\",\"1\"]\n"),
        (&["jq", "-c", "$ARGS.positional", "--jsonargs", "\"a\"", "1"], "[\"a\",1]\n"),
        (&["jq", "--", "-1 + 2"], "1\n"),
        (&["jq", "--raw-output", "--compact-output", "--sort-keys", ".b"], "[1,\"é\"]\n"),
    ] {
        expect(arguments, input, 0, expected).await?;
    }
    expect(&["jq", "-c", "."], "1 2\n[3]", 0, "1\n2\n[3]\n").await?;
    expect(&["jq", "-sc", "."], "1 2\n[3]", 0, "[1,2,[3]]\n").await?;
    expect(&["jq", "."], "", 0, "").await
}

#[tokio::test]
async fn jq_ends_with_the_codes_of_jq() -> Result<()> {
    for (arguments, input, code, output) in [
        (&["jq", "-e", ".a"][..], "{\"a\":1}", 0, "1\n"),
        (&["jq", "-e", ".a"], "{\"a\":false}", 1, "false\n"),
        (&["jq", "-e", ".a"], "{}", 1, "null\n"),
        (&["jq", "-e", "empty"], "{}", 4, ""),
        (&["jq", ".a"], "[]", 5, ""),
        (&["jq", ".[0].a"], "[{\"a\":1}] [1] [{\"a\":2}]", 5, "1\n2\n"),
        (&["jq", "{"], "{}", 3, ""),
        (&["jq", "nope"], "{}", 3, ""),
        (&["jq", "."], "{", 2, ""),
        (&["jq", "--nope"], "{}", 2, ""),
        (&["jq", "-C", "."], "{}", 2, ""),
        (&["jq", "-f", "file"], "{}", 2, ""),
        (&["jq", ".", "file.json"], "{}", 2, ""),
        (&["jq", "--slurpfile", "x", "file", "."], "{}", 2, ""),
        (&["jq", "--indent", "8"], "{}", 2, ""),
    ] {
        expect(arguments, input, code, output).await?;
    }
    Ok(())
}

#[tokio::test]
async fn yq_reads_and_writes_yaml_and_json() -> Result<()> {
    let input = "a: [1, 'x']\nb: {c: yes}\n---\nd: \"no\"\n";
    for (arguments, expected) in [
        (&["yq", "-P"][..], "a:\n- 1\n- x\nb:\n  c: \"yes\"\n---\nd: \"no\"\n"),
        (&["yq", "-N", ".a // .d"], "- 1\n- x\nno\n"),
        (&["yq", ".a[1] // .d"], "x\n---\nno\n"),
        (&["yq", "eval", "-o=json", "-I=0", "."], "{\"a\":[1,\"x\"],\"b\":{\"c\":\"yes\"}}\n{\"d\":\"no\"}\n"),
        (&["yq", "-o", "json", ".d // \"none\"", "-"], "\"none\"\n\"no\"\n"),
        (&["yq", "-oj", "-r", ".d // \"none\""], "none\nno\n"),
        (&["yq", "-j", "-I0", "keys"], "[\"a\",\"b\"]\n[\"d\"]\n"),
        (&["yq", "-n", "{\"a\": 1}"], "a: 1\n"),
    ] {
        expect(arguments, input, 0, expected).await?;
    }
    expect(&["yq", "-p=json", "-o=yaml"], "{\"a\": [{}]}", 0, "a:\n- {}\n").await?;
    expect(&["yq", "-e", ".x"], "a: 1", 1, "null\n").await
}

#[tokio::test]
async fn yq_refuses_what_it_would_do_otherwise() -> Result<()> {
    for (arguments, code) in [
        (&["yq", "-i", "."][..], 2),
        (&["yq", "--inplace", "."], 2),
        (&["yq", ".", "file.yaml"], 2),
        (&["yq", "eval-all", "."], 2),
        (&["yq", "-o=xml"], 2),
        (&["yq", "-p", "toml"], 2),
        (&["yq", "-C"], 2),
        (&["yq", "--from-file", "x"], 2),
        (&["yq", "--nope"], 2),
        (&["yq", "load(\"x\")"], 1),
        (&["yq", "env(HOME)"], 1),
        (&["yq", "strenv(HOME)"], 1),
    ] {
        let ran = built_in(arguments, b"a: 1\n").await?;
        ensure!(ran.code == Some(code) && ran.stdout.is_empty() && !ran.stderr.is_empty(), "{arguments:?}: {ran:?}");
    }
    Ok(())
}

/// Chains of the Go implementation's examples (data-transformation.yaml, hooks-example.yaml).
#[tokio::test]
async fn hooks_of_the_go_implementation_work_with_them() -> Result<()> {
    let chain = async |input: &str, commands: &[&[&str]]| -> Result<String> {
        let mut document = input.to_owned();
        for arguments in commands {
            let ran = built_in(arguments, document.as_bytes()).await?;
            ran.expect(0, &[])?;
            document = ran.stdout;
        }
        Ok(document)
    };
    let services =
        r#"{"services":[{"name":"a","status":"healthy","endpoint":"x","port":1,"version":"2"},{"status":"down"}]}"#;
    let endpoints = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "service-endpoints"}, "data": {"services.json":
        (.services | map(select(.status == "healthy")) | map({name: .name, endpoint: .endpoint, port: .port, version: .version})
        | tostring)}}"#;
    let made = chain(services, &[&["jq", endpoints], &["yq", "-P"]]).await?;
    let expected = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: service-endpoints\ndata:\n  services.json: \
        \"[{\\\"name\\\":\\\"a\\\",\\\"endpoint\\\":\\\"x\\\",\\\"port\\\":1,\\\"version\\\":\\\"2\\\"}]\"\n";
    ensure!(made == expected, "{made}");

    let conditional = r#"if .environment == "production" then {"kind": "Secret", "data": {"url": (.url | @base64)}}
        else {"kind": "ConfigMap", "data": {"url": .url}} end"#;
    let made = chain(r#"{"environment":"production","url":"x"}"#, &[&["jq", conditional], &["yq", "-P"]]).await?;
    ensure!(made == "kind: Secret\ndata:\n  url: eA==\n", "{made}");

    let release = chain(r#"{"tag_name":"v1.2.3"}"#, &[&["jq", ".tag_name", "-r"]]).await?;
    ensure!(release == "v1.2.3\n", "{release}");

    let active = r#"{"items":[{"name":"a","id":1,"metadata":{},"status":"active"},{"status":"gone"}]}"#;
    let steps: [&[&str]; 4] = [
        &["jq", "."],
        &["jq", ".items[] | select(.status == \"active\")"],
        &["jq", "{name: .name, id: .id, metadata: .metadata}"],
        &["jq", "-c"],
    ];
    let made = chain(active, &steps).await?;
    ensure!(made == "{\"name\":\"a\",\"id\":1,\"metadata\":{}}\n", "{made}");
    Ok(())
}
