use super::split::Pieces;
use super::*;

/// A small generator, so that every run sees the same texts.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % sides
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(24) {
            match self.below(8) {
                0 => text.extend(char::from_u32(u32::try_from(self.below(0x2_0000)).unwrap())),
                1 => {
                    let fragment = FRAGMENTS[self.below(FRAGMENTS.len())];
                    text.push_str(&fragment.repeat(1 + self.below(150)));
                }
                _ => text.push_str(FRAGMENTS[self.below(FRAGMENTS.len())]),
            }
        }
        text
    }
}

/// Whatever the pattern treats apart, and ordinary words between.
#[rustfmt::skip]
const FRAGMENTS: &[&str] = &[
    " ", "  ", "\t", "\n", "\r\n", "\n\n", " \n ", "\u{a0}", "\u{3000}", "\u{2028}", "\u{85}",
    "\u{200b}", "'s", "'S", "'ſ", "'ll", "'lL", "'Re", "'vE", "'m", "'T", "'d", "'x", "’s", "'",
    "ǅ", "ǈab", "ʰ", "ʷ", "\u{301}", "\u{308}", "\u{20dd}", "\u{fe0f}", "é", "É", "ß", "ẞ", "Ω",
    "ω", "Ж", "ж", "漢", "字", "の", "カ", "ー", "々", "〇", "한", "글", "ไ", "ท", "र", "ा", "क",
    "्", "ع", "ر", "١", "٢", "३", "Ⅷ", "½", "²", "①", "😀", "👩‍👩‍👧", "🇩🇪", "€", "—", "…", "/",
    "//", "\\", "_", "--", "{", "}", "(", ")", ";", ":", "\"", ",", ".", "!", "the", "The", "THE",
    "HTTPServer", "camelCase", "a", "A", "0", "12", "123", "1234", " the", "internationalization",
    "supercalifragilistic", "aaaaaaaa", "\u{10400}", "\u{10428}", "𝒜", "𠀀", "ſ", "ı", "İ", "ª",
    "\u{345}", "ﬁ", "ᾳ", "ᾼ", "\u{e000}", "\u{1}",
];

fn assert_like_reference(text: &str) {
    let expected = tiktoken_rs::o200k_base_singleton().encode_ordinary(text);
    assert_eq!(o200k::count(text), expected.len() as u64, "{text:?}");
}

#[test]
fn counts_equal_the_reference_on_mixed_text() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..600 {
        assert_like_reference(&dice.text());
    }
}

#[test]
fn counts_equal_the_reference_for_every_kind_of_character() {
    // Every 23rd character, each as a letter, a prefix and a sign would be.
    for character in (0x80..0x2_0000).step_by(23).filter_map(char::from_u32) {
        let c = character;
        assert_like_reference(&format!("a{c}b A{c} {c}1{c}{c}!{c}\n 7{c} {c}Bc'{c}"));
    }
}

#[test]
fn special_tokens_in_a_prompt_are_text() {
    assert_like_reference("<|endoftext|><|im_start|>");
    assert_eq!(o200k::count(""), 0);
    assert_eq!(o200k::count("hello world"), 2);
    assert!(o200k::is_loaded());
}

#[test]
fn pieces_join_to_the_text() {
    let mut dice = Dice(7);
    for _ in 0..2000 {
        let text = dice.text();
        let pieces: Vec<_> = Pieces::new(&text).collect();
        assert!(pieces.iter().all(|piece| !piece.is_empty()), "{text:?}");
        assert_eq!(pieces.concat(), text.as_bytes());
    }
}

#[test]
fn a_hostile_run_is_counted_at_once() {
    assert_eq!(o200k::count(&"a".repeat(1 << 18)), 1 << 15);
    assert_eq!(o200k::count(&" ".repeat(1 << 18)), 1 << 11);
    assert_eq!(o200k::count(&"\u{301}A".repeat(1 << 14)), 1 << 15);
}

