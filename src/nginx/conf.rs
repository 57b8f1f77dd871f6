//! A configuration of nginx as it is written: blocks, directives and words with their places. Reads only.

use std::ops::Range;

use super::ConfError;

/// A word, without the quotes around it.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: String,
    /// Where it is, quotes included.
    pub(super) span: Range<usize>,
}

/// A directive that ends with `;`.
#[derive(Clone, Debug)]
pub(super) struct Directive {
    pub(super) words: Vec<Word>,
    /// From its first word to behind its `;`.
    pub(super) span: Range<usize>,
}

impl Directive {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.arg(0)
    }

    /// An argument, from 1; empty where it has none.
    pub(super) fn arg(&self, number: usize) -> &str {
        self.words.get(number).map_or("", |word| &word.text)
    }
}

/// A block with braces.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Its words in front of the brace.
    pub(super) words: Vec<String>,
    /// Where they begin.
    pub(super) start: usize,
    /// Behind its opening brace.
    pub(super) open: usize,
    /// At its closing brace.
    pub(super) close: usize,
    /// The blocks around it, the innermost last.
    pub(super) parents: Vec<usize>,
    /// Its own directives.
    pub(super) directives: Vec<Directive>,
}

impl Block {
    pub(super) fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name() == name
    }

    /// Its directives of a name.
    pub(super) fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b Directive> {
        self.directives.iter().filter(move |directive| directive.name() == name)
    }
}

/// A configuration.
#[derive(Debug, Default)]
pub(super) struct Conf {
    /// All blocks, the outer ones first.
    pub(super) blocks: Vec<Block>,
    /// The directives outside of blocks.
    pub(super) top: Vec<Directive>,
}

impl Conf {
    /// Reads a configuration.
    pub(super) fn read(text: &str) -> Result<Self, ConfError> {
        Reader { text, conf: Self::default(), open: Vec::new(), words: Vec::new() }.read()
    }

    /// All directives of a name, wherever they are.
    pub(super) fn everywhere<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Directive> {
        let inner = self.blocks.iter().flat_map(|block| &block.directives);
        self.top.iter().chain(inner).filter(move |directive| directive.name() == name)
    }

    /// The blocks in effect for one, the innermost first: itself and those around it.
    pub(super) fn around<'c>(&'c self, block: &'c Block) -> impl Iterator<Item = &'c Block> {
        let outer = block.parents.iter().rev().filter_map(|number| self.blocks.get(*number));
        std::iter::once(block).chain(outer)
    }
}

struct Reader<'a> {
    text: &'a str,
    conf: Conf,
    open: Vec<usize>,
    words: Vec<Word>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Conf, ConfError> {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => at += 1,
                b'#' => {
                    at += self.text.get(at..).and_then(|rest| rest.find('\n')).unwrap_or(bytes.len() - at)
                }
                b';' => {
                    self.directive(at);
                    at += 1;
                }
                b'{' => {
                    self.begin(at);
                    at += 1;
                }
                b'}' => {
                    self.end(at)?;
                    at += 1;
                }
                _ => {
                    let end = word_end(bytes, at).ok_or_else(|| wrong(at, "this quote is never closed"))?;
                    let text =
                        self.text.get(at..end).unwrap_or_default().trim_matches(['"', '\'']).to_owned();
                    self.words.push(Word { text, span: at..end });
                    at = end;
                }
            }
        }
        match self.open.last().and_then(|number| self.conf.blocks.get(*number)) {
            Some(block) => Err(wrong(block.open - 1, "this brace is never closed")),
            None => Ok(self.conf),
        }
    }

    fn directive(&mut self, at: usize) {
        let words = std::mem::take(&mut self.words);
        let start = words.first().map_or(at, |word| word.span.start);
        let directive = Directive { words, span: start..at + 1 };
        match self.open.last().and_then(|number| self.conf.blocks.get_mut(*number)) {
            Some(block) => block.directives.push(directive),
            None => self.conf.top.push(directive),
        }
    }

    fn begin(&mut self, at: usize) {
        let words = std::mem::take(&mut self.words);
        let start = words.first().map_or(at, |word| word.span.start);
        // Deeper than any configuration is: those around it are of no interest then.
        const DEEP: usize = 16;
        let parents = self.open.iter().copied().take(DEEP).collect();
        let words = words.into_iter().map(|word| word.text).collect();
        self.open.push(self.conf.blocks.len());
        self.conf.blocks.push(Block {
            words,
            start,
            open: at + 1,
            close: 0,
            parents,
            directives: Vec::new(),
        });
    }

    fn end(&mut self, at: usize) -> Result<(), ConfError> {
        self.words.clear();
        match self.open.pop().and_then(|number| self.conf.blocks.get_mut(number)) {
            Some(block) => block.close = at,
            None => return Err(wrong(at, "this brace closes nothing")),
        }
        Ok(())
    }
}

fn wrong(at: usize, message: &str) -> ConfError {
    ConfError { at, message: message.to_owned() }
}

/// Behind a word: quoted, or up to a blank, `;` or brace; `${name}` is part of one.
fn word_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut quote = None;
    if let Some(mark @ (b'"' | b'\'')) = bytes.get(start).copied() {
        quote = Some(mark);
        at += 1;
    }
    loop {
        let byte = match bytes.get(at).copied() {
            Some(byte) => byte,
            None => return quote.is_none().then_some(at),
        };
        match (quote, byte) {
            (_, b'\\') => at += 1,
            (Some(mark), byte) if byte == mark => return Some(at + 1),
            (Some(_), _) => {}
            (None, b'$') if bytes.get(at + 1) == Some(&b'{') => {
                at += bytes.get(at..)?.iter().position(|byte| *byte == b'}')?;
            }
            (None, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b'}') => return Some(at),
            (None, _) => {}
        }
        at += 1;
    }
}
