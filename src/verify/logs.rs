//! Whether DataKit takes what containers print: points of logs, by source.

use super::sample::Sample;
use super::{LOGS, Row};
use crate::facts::datakit_live::LOGGING;

/// What a feed of logs is called in front of its source; before 1.76 with a slash.
const NAMES: [&str; 2] = ["logging.", "logging/"];

/// Which sources DataKit says it takes logs from. No endpoint lists containers, so what is missing cannot be told.
pub(crate) fn row(now: Result<&Sample, &str>) -> Row {
    let points = match now {
        Ok(sample) => match &sample.points {
            Some(points) => points,
            None => return Row::unknown(LOGS, "this version does not report the points it takes", ""),
        },
        Err(why) => return Row::unknown(LOGS, why, ""),
    };
    let mut sources: Vec<(&str, f64)> = points
        .iter()
        .filter(|((category, _), count)| category == LOGGING && **count > 0.0)
        .map(|((_, name), count)| {
            let source = NAMES.iter().find_map(|start| name.strip_prefix(start)).unwrap_or(name);
            (source, *count)
        })
        .collect();
    if sources.is_empty() {
        return Row::unknown(
            LOGS,
            "no point of logs since DataKit's start; that may be because nothing was printed",
            "see `meshobs check --only-section logs`",
        );
    }
    const SHOWN: usize = 8;
    sources.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(other.0)));
    let mut parts: Vec<_> =
        sources.iter().take(SHOWN).map(|(source, count)| format!("{source} {count:.0}")).collect();
    if sources.len() > SHOWN {
        parts.push(format!("{} more", sources.len() - SHOWN));
    }
    Row::fine(LOGS, format!("points by source since DataKit's start: {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;

    #[test]
    fn sources_of_logs_are_named_and_silence_is_unknown() {
        let sample =
            |lines: &str| Sample::of_metrics(None, &format!("datakit_uptime_seconds 1\n{lines}")).unwrap();
        let some = sample(
            "datakit_io_feed_point_sum{category=\"logging\",name=\"logging.reviews\"} 3\n\
             datakit_io_feed_point_sum{category=\"logging\",name=\"logging/ratings\"} 7\n\
             datakit_io_feed_point_sum{category=\"metric\",name=\"cpu\"} 7\n",
        );
        assert_eq!(row(Ok(&some)).message, "points by source since DataKit's start: ratings 7, reviews 3");
        assert_eq!(row(Ok(&sample(""))).verdict, Verdict::Unknown);
        assert_eq!(row(Err("closed")).message, "closed");
    }
}
