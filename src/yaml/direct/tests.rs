//! The contract: where a text is read directly, its tape is the parser's. Held on every real file, on the forms that YAML
//! has, and on texts made at random.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::parse::by_events;
use super::super::{DocumentReader, Kind};
use super::tape;

/// What is wrong with the direct reading of a text, if anything is.
fn difference(text: &str) -> Option<String> {
    let direct = tape(text)?;
    match by_events(text) {
        Ok(parsed) if parsed == direct => None,
        Ok(parsed) => Some(format!("{text:?}\n direct {direct:?}\n parsed {parsed:?}")),
        Err(error) => Some(format!("{text:?}\n direct {direct:?}\n parsed {error:?}")),
    }
}

/// The smallest text with a difference that is left when parts of one are taken away.
fn shrink(text: &str) -> String {
    let mut small: Vec<char> = text.chars().collect();
    let mut size = small.len();
    while size > 0 {
        let mut at = 0;
        while at < small.len() {
            let end = (at + size).min(small.len());
            let less: Vec<char> = small[..at].iter().chain(&small[end..]).copied().collect();
            if difference(&less.iter().collect::<String>()).is_some() {
                small = less;
            } else {
                at = end;
            }
        }
        size /= 2;
    }
    small.into_iter().collect()
}

fn assert_alike(text: &str) {
    if difference(text).is_some() {
        panic!("{}", difference(&shrink(text)).unwrap_or_default());
    }
}

/// All texts below a folder.
fn read_all(folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_all(&path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push(text);
        }
    }
}

/// The documents of the golden cases and of the stock manifests, each once.
fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["testdata", "docs", "tests", "../shared/stock", "../shared/guide"] {
        read_all(&root.join(folder), &mut files);
    }
    let mut documents = Vec::new();
    for file in files {
        let mut reader = DocumentReader::new(file.as_bytes());
        while let Ok(Some(chunk)) = reader.next_document() {
            documents.push(chunk.text.to_owned());
        }
    }
    documents.sort();
    documents.dedup();
    documents
}

#[test]
fn tapes_of_real_documents_are_the_parsers() {
    let (mut read, mut all) = (0, 0);
    for text in documents() {
        assert_alike(&text);
        if by_events(&text).is_ok() {
            all += 1;
            read += usize::from(tape(&text).is_some());
        }
    }
    assert!(read * 10 > all * 7, "{read} of {all} documents are read directly");
}

/// What is read directly.
const COMMON: &[&str] = &[
    "a: 1",
    "a: 1\n",
    "\n\n# c\na: 1 # c\n# c\n\n",
    "---\na: 1\n",
    "# c\n--- # c\n# c\na: b\n",
    "a:\nb:\n",
    "a:\n  b:\n    c: d\n  e: f\ng: h\n",
    "  a: 1\n  b: 2\n",
    "a:\n- b\n- c\nd:\n  - e\n  -   f: g\n      h: i\n",
    "- - - a\n    - b\n  - c\n- d: e\n  f:\n  - g\n",
    "-\n  a: 1\n- # c\n  b\n",
    "a:\n  b # c\nc:\n  'd'\ne:\n  [f]\ng:\n  |\n  h\n",
    "a: b c\td  \n",
    "a: b\n  c\n\n   d # e\n\nf: g\n",
    "- a\n  - b\n",
    "a: b#c:d\n",
    "a:b: c\n'd' : e\n\"f\": g\n",
    "a: 'it''s'\nb: \"x\\\"y\\\\ \\x41\\u00e9\\\n  z\"\nc: 'd\n\n  e'\n",
    "a: 'b\nc'\n",
    "a: http://b/#c\nd: -e\nf: ?g\nh: :i\n",
    "a: |\n  b\n\n   c\n  \nd: >-\n  e\n\n\n# f\ng: |-\n  h\n   ",
    "a: | # c\n\n  # b\nd: |\n   x",
    "a: |2\n   b\nc:\n  d: >-1 # e\n     f\n\n   g\n",
    "- - |2-\n\n     \n     a\n",
    "- |\n a\n-   >\n  b\n",
    "a: {b: c, \"d\": [e, 'f', {g: h}], i: j-k}\n",
    "a: {}\nb: []\nc: [ ]\nd: [a,]\ne: {f: g,}\n",
    "{\n  \"a\": 1,\n  \"b\": [true, null, {\"c\":\"d\"}]\n}\n",
    "[1, [2, # c\n3], {a: b\n}]",
    "{\n\t\"a\": [\n\t\t1\n\t]\n}\n",
    "a: [b,\n  c\n]\nd: e\n",
    "a: é\nü: \"ö\" # ä\nb: |\n  中文 x\n",
    "a: x{y}[z],\n",
    "a: \"---\"\nb: --- c\nd: |\n  ---\n  ...\ne: 'f\n  ---\n  '\n",
    "a: \u{2028}b\n",
];

