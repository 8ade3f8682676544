use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA512, RsaKeyPair, RsaPublicKeyComponents,
};

use super::*;
use crate::provider::Base;
use crate::units::Secret;

const NOW: u64 = 1_800_000_000;
const PEM: &str = include_str!("../../provider/auth/testdata/service-account.pem");

fn rsa() -> RsaKeyPair {
    let body: String = PEM.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap()
}

fn packed(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa_jwk(more: &str) -> String {
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(rsa().public());
    format!(r#"{{"kty":"RSA","kid":"r1","n":"{}","e":"{}"{more}}}"#, packed(public.n), packed(public.e))
}

fn signed(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", packed(header), packed(claims));
    let signature = packed(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn rsa_signature(message: &[u8], pss: bool) -> Vec<u8> {
    let pair = rsa();
    let mut signature = vec![0; pair.public().modulus_len()];
    let rule: &dyn ring::signature::RsaEncoding = if pss { &RSA_PSS_SHA512 } else { &RSA_PKCS1_SHA256 };
    pair.sign(rule, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

fn token(header: &str, claims: &str) -> String {
    signed(header, claims, |message| rsa_signature(message, false))
}

const RS256: &str = r#"{"alg":"RS256","kid":"r1","typ":"JWT"}"#;

fn claims(more: &str) -> String {
    format!(r#"{{"iss":"https://id/","aud":"tollgate","sub":"ann","exp":{}{more}}}"#, NOW + 60)
}

fn issuer() -> Issuer {
    Issuer {
        name: "corp".into(),
        issuer: "https://id/".to_owned(),
        audience: Audience::OneOf(vec!["tollgate".to_owned()]),
        algorithms: Algorithm::ASYMMETRIC.to_vec(),
        leeway: 5,
        keys: Set::default(),
        origin: None,
        owner: Some("acme/{groups.0:-none}/{sub}".parse().unwrap()),
        labels: vec!["{team:-any}".parse().unwrap()],
        user: None,
        as_key: None,
        each: None,
    }
}

fn set(jwk: &str) -> Set {
    Set::read(format!("{{\"keys\":[{jwk}]}}").as_bytes()).unwrap()
}

fn check(token: &str, issuer: &Issuer, keys: &Set) -> Result<Guest, Invalid> {
    verify(&Parts::of(token.as_bytes())?, issuer, &[keys], NOW)
}

fn refused(claims: &str) -> Invalid {
    check(&token(RS256, claims), &issuer(), &set(&rsa_jwk(""))).unwrap_err()
}

#[test]
fn a_token_that_holds_names_its_guest() {
    let token = token(RS256, &claims(r#","groups":["search","ads"],"team":"a/b c""#));
    let guest = check(&token, &issuer(), &set(&rsa_jwk(""))).unwrap();
    assert_eq!((&*guest.id, guest.owner.as_deref()), ("jwt:corp:ann", Some("acme/search/ann")));
    assert_eq!((&guest.labels[..], guest.user.as_deref()), (&["a_b_c-0af99a60".to_owned()][..], Some("ann")));
    assert_eq!(guest.expires, NOW + 65);
}

#[test]
fn no_two_people_are_one_guest() {
    let keys = set(&rsa_jwk(""));
    let whose = |sub: &str, issuer: &Issuer| {
        let claims = claims(r#","email":"a@b""#).replace(r#""sub":"ann","#, sub);
        check(&token(RS256, &claims), issuer, &keys).map(|guest| (guest.id, guest.user))
    };
    let shared = Issuer { owner: Some("acme".parse().unwrap()), ..issuer() };
    let ann = |id: &str, user: &str| Ok((id.to_owned(), Some(user.to_owned())));
    assert_eq!(whose(r#""sub":42,"#, &shared), ann("jwt:corp:42", "42"));
    assert_eq!(whose(r#""sub":"43","#, &shared), ann("jwt:corp:43", "43"));
    for none in ["", r#""sub":null,"#, r#""sub":" ","#, r#""sub":{},"#] {
        assert_eq!(whose(none, &shared), Err(Invalid::Missing("sub".to_owned())), "{none}");
    }
    let template = |text: &str| Some(text.parse().unwrap());
    let user = Issuer { user: template("{email}"), ..shared.clone() };
    assert_eq!(whose("", &user), ann("jwt-user:corp:a@b", "a@b"));
    let each = Issuer { each: template("{aud}-{email}"), ..user };
    assert_eq!(whose("", &each), ann("jwt-each:corp:tollgate-a@b", "a@b"));
    // What holds for all tells nobody apart.
    for all in ["everybody", "{nobody:-guest}"] {
        let all = Issuer { user: template(all), ..shared.clone() };
        assert_eq!(whose("", &all), Err(Invalid::Missing("sub".to_owned())));
    }
}

#[test]
fn every_kind_of_key_checks_its_own_signatures() {
    let random = SystemRandom::new();
    let pss = signed(r#"{"alg":"PS512"}"#, &claims(""), |message| rsa_signature(message, true));
    check(&pss, &issuer(), &set(&rsa_jwk(""))).unwrap();

    let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(curve, pkcs8.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let jwk = format!(
        r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}}"#,
        packed(&point[1..33]),
        packed(&point[33..])
    );
    let es = signed(r#"{"alg":"ES256"}"#, &claims(""), |m| pair.sign(&random, m).unwrap().as_ref().to_vec());
    check(&es, &issuer(), &set(&jwk)).unwrap();

    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, packed(pair.public_key()));
    let ed = signed(r#"{"alg":"EdDSA"}"#, &claims(""), |message| pair.sign(message).as_ref().to_vec());
    check(&ed, &issuer(), &set(&jwk)).unwrap();
    // No key takes what another signed.
    let both = set(&format!("{jwk},{}", rsa_jwk("")));
    check(&ed, &issuer(), &both).unwrap();
    assert!(matches!(check(&es, &issuer(), &both), Err(Invalid::Key(_))));

    let secret = "a-secret-that-both-sides-know-well";
    let hs = signed(r#"{"alg":"HS256"}"#, &claims(""), |message| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message).as_ref().to_vec()
    });
    let shared = Set::shared(Secret::new(secret));
    let with_secret = Issuer { algorithms: vec![Algorithm::HS256], ..issuer() };
    check(&hs, &with_secret, &shared).unwrap();
    assert_eq!(check(&hs, &issuer(), &shared), Err(Invalid::Algorithm("HS256".to_owned())));
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    let jwk = rsa_jwk("");
    let lax = Issuer { algorithms: vec![Algorithm::RS256, Algorithm::HS256], ..issuer() };
    for known in [jwk.as_str(), PEM] {
        let forged = signed(r#"{"alg":"HS256","kid":"r1"}"#, &claims(""), |message| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, known.as_bytes()), message).as_ref().to_vec()
        });
        assert!(matches!(check(&forged, &lax, &set(&jwk)), Err(Invalid::Key(_))));
    }
    // Secrets are not taken from what is published.
    let published = set(r#"{"kty":"oct","kid":"r1","k":"YWJj"}"#);
    assert!(published.keys().is_empty());
}

#[test]
fn what_is_not_signed_or_changed_is_refused() {
    let keys = set(&rsa_jwk(""));
    for alg in ["none", "None", "NONE", "nOnE", "", "RS1", "ES512"] {
        let bare = signed(&format!(r#"{{"alg":"{alg}"}}"#), &claims(""), |_| Vec::new());
        assert!(matches!(check(&bare, &issuer(), &keys), Err(Invalid::Algorithm(_))), "{alg}");
    }
    let good = token(RS256, &claims(""));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let other = packed(claims(r#","groups":["admins"]"#));
    let changed = format!("{}.{other}.{signature}", head.split('.').next().unwrap());
    assert_eq!(check(&changed, &issuer(), &keys), Err(Invalid::Signature));
    assert_eq!(check(&format!("{head}."), &issuer(), &keys), Err(Invalid::Signature));
    let unknown = token(r#"{"alg":"RS256","kid":"r2\u0007<x>"}"#, &claims(""));
    let told = check(&unknown, &issuer(), &keys).unwrap_err().to_string();
    assert_eq!(told, "the token is signed with a key that its issuer does not have (kid \"r2<x>\")");
    let critical = token(r#"{"alg":"RS256","crit":["b64"],"b64":false}"#, &claims(""));
    assert!(matches!(check(&critical, &issuer(), &keys), Err(Invalid::Malformed(_))));
    for wrong in ["", "a.b", "a.b.c.d", "!.!.!", "eyJ9.e30.", &"x".repeat(LONGEST + 1)] {
        assert!(Parts::of(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn keys_without_names_are_tried_and_may_be_old() {
    let nameless = set(&rsa_jwk("").replace(r#""kid":"r1","#, ""));
    let good = token(RS256, &claims(""));
    check(&good, &issuer(), &nameless).unwrap();
    check(&token(r#"{"alg":"RS256"}"#, &claims("")), &issuer(), &set(&rsa_jwk(""))).unwrap();
    let (head, _) = good.rsplit_once('.').unwrap();
    // Signed by whatever key the issuer has by now: it is asked again.
    assert!(matches!(check(&format!("{head}.AAAA"), &issuer(), &nameless), Err(Invalid::Key(_))));
    let bare = token(r#"{"alg":"RS256"}"#, &claims(""));
    let (head, _) = bare.rsplit_once('.').unwrap();
    assert!(matches!(check(&format!("{head}.AAAA"), &issuer(), &set(&rsa_jwk(""))), Err(Invalid::Key(_))));
}

#[test]
fn a_key_is_used_for_nothing_that_it_is_not_for() {
    let good = token(RS256, &claims(""));
    for more in [r#","use":"enc""#, r#","key_ops":["sign"]"#, r#","alg":"RS512""#, r#","alg":"RSA-OAEP""#] {
        let result = check(&good, &issuer(), &set(&rsa_jwk(more)));
        assert!(matches!(result, Err(Invalid::Key(_))), "{more}: {result:?}");
    }
    check(&good, &issuer(), &set(&rsa_jwk(r#","use":"sig","alg":"RS256","key_ops":["verify"]"#))).unwrap();
    let only_es = Issuer { algorithms: vec![Algorithm::ES256], ..issuer() };
    assert_eq!(check(&good, &only_es, &set(&rsa_jwk(""))), Err(Invalid::Algorithm("RS256".to_owned())));
}

#[test]
fn times_issuer_and_audience_must_hold() {
    let with = |aud: &str, times: &str| format!(r#"{{"iss":"https://id/","aud":{aud},"sub":"a"{times}}}"#);
    let (fine, exp) = (r#"["x","tollgate"]"#, |at: u64| format!(",\"exp\":{at}"));
    check(&token(RS256, &with(fine, &exp(NOW - 4))), &issuer(), &set(&rsa_jwk(""))).unwrap();
    assert_eq!(refused(&with(fine, &exp(NOW - 5))), Invalid::Expired);
    assert_eq!(refused(&with(fine, "")), Invalid::Missing("exp".to_owned()));
    assert_eq!(refused(&with(fine, ",\"exp\":\"soon\"")), Invalid::Malformed("a time in it is no number"));
    assert_eq!(refused(&claims(&format!(",\"nbf\":{}", NOW + 6))), Invalid::Early("nbf"));
    assert_eq!(refused(&claims(&format!(",\"iat\":{}.5", NOW + 60))), Invalid::Early("iat"));
    assert_eq!(refused(&with(r#""tollgate2""#, &exp(NOW + 9))), Invalid::Audience);
    assert_eq!(refused(&with("[]", &exp(NOW + 9))), Invalid::Audience);
    assert_eq!(refused(&claims("").replace("https://id/", "https://id")), Invalid::Issuer);
    assert_eq!(refused("[]"), Invalid::Missing("iss".to_owned()));
}

#[test]
fn templates_take_claims_and_nothing_that_breaks_a_path() {
    let claims =
        json::parse(br#"{"a":{"b":["x",{"c":7}]},"https://x/org":"o","e":" ","p":"../up"}"#).unwrap();
    let filled = |text: &str| text.parse::<Template>().unwrap().fill(&claims);
    assert_eq!(filled("{a.b.0}/{a.b.1.c}-{https://x/org}").unwrap(), "x/7-o");
    assert_eq!(filled("{p}/{e:-none}").unwrap(), ".._up-8c722b8a/none");
    for missing in ["{e}", "{a}", "{a.b.9}", "{nobody}"] {
        assert!(matches!(filled(missing), Err(Invalid::Missing(_))), "{missing}");
    }
    for wrong in ["", "{", "{}", "a}", "{a{b}}"] {
        assert_eq!(wrong.parse::<Template>(), Err(BadTemplate), "{wrong}");
    }
}

#[test]
fn claims_that_would_look_the_same_are_told_apart() {
    let of = |text: &str, value: &str| {
        let claims = format!("{{\"c\":{}}}", json::string(value));
        let claims = json::parse(claims.as_bytes()).unwrap();
        let template = text.parse::<Template>().unwrap();
        (template.fill(&claims).unwrap(), template.plain(&claims).unwrap())
    };
    let long = "é".repeat(300);
    for (one, other) in [("a/b", "a b"), ("a/b", "a_b"), ("a b", "a_b"), (&*long, &*format!("{long}x"))] {
        assert_ne!(of("{c}", one).0, of("{c}", other).0, "{one} {other}");
        assert_ne!(of("{c}", one).1, of("{c}", other).1, "{one} {other}");
    }
    let (owner, plain) = of("{c}", &long);
    assert_eq!((owner.chars().count(), plain.chars().count()), (128, 256));
    let most = "e".repeat(128);
    assert_eq!(of("acme/{c}", &most).0, format!("acme/{most}"));
}

#[test]
fn written_keys_are_json_or_pem() {
    let good = token(RS256, &claims(""));
    let pkcs1 = ring::signature::KeyPair::public_key(&rsa()).as_ref().to_vec();
    let pem = |kind: &str, der: &[u8]| {
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
    };
    let mut spki = vec![0x30, 0x82, 0, 0];
    spki.extend_from_slice(&[0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0]);
    let length = u16::try_from(pkcs1.len() + 1).unwrap().to_be_bytes();
    spki.extend_from_slice(&[3, 0x82, length[0], length[1], 0]);
    spki.extend_from_slice(&pkcs1);
    let all = u16::try_from(spki.len() - 4).unwrap().to_be_bytes();
    spki[2..4].copy_from_slice(&all);
    for written in [
        rsa_jwk(""),
        format!("{{\"keys\":[{}]}}", rsa_jwk("")),
        pem("RSA PUBLIC KEY", &pkcs1),
        pem("PUBLIC KEY", &spki),
    ] {
        check(&good, &issuer(), &Set::written(&written).unwrap()).unwrap();
    }
    for wrong in ["", "{}", "secret", "{\"keys\":[]}", PEM, &pem("PUBLIC KEY", &spki[..40])] {
        assert!(Set::written(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_issuer_describes_itself_and_no_other() {
    let base = Base::parse("https://id.example").unwrap();
    let of = |text: &str| discovered(text.as_bytes(), "https://id.example", &base);
    let (keys, query) =
        of(r#"{"issuer":"https://id.example","jwks_uri":"https://id.example/k?p=1"}"#).unwrap();
    assert_eq!((keys.path.as_str(), query.as_str()), ("/k", "?p=1"));
    for wrong in [
        r#"{"issuer":"https://other","jwks_uri":"https://id.example/k"}"#,
        r#"{"issuer":"https://id.example","jwks_uri":"http://id.example/k"}"#,
        r#"{"issuer":"https://id.example"}"#,
        "x",
    ] {
        assert!(of(wrong).is_err(), "{wrong}");
    }
}
