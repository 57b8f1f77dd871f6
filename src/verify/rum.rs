//! A point of browser monitoring: how the SDK writes it, and what DataKit says to it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{RUM, Row, counted};
use crate::facts::Version;
use crate::facts::datakit::{ENV_RUM_APP_IDS, before};
use crate::facts::datakit_live::{
    APP_ID_REFUSED, DRY_RUN, METRICS_ON_LOOPBACK, NOT_PUBLIC, RUM_NOT_READY, RUM_PATH,
};
use crate::http::{Answer, Failure};

/// The application that the point is of, where nobody names one.
pub(crate) const APPLICATION: &str = "meshobs-verify";

/// The type that the SDK sends its points with.
pub(crate) const CONTENT_TYPE: &str = "text/plain;charset=UTF-8";

/// The path and query that a point is sent to; `dry` has it parsed and not stored.
pub(crate) fn path(dry: bool) -> String {
    format!("{RUM_PATH}?precision=ms{}", if dry { "&dry=1" } else { "" })
}

/// A view of a page in line protocol, as the SDK writes it.
pub(crate) fn body(application: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let escaped = |text: &str| {
        let escape = |c: char| if ", =\\".contains(c) { format!("\\{c}") } else { c.to_string() };
        text.chars().filter(|c| !c.is_control()).map(escape).collect::<String>()
    };
    format!(
        "view,sdk_name=df_web_rum_sdk,sdk_version=3.2.27,app_id={},env=verify,service=meshobs-verify,version=1,\
         session_id=meshobs-verify,session_type=user,view_id=meshobs-verify,view_path=/meshobs-verify,\
         view_path_group=/meshobs-verify is_active=false,view_action_count=0i,view_error_count=0i,time_spent=1000000i {}\n",
        escaped(application),
        now.as_millis()
    )
}

/// What is known of a point that was sent.
#[derive(Debug)]
pub(crate) struct Trial<'t> {
    pub(crate) version: Option<Version>,
    /// Whether the input `rum` runs; nothing where nobody tells.
    pub(crate) runs: Option<bool>,
    /// Whether somebody named the application.
    pub(crate) is_named: bool,
    /// What was answered.
    pub(crate) answer: &'t Result<Answer, Failure>,
    /// Points that the input handed on; nothing for a dry run.
    pub(crate) fed: Option<Result<f64, String>>,
}

/// Whether a version parses a point without storing it. One that is no release may be older.
pub(crate) fn has_dry_run(version: Option<Version>) -> bool {
    version.is_some() && !before(version, DRY_RUN)
}

/// What is said where a point would be stored, and nobody allowed that.
pub(crate) fn not_sent() -> Row {
    Row::unknown(
        RUM,
        format!("not tried: before {DRY_RUN} DataKit stores whatever is sent to {RUM_PATH}"),
        "--post-rum sends one view of the application `meshobs-verify`, which is stored",
    )
}

/// Whether the answer says that the input has only just started.
pub(crate) fn is_starting(answer: &Result<Answer, Failure>) -> bool {
    answer.as_ref().is_ok_and(|answer| answer.status == 400 && answer.body.contains(RUM_NOT_READY))
}

