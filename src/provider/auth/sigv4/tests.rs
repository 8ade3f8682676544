use super::*;

/// The moment of AWS's vectors: 2015-08-30 12:36:00 UTC.
const NOW: u64 = 1_440_938_160;
const HOST: (&str, &str) = ("host", "example.amazonaws.com");
const SCOPE: Scope<'static> = Scope { region: "us-east-1", service: "service" };
const LETTERS: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn keys(session_token: &str) -> Keys {
    Keys {
        access_key: "AKIDEXAMPLE".to_owned(),
        secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: Secret::new(session_token),
    }
}

fn signature(method: &str, target: &str, headers: &[(&str, &str)], body: &str, token: &str) -> String {
    let headers: Vec<_> = headers.iter().copied().chain([HOST]).collect();
    let head = Head { method, target, headers: &headers };
    let signed = sign(&head, &hash(body.as_bytes()), &keys(token), SCOPE, NOW);
    let (name, value) = &signed[0];
    assert_eq!(*name, "authorization");
    assert!(signed.contains(&("x-amz-date", "20150830T123600Z".to_owned())));
    value.rsplit_once("Signature=").unwrap().1.to_owned()
}

/// AWS's test suite for the signature, by the names of its cases.
#[test]
fn signatures_are_those_that_aws_publishes() {
    const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    const POST_VANILLA: &str = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
    const SLASHES: &str = "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84";
    let unreserved = format!("/{LETTERS}");
    let unreserved_query = format!("/?{LETTERS}={LETTERS}");
    for (case, method, target, headers, expected) in [
        ("get-vanilla", "GET", "/", &[][..], VANILLA),
        ("post-vanilla", "POST", "/", &[], POST_VANILLA),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            &[],
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-unreserved",
            "GET",
            &unreserved_query,
            &[],
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "get-vanilla-utf8-query",
            "GET",
            "/?%E1%88%B4=bar",
            &[],
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            "post-vanilla-query",
            "POST",
            "/?Param1=value1",
            &[],
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "get-header-key-duplicate",
            "GET",
            "/",
            &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-order",
            "GET",
            "/",
            &[
                ("my-header1", "value4"),
                ("my-header1", "value1"),
                ("my-header1", "value3"),
                ("my-header1", "value2"),
            ],
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "get-header-value-trim",
            "GET",
            "/",
            &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "get-unreserved",
            "GET",
            &unreserved,
            &[],
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        ("get-utf8", "GET", "/ሴ", &[], "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (
            "get-space",
            "GET",
            "/example space/",
            &[],
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        ("get-relative", "GET", "/example/..", &[], VANILLA),
        ("get-relative-relative", "GET", "/example1/example2/../..", &[], VANILLA),
        ("get-slash", "GET", "//", &[], VANILLA),
        ("get-slash-dot-slash", "GET", "/./", &[], VANILLA),
        ("get-slashes", "GET", "//example//", &[], SLASHES),
        (
            "get-slash-pointless-dot",
            "GET",
            "/./example",
            &[],
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        (
            "post-header-key-sort",
            "POST",
            "/",
            &[("my-header1", "value1")],
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "post-header-value-case",
            "POST",
            "/",
            &[("my-header1", "VALUE1")],
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
    ] {
        assert_eq!(signature(method, target, headers, "", ""), expected, "{case}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(
        signature("POST", "/", &form, "Param1=value1", ""),
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        "post-x-www-form-urlencoded"
    );
}

#[test]
fn a_session_token_is_signed_and_sent() {
    const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRX\
                         mxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsbur\
                         EDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPk\
                         UL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
    // The case post-sts-header-before.
    assert_eq!(
        signature("POST", "/", &[], "", TOKEN),
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    );
    let head = Head { method: "POST", target: "/", headers: &[HOST] };
    let signed = sign(&head, &hash(b""), &keys(TOKEN), SCOPE, NOW);
    assert!(signed.contains(&("x-amz-security-token", TOKEN.to_owned())));
    assert!(signed[0].1.contains("SignedHeaders=host;x-amz-date;x-amz-security-token, "));
}

#[test]
fn the_header_names_key_scope_and_headers() {
    let head = Head { method: "GET", target: "/", headers: &[HOST] };
    let signed = sign(&head, &hash(b""), &keys(""), SCOPE, NOW);
    assert_eq!(
        signed[0].1,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date, \
         Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    );
}

/// A model's name is encoded on the wire, and its signature is made over that, encoded again.
#[test]
fn an_encoded_path_is_encoded_twice() {
    let wire = "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Fx%3A0/invoke";
    assert_eq!(
        canonical_path(wire),
        "/model/arn%253Aaws%253Abedrock%253Aeu-west-1%253A1%253Ainference-profile%252Fx%253A0/invoke"
    );
    assert_eq!(canonical_path("/model/a:0/invoke"), "/model/a%3A0/invoke");
    assert_eq!(canonical_query("b=%2F&a=x%20y&a"), "a=&a=x%20y&b=%2F");
}
