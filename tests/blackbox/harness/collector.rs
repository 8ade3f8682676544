//! A collector of spans that reads OTLP itself, by the published field numbers, and holds every span to what
//! the protocol wants.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{Heard, PATIENCE, Provider, Then, wait};

/// One span as it was received.
#[derive(Debug, Clone, Default)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) state: String,
    pub(crate) name: String,
    pub(crate) kind: u64,
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) attributes: BTreeMap<String, Value>,
    pub(crate) events: Vec<String>,
    pub(crate) failure: Option<String>,
    pub(crate) flags: u64,
    pub(crate) resource: BTreeMap<String, Value>,
}

/// One series of a metric as it was received.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// `sum`, `gauge` or `histogram`.
    pub(crate) kind: &'static str,
    pub(crate) attributes: BTreeMap<String, Value>,
    /// The number, or the number of observations.
    pub(crate) value: f64,
    /// How many buckets and bounds there are.
    pub(crate) spread: (usize, usize),
}

/// A collector.
pub(crate) struct Collector {
    provider: Provider,
    spans: Arc<Mutex<Vec<Span>>>,
    points: Arc<Mutex<Vec<Point>>>,
}

impl Collector {
    /// One that takes all spans.
    pub(crate) fn start() -> Self {
        Self::saying(|_| 200)
    }

    /// One that answers its nth request with this status, and takes the spans where that is 200.
    pub(crate) fn saying(status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Self {
        let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
        let points: Arc<Mutex<Vec<Point>>> = Arc::default();
        let (taken, latest) = (Arc::clone(&spans), Arc::clone(&points));
        let provider = Provider::start(move |heard, stream| {
            let status = status(heard.number);
            if heard.head.starts_with("post /v1/metrics http/1.1\r\n") {
                *latest.lock().unwrap() = points_of(&heard.body);
            } else if status == 200 {
                taken.lock().unwrap().extend(received(heard));
            }
            let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/x-protobuf\r\n");
            Heard::answer(stream, format!("{head}content-length: 0\r\n\r\n").as_bytes());
            Then::Keep
        });
        Self { provider, spans, points }
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.provider.addr
    }

    /// All requests that it heard.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.provider.heard()
    }

    /// All spans that it took.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }

    /// The series of a metric as they were told last.
    pub(crate) fn points(&self, name: &str) -> Vec<Point> {
        self.points.lock().unwrap().iter().filter(|point| point.name == name).cloned().collect()
    }

    /// Waits for the spans of the request with this id: its own, then its children in their order.
    pub(crate) fn trace(&self, request: &str) -> Vec<Span> {
        let own = wait("the span of a request", PATIENCE, || {
            self.spans()
                .into_iter()
                .find(|span| span.attributes.get("tollgate.request.id") == Some(&request.into()))
        });
        let mut all = vec![own.clone()];
        all.extend(self.spans().into_iter().filter(|span| span.parent == own.id));
        for child in &all[1..] {
            assert_eq!(child.trace, own.trace);
            assert!(own.began <= child.began && child.ended <= own.ended, "{child:?} in {own:?}");
        }
        all
    }
}

impl Span {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.attributes.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.attributes.get(name).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }
}

fn received(heard: &Heard) -> Vec<Span> {
    assert!(heard.head.starts_with("post /v1/traces http/1.1\r\n"), "{}", heard.head);
    let mut body = Vec::new();
    if heard.head.contains("content-encoding: gzip") {
        flate2::read::GzDecoder::new(heard.body.as_slice()).read_to_end(&mut body).expect("gzip");
    } else {
        body.clone_from(&heard.body);
    }
    let spans = if heard.head.contains("content-type: application/x-protobuf") {
        of_protobuf(&body)
    } else {
        assert!(heard.head.contains("content-type: application/json"), "{}", heard.head);
        of_json(&serde_json::from_slice(&body).expect("JSON"))
    };
    for span in &spans {
        let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        assert!(
            span.trace.len() == 32 && hex(&span.trace) && !span.trace.trim_matches('0').is_empty(),
            "{span:?}"
        );
        assert!(span.id.len() == 16 && hex(&span.id) && !span.id.trim_matches('0').is_empty(), "{span:?}");
        assert!(span.parent.is_empty() || span.parent.len() == 16 && hex(&span.parent), "{span:?}");
        assert!(!span.name.is_empty() && (1..=5).contains(&span.kind), "{span:?}");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let (now, minute) = (u64::try_from(now).unwrap(), 60_000_000_000);
        assert!(span.began <= span.ended && span.ended <= now && span.began > now - minute, "{span:?}");
        assert!(span.resource.contains_key("service.name"), "{span:?}");
    }
    spans
}

