use super::*;
use crate::provider::Source;
use crate::provider::auth::aws::{self, Link};
use crate::provider::auth::{entra, google};
use crate::snapshot::Cloud;

const ACCOUNT: &str = r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","quota_project_id":"of-file"}"#;

fn address(compiled: &Compiled, name: &str) -> String {
    provider(compiled, name).base.to_string()
}

fn cloud<'a>(compiled: &'a Compiled, name: &str) -> &'a Cloud {
    provider(compiled, name).cloud.as_ref().unwrap()
}

fn chain<'a>(compiled: &'a Compiled, name: &str) -> &'a aws::Chain {
    let Source::Aws(chain) = &*cloud(compiled, name).source else { panic!("not of Amazon's") };
    chain
}

#[test]
fn vertex_lies_where_its_location_and_project_say() {
    let at = |more: &str, variables: &[(&str, &str)]| {
        let compiled = of_yaml(&format!("master_key: m\nproviders: {{ vertex: {{ {more} }} }}"), variables);
        address(&compiled.unwrap(), "vertex")
    };
    let below = |host: &str, location: &str| format!("https://{host}/v1/projects/p/locations/{location}");
    assert_eq!(at("project: p", &[]), below("aiplatform.googleapis.com", "global"));
    assert_eq!(at("project: p, location: eu", &[]), below("aiplatform.eu.rep.googleapis.com", "eu"));
    let region = [("VERTEX_PROJECT", "p"), ("GOOGLE_CLOUD_LOCATION", "europe-west1")];
    assert_eq!(at("", &region), below("europe-west1-aiplatform.googleapis.com", "europe-west1"));
    assert_eq!(at("project: p, base_url: http://a:1", &[]), "http://a:1/v1/projects/p/locations/global");
    let whole = "https://a/v1beta1/projects/x/locations/y";
    assert_eq!(at(&format!("project: p, base_url: {whole}"), &[]), whole);
    assert_eq!(at("api_key: k", &[]), "https://aiplatform.googleapis.com/v1");
    assert_eq!(at("project: p, api_version: v1beta1", &[]).split('/').nth(3), Some("v1beta1"));
}

