//! The web application's files, headers, other origins.

use crate::world::{World, assert_problem};
use reqwest::{Method, Response, StatusCode};
use std::fs;
use sync_protocol::message::ProblemCode;
use sync_server::app::Options;
use tempfile::TempDir;

async fn with_files() -> (World, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("index.html", "<!doctype html><title>Mooring</title>");
    write("sw.js", "// worker");
    write("app-0123456789abcdef.js", "// code");
    write("app-0123456789abcdef.js.br", "brotli");
    write("app-0123456789abcdef_bg.wasm", "\0asm");
    write("manifest.webmanifest", "{}");
    write(".hidden", "secret");
    let world = World::with(Options { web: Some(folder.path().to_owned()), ..Options::default() }).await;
    (world, folder)
}

async fn get(world: &World, path: &str) -> Response {
    world.ask(Method::GET, path).send().await.unwrap()
}

#[tokio::test]
async fn files_carry_strict_headers_and_the_right_caching() {
    let (world, _folder) = with_files().await;
    for (path, kind, caching) in [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html", "no-cache"),
        ("/records/boats?filter=a.b", "text/html", "no-cache"),
        ("/sw.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/manifest.webmanifest", "application/manifest+json", "no-cache"),
        ("/app-0123456789abcdef.js", "text/javascript", "public, max-age=31536000, immutable"),
        ("/app-0123456789abcdef_bg.wasm", "application/wasm", "public, max-age=31536000, immutable"),
    ] {
        let answer = get(&world, path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with(kind), "{path}: {}", header("content-type"));
        assert_eq!(header("cache-control"), caching, "{path}");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert!(header("permissions-policy").contains("camera=()"));
        if caching == "no-cache" {
            assert!(!answer.headers().contains_key("last-modified"), "a date proves nothing");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_the_application() {
    let (world, _folder) = with_files().await;
    for path in [
        "/missing.js",
        "/.hidden",
        "/%2ehidden",
        "/v1/nothing",
        "/v1/workspaces/x",
        "/a/..%2f..%2fetc/passwd.txt",
    ] {
        assert_problem(get(&world, path).await, ProblemCode::NotFound).await;
    }
    let answer = world.ask(Method::POST, "/").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    let answer = world.ask(Method::DELETE, "/v1/me").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_compressed_sibling_is_served_as_it_is() {
    let (world, _folder) = with_files().await;
    let request = world.ask(Method::GET, "/app-0123456789abcdef.js").header("accept-encoding", "br");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "br");
    assert_eq!(answer.text().await.unwrap(), "brotli");
}

#[tokio::test]
async fn an_old_date_never_keeps_an_old_page() {
    let (world, _folder) = with_files().await;
    let request = world.ask(Method::GET, "/").header("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn answers_of_the_protocol_are_kept_by_nobody() {
    let world = World::start().await;
    let answer = get(&world, "/v1/info").await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    let note = get(&world, "/").await;
    assert!(note.text().await.unwrap().contains("--web"));
    assert_problem(get(&world, "/records").await, ProblemCode::NotFound).await;
}

#[tokio::test]
async fn who_came_by_tls_is_told_to_come_so_again() {
    for (behind_proxy, scheme, told) in
        [(true, "https", true), (true, "http", false), (false, "https", false)]
    {
        let world = World::with(Options { behind_proxy, ..Options::default() }).await;
        let request = world.ask(Method::GET, "/v1/info").header("x-forwarded-proto", scheme);
        let answer = request.send().await.unwrap();
        assert_eq!(
            answer.headers().contains_key("strict-transport-security"),
            told,
            "{behind_proxy} {scheme}"
        );
    }
}

#[tokio::test]
async fn only_named_origins_may_call() {
    let preflight = |world: &World, origin: &'static str| {
        let request = world.ask(Method::OPTIONS, "/v1/me").header("origin", origin);
        request.header("access-control-request-method", "GET").send()
    };
    let allowed = |answer: &Response| answer.headers().contains_key("access-control-allow-origin");
    let plain = World::start().await;
    assert!(!allowed(&preflight(&plain, "https://app.example.com").await.unwrap()));
    let origins = ["https://app.example.com".to_owned()].into();
    let named = World::with(Options { allow_origin: origins, ..Options::default() }).await;
    assert!(allowed(&preflight(&named, "https://app.example.com").await.unwrap()));
    assert!(!allowed(&preflight(&named, "https://evil.example.com").await.unwrap()));
}

#[tokio::test]
async fn a_record_whose_key_looks_like_a_file_is_a_screen() {
    let (world, _folder) = with_files().await;
    for key in [
        "v1.2",
        "crew%40example.org",
        "photo.jpg",
        ".env",
        "%2eenv",
        "10.0.0.7",
        "%22..%22",
        "app-0123456789abcdef.js",
        "v1.2/history",
    ] {
        let answer = get(&world, &format!("/w/sample-workspace/c/crew/r/{key}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{key}");
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{key}");
        assert_eq!(answer.headers()["cache-control"], "no-cache", "{key}");
        assert!(answer.text().await.unwrap().contains("<title>Mooring</title>"), "{key}");
    }
}