/// The series of an export of metrics in Protocol Buffers.
fn points_of(body: &[u8]) -> Vec<Point> {
    let mut points = Vec::new();
    for (_, of_resource) in fields(body) {
        for (_, of_scope) in fields(of_resource.bytes()).into_iter().filter(|(field, _)| *field == 2) {
            for (_, metric) in fields(of_scope.bytes()).into_iter().filter(|(field, _)| *field == 2) {
                let metric = fields(metric.bytes());
                let text =
                    |wanted| metric.iter().find(|(field, _)| *field == wanted).map(|(_, text)| text.text());
                let (kind, data) = metric
                    .iter()
                    .find_map(|(field, data)| match field {
                        5 => Some(("gauge", fields(data.bytes()))),
                        7 => Some(("sum", fields(data.bytes()))),
                        9 => Some(("histogram", fields(data.bytes()))),
                        _ => None,
                    })
                    .expect("a metric has data");
                let number =
                    |wanted| data.iter().find(|(field, _)| *field == wanted).map(|(_, data)| data.number());
                let expected = match kind {
                    "sum" => (Some(2), Some(1)),
                    "histogram" => (Some(2), None),
                    _ => (None, None),
                };
                assert_eq!((number(2), number(3)), expected, "cumulative, and sums never fall");
                for (_, point) in data.iter().filter(|(field, _)| *field == 1) {
                    let point = fields(point.bytes());
                    let find =
                        |wanted| point.iter().find(|(field, _)| *field == wanted).map(|(_, value)| *value);
                    assert!(find(2).unwrap().number() <= find(3).unwrap().number(), "it began before now");
                    let value = find(4).unwrap().number();
                    let many = |wanted| find(wanted).map_or(0, |packed| packed.bytes().len() / 8);
                    points.push(Point {
                        name: text(1).unwrap(),
                        unit: text(3).unwrap(),
                        kind,
                        attributes: attributes(&point, if kind == "histogram" { 9 } else { 7 }),
                        #[allow(clippy::cast_precision_loss)]
                        value: if kind == "histogram" { value as f64 } else { f64::from_bits(value) },
                        spread: if kind == "histogram" { (many(6), many(7)) } else { (0, 0) },
                    });
                }
            }
        }
    }
    points
}

/// The fields of a message: number and value.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => Field::Number(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                Field::Bytes(take(&mut bytes, length))
            }
            5 => Field::Number(u32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap()).into()),
            other => panic!("a field of no known framing: {other}"),
        };
        all.push((key >> 3, value));
    }
    all
}

