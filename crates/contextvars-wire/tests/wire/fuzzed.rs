//! The bodies of the fuzz targets, run on random texts from fixed seeds, so that ordinary tests cover them without a nightly
//! toolchain.

#[path = "../../../../fuzz/bodies.rs"]
mod bodies;

/// Parts of valid and invalid headers, from which the random texts are composed.
const PARTS: &[&[u8]] = &[
    b"00-12345678901234567890123456789012-1234567890123456-01",
    b"00-",
    b"cc-",
    b"ff-",
    b"-01",
    b"-02-x",
    b"-what the future adds",
    b"-\xff\x00\n",
    b"12345678901234567890123456789012",
    b"1234567890123456",
    b"00000000000000000000000000000000",
    b"0000000000000000",
    b"a",
    b"Z",
    b"0",
    b"key",
    b"member",
    b"=",
    b"==",
    b",",
    b", ",
    b";",
    b"; p = q",
    b"%",
    b"%25",
    b"%ff",
    b"%C3%A4",
    b" ",
    b"\t",
    b"\n",
    b"\n\x00",
    b"\n\x01",
    b"\n\x02",
    b"\n\x03",
    b"\n\x04",
    b"@",
    b"/",
    b"*",
    b"\"",
    b"\\",
    b"\x7f",
    b"\xff",
    b"\xc3\xa4",
    b"member=a%20b",
    b"k=v,",
    &[b'v'; 129],
    &[b'v'; 257],
    &[b'v'; 4097],
];

/// The generator splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % end as u64).unwrap()
    }

    /// Returns a text of fewer than 40 parts, sometimes with one byte replaced.
    fn text(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..self.below(40) {
            text.extend_from_slice(PARTS[self.below(PARTS.len())]);
        }
        if !text.is_empty() && self.below(4) == 0 {
            let at = self.below(text.len());
            text[at] = u8::try_from(self.below(256)).unwrap();
        }
        text
    }
}

fn run(seed: u64, body: impl Fn(&[u8])) {
    let mut random = Random(seed);
    for part in PARTS {
        body(part);
    }
    (0..5_000).for_each(|_| body(&random.text()));
}

#[test]
fn traceparent() {
    run(1, bodies::traceparent);
    // Valid headers, also of a later version, some with a suffix and some with one byte changed.
    let later = [b"cc", &PARTS[0][2..]].concat();
    let mut random = Random(2);
    for _ in 0..5_000 {
        let good = [PARTS[0], &later][random.below(2)];
        let mut text = [good, PARTS[random.below(PARTS.len())]][..=random.below(2)].concat();
        let at = random.below(text.len());
        if random.below(2) == 0 {
            text[at] = b"0123456789abcdef-F g\t"[random.below(21)];
        }
        bodies::traceparent(&text);
    }
}

#[test]
fn tracestate() {
    run(3, bodies::tracestate);
    let mut random = Random(4);
    for _ in 0..2_000 {
        let member = |random: &mut Random| {
            let key = ["a", "b@c", "0/*", "own", "Bad"][random.below(41) / 10];
            format!(" {key}={}\t", "v".repeat(1 + random.below(150)))
        };
        let list: Vec<_> = (0..random.below(34)).map(|_| member(&mut random)).collect();
        bodies::tracestate(list.join(",").as_bytes());
    }
}

#[test]
fn baggage() {
    run(5, bodies::baggage);
    let mut random = Random(6);
    for _ in 0..2_000 {
        let member = |random: &mut Random| {
            let value = ["v", "%25", "=", "%", "%ff", "\""][random.below(51) / 10];
            format!("k{}={};p ; q=1", random.below(9), value.repeat(1 + random.below(200)))
        };
        let list: Vec<_> = (0..random.below(70)).map(|_| member(&mut random)).collect();
        bodies::baggage(list.join(" , ").as_bytes());
    }
}

#[test]
fn headers() {
    run(7, bodies::headers);
}