const PROSE: &str = "The committee met on Tuesday to discuss the new harbour wall. Nobody doubted \
    that the old one had to go, but the price, which had doubled since spring, worried even its \
    friends. \"We can't wait for another storm,\" the mayor said, and after two hours of quiet \
    argument about bonds, fish and the colour of the railings, eleven of fourteen agreed.\n\nWork \
    begins in March 2027. Until then the ferry will keep to its winter timetable.";
const JSON: &str = r#"{"messages": [{"role": "user", "content": "What is the weather in Paris?"},
    {"role": "assistant", "tool_calls": [{"id": "call_19", "type": "function", "function":
    {"name": "get_weather", "arguments": "{\"city\": \"Paris\", \"unit\": \"celsius\"}"}}]}],
    "temperature": 0.7, "max_tokens": 1024, "stream": true}"#;
const CHINESE: &str = "昨天下午，我们在城里的老图书馆里见面。她带来了一本关于航海的书，书里有很多\
    手绘的地图。我们谈了很久，从天气谈到工作，又从工作谈到明年春天的旅行计划。";

#[test]
fn estimates_stay_near_the_exact_count() {
    let code = include_str!("split.rs");
    for (text, slack) in [(PROSE, 0.12), (code, 0.15), (JSON, 0.25), (CHINESE, 0.25)] {
        let ratio = estimate::tokens(text) as f64 / o200k::count(text) as f64;
        assert!((ratio - 1.0).abs() < slack, "{ratio} for {text:.40}");
    }
    assert_eq!(estimate::tokens(""), 0);
}

#[test]
fn classes_are_told_apart() {
    assert_eq!(estimate::class(PROSE), Class::Latin);
    assert_eq!(estimate::class(include_str!("o200k.rs")), Class::Code);
    assert_eq!(estimate::class("const a = (b) => { return c[0]; };"), Class::Code);
    assert_eq!(estimate::class(JSON), Class::Json);
    assert_eq!(estimate::class(CHINESE), Class::Cjk);
    assert_eq!(estimate::class("다음 주 회의는 오후 세 시에 시작합니다."), Class::Cjk);
    assert_eq!(estimate::class("Следующая встреча начнётся в три часа."), Class::Latin);
    assert_eq!(estimate::class(""), Class::Latin);
}

#[test]
fn calibration_comes_close_within_some_dozen_replies() {
    let calibration = Calibration::default();
    for local in 100..140 {
        calibration.learn("vendor-x", Class::Code, local, local * 14 / 10);
    }
    assert!((calibration.factor("vendor-x", Class::Code) - 1.4).abs() < 0.03);
    assert_eq!(calibration.factor("vendor-x", Class::Latin), 1.0);
    assert_eq!(calibration.factor("vendor-y", Class::Code), 1.0);
}

#[test]
fn calibration_ignores_garbage() {
    let calibration = Calibration::default();
    for (local, reported) in [(100, 0), (100, 19), (100, 501), (0, 50), (3, 12), (100, u64::MAX)] {
        calibration.learn("m", Class::Latin, local, reported);
    }
    assert_eq!(calibration.factor("m", Class::Latin), 1.0);
}

#[test]
fn calibration_learns_new_models_when_full() {
    let calibration = Calibration::default();
    for number in 0..20_000 {
        calibration.learn(&format!("model-{number}"), Class::Latin, 1000, 2000);
    }
    calibration.learn("latecomer", Class::Latin, 1000, 2000);
    assert!((calibration.factor("latecomer", Class::Latin) - 1.1).abs() < 1e-6);
}

#[test]
fn calibration_is_shared_without_a_lock() {
    let calibration = Calibration::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    calibration.learn("shared", Class::Json, 1000, 1300);
                }
            });
        }
    });
    assert!((calibration.factor("shared", Class::Json) - 1.3).abs() < 0.001);
}