impl Trial<'_> {
    /// What came of it.
    pub(crate) fn row(&self) -> Row {
        let answer = match self.answer {
            Ok(answer) => answer,
            Err(failure) => {
                return Row::failed(
                    RUM,
                    format!("POST {RUM_PATH}: {failure}"),
                    "see whether DataKit still runs",
                );
            }
        };
        if !(200..300).contains(&answer.status) {
            return self.refused(answer);
        }
        let taken = format!("POST {RUM_PATH} was answered with {}", answer.status);
        match (self.runs, &self.fed) {
            (Some(false), _) => Row::failed(
                RUM,
                format!(
                    "{taken}, but not by the input `rum`, which does not run: no session replays, no addresses of clients"
                ),
                "add `rum` to ENV_DEFAULT_ENABLED_INPUTS of DataKit; `meshobs init datakit --rum` writes it",
            ),
            (None, _) => Row::unknown(
                RUM,
                format!("{taken}, which proves nothing: without the input `rum` a generic path answers too"),
                "",
            ),
            (_, None) => Row::fine(
                RUM,
                format!("{taken}: a view in the SDK's format was parsed (dry run, not stored)"),
            ),
            (_, Some(Err(why))) => Row::unknown(RUM, format!("{taken}, which proves nothing: {why}"), ""),
            (_, Some(Ok(count))) if *count > 0.0 => {
                Row::fine(RUM, format!("{taken}: {} stored", counted(*count, "point")))
            }
            (_, Some(Ok(_))) => Row::failed(
                RUM,
                format!("{taken}, and no point was counted"),
                "see whether another program answers on this port, and look at DataKit's log",
            ),
        }
    }

    fn refused(&self, answer: &Answer) -> Row {
        let status = answer.status;
        let body: String = answer.body.trim().chars().take(200).collect();
        if body.contains(APP_ID_REFUSED) {
            let message =
                format!("POST {RUM_PATH}: status {status}: the application id is not in {ENV_RUM_APP_IDS}");
            return if self.is_named {
                let hint = format!(
                    "add the id to {ENV_RUM_APP_IDS} of DataKit, or correct applicationId in the page"
                );
                Row::failed(RUM, message, hint)
            } else {
                Row::unknown(RUM, message, "name the application of your page: --app-id ID")
            };
        }
        if status == 403 && body.contains(NOT_PUBLIC) {
            let hint = if before(self.version, METRICS_ON_LOOPBACK) {
                "add /v1/write/rum to ENV_HTTP_PUBLIC_APIS of DataKit"
            } else {
                "add `rum` to ENV_DEFAULT_ENABLED_INPUTS of DataKit; `meshobs init datakit --rum` writes it"
            };
            return Row::failed(
                RUM,
                format!("POST {RUM_PATH}: status 403: the path is closed to other hosts"),
                hint,
            );
        }
        let hint = if status == 404 || status == 400 {
            "see that the input `rum` runs: add it to ENV_DEFAULT_ENABLED_INPUTS of DataKit; `meshobs init datakit --rum` writes it"
        } else {
            "look at DataKit's log"
        };
        Row::failed(RUM, format!("POST {RUM_PATH}: status {status}: {body}"), hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict::{Failed, Fine, Unknown};

    #[test]
    fn a_200_alone_proves_nothing() {
        let answer = |status, body: &str| Ok(Answer::of(status, body));
        let white = format!("{{\"message\":\"{APP_ID_REFUSED}\"}}");
        for (runs, is_named, answer, fed, want, says) in [
            (Some(true), false, answer(200, ""), None, Fine, "dry run"),
            (Some(false), false, answer(200, ""), None, Failed, "does not run"),
            (None, false, answer(200, ""), None, Unknown, "proves nothing"),
            (Some(true), false, answer(200, ""), Some(Ok(1.0)), Fine, "1 point stored"),
            (Some(true), false, answer(200, ""), Some(Ok(0.0)), Failed, "no point was counted"),
            (Some(true), false, answer(200, ""), Some(Err("x".to_owned())), Unknown, "x"),
            (Some(true), false, answer(400, &white), None, Unknown, "not in ENV_RUM_APP_ID_WHITE_LIST"),
            (Some(true), true, answer(400, &white), None, Failed, "not in ENV_RUM_APP_ID_WHITE_LIST"),
            (Some(false), true, answer(404, "no"), None, Failed, "status 404: no"),
            (Some(true), true, answer(403, NOT_PUBLIC), None, Failed, "closed to other hosts"),
            (Some(true), true, Err(Failure::Refused), None, Failed, "connection refused"),
        ] {
            let trial = Trial { version: Version::parse("1.84.1"), runs, is_named, answer: &answer, fed };
            let row = trial.row();
            assert!(row.verdict == want && row.message.contains(says), "{row:?}");
        }
    }

    #[test]
    fn a_point_is_one_line_whatever_the_application_is_called() {
        let body = body("a b,c=d\ne");
        assert!(body.contains("app_id=a\\ b\\,c\\=de,") && body.matches('\n').count() == 1, "{body}");
        assert_eq!(path(true), "/v1/write/rum?precision=ms&dry=1");
        let version = Version::parse;
        assert!(has_dry_run(version("1.30.0")) && !has_dry_run(version("1.29.1")) && !has_dry_run(None));
    }
}
