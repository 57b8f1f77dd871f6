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

    let profile = here.path().join("profile");
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("{}/productpage", site.origin()))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
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