#[test]
fn common_forms_are_read_directly() {
    for text in COMMON {
        assert!(tape(text).is_some(), "{text:?}");
        assert_alike(text);
    }
}

/// What is left to the parser, whether it takes it or not.
const OTHER: &[&str] = &[
    "",
    "\n",
    "# c\n",
    "---\n",
    "a\n",
    "a\nb\n",
    "a: 1\n---\nb: 2\n",
    "a: 1\n...\n",
    "a: 1\n---x: 2\n",
    "--- a\n",
    "---\ta: b\n",
    "%YAML 1.2\n---\na: b\n",
    "a: &b c\n",
    "a: *b\n",
    "a: !c d\n",
    "&a b: c\n",
    "? a\n: b\n",
    "- ? a\n",
    ": a\n",
    "a: - b\n",
    "a: b: c\n",
    "a: b\n  c: d\n",
    "a: b\n c\n  d:\n",
    "a: 'b': c\n",
    "a: 'b' c\n",
    "a: 'b'#c\n",
    "a: 'b\n---\nc'\n",
    "a: \"b\n... \nc\"\n",
    "a: \"\\q\"\n",
    "a: \"\\xg0\"\n",
    "a: \"\\ud83d\\ude00\"\n",
    "a: \"b\n",
    "a:\n    b: 1\n  c: 2\n",
    "a: 1\n b: 2\n",
    " a: 1\nb: 2\n",
    "a: 1\n- b\n",
    "- a\nb: 1\n",
    "a:\n- b\n c: d\n",
    "a:\n  - b\n  c: d\n",
    "a: b # c\n  d\n",
    "a: b\n  # c\n  d\n",
    "a:\tb\n",
    "-\tb\n",
    "a:\n\tb: c\n",
    "a: b\n\t\nc: d\n",
    "a: b\n\tc\n",
    "a: b\n  \tc\n",
    "a: [\n\tb]\n",
    "a: b\r\n",
    "\u{feff}a: b\n",
    "a: \u{feff}b\n",
    "a: \u{7}b\n",
    "a: \u{7f}b\n",
    "a: \u{85}b\n",
    "a: \u{fffe}b\n",
    "a: |\nb: c\n",
    "a: |+\n  b\n\n",
    "a: |2\n b\n",
    "a: |0\n b\n",
    "a: |22\n b\n",
    "a: |2\n",
    "a: |x\n  b\n",
    "a: |#c\n  b\n",
    "a: |\n   \n  b\n",
    "a: |\n\t\n",
    "a: |\n  \t\n",
    "a: >\n  \u{2003}\n",
    "a: [b: c]\n",
    "a: {b}\n",
    "a: {b: }\n",
    "a: {b: , c: d}\n",
    "a: {b:c}\n",
    "a: {b:[c]}\n",
    "a: {'b\n c': d}\n",
    "a: [b\n  c]\n",
    "a: [b,, c]\n",
    "a: [, b]\n",
    "a: [-]\n",
    "a: [- b]\n",
    "a: [b}\n",
    "a: [b] c\n",
    "a: [b]: c\n",
    "a: [b]#c\n",
    "a: [b,#c\n d]\n",
    "a: [\n---\n]\n",
    "a: [?b, :c]\n",
    "[a]\nb: c\n",
    "{a: b}: c\n",
    "a: {{ .b }}\n",
    "{{ .a }}: b\n",
    "a: @b\n",
    "a: `b`\n",
    "a: %b\n",
    "-\n- a\n",
    "a:\n  - b\n  -\n",
    "a: b\n}\n",
];

#[test]
fn other_forms_are_left_to_the_parser() {
    for text in OTHER {
        assert!(tape(text).is_none(), "{text:?}");
    }
}