#[derive(Debug, Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) => panic!("expected bytes"),
        }
    }

    fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Bytes(_) => panic!("expected a number"),
        }
    }

    fn text(self) -> String {
        String::from_utf8(self.bytes().to_vec()).expect("UTF-8")
    }

    fn hex(self) -> String {
        self.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = take(bytes, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

fn of_protobuf(body: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    for (field, of_resource) in fields(body) {
        assert_eq!(field, 1, "ExportTraceServiceRequest has resource_spans alone");
        let mut resource = BTreeMap::new();
        for (field, value) in fields(of_resource.bytes()) {
            match field {
                1 => resource = attributes(&fields(value.bytes()), 1),
                2 => {
                    for (field, value) in fields(value.bytes()) {
                        match field {
                            1 => assert_eq!(fields(value.bytes())[0].1.text(), "tollgate"),
                            2 => spans
                                .push(Span { resource: resource.clone(), ..span(&fields(value.bytes())) }),
                            other => panic!("ScopeSpans has no field {other}"),
                        }
                    }
                }
                other => panic!("ResourceSpans has no field {other}"),
            }
        }
    }
    spans
}

fn span(all: &[(u64, Field<'_>)]) -> Span {
    let mut span = Span { attributes: attributes(all, 9), ..Span::default() };
    for &(field, value) in all {
        match field {
            1 => span.trace = value.hex(),
            2 => span.id = value.hex(),
            3 => span.state = value.text(),
            4 => span.parent = value.hex(),
            5 => span.name = value.text(),
            6 => span.kind = value.number(),
            7 => span.began = value.number(),
            8 => span.ended = value.number(),
            9 => {}
            11 => {
                let event = fields(value.bytes());
                let name = event.iter().find(|(field, _)| *field == 2).expect("an event has a name");
                span.events.push(name.1.text());
            }
            15 => {
                let status = fields(value.bytes());
                let code = status.iter().find(|(field, _)| *field == 3).expect("a code").1.number();
                assert_eq!(code, 2, "a status that is told is an error");
                let message = status.iter().find(|(field, _)| *field == 2);
                span.failure = Some(message.map(|(_, text)| text.text()).unwrap_or_default());
            }
            16 => span.flags = value.number(),
            other => panic!("Span has no field {other}"),
        }
    }
    span
}

fn attributes(all: &[(u64, Field<'_>)], wanted: u64) -> BTreeMap<String, Value> {
    let mut attributes = BTreeMap::new();
    for (_, pair) in all.iter().filter(|(field, _)| *field == wanted) {
        let pair = fields(pair.bytes());
        assert_eq!(pair.iter().map(|(field, _)| *field).collect::<Vec<_>>(), [1, 2]);
        let earlier = attributes.insert(pair[0].1.text(), any(pair[1].1.bytes()));
        assert_eq!(earlier, None, "an attribute has one value: {}", pair[0].1.text());
    }
    attributes
}

fn any(bytes: &[u8]) -> Value {
    let all = fields(bytes);
    assert_eq!(all.len(), 1, "a value is of one kind");
    match all[0] {
        (1, text) => text.text().into(),
        (2, truth) => (truth.number() != 0).into(),
        (3, number) => number.number().cast_signed().into(),
        (4, number) => f64::from_bits(number.number()).into(),
        (5, list) => fields(list.bytes()).into_iter().map(|(_, item)| any(item.bytes())).collect(),
        (other, _) => panic!("AnyValue has no field {other}"),
    }
}

fn of_json(body: &Value) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in body["resourceSpans"].as_array().expect("resourceSpans") {
        let resource = json_attributes(&of_resource["resource"]);
        for of_scope in of_resource["scopeSpans"].as_array().expect("scopeSpans") {
            assert_eq!(of_scope["scope"]["name"], "tollgate");
            for span in of_scope["spans"].as_array().expect("spans") {
                let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
                let time =
                    |name: &str| span[name].as_str().expect("64 bits are text").parse().expect("a time");
                let events = span["events"].as_array().cloned().unwrap_or_default();
                spans.push(Span {
                    trace: text("traceId"),
                    id: text("spanId"),
                    parent: text("parentSpanId"),
                    state: text("traceState"),
                    name: text("name"),
                    kind: span["kind"].as_u64().expect("enums are numbers"),
                    began: time("startTimeUnixNano"),
                    ended: time("endTimeUnixNano"),
                    attributes: json_attributes(span),
                    events: events.iter().map(|event| event["name"].as_str().unwrap().to_owned()).collect(),
                    failure: span["status"]["code"].as_u64().map(|_| text("message")),
                    flags: span["flags"].as_u64().expect("flags"),
                    resource: resource.clone(),
                });
            }
        }
    }
    spans
}

fn json_attributes(of: &Value) -> BTreeMap<String, Value> {
    let mut attributes = BTreeMap::new();
    for pair in of["attributes"].as_array().expect("attributes") {
        let (kind, value) = pair["value"].as_object().expect("a value").iter().next().expect("of one kind");
        let value = match kind.as_str() {
            "intValue" => value.as_str().expect("64 bits are text").parse::<i64>().unwrap().into(),
            "arrayValue" => {
                value["values"].as_array().unwrap().iter().map(|item| item["stringValue"].clone()).collect()
            }
            "stringValue" | "boolValue" | "doubleValue" => value.clone(),
            other => panic!("no such kind: {other}"),
        };
        attributes.insert(pair["key"].as_str().unwrap().to_owned(), value);
    }
    attributes
}
