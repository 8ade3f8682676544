use super::*;

const KEY: [u8; 32] = [7; 32];

fn number(byte: u8) -> Fingerprint {
    Fingerprint::from_bytes([byte; 16])
}

fn mark() -> Mark {
    let tags = vec!["nightly".into(), "ü".into()];
    Mark { key: "web".into(), owner: "acme/search".into(), asked: "fast".into(), tags }
}

fn entries() -> Vec<Entry> {
    let mut losses = Losses::new();
    losses.dropped("seed", "its target could not be told");
    losses.bent("messages.name", "its target could not be told");
    let restore = Restore {
        names: vec![("a".into(), "a.b".into())],
        answer_tool: Some("answer".into()),
        free_text: vec!["patch".into()],
        older_calls: true,
        anew: false,
    };
    let (provider, model) = (Arc::<str>::from("openai"), Arc::<str>::from("gpt-4o"));
    let origin = |framing, restore| Origin {
        dialect: Dialect::OpenaiChat,
        framing,
        restore,
        provider: Arc::clone(&provider),
        model: Arc::clone(&model),
        losses: losses.clone(),
    };
    let pace = vec![(Duration::ZERO, 3), (Duration::from_micros(1500), 11)];
    let streamed = origin(Some(Framing::Sse), restore);
    let vector = |named: Option<&str>, tokens| {
        Entry::Vector(Vector {
            numbers: vec![0.5, -1.25, f32::MIN_POSITIVE],
            named: named.map(str::to_owned),
            tokens,
            provider: Arc::clone(&provider),
            model: Arc::clone(&model),
            mark: mark(),
        })
    };
    vec![
        Entry::Answer(Answer { origin: streamed, body: "data: hello".into(), pace, mark: mark() }),
        Entry::Answer(Answer {
            origin: Origin { losses: Losses::new(), ..origin(None, Restore::NONE) },
            body: Bytes::new(),
            pace: Vec::new(),
            mark: Mark::default(),
        }),
        vector(Some("gpt-4o-1"), None),
        vector(None, Some(u64::MAX)),
        Entry::Reworded(Reworded {
            answered: number(9),
            provider: Arc::clone(&provider),
            model: Arc::clone(&model),
            mark: mark(),
            place: None,
            told: None,
        }),
    ]
}

#[test]
fn what_was_packed_is_unpacked_as_it_was() {
    for entry in entries() {
        let packed = Bytes::from(pack(&KEY, number(1), &entry, 5, u64::MAX));
        let Unpacked { entry: again, made, until } = unpack(&KEY, number(1), &packed).unwrap();
        assert_eq!((made, until), (5, u64::MAX));
        assert_eq!(format!("{again:?}"), format!("{entry:?}"));
        let label = label(&packed[..packed.len().min(LABEL)]).unwrap();
        assert_eq!((&label.mark, &label.provider), (entry.mark(), entry.provider()));
        assert_eq!((&label.model, label.made, label.count), (entry.model(), 5, entry.count()));
    }
}

#[test]
fn what_is_torn_or_somebody_elses_or_under_another_number_is_no_entry() {
    for entry in entries() {
        let packed = pack(&KEY, number(1), &entry, 5, 6);
        assert_eq!(unpack(&KEY, number(2), &packed.clone().into()).err(), Some(Broken));
        assert_eq!(unpack(&[8; 32], number(1), &packed.clone().into()).err(), Some(Broken));
        for end in 0..packed.len() {
            assert_eq!(unpack(&KEY, number(1), &packed[..end].to_vec().into()).err(), Some(Broken), "{end}");
        }
        for place in 0..packed.len() {
            let mut bent = packed.clone();
            bent[place] ^= 0x40;
            assert_eq!(unpack(&KEY, number(1), &bent.into()).err(), Some(Broken), "{place}");
        }
    }
}

#[test]
fn a_form_that_was_written_once_is_read_for_ever() {
    let entry = &entries()[4];
    let written = pack(&KEY, number(1), entry, 300, 301);
    let (head, rest) = written.split_at(4);
    assert_eq!(head, b"TGC\x01");
    assert_eq!(
        &rest[16..],
        b"\xac\x02\xad\x02\x03\x03web\x0bacme/search\x04fast\x02\x07nightly\x02\xc3\xbc\
          \x06openai\x06gpt-4o\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09"
    );
}