#[test]
fn limits_of_the_parser_are_kept() {
    for length in [super::KEY, super::KEY + 1, 1023, 1024, 1025, 2000] {
        let key = "k".repeat(length);
        for text in
            [format!("{key}: v\n"), format!("a: {{'{key}': v}}\n"), format!("{}: v\n", "é".repeat(length))]
        {
            assert_alike(&text);
            assert!(length <= super::KEY || tape(&text).is_none());
        }
        assert_alike(&format!("- {key}\n- [{key}, '{key}']\n- {key}\n"));
        assert!(tape(&format!("- {key}\n- ['{key}']\n")).is_some());
    }
    for depth in [super::DEPTH - 1, super::DEPTH, super::DEPTH + 1, 254, 256, 100_000] {
        let nested = [
            "- ".repeat(depth) + "a",
            format!("{}1{}", "[".repeat(depth), "]".repeat(depth)),
            (0..depth.min(1000)).map(|level| " ".repeat(level) + "a:\n").collect(),
        ];
        for text in nested {
            assert_alike(&text);
            assert!(depth > super::DEPTH || tape(&text).is_some());
        }
    }
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound.max(1)
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const MARKS: &[&str] = &[
    ": ", ":", ":\n", " #", "#", "- ", "-", "\n", "\n\n", " ", "  ", "\t", "'", "''", "\"", "\\", "\\n",
    "\\u0041", "---", "\n---\n", "--- ", "...", "\n...\n", "|", "|\n", "|-\n", ">-\n", "|+\n", "|2\n",
    "> # c\n", "? ", "?", "&a ", "*a", "!t ", "!", "%", "\n%", "@", "`", "{", "}", "[", "]", ",", "{}", "[]",
    ", ", "\r", "\r\n", "\u{feff}", "é", "中", "\u{85}", "\u{2028}", "\u{a0}", "\u{fffe}", "\u{7f}", "\u{1}",
    "~", "null", "a", "b: c", "\n  ", "\n    ", "\n- ", "\n  - ", "\n\t", "<<: ", "=", "\\\n", " \n", "\t\n",
    "# c\n",
];

/// A piece of a document with a few changes.
fn mutated(random: &mut Random, documents: &[String]) -> String {
    let text = &documents[random.below(documents.len())];
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = if random.below(3) == 0 { random.below(lines.len()) } else { 0 };
    let mut lines: Vec<String> =
        lines.iter().skip(first).take(1 + random.below(16)).map(|line| (*line).into()).collect();
    for _ in 0..random.below(4) {
        let at = random.below(lines.len());
        let Some(line) = lines.get_mut(at) else { break };
        match random.below(8) {
            0 => *line = format!(" {line}"),
            1 => *line = line.strip_prefix(' ').unwrap_or(line).to_owned(),
            2 => _ = lines.remove(at),
            3 => {
                let copy = line.clone();
                let to = random.below(lines.len());
                lines.insert(to, copy);
            }
            4 => {
                let place = random.below(line.chars().count());
                *line = line.chars().enumerate().filter(|(i, _)| *i != place).map(|(_, char)| char).collect();
            }
            _ => {
                let place = random.below(line.chars().count() + 1);
                let byte = line.char_indices().nth(place).map_or(line.len(), |(byte, _)| byte);
                line.insert_str(byte, random.of(MARKS));
            }
        }
    }
    lines.concat()
}

const KEYS: &[&str] =
    &["k: ", "k: ", "key: ", "'k': ", "\"k\": ", "k : ", "a:b: ", "é: ", "-k: ", "<<: ", "k:  "];
const WORDS: &[&str] = &[
    "a",
    "b1",
    "x y",
    "é",
    "1",
    "true",
    "a:b",
    "a#b",
    "-x",
    "'q'",
    "\"d\"",
    "http://h",
    "{a: b}",
    "[c]",
    "[]",
    "{}",
    "'a\n  b'",
    "\"a\\\n  b\"",
    "\"\\x41\"",
    "'it''s'",
    "[a,\n b]",
    "{\n  a: 1,\n}",
    "?x",
    ":x",
    "x,{[",
    "x  ",
    "\"a\" ",
];
const SCALARS: &[&str] = &["|", "|", ">", "|-", ">-", "| # c", "|+", "|2"];
const TOKENS: &[&str] = &[
    "{", "}", "[", "]", ",", ", ", ": ", ":", "\"a\"", "'b'", "c", "-", "-d", " ", "\n", "\n ", " #d\n",
    "\t", "\"e\":", "f: ", "\"g\" : ", "{}", "[h]", "[i, j]", "{k: l}", "\n---\n",
];

/// A text of brackets and of what stands in them.
fn flow(random: &mut Random) -> String {
    let (open, close) = if random.below(2) == 0 { ("{", "}") } else { ("[", "]") };
    let mut text = open.to_owned();
    for _ in 0..random.below(6) {
        match random.below(5) {
            0 => text += random.of(TOKENS),
            1 if open == "[" => text += random.of(WORDS),
            2 => text += random.of(&["'a': {b: c}", "\"d\":[e]", "\"f\": \"g\"", "h: [{}, 1]", "\n  i: j"]),
            _ if open == "[" => text += random.of(&["a", "\"b\"", "{c: d}", "[e]", "\n f", "1"]),
            _ => text += random.of(&["a: b", "\"b\": c", "{c: d}", "'e':f", "g: \"h\"", "i: j k"]),
        }
        text += random.of(&[",", ", ", ", ", ",\n  ", ",\n", " ,", ", # c\n", "\n,\n"]);
    }
    text + close
}

/// A text of lines that are made of what lines are made of: most of them fit below the ones before.
fn generated(random: &mut Random) -> String {
    let mut text = random.of(&["", "", "", "---\n", "# c\n", "\n", "--- # c\n"]).to_owned();
    if random.below(8) == 0 {
        return text + &flow(random) + random.of(&["\n", ""]);
    }
    let mut levels = vec![(random.below(2) * random.below(3), random.below(3) == 0)];
    let mut awaits = false;
    for _ in 0..=random.below(9) {
        let (mut column, mut items) = levels[levels.len() - 1];
        if awaits && random.below(10) > 0 {
            let indentless = !items && random.below(4) == 0;
            column += if indentless { 0 } else { 1 + random.below(4) };
            items = indentless || random.below(3) == 0;
            levels.push((column, items));
        } else {
            for _ in 0..random.below(4) / 2 * random.below(levels.len()) {
                levels.pop();
            }
            (column, items) = levels[levels.len() - 1];
        }
        column = if random.below(24) == 0 { random.below(9) } else { column };
        let mut line = " ".repeat(column);
        while items && random.below(12) > 0 {
            line += random.of(&["- ", "- ", "- ", "-   "]);
            items = random.below(8) == 0;
            if !items && random.below(2) == 0 {
                levels.push((line.len(), false));
            }
        }
        let is_key = levels[levels.len() - 1].0 == line.len() && random.below(16) > 0;
        if is_key {
            line += random.of(KEYS);
        }
        awaits = random.below(3) == 0;
        match random.below(10) {
            _ if awaits => line.truncate(line.trim_end().len()),
            0 => {
                line += random.of(SCALARS);
                for _ in 0..=random.below(3) {
                    let indent = column + if random.below(6) == 0 { random.below(6) } else { 4 };
                    line = line
                        + "\n"
                        + &" ".repeat(indent)
                        + random.of(&["x", "x y", "# x", "", "- x", "\t", "é", "k: v"]);
                }
            }
            1 => {
                line += "a b";
                for _ in 0..=random.below(2) {
                    let indent = column + random.below(6);
                    line = line
                        + "\n"
                        + &" ".repeat(indent)
                        + random.of(&["x", "x y", "# x", "", "- x", "'", "é", "k: v", "x # c"]);
                }
            }
            2 => line += &flow(random),
            _ => line += random.of(WORDS),
        }
        line += random.of(&["", "", "", "", "", " # c", " ", "  # é"]);
        if random.below(20) == 0 {
            let place = random.below(line.chars().count() + 1);
            let byte = line.char_indices().nth(place).map_or(line.len(), |(byte, _)| byte);
            line.insert_str(byte, random.of(MARKS));
        }
        text = text
            + &line
            + random.of(&["\n", "\n", "\n", "\n", "\n", "\n\n", "\n# c\n", "\n   # c\n", "\n  \n"]);
    }
    if random.below(4) == 0 {
        text.pop();
    }
    text
}

/// Compares so many texts made at random; says how many were read directly.
fn compare_random(seed: u64, count: usize) -> usize {
    let mut random = Random(seed | 1);
    let documents: Vec<String> = documents().into_iter().filter(|text| text.len() < 20_000).collect();
    let texts = (0..count).map(|index| match index % 3 {
        0 => mutated(&mut random, &documents),
        _ => generated(&mut random),
    });
    texts.filter(|text| tape(text).is_some()).inspect(|text| assert_alike(text)).count()
}

#[test]
fn tapes_of_random_documents_are_the_parsers() {
    assert!(compare_random(0x9e37_79b9_7f4a_7c15, 8000) > 2000);
}

/// For long runs by hand: `MESHOBS_RANDOM=SEED,COUNT cargo test --lib --release -- --ignored random`.
#[test]
#[ignore = "runs as long as it is told to"]
fn tapes_of_many_random_documents_are_the_parsers() {
    let told = std::env::var("MESHOBS_RANDOM").unwrap_or_default();
    let (seed, count) = told.split_once(',').unwrap_or(("1", "1000000"));
    let (seed, count) = (seed.parse().unwrap(), count.parse().unwrap());
    let read = compare_random(seed, count);
    assert!(read * 10 > count, "only {read} of {count} were read directly");
}

#[test]
fn a_collection_ends_behind_its_last_bracket() {
    let tape = tape("a:\n  - [b]\n").unwrap();
    let ends: Vec<(Kind, u32)> = tape.nodes.iter().map(|node| (node.kind, node.end)).collect();
    assert_eq!(ends.first(), Some(&(Kind::BlockMapping, 10)));
    assert_eq!(ends.last(), Some(&(Kind::Plain, 9)));
}
