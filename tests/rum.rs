//! What `init rum` writes, in a real browser: headless Chromium opens the page as the application renders it (Jinja2, with
//! the real base template of Flask-Bootstrap), with stand-ins for the SDK and DataKit on loopback. The vendor's own SDK is
//! not to be had from package registries; the stand-in shows that it is called first and with the right values, no more.
//! Without Chromium, Python or the templates these tests say so and pass, or fail with MESHOBS_TEST_ALL=1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use support::http::{Answer, Request, Server};
use support::{Meshobs, on_path, shared, skip};

/// Renders a page as productpage does: a user, one book, its details and reviews.
const RENDER: &str = r#"
import sys, os, jinja2, importlib.util
spec = importlib.util.find_spec("flask_bootstrap")
templates = os.path.join(os.path.dirname(spec.origin), "templates")
page = open(sys.argv[1], encoding="utf-8", newline="").read()
loader = jinja2.ChoiceLoader([jinja2.DictLoader({"page": page}), jinja2.FileSystemLoader(templates)])
env = jinja2.Environment(loader=loader)
review = {"reviewer": "R", "text": "T", "rating": {"stars": 5, "color": "red"}}
print(env.get_template("page").render(
    bootstrap_find_resource=lambda name, cdn=None: "/static/" + name,
    detailsStatus=200, reviewsStatus=200, user=None,
    product={"id": 0, "title": "The Comedy of Errors", "descriptionHtml": "<a href='x'>x</a>"},
    details={"type": "paperback", "pages": 200, "publisher": "P", "language": "English", "ISBN-10": "1", "ISBN-13": "2"},
    reviews={"id": "0", "podname": "p", "clustername": "c", "reviews": [review, review]}))
"#;

/// Stands in for the SDK: sends what it was started with to where it was told to.
const SDK: &str = r#"
(function () {
  var waiting = window.DATAFLUX_RUM && window.DATAFLUX_RUM.q || [];
  var rum = {
    init: function (config) {
      var body = { config: config, others: window.others || 0, scripts: document.scripts.length,
                   head: document.scripts[0].parentNode.nodeName };
      var target = config.datakitOrigin || config.site;
      fetch(target + "/v1/write/rum", { method: "POST", body: JSON.stringify(body) });
    },
    startSessionReplayRecording: function () {
      fetch("/recording", { method: "POST", body: "" });
    },
    onReady: function (run) { run(); }
  };
  window.DATAFLUX_RUM = rum;
  waiting.forEach(function (run) { run(); });
})();
"#;

/// Every other script of the page: tells that it has run, and gives the page what it calls.
const OTHER: &str = "window.others = (window.others || 0) + 1;
window.$ = window.jQuery = function () { return { on: function () {}, focus: function () {} }; };
window.tailwind = {};";

fn python() -> Option<PathBuf> {
    let python = std::env::var_os("MESHOBS_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let check = ["-c", "import jinja2, importlib.util as u; assert u.find_spec('flask_bootstrap')"];
    let fits =
        Command::new(&python).args(check).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !fits {
        skip("no Python with Jinja2 and Flask-Bootstrap here");
    }
    fits.then_some(python)
}

fn chromium() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| on_path(name));
    if found.is_none() {
        skip("no Chromium here");
    }
    found
}

/// The stock page; a page of another shape of the project's own.
fn stock() -> Option<String> {
    let file = shared().map(|s| s.join("stock/istio-1.11.2/productpage.html")).filter(|f| f.is_file());
    if file.is_none() {
        skip("no ../shared/stock/istio-1.11.2/productpage.html here");
    }
    Some(fs::read_to_string(file?).unwrap())
}

const PLAIN: &str = "{% block metas %}\n<meta charset=\"utf-8\">\n{% endblock %}\n<title>Shop</title>\n\
                     {% block scripts %}\n<script src=\"static/a.js\"></script>\n{% endblock %}\n\
                     {% block content %}<h1>{{ product.title }}</h1>{% endblock %}\n";