#[test]
fn seeds_follow_the_model_family() {
    let seed = |model, class| Calibration::default().factor(model, class);
    for (model, latin, code) in [
        ("claude-3-5-sonnet-20241022", 1.15, 1.15),
        ("claude-sonnet-4-20250514", 1.15, 1.15),
        ("anthropic.claude-opus-4-6-v1:0", 1.15, 1.15),
        ("us.anthropic.claude-opus-4-7-v1:0", 1.5, 1.35),
        ("anthropic/claude-opus-4.7", 1.5, 1.35),
        ("claude-sonnet-5", 1.5, 1.35),
        ("gemini-2.5-pro", 1.0, 1.0),
        ("llama-3.3-70b", 1.0, 1.0),
        ("Mistral-large-latest", 1.1, 1.1),
        ("codestral-2508", 1.1, 1.1),
        ("pixtral-12b", 1.1, 1.1),
        ("qwen3-32b", 1.0, 1.0),
    ] {
        assert_eq!(seed(model, Class::Latin), latin, "{model}");
        assert_eq!(seed(model, Class::Code), code, "{model}");
    }
    assert_eq!(seed("claude-opus-4-7", Class::Cjk), 1.15);
}

#[test]
fn only_known_models_are_counted_exactly() {
    for model in [
        "gpt-4o",
        "gpt-4o-mini-2024-07-18",
        "chatgpt-4o-latest",
        "GPT-4.1-nano",
        "gpt-4.5-preview",
        "gpt-5",
        "gpt-5.2-codex",
        "o1",
        "o3-mini",
        "o4-mini",
        "openai/gpt-oss-120b",
        "openai.gpt-oss-20b-1:0",
        "ft:gpt-4o:house",
        "azure/o3",
        "gpt-4o:free",
    ] {
        assert_eq!(tokenizer_for(model), Tokenizer::O200k, "{model}");
    }
    for model in [
        "gpt-4",
        "gpt-4-turbo",
        "gpt-3.5-turbo",
        "o365",
        "o11",
        "olmo-2",
        "claude-opus-4-7",
        "",
        "text-embedding-3-small",
        "gémini",
        "/",
    ] {
        assert_eq!(tokenizer_for(model), Tokenizer::Estimated, "{model}");
    }
}

#[test]
fn text_is_exact_or_calibrated() {
    let calibration = Calibration::default();
    let exact = text("gpt-4o", PROSE, &calibration);
    assert_eq!(exact, Count { tokens: o200k::count(PROSE), exact: true });
    let guess = text("claude-opus-4-7", PROSE, &calibration);
    assert_eq!(guess, Count { tokens: scale(estimate::tokens(PROSE), 1.5), exact: false });
}

#[test]
fn images_cost_what_the_vendors_document() {
    assert_eq!(image_tokens(1024, 1024, ImageRule::OpenAiHigh), 765);
    assert_eq!(image_tokens(2048, 4096, ImageRule::OpenAiHigh), 1105);
    assert_eq!(image_tokens(4096, 8192, ImageRule::OpenAiLow), 85);
    assert_eq!(image_tokens(1000, 1000, ImageRule::Anthropic), 1334);
    assert_eq!(image_tokens(4000, 4000, ImageRule::Anthropic), 1600);
    assert_eq!(image_tokens(4000, 4000, ImageRule::AnthropicLarge), 4784);
    assert_eq!(image_tokens(384, 384, ImageRule::Gemini), 258);
    assert_eq!(image_tokens(1000, 700, ImageRule::Gemini), 516);
    for rule in [ImageRule::OpenAiHigh, ImageRule::Anthropic, ImageRule::Gemini] {
        assert!(image_tokens(0, 0, rule) > 0);
        assert!(image_tokens(u32::MAX, u32::MAX, rule) > 0);
        assert!(image_tokens(u32::MAX, 1, rule) > 0);
    }
}

