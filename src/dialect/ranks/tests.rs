use super::*;

const ALL: [Ranks; 4] = [Ranks::CohereV1, Ranks::CohereV2, Ranks::Jina, Ranks::Voyage];

fn seed() -> Seed {
    Seed {
        id: "id1".to_owned(),
        created: 1,
        model: "m".to_owned(),
        input_tokens: 0,
        asked: <_>::default(),
        kept: false,
    }
}

#[test]
fn a_request_means_the_same_in_every_form() {
    for (form, body) in [
        (Ranks::CohereV2, r#"{"model":"m","query":"q","documents":["a",{"text":"b"}],"top_n":1}"#),
        (
            Ranks::CohereV1,
            r#"{"model":"m","query":"q","documents":["a","b"],"top_n":1,"return_documents":null}"#,
        ),
        (
            Ranks::Jina,
            r#"{"model":"m","query":{"text":"q"},"documents":["a","b"],"top_n":1,"return_documents":false}"#,
        ),
        (Ranks::Voyage, r#"{"model":"m","query":"q","documents":["a","b"],"top_k":1}"#),
    ] {
        let request = form.parse_request(body.as_bytes()).unwrap();
        for target in ALL {
            let mut losses = Losses::new();
            let said = target.render_request(&request, "m", &mut losses);
            assert!(losses.is_empty(), "{losses:?}");
            assert_eq!(target.parse_request(&said).unwrap(), request, "{form:?} {target:?}");
        }
    }
}

#[test]
fn an_order_is_said_in_every_form_with_the_client_s_own_documents() {
    for (form, body) in [
        (
            Ranks::CohereV2,
            r#"{"id":"x","results":[{"index":1,"relevance_score":0.9900},{"index":0,"relevance_score":1e-4}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}"#,
        ),
        (
            Ranks::Jina,
            r#"{"model":"j","usage":{"total_tokens":7},"results":[{"index":1,"relevance_score":0.9900,"document":{"text":"b"}},{"index":0,"relevance_score":1e-4}]}"#,
        ),
        (
            Ranks::Voyage,
            r#"{"object":"list","data":[{"relevance_score":0.9900,"index":1},{"relevance_score":1e-4,"index":0,"document":"a"}],"model":"v","usage":{"total_tokens":7}}"#,
        ),
    ] {
        let reply = form.parse_reply(body.as_bytes()).unwrap();
        assert_eq!(form.find_usage(body.as_bytes()), reply.usage);
        let asked = RerankRequest {
            documents: vec![Document::Text("a".to_owned()), Document::Text("b".to_owned())],
            returns_documents: true,
            ..RerankRequest::default()
        };
        for client in ALL {
            let said = client.render_reply(&reply, &asked, &seed());
            let text = String::from_utf8(said.clone()).unwrap();
            assert!(
                text.contains("0.9900") && text.contains("1e-4"),
                "scores are spelt as they were: {text}"
            );
            let again = client.parse_reply(&said).unwrap();
            let told: Vec<_> =
                again.ranked.iter().map(|place| (place.index, place.document.clone())).collect();
            let texts = ["b", "a"].map(|text| Some(Document::Text(text.to_owned())));
            let [b, a] = texts;
            assert_eq!(told, [(1, b), (0, a)], "{client:?}: {text}");
            let silent = RerankRequest { returns_documents: false, ..asked.clone() };
            let said = client.render_reply(&reply, &silent, &seed());
            assert!(!String::from_utf8(said).unwrap().contains("document"));
        }
    }
}

#[test]
fn the_forms_at_one_path_are_told_apart_by_their_own_words() {
    for (body, form) in [
        (r#"{"model":"m","query":"q","documents":[]}"#, Ranks::Jina),
        (r#"{"model":"m","top_n":3,"truncation":true}"#, Ranks::Jina),
        (r#"{"model":"m","truncation":true}"#, Ranks::Voyage),
        (r#"{"model":"m","top_k":null}"#, Ranks::Voyage),
        (r#"{"model":"m","rank_fields":["a"]}"#, Ranks::CohereV1),
    ] {
        assert_eq!(Ranks::of_body(body.as_bytes()), form, "{body}");
    }
}

#[test]
fn a_bad_request_is_named() {
    for (form, body, param) in [
        (Ranks::CohereV2, r#"{"query":"q","documents":["a"]}"#, "model"),
        (Ranks::CohereV2, r#"{"model":"m","documents":["a"]}"#, "query"),
        (Ranks::Jina, r#"{"model":"m","query":"q","documents":["a",3]}"#, "documents[1]"),
        (Ranks::Voyage, r#"{"model":"m","query":"q","documents":[]}"#, "documents"),
        (Ranks::Voyage, r#"{"model":"m","query":"q","documents":["a"],"top_k":0}"#, "top_k"),
        (Ranks::Jina, r#"{"model":"m","query":"q","documents":"a"}"#, "documents"),
    ] {
        assert_eq!(form.parse_request(body.as_bytes()).unwrap_err().param, param, "{body}");
    }
}

#[test]
fn fields_are_a_loss_where_only_texts_are_taken() {
    let body = r#"{"model":"m","query":"q","documents":[{"title":"t","text":"b"}],"rank_fields":["title"]}"#;
    let request = Ranks::CohereV1.parse_request(body.as_bytes()).unwrap();
    let mut losses = Losses::new();
    let said = Ranks::CohereV2.render_request(&request, "m", &mut losses);
    assert_eq!(losses.to_header(), "documents;bent, rank_fields;dropped");
    assert!(String::from_utf8(said).unwrap().contains(r#"["{\"title\":\"t\",\"text\":\"b\"}"]"#));
}
