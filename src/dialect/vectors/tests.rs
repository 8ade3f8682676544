use super::*;
use crate::ir::embed::{EmbedInput, Encoding};
use http::HeaderMap;

fn read(form: Vectors, body: &str) -> EmbedRequest {
    let headers = HeaderMap::new();
    let head = Head { path: "/v1/embeddings", query: "", headers: &headers };
    form.parse_request(&head, body.as_bytes()).unwrap()
}

fn said(form: Vectors, request: &EmbedRequest) -> (String, String) {
    let mut losses = Losses::new();
    let said = form.render_request(request, "m", &mut losses).unwrap();
    (String::from_utf8(said).unwrap(), losses.to_header())
}

#[test]
fn each_vendor_is_asked_in_its_own_words() {
    let request = read(
        Vectors::Openai,
        r#"{"model":"m","input":["a"],"dimensions":256,"input_type":"query","encoding_format":"base64","user":"u"}"#,
    );
    for (form, expected, losses) in [
        (
            Vectors::Mistral,
            r#"{"model":"m","input":["a"],"encoding_format":"base64","output_dimension":256}"#,
            "taskType;dropped, user;dropped",
        ),
        (
            Vectors::Voyage,
            r#"{"model":"m","input":["a"],"encoding_format":"base64","output_dimension":256,"input_type":"query"}"#,
            "user;dropped",
        ),
        (
            Vectors::Jina,
            r#"{"model":"m","input":["a"],"embedding_type":"base64","dimensions":256,"task":"retrieval.query"}"#,
            "user;dropped",
        ),
        (
            Vectors::Nvidia,
            r#"{"model":"m","input":["a"],"encoding_format":"base64","dimensions":256,"input_type":"query","user":"u"}"#,
            "",
        ),
        (
            Vectors::CohereV2,
            r#"{"model":"m","texts":["a"],"input_type":"search_query","embedding_types":["float"],"output_dimension":256}"#,
            "user;dropped",
        ),
    ] {
        assert_eq!(said(form, &request), (expected.to_owned(), losses.to_owned()), "{form:?}");
    }
}

#[test]
fn what_must_be_told_is_told() {
    let request = read(Vectors::Openai, r#"{"model":"m","input":"a"}"#);
    assert!(said(Vectors::Nvidia, &request).0.contains(r#""input_type":"passage""#));
    assert!(said(Vectors::CohereV2, &request).0.contains(r#""input_type":"search_document""#));
    assert!(!said(Vectors::Voyage, &request).0.contains("input_type"));
}

#[test]
fn cohere_s_forms_are_read_and_answered() {
    for body in [
        r#"{"model":"m","texts":["a","b"],"input_type":"search_query","embedding_types":["float"],"truncate":"END"}"#,
        r#"{"model":"m","inputs":[{"content":[{"type":"text","text":"a"}]},{"content":[{"type":"text","text":"b"}]}],"input_type":"search_query"}"#,
    ] {
        let request = read(Vectors::CohereV2, body);
        assert_eq!(request.inputs, ["a", "b"].map(|text| EmbedInput::Text(text.to_owned())));
        assert_eq!(request.task.as_deref(), Some("RETRIEVAL_QUERY"));
    }
    let request = read(Vectors::CohereV2, r#"{"model":"m","texts":["a"]}"#);
    let seed = Seed {
        id: "x".to_owned(),
        created: 1,
        model: "m".to_owned(),
        input_tokens: 0,
        asked: <_>::default(),
        kept: false,
    };
    let usage = Some(Usage { input: 3, ..Usage::default() });
    let reply = EmbedReply { vectors: vec![vec![0.5, -1.0]], usage, ..EmbedReply::default() };
    for form in [Vectors::CohereV1, Vectors::CohereV2] {
        for encoding in [Encoding::Float, Encoding::Base64] {
            let asked = EmbedRequest { encoding, ..request.clone() };
            let said = form.render_reply(&reply, &asked, &seed);
            if encoding == Encoding::Float {
                assert_eq!(form.parse_reply(&said).unwrap(), reply);
            }
            assert_eq!(form.find_usage(&said), reply.usage);
        }
    }
    let headers = HeaderMap::new();
    let head = Head { path: "", query: "", headers: &headers };
    for (body, param) in [
        (r#"{"texts":["a"]}"#, "model"),
        (r#"{"model":"m","texts":[]}"#, "texts"),
        (r#"{"model":"m","texts":["a",1]}"#, "texts[1]"),
        (r#"{"model":"m","texts":["a"],"embedding_types":["float","int8"]}"#, "embedding_types"),
        (r#"{"model":"m","images":["data:"]}"#, "images"),
    ] {
        let wrong = Vectors::CohereV2.parse_request(&head, body.as_bytes()).unwrap_err();
        assert_eq!(wrong.param, param, "{body}");
    }
}

#[test]
fn more_inputs_than_a_provider_takes_are_refused() {
    let inputs = vec![EmbedInput::Text("a".to_owned()); 97];
    let request = EmbedRequest { model: "m".to_owned(), inputs, ..EmbedRequest::default() };
    let refused = Vectors::CohereV2.render_request(&request, "m", &mut Losses::new()).unwrap_err();
    assert!(refused.message.contains("96"), "{}", refused.message);
    assert!(Vectors::Voyage.render_request(&request, "m", &mut Losses::new()).is_ok());
}