#[test]
fn image_sizes_are_read_from_headers() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xE0\x08\x06";
    let gif = b"GIF89a\x80\x02\xE0\x01\xF7\0\0";
    let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9D\x01\x2A\x80\x02\xE0\x01";
    let lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2F\x7F\xC2\x77\0";
    let extended = b"RIFF\0\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\x7F\x02\0\xDF\x01\0";
    let jpeg = b"\xFF\xD8\xFF\xE0\0\x06JFIF\xFF\xC4\0\x02\xFF\xFF\xC2\0\x11\x08\x01\xE0\x02\x80\x03";
    let files: [&[u8]; 6] = [png, gif, lossy, lossless, extended, jpeg];
    for file in files {
        assert_eq!(image_size(file), Some((640, 480)), "{file:?}");
        for cut in 0..file.len() - 4 {
            assert_eq!(image_size(&file[..cut]), None, "{cut} of {file:?}");
        }
    }
    assert_eq!(image_size(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\0"), None);
    assert_eq!(image_size(b"<svg width='640'/>"), None);
}

/// The same estimate, one byte after the other.
fn plainly(text: &str) -> u64 {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Letter,
        Digit,
        Blank,
        Sign,
        High,
    }
    let kind = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' => Kind::Letter,
        b'0'..=b'9' => Kind::Digit,
        b' ' | b'\t'..=b'\r' => Kind::Blank,
        0x80.. => Kind::High,
        _ => Kind::Sign,
    };
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let (mut rest, mut before, mut sum) = (text.as_bytes(), Kind::Blank, 0);
    while let Some(first) = rest.first() {
        let now = kind(*first);
        let length = rest.iter().take_while(|byte| kind(**byte) == now).count();
        let run = &rest[..length];
        let of_all = length as u64;
        sum += match now {
            Kind::Letter => 60 + of_all.saturating_sub(6) * 10,
            Kind::Digit => of_all.div_ceil(3) * 60,
            Kind::Sign => (of_all * 33).max(60),
            Kind::High => run
                .iter()
                .map(|byte| match byte {
                    0xD0..=0xD3 => 15,
                    0xC0..=0xDF => 24,
                    0xE0..=0xEF => 45,
                    0xF0.. => 120,
                    _ => 0,
                })
                .sum(),
            Kind::Blank => {
                let lines = run.iter().rposition(is_line_end).map_or(0, |last| last + 1);
                let joined = before == Kind::Sign && run[..lines].iter().all(is_line_end);
                u64::from(lines > 0 && !joined) * 60 + u64::from(!matches!(&run[lines..], b"" | b" ")) * 60
            }
        };
        before = now;
        rest = &rest[length..];
    }
    sum.div_ceil(60)
}

#[test]
fn sixty_four_bytes_at_once_weigh_what_each_by_itself_does() {
    for text in
        [PROSE, CHINESE, JSON, include_str!("o200k.rs"), "", " ", "a", "\n\n  x", "!\n", "12345678901"]
    {
        for end in (0..=text.len().min(400)).filter(|end| text.is_char_boundary(*end)) {
            assert_eq!(estimate::tokens(&text[..end]), plainly(&text[..end]), "{:?}", &text[..end]);
        }
        assert_eq!(estimate::tokens(text), plainly(text));
    }
    // Runs of all lengths over the ends of blocks.
    let pieces = [
        "a", "Z", "7", " ", "\n", "\r\n", "\t", ".", "{", "\"", "é", "Я", "漢", "😀", "\u{b}", "~", "@", "`",
    ];
    let mut dice = Dice(7);
    for _ in 0..3000 {
        let mut text = String::new();
        for _ in 0..dice.below(24) {
            let longest = if dice.below(4) == 0 { 80 } else { 9 };
            text.push_str(&pieces[dice.below(pieces.len())].repeat(1 + dice.below(longest)));
        }
        assert_eq!(estimate::tokens(&text), plainly(&text), "{text:?}");
    }
}