#[test]
fn the_environment_alone_makes_providers_of_clouds() {
    let compiled = of_variables(&[
        ("TOLLGATE_MASTER_KEY", "m"),
        ("VERTEX_PROJECT", "p"),
        ("GOOGLE_APPLICATION_CREDENTIALS", ACCOUNT),
        ("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com/"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_CLIENT_SECRET", "s"),
    ])
    .unwrap();
    assert_eq!(names(&compiled), ["vertex", "azure"]);
    let Source::Google(google::Chain(links)) = &*cloud(&compiled, "vertex").source else { panic!() };
    assert!(matches!(links[..], [google::Link::Inline(_)]));
    let Source::Entra(entra::Way::Client { tenant, authority, .. }) = &*cloud(&compiled, "azure").source
    else {
        panic!()
    };
    assert_eq!((tenant.as_str(), authority.host.as_str()), ("t", "login.microsoftonline.com"));
    // What many environments hold for other reasons is not enough.
    let few = [("TOLLGATE_MASTER_KEY", "m"), ("OPENAI_API_KEY", "k"), ("GOOGLE_CLOUD_PROJECT", "p")];
    assert_eq!(names(&of_variables(&few).unwrap()), ["openai"]);
}

#[test]
fn a_project_is_found_in_the_credentials() {
    let yaml = "master_key: m\nproviders: { vertex: { auth: { credentials_file: account.json } } }";
    let folder = Folder::new().with("tollgate.yaml", yaml).with("account.json", ACCOUNT);
    let compiled = folder.load(&[]).unwrap();
    assert!(address(&compiled, "vertex").contains("/projects/of-file/"));
}

#[test]
fn amazon_s_chain_is_that_of_its_own_tools() {
    let yaml = "master_key: m\nproviders: { claude: { vendor: anthropic_aws } }";
    let variables = [
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
        ("AWS_ROLE_ARN", "arn:role"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"),
        ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"),
        ("HOME", "/home/me"),
    ];
    let compiled = of_yaml(yaml, &variables).unwrap();
    assert_eq!(address(&compiled, "claude"), "https://aws-external-anthropic.eu-central-1.api.aws");
    assert_eq!(cloud(&compiled, "claude").region, "eu-central-1");
    let chain = chain(&compiled, "claude");
    assert_eq!(chain.sts.base.to_string(), "http://127.0.0.1:9");
    let [Link::Keys(keys), Link::WebIdentity(_), Link::Profile { config, chosen, .. }, container, machine] =
        &chain.links[..]
    else {
        panic!("{:?}", chain.links)
    };
    assert_eq!((keys.access_key.as_str(), config.as_str(), *chosen), ("AKID", "/home/me/.aws/config", false));
    let Link::Container { base, .. } = container else { panic!() };
    assert_eq!(base.to_string(), "http://169.254.170.2/v2/x");
    assert!(matches!(machine, Link::Imds(_)));
}

#[test]
fn what_the_file_says_of_credentials_wins_over_the_machine() {
    let yaml = "\
master_key: m
providers:
  one: { vendor: anthropic_aws, region: us-east-1, auth: { access_key_id: A, secret_access_key: s, role_arn: arn:r } }
  two: { vendor: anthropic_aws, region: us-west-2, auth: { profile: prod } }
  three: { vendor: anthropic_aws, region: us-west-2, api_key: k }
";
    let compiled = of_yaml(yaml, &[("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s")]).unwrap();
    let one = chain(&compiled, "one");
    assert!(matches!(&one.links[..], [Link::Keys(keys)] if keys.access_key == "A"));
    assert_eq!(one.role.as_ref().map(|role| role.arn.as_str()), Some("arn:r"));
    let two = chain(&compiled, "two");
    assert!(matches!(&two.links[..], [Link::Profile { chosen: true, name, .. }] if name == "prod"));
    assert!(provider(&compiled, "three").cloud.is_none());
    assert!(!format!("{:?}", compiled.snapshot.providers).contains("\"s\""));
}

#[test]
fn mistakes_about_clouds_are_shown_where_they_stand() {
    let yaml = "\
master_key: m
providers:
  openai: { api_key: k, auth: {} }
  vertex:
    region: eu
    auth: { tenant_id: t, credentials: 'no json' }
  aws:
    vendor: anthropic_aws
    region: a/b
  more:
    vendor: anthropic_aws
    region: us-east-1
    auth:
      access_key_id: A
  azure:
    base_url: https://me.openai.azure.com
    auth: { client_id: c }
";
    let told = problems(yaml, &[]);
    for expected in [
        "tollgate.yaml:3:25: error: OpenAI takes a key; only clouds lend credentials",
        "tollgate.yaml:5:13: error: Google Vertex AI has no region",
        "tollgate.yaml:6:24: error: Google Vertex AI takes no tenant_id",
        "tollgate.yaml:6:40: error: expected Google credentials as JSON",
        "tollgate.yaml:9:13: error: expected a region such as eu-central-1",
        "tollgate.yaml:14:22: error: access_key_id needs secret_access_key beside it",
        "error: tenant_id is missing",
    ] {
        assert!(told.iter().any(|line| line.contains(expected)), "{expected}\n{told:#?}");
    }
    assert!(told.iter().any(|line| line.contains("needs a project")), "{told:#?}");
    let told = problems("master_key: m\nproviders: { anthropic_aws: {} }", &[]);
    assert!(told[0].contains("Claude Platform on AWS needs a region"), "{told:#?}");
    assert!(told[0].contains("set AWS_REGION"), "{told:#?}");
}

#[test]
fn bedrock_lies_in_its_region_and_takes_a_key_or_signs() {
    let keys = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_REGION", "eu-west-1")];
    let signing: Vec<_> = [("TOLLGATE_MASTER_KEY", "m")].into_iter().chain(keys).collect();
    let compiled = of_variables(&signing).unwrap();
    assert_eq!(names(&compiled), ["bedrock"]);
    assert_eq!(address(&compiled, "bedrock"), "https://bedrock-runtime.eu-west-1.amazonaws.com");
    let found = cloud(&compiled, "bedrock");
    assert_eq!((found.service, found.region.as_str()), ("bedrock", "eu-west-1"));
    let bearing =
        [("TOLLGATE_MASTER_KEY", "m"), ("AWS_BEARER_TOKEN_BEDROCK", "k"), ("AWS_REGION", "cn-north-1")];
    let compiled = of_variables(&bearing).unwrap();
    assert_eq!(address(&compiled, "bedrock"), "https://bedrock-runtime.cn-north-1.amazonaws.com.cn");
    assert!(provider(&compiled, "bedrock").cloud.is_none());
}

#[test]
fn watsonx_has_a_region_and_whoever_pays_and_one_key() {
    let compiled = of_variables(&[
        ("TOLLGATE_MASTER_KEY", "m"),
        ("WATSONX_API_KEY", "k"),
        ("WATSONX_PROJECT_ID", "p"),
        ("WATSONX_REGION", "eu-de"),
        ("DATABRICKS_HOST", "https://dbc.cloud.databricks.com/"),
        ("DATABRICKS_CLIENT_ID", "c"),
        ("DATABRICKS_CLIENT_SECRET", "s"),
    ])
    .unwrap();
    assert_eq!(names(&compiled), ["watsonx", "databricks"]);
    assert_eq!(address(&compiled, "watsonx"), "https://eu-de.ml.cloud.ibm.com");
    assert_eq!(provider(&compiled, "watsonx").account, [("project_id", "p".to_owned())]);
    assert!(provider(&compiled, "watsonx").keys.is_empty(), "the key is nobody's but IBM's");
    let Source::Oauth(way) = &*cloud(&compiled, "watsonx").source else { panic!() };
    assert_eq!(way.tokens.to_string(), "https://iam.cloud.ibm.com/identity/token");
    assert_eq!(address(&compiled, "databricks"), "https://dbc.cloud.databricks.com/serving-endpoints");
    let Source::Oauth(way) = &*cloud(&compiled, "databricks").source else { panic!() };
    assert_eq!(way.tokens.to_string(), "https://dbc.cloud.databricks.com/oidc/v1/token");
    let wrong = |yaml: &str| of_yaml(&format!("master_key: m\nproviders: {{ {yaml} }}"), &[]).unwrap_err();
    let said = |yaml: &str| format!("{:?}", wrong(yaml));
    assert!(said("watsonx: { api_key: k }").contains("needs a project or a space"));
    assert!(said("watsonx: { project: p }").contains("needs a key"));
    assert!(said("watsonx: { project: p, api_keys: [a, b] }").contains("takes one key"));
    assert!(said("watsonx: { project: p, api_key: k, location: l }").contains("set region"));
    assert!(
        said("databricks: { base_url: http://a, auth: { client_id: c } }")
            .contains("client_secret is missing")
    );
    assert!(said("openai: { api_key: k, space: s }").contains("has no space"));
}