struct Visit {
    /// What DataKit was sent.
    beacon: serde_json::Value,
    datakit: Request,
    page: Vec<Request>,
    console: String,
}

/// Puts the snippet into the page with these arguments, renders and opens it.
fn visit(page: &str, args: &[&str], own_origin: bool) -> Option<Visit> {
    let (python, chromium) = (python()?, chromium()?);
    let here = tempfile::tempdir().unwrap();
    let rendered = Arc::new(Mutex::new(String::new()));
    let shown = Arc::clone(&rendered);
    let site = Server::start(move |request: &Request| -> Answer {
        match request.path.as_str() {
            "/productpage" => (200, "text/html; charset=utf-8", shown.lock().unwrap().clone()),
            "/sdk/dataflux-rum.js" => (200, "text/javascript", SDK.to_owned()),
            path if path.ends_with(".js") => (200, "text/javascript", OTHER.to_owned()),
            path if path.ends_with(".css") => (200, "text/css", String::new()),
            _ => (200, "text/plain", String::new()),
        }
    });
    let datakit = Server::start(|_| (200, "text/plain", String::new()));
    fs::write(here.path().join("page.html"), page).unwrap();
    let (sdk, origin) = (format!("{}/sdk/dataflux-rum.js", site.origin()), datakit.origin());
    let origin = if own_origin { "/" } else { &origin };
    let fixed = ["init", "rum", "--html", "page.html", "--datakit-origin", origin, "--sdk-url", &sdk];
    let done = Meshobs::new(fixed.iter().chain(args)).cwd(here.path()).run().expect(0);
    fs::write(here.path().join("new.html"), &done.stdout).unwrap();
    *rendered.lock().unwrap() = render(&python, &here.path().join("new.html"));

    let log = open(chromium, here.path(), &format!("{}/productpage", site.origin()));
    let console = {
        // Advice about the page's own form is no error.
        let lines = log.lines().filter(|line| line.contains("CONSOLE") && !line.contains("\"[DOM] "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let receiver = if own_origin { &site } else { &datakit };
    let beacon = receiver.wait_for(|request| request.method == "POST" && request.path == "/v1/write/rum");
    let beacon = beacon.unwrap_or_else(|| panic!("no beacon came\n{log}\n{}", rendered.lock().unwrap()));
    Some(Visit {
        beacon: serde_json::from_slice(&beacon.body).unwrap(),
        datakit: beacon,
        page: site.asked(),
        console,
    })
}

/// Opens an address in Chromium and gives what it logs.
fn open(chromium: &str, folder: &Path, address: &str) -> String {
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(address)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn render(python: &Path, file: &Path) -> String {
    let output = Command::new(python).args(["-c", RENDER]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn judge(visit: &Visit, app_id: &str) {
    assert_eq!(visit.console, "", "the console is empty");
    assert_eq!(visit.datakit.path, "/v1/write/rum");
    let config = &visit.beacon["config"];
    assert_eq!(config["applicationId"], app_id, "{config}");
    assert_eq!(config["traceType"], "zipkin", "{config}");
    assert!(
        visit.page.iter().any(|request| request.path.ends_with(".js") && !request.path.starts_with("/sdk"))
    );
}

#[test]
fn the_stock_page_starts_monitoring_before_any_other_script() {
    let Some(page) = stock() else { return };
    let Some(visit) =
        visit(&page, &["--app-id", "bookinfo", "--env", "it's </script> {{ 7 * 7 }} {% x %}"], false)
    else {
        return;
    };
    judge(&visit, "bookinfo");
    assert_eq!(visit.beacon["others"], 0, "no other script ran before");
    assert_eq!(visit.beacon["head"], "HEAD");
    assert_eq!(visit.beacon["config"]["env"], "it's </script> {{ 7 * 7 }} {% x %}", "a value stays a value");
    let origin = visit.beacon["config"]["allowedTracingUrls"][0].as_str().unwrap().to_owned();
    assert!(origin.starts_with("http://127.0.0.1:"), "the page's own origin: {origin}");
    assert!(!visit.page.iter().any(|request| request.path == "/recording"));
}

#[test]
fn a_page_without_a_base_template_does_too() {
    let Some(visit) = visit(PLAIN, &["--app-id", "shop", "--replay"], true) else { return };
    judge(&visit, "shop");
    assert_eq!(visit.beacon["others"], 0);
    assert_eq!(visit.beacon["head"], "HEAD");
    assert!(visit.page.iter().any(|request| request.path == "/recording"), "the session is recorded");
}

#[test]
fn a_page_that_fills_no_block_of_the_head_does_too() {
    let page = "{% extends \"bootstrap/base.html\" %}\n{% block content %}<h1>{{ product.title }}</h1>{% endblock %}";
    let Some(visit) = visit(page, &["--app-id", "shop"], false) else { return };
    judge(&visit, "shop");
    assert_eq!((&visit.beacon["others"], &visit.beacon["head"]), (&0.into(), &"HEAD".into()));
}

#[test]
fn an_error_in_the_console_is_seen() {
    let page = format!("{PLAIN}<script>nothing.there()</script>\n");
    let Some(visit) = visit(&page, &["--app-id", "shop"], false) else { return };
    assert!(visit.console.contains("nothing is not defined"), "{}", visit.console);
}

#[test]
fn loaded_later_it_starts_once_the_sdk_is_there() {
    let Some(page) = stock() else { return };
    let Some(visit) = visit(&page, &["--app-id", "bookinfo", "--async"], false) else { return };
    judge(&visit, "bookinfo");
}

#[test]
fn the_stock_page_keeps_every_byte_and_renders_the_same_but_for_the_snippet() {
    let Some(page) = stock() else { return };
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("page.html"), &page).unwrap();
    let run = |args: &[&str]| Meshobs::new(args).cwd(here.path()).run().expect(0).stdout;
    let new = run(&["init", "rum", "--html", "page.html", "--app-id", "a", "--datakit-origin", "/"]);
    fs::write(here.path().join("new.html"), &new).unwrap();
    assert_eq!(run(&["init", "rum", "--html", "new.html", "--app-id", "a", "--datakit-origin", "/"]), new);
    assert_eq!(run(&["init", "rum", "--html", "new.html", "--remove"]), page.as_bytes());
    let Some(python) = python() else { return };
    let (old, new) =
        (render(&python, &here.path().join("page.html")), render(&python, &here.path().join("new.html")));
    let (begin, end) =
        (new.find("<!-- meshobs:rum -->").unwrap(), new.find("<!-- /meshobs:rum -->").unwrap());
    assert!(new.find("<script").unwrap() > begin && begin < new.find("</head>").unwrap());
    let rest = format!("{}{}", &new[..begin], &new[end + "<!-- /meshobs:rum -->\n".len()..]);
    assert_eq!(rest, old);
}

/// Policies, and the flags of pages that are served with them. `CDN` and `DATAKIT` stand for the origins of the SDK and of DataKit,
/// `HASH` for the hash that is asked for.
const POLICIES: &[(&str, &[&str])] = &[
    ("img-src *", &[]),
    ("default-src 'self'", &[]),
    ("default-src * 'unsafe-inline'", &[]),
    ("script-src CDN 'unsafe-inline'", &[]),
    ("script-src CDN 'unsafe-inline'; connect-src 'self'", &[]),
    ("script-src CDN 'unsafe-inline'; connect-src DATAKIT/v1/write/", &[]),
    ("script-src CDN 'unsafe-inline'; connect-src DATAKIT/other/", &[]),
    ("script-src CDN/sdk/ 'unsafe-inline'", &[]),
    ("script-src CDN/sdk 'unsafe-inline'", &[]),
    ("script-src CDN", &[]),
    ("script-src CDN HASH", &[]),
    ("script-src CDN 'unsafe-inline' 'sha256-AAAA'", &[]),
    ("script-src 'none'; script-src-elem CDN 'unsafe-inline'", &[]),
    ("script-src http: 'unsafe-inline', connect-src 'none'", &[]),
    ("script-src 'nonce-abc'", &[]),
    ("script-src 'nonce-abc' 'strict-dynamic'", &[]),
    ("script-src 'nonce-xyz' CDN", &[]),
    ("script-src CDN HASH 'strict-dynamic'", &[]),
    ("script-src HASH 'strict-dynamic'", &["--async"]),
    ("script-src HASH", &["--async"]),
    ("script-src 'nonce-abc'", &["--async"]),
    ("require-trusted-types-for 'script'", &[]),
    ("require-trusted-types-for 'script'", &["--async"]),
];

/// Whether the SDK in a page is started and sends: of each of [`POLICIES`], as a browser says. What it refused comes with it.
fn started(
    chromium: &str,
    folder: &Path,
    pages: Vec<(String, String)>,
    datakit: &Server,
) -> Vec<(bool, String)> {
    let listen = "document.addEventListener('securitypolicyviolation', function (e) { new Image().src = '/violation' + \
                  location.pathname + '/' + e.effectiveDirective; });";
    let frames: String =
        (0..pages.len()).map(|number| format!("<iframe src='/page/{number}'></iframe>")).collect();
    let count = pages.len();
    let site = Server::start(move |request: &Request| -> Answer {
        let page =
            request.path.strip_prefix("/page/").and_then(|number| pages.get(number.parse::<usize>().ok()?));
        match (page, request.path.as_str()) {
            (Some((policy, page)), _) => {
                let head: &'static str =
                    Box::leak(format!("text/html\r\nContent-Security-Policy: {policy}").into_boxed_str());
                (200, head, page.clone())
            }
            (None, "/") => (200, "text/html", frames.clone()),
            (None, "/listen.js") => (200, "text/javascript", listen.to_owned()),
            _ => (200, "text/plain", String::new()),
        }
    });
    open(chromium, folder, &format!("{}/", site.origin()));
    let (sent, asked) = (datakit.asked(), site.asked());
    let one = |number: usize| {
        let id = format!("\"page-{number}\"");
        let begin = format!("/violation/page/{number}/");
        let refused = asked.iter().filter_map(|request| request.path.strip_prefix(&begin));
        (sent.iter().any(|request| request.text().contains(&id)), refused.collect::<Vec<_>>().join(" "))
    };
    (0..count).map(one).collect()
}

#[test]
fn what_a_policy_blocks_is_what_a_browser_refuses() {
    let Some(chromium) = chromium() else { return };
    let here = tempfile::tempdir().unwrap();
    let cdn = Server::start(|_| (200, "text/javascript", SDK.to_owned()));
    let datakit = Server::start(|_| (200, "text/plain", String::new()));
    let sdk = format!("{}/sdk/dataflux-rum.js", cdn.origin());
    let mut pages = Vec::new();
    let mut verdicts = Vec::new();
    for (number, (policy, flags)) in POLICIES.iter().enumerate() {
        let nonce = if policy.contains("'nonce-") { " nonce=\"abc\"" } else { "" };
        let page = format!(
            "<!doctype html>\n<html><head>\n<script{nonce} src=\"/listen.js\"></script>\n</head></html>\n"
        );
        fs::write(here.path().join("page.html"), page).unwrap();
        let (id, origin) = (format!("page-{number}"), datakit.origin());
        let run = |policy: &str, more: &[&str]| {
            let fixed = ["init", "rum", "--html", "page.html", "--app-id", &id, "--datakit-origin", &origin];
            let rest = ["--sdk-url", &sdk, "--csp", policy];
            Meshobs::new(fixed.iter().chain(&rest).chain(*flags).chain(more)).cwd(here.path()).run()
        };
        let mut policy = policy.replace("CDN", &cdn.origin()).replace("DATAKIT", &origin);
        if policy.contains("HASH") {
            // As the refusal says.
            let told = run(&policy.replace("HASH", ""), &[]).stderr;
            let hash = told.split_whitespace().find(|word| word.starts_with("'sha256-")).unwrap();
            policy = policy.replace("HASH", hash);
        }
        let judged = run(&policy, &[]);
        verdicts.push((policy.clone(), judged.status == 0, judged.stderr));
        pages.push((
            policy.clone(),
            String::from_utf8(run(&policy, &["--allow-blocked"]).expect(0).stdout).unwrap(),
        ));
    }
    let seen = started(chromium, here.path(), pages, &datakit);
    let count = verdicts.iter().filter(|(_, fine, _)| *fine).count();
    assert!((8..POLICIES.len() - 8).contains(&count), "both verdicts are there: {count}");
    for ((policy, fine, told), (sent, refused)) in verdicts.iter().zip(seen) {
        assert_eq!(*fine, sent, "{policy}: Chromium refused {refused:?}\n{told}");
        assert_eq!(*fine, !told.contains("keeps browsers from"), "{policy}: {told}");
    }
}

#[test]
fn a_policy_of_the_page_is_extended_and_restored() {
    let here = tempfile::tempdir().unwrap();
    let run = |html: &str, more: &[&str]| {
        let fixed = ["init", "rum", "--html", html];
        Meshobs::new(fixed.iter().chain(more)).cwd(here.path()).run()
    };
    let settings = ["--app-id", "page-0", "--datakit-origin"];
    let datakit = Server::start(|_| (200, "text/plain", String::new()));
    let cdn = Server::start(|_| (200, "text/javascript", SDK.to_owned()));
    let (origin, sdk) = (datakit.origin(), format!("{}/sdk/dataflux-rum.js", cdn.origin()));
    for quote in ['"', '\''] {
        let keyword = if quote == '"' {
            "default-src 'self' ;"
        } else {
            "script-src http://a.example;connect-src http://b.example"
        };
        let page = format!(
            "<!doctype html>\r\n<html><head>\r\n\t<meta content={quote}{keyword}{quote} http-equiv=Content-Security-Policy>\r\n\t\
             <script src=\"/a.js\"></script>\r\n</head></html>\r\n"
        );
        fs::write(here.path().join("page.html"), &page).unwrap();
        let full = [&settings[..], &[&origin, "--sdk-url", &sdk]].concat();
        let refused = run("page.html", &full).expect(2);
        assert!(
            refused.stdout.is_empty() && refused.stderr.contains("page.html:3:2: "),
            "{}",
            refused.stderr
        );
        let edit = [&full[..], &["--csp-edit"]].concat();
        let new = run("page.html", &edit).expect(0).stdout;
        fs::write(here.path().join("new.html"), &new).unwrap();
        assert_eq!(run("new.html", &edit).expect(0).stdout, new, "twice is once");
        assert_eq!(run("new.html", &full).expect(0).stdout, new);
        assert_eq!(String::from_utf8_lossy(&run("new.html", &["--remove"]).expect(0).stdout), page);
        // What was changed by hand since stays.
        let changed = String::from_utf8(new.clone()).unwrap().replace("http-equiv=C", "data-x http-equiv=C");
        let changed = changed.replace(" ; script", "; img-src *; script").replace("b.example", "c.example");
        fs::write(here.path().join("changed.html"), &changed).unwrap();
        let removed = run("changed.html", &["--remove"]).expect(0);
        assert!(removed.stderr.contains("changed since"), "{}", removed.stderr);
        let kept = String::from_utf8(removed.stdout).unwrap();
        assert!(kept.contains("img-src *") || kept.contains("c.example"), "{kept}");
        let Some(chromium) = chromium() else { continue };
        let seen = started(
            chromium,
            here.path(),
            vec![("img-src *".to_owned(), String::from_utf8(new).unwrap())],
            &datakit,
        );
        assert_eq!(seen, [(true, String::new())]);
    }
}

/// Renders a file of Go's templates by `html/template`, without data that would matter.
const GO: &str = r#"package main

import (
	"html/template"
	"os"
)

func main() {
	for _, file := range os.Args[1:] {
		page := template.New("page")
		template.Must(page.New("styles").Parse("<link rel=stylesheet href=a.css><script src=styles.js></script>"))
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		template.Must(page.New("file").Parse(string(text)))
		name := "file"
		if page.Lookup("layout") != nil {
			name = "layout"
		}
		if err := page.ExecuteTemplate(os.Stdout, name, map[string]any{"Title": "A <b>", "Nonce": "abc", "Debug": false}); err != nil {
			panic(err)
		}
		os.Stdout.WriteString("\n====\n")
	}
}
"#;

#[test]
fn templates_of_go_render_it_first_and_the_rest_as_before() {
    let Some(go) = go() else { return };
    let here = tempfile::tempdir().unwrap();
    let pages = [
        "<!doctype html>\n<html><head>\n{{ if .Debug }}\n<script src=debug.js></script>{{ end }}\n<script src=app.js></script></head></html>\n",
        "<!doctype html><html><head><title>{{ .Title }}</title>{{ template \"styles\" . }}<script nonce=\"{{ .Nonce }}\" src=app.js></script></head></html>",
        "{{ define \"layout\" }}<!DOCTYPE html>\n<html>\n  <head>\n    <title>{{ .Title }}</title>\n    {{ template \"styles\" . }}\n    \
         <script src=app.js></script>\n  </head>\n  <body>{{ template \"body\" . }}</body>\n</html>{{ end }}\n{{ define \"body\" }}b{{ end }}",
    ];
    let value = "it's </script> {{ 7 }} ${a} @b <%= c %>";
    let mut files = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let (old, new) = (format!("{number}.old"), format!("{number}.new"));
        fs::write(here.path().join(&old), page).unwrap();
        let args = [
            "init",
            "rum",
            "--html",
            &old,
            "--app-id",
            "shop",
            "--datakit-origin",
            "/",
            "--env",
            value,
            "-o",
            &new,
        ];
        Meshobs::new(args).cwd(here.path()).run().expect(0);
        files.extend([old, new]);
    }
    fs::write(here.path().join("render.go"), GO).unwrap();
    let output =
        Command::new(go).args(["run", "render.go"]).args(&files).current_dir(here.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let rendered: Vec<&str> = text.split("\n====\n").collect();
    for number in 0..pages.len() {
        let (old, new) = (rendered[2 * number], rendered[2 * number + 1]);
        let begin = new.find("<script src=\"https://static.guance.com/").unwrap_or_else(|| panic!("{new}"));
        assert_eq!(new.find("<script"), Some(begin), "{new}");
        let end = begin + new[begin..].find("});").unwrap();
        let end = end + new[end..].find("</script>").unwrap() + "</script>".len();
        let own = &new[begin..end];
        let env = own.split("env: ").nth(1).unwrap().split(",\n").next().unwrap();
        assert_eq!(serde_json::from_str::<String>(env).unwrap(), value);
        assert_eq!(own.matches("nonce=\"abc\"").count(), if old.contains("nonce") { 2 } else { 0 }, "{own}");
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(bare(&format!("{}{}", &new[..begin], &new[end..])), bare(old));
    }
}

fn go() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/local/go/bin")]);
    let found = folders.map(|folder| folder.join("go")).find(|go| go.is_file());
    if found.is_none() {
        skip("no Go here");
    }
    found
}
