//! Finds out whether a line is one JSON object, which keys it has, and where it ends. Strict: what is not JSON is not
//! touched.

/// How deep a line may be nested. One that goes deeper is left alone.
const DEPTH: usize = 128;

/// A line that is a JSON object.
pub(crate) struct Object<'a> {
    /// The keys of the object itself, as they stand there, without their quotes.
    keys: Vec<&'a str>,
    /// Where the closing brace is.
    pub(crate) end: usize,
}

impl<'a> Object<'a> {
    /// `None` if the line is anything but one object.
    pub(crate) fn of(line: &'a str) -> Option<Self> {
        let mut scan = Scan { line, at: 0 };
        let mut keys = Vec::with_capacity(8);
        scan.space();
        scan.object(DEPTH, &mut |key| keys.push(key))?;
        let end = scan.at - 1;
        scan.space();
        (scan.at == line.len()).then_some(Self { keys, end })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys
            .iter()
            .any(|held| if held.contains('\\') { unescaped(held) == key } else { *held == key })
    }
}

struct Scan<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        self.peek().filter(|found| *found == wanted)?;
        self.at += 1;
        Some(())
    }

    /// From the opening brace to behind the closing one.
    fn object(&mut self, depth: usize, key: &mut dyn FnMut(&'a str)) -> Option<()> {
        self.list(b'{', b'}', &mut |scan| {
            key(scan.text()?);
            scan.space();
            scan.byte(b':')?;
            scan.space();
            scan.value(depth)
        })
    }

    /// Items between two brackets, with commas between them.
    fn list(
        &mut self,
        open: u8,
        close: u8,
        item: &mut dyn FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.byte(open)?;
        self.space();
        if self.byte(close).is_some() {
            return Some(());
        }
        loop {
            self.space();
            item(self)?;
            self.space();
            if self.byte(close).is_some() {
                return Some(());
            }
            self.byte(b',')?;
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.peek()? {
            b'"' => self.text().map(drop),
            b'{' => self.object(depth, &mut |_| ()),
            b'[' => self.list(b'[', b']', &mut |scan| scan.value(depth)),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.line[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.byte(b'-');
        if self.byte(b'0').is_none() {
            self.digits()?;
        }
        if self.byte(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > begin).then_some(())
    }

    /// From one quote to behind the other; what is between them.
    fn text(&mut self) -> Option<&'a str> {
        self.byte(b'"')?;
        let begin = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    self.escape()?;
                }
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        let text = &self.line[begin..self.at];
        self.at += 1;
        Some(text)
    }

    fn escape(&mut self) -> Option<()> {
        match self.peek()? {
            b'u' => {
                let digits = self.line.as_bytes().get(self.at + 1..self.at + 5)?;
                digits.iter().all(u8::is_ascii_hexdigit).then(|| self.at += 5)
            }
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 1;
                Some(())
            }
            _ => None,
        }
    }
}

/// What a text of JSON says. Halves of pairs that have lost the other one become U+FFFD.
fn unescaped(text: &str) -> String {
    let mut units = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let unit = match (character, characters.clone().next()) {
            ('\\', Some('u')) => {
                let digits = characters.as_str().get(1..5).unwrap_or_default();
                characters = characters.as_str().get(5..).unwrap_or_default().chars();
                u16::from_str_radix(digits, 16).unwrap_or(0xfffd)
            }
            ('\\', Some(escaped)) => {
                characters.next();
                match escaped {
                    'b' => 8,
                    'f' => 12,
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    other => other as u16, // a quote or a slash
                }
            }
            _ => {
                units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
                continue;
            }
        };
        units.push(unit);
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::Object;

    fn keys(line: &str) -> Option<Vec<&str>> {
        Object::of(line).map(|object| object.keys)
    }

    #[test]
    fn objects_are_found_with_the_keys_of_their_top_level() {
        assert_eq!(keys("{}\n"), Some(vec![]));
        assert_eq!(keys(" { } "), Some(vec![]));
        let line = r#"{"a":{"b":[1,-0.5e+3,"}"]},"c":null , "d" : [ ] ,"e":[{}],"f":true,"g":0}"#;
        assert_eq!(keys(line), Some(vec!["a", "c", "d", "e", "f", "g"]));
        let object = Object::of(line).unwrap();
        assert_eq!(&line[object.end..], "}");
    }

    #[test]
    fn keys_are_compared_by_what_they_say() {
        let object = Object::of(r#"{"\u0061\n\"\\\/":1,"\ud83e\udd80":2,"plain":3}"#).unwrap();
        assert!(object.has("a\n\"\\/") && object.has("🦀") && object.has("plain"));
        assert!(!object.has("a") && !object.has("\\u0061"));
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for line in [
            "",
            "\n",
            "text",
            "{",
            "{}}",
            "{} {}",
            "{}\n{}",
            "[]",
            "\"{}\"",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":+1}",
            "{\"a\":nul}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12\"}",
            "{\"a\":\"\\u12é\"}",
            "{\"a\":\"",
            "{\"a\":[1}",
            &deep,
        ] {
            assert_eq!(keys(line), None, "{line:?}");
        }
    }
}
