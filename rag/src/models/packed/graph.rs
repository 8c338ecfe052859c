//! The encoder (BERT's: embeddings, then layers of attention and feed-forward, each with a normalised sum) as a graph.
//!
//! The words' embeddings, four fifths of the model, stay in 4 bits and are unpacked row by row as they are looked up; the
//! other weights become 32-bit numbers, with which ONNX Runtime is quicker than with 4-bit ones.

use super::{
    BLOCK, BLOCK_BYTES, Packed,
    proto::{self, Attribute, FLOAT, Graph, INT64, Model, Node, Operators, Tensor, UINT8, float, int, ints},
};
use colloquy_domain::failure::Failure;
use prost::Message;

/// ONNX Runtime's own operators: the look-up in blocks.
const RUNTIME_OPERATORS: &str = "com.microsoft";
/// Added to the attention to padding; its exponential is 0.
const NEVER: f32 = -1e9;

pub(super) fn build(packed: &Packed<'_>) -> Result<Vec<u8>, Failure> {
    let mut builder = Builder { packed, nodes: Vec::new(), constants: Vec::new() };
    builder.constants_of_all_layers();
    let mut states = builder.embeddings()?;
    for layer in 0..packed.layers {
        let last = layer + 1 == packed.layers;
        states = builder.layer(layer, &states, last)?;
    }
    let graph = Graph {
        nodes: builder.nodes,
        name: "multilingual-e5-small".to_owned(),
        constants: builder.constants,
        inputs: ["input_ids", "attention_mask"].map(|name| proto::value(name, INT64, &[])).into(),
        outputs: vec![proto::value(&states, FLOAT, &[size(packed.hidden)])],
    };
    let operators = [("", 17), (RUNTIME_OPERATORS, 1)]
        .map(|(domain, version)| Operators { domain: domain.to_owned(), version })
        .into();
    Ok(Model { ir_version: 8, graph: Some(graph), operators }.encode_to_vec())
}

struct Builder<'a> {
    packed: &'a Packed<'a>,
    nodes: Vec<Node>,
    constants: Vec<Tensor>,
}

impl Builder<'_> {
    /// Appends an operation and returns the name of its result.
    fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: Vec<Attribute>) -> String {
        let inputs = inputs.iter().map(|i| (*i).to_owned()).collect();
        let (operator, outputs) = (operator.to_owned(), vec![output.to_owned()]);
        self.nodes.push(Node { inputs, outputs, operator, attributes, domain: String::new() });
        output.to_owned()
    }

    fn constant(&mut self, name: &str, kind: i32, shape: &[usize], data: Vec<u8>) {
        let shape = shape.iter().map(|n| size(*n)).collect();
        self.constants.push(Tensor { shape, kind, name: name.to_owned(), data });
    }

    /// A tensor of the file that is kept as it is.
    fn kept(&mut self, name: &str, shape: &[usize]) -> Result<(), Failure> {
        let data = self.packed.tensor(name, 4 * shape.iter().product::<usize>())?.to_vec();
        self.constant(name, FLOAT, shape, data);
        Ok(())
    }

    fn constants_of_all_layers(&mut self) {
        let (hidden, heads) = (self.packed.hidden, self.packed.heads);
        let numbers = |n: &[i64]| n.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        self.constant("zero", INT64, &[1], numbers(&[0]));
        self.constant("inner axes", INT64, &[2], numbers(&[1, 2]));
        self.constant("apart", INT64, &[4], numbers(&[0, 0, size(heads), size(hidden / heads)]));
        self.constant("together", INT64, &[3], numbers(&[0, 0, size(hidden)]));
        let scale = 1.0 / ((hidden / heads) as f32).sqrt();
        for (name, value) in
            [("one", 1.0), ("half", 0.5), ("root", std::f32::consts::FRAC_1_SQRT_2), ("scale", scale), ("never", NEVER)]
        {
            self.constant(name, FLOAT, &[], value.to_le_bytes().to_vec());
        }
    }

    /// Word, position and kind, normalised; and what keeps attention off padding.
    fn embeddings(&mut self) -> Result<String, Failure> {
        let Packed { hidden, words, positions, .. } = *self.packed;
        let blocks = self.packed.tensor("emb.word", words * hidden / BLOCK * BLOCK_BYTES)?;
        let (bits, scales) = in_order(blocks);
        self.constant("words", UINT8, &[words, hidden / 2], bits);
        self.constant("words.scale", FLOAT, &[words, hidden / BLOCK], scales);
        let how = vec![int("gather_axis", 0), int("quantize_axis", 1), int("block_size", size(BLOCK)), int("bits", 4)];
        self.node("GatherBlockQuantized", &["words", "input_ids", "words.scale"], "word", how);
        if let Some(node) = self.nodes.last_mut() {
            node.domain = RUNTIME_OPERATORS.to_owned();
        }
        self.kept("emb.pos", &[positions, hidden])?;
        // All tokens are of the first kind.
        let kinds = self.packed.tensor("emb.type", 2 * 4 * hidden)?[..4 * hidden].to_vec();
        self.constant("emb.type", FLOAT, &[hidden], kinds);
        self.node("Shape", &["input_ids"], "tokens", vec![int("start", 1), int("end", 2)]);
        self.node("Slice", &["emb.pos", "zero", "tokens"], "place", Vec::new());
        self.node("Add", &["word", "place"], "word at place", Vec::new());
        self.node("Add", &["word at place", "emb.type"], "embedded", Vec::new());
        self.node("Cast", &["attention_mask"], "mask", vec![int("to", i64::from(FLOAT))]);
        self.node("Sub", &["one", "mask"], "padding", Vec::new());
        self.node("Mul", &["padding", "never"], "kept off", Vec::new());
        self.node("Unsqueeze", &["kept off", "inner axes"], "off padding", Vec::new());
        self.normalised("embedded", "emb.ln", "states")
    }

    fn layer(&mut self, layer: usize, states: &str, last: bool) -> Result<String, Failure> {
        let Packed { hidden, inner, .. } = *self.packed;
        let name = |part: &str| format!("l{layer}.{part}");
        let context = self.attention(layer, states)?;
        let output = self.linear(&context, &name("ao"), hidden, hidden)?;
        let sum = self.node("Add", &[states, &output], &name("attended"), Vec::new());
        let states = self.normalised(&sum, &name("aln"), &name("middle"))?;
        let wide = self.linear(&states, &name("fi"), inner, hidden)?;
        let bent = self.gelu(&wide, &name("gelu"));
        let narrow = self.linear(&bent, &name("fo"), hidden, inner)?;
        let sum = self.node("Add", &[&states, &narrow], &name("fed"), Vec::new());
        let result = if last { "last_hidden_state".to_owned() } else { name("states") };
        self.normalised(&sum, &name("oln"), &result)
    }

    fn attention(&mut self, layer: usize, states: &str) -> Result<String, Failure> {
        let hidden = self.packed.hidden;
        let name = |part: &str| format!("l{layer}.{part}");
        // Heads become an axis of their own; the keys lie across.
        let mut parts = Vec::new();
        for (part, order) in [("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])] {
            let whole = self.linear(states, &name(part), hidden, hidden)?;
            let apart = self.node("Reshape", &[&whole, "apart"], &name(&format!("{part}.apart")), Vec::new());
            let order = vec![ints("perm", &order)];
            parts.push(self.node("Transpose", &[&apart], &name(&format!("{part}.heads")), order));
        }
        let scores = self.node("MatMul", &[&parts[0], &parts[1]], &name("scores"), Vec::new());
        let scaled = self.node("Mul", &[&scores, "scale"], &name("scaled"), Vec::new());
        let masked = self.node("Add", &[&scaled, "off padding"], &name("masked"), Vec::new());
        let shares = self.node("Softmax", &[&masked], &name("shares"), vec![int("axis", -1)]);
        let heads = self.node("MatMul", &[&shares, &parts[2]], &name("heads"), Vec::new());
        let back = self.node("Transpose", &[&heads], &name("back"), vec![ints("perm", &[0, 2, 1, 3])]);
        Ok(self.node("Reshape", &[&back, "together"], &name("context"), Vec::new()))
    }

    fn linear(&mut self, input: &str, name: &str, outputs: usize, inputs: usize) -> Result<String, Failure> {
        let blocks = self.packed.tensor(&format!("{name}.w"), outputs * inputs / BLOCK * BLOCK_BYTES)?;
        let weights = format!("{name}.w");
        self.constant(&weights, FLOAT, &[inputs, outputs], transposed(&unpacked(blocks), outputs, inputs));
        let (bias, product) = (format!("{name}.b"), format!("{name}.product"));
        self.kept(&bias, &[outputs])?;
        self.node("MatMul", &[input, &weights], &product, Vec::new());
        Ok(self.node("Add", &[&product, &bias], &format!("{name}.sum"), Vec::new()))
    }

    fn normalised(&mut self, input: &str, name: &str, output: &str) -> Result<String, Failure> {
        let (weights, bias) = (format!("{name}.w"), format!("{name}.b"));
        self.kept(&weights, &[self.packed.hidden])?;
        self.kept(&bias, &[self.packed.hidden])?;
        let how = vec![int("axis", -1), float("epsilon", self.packed.epsilon)];
        Ok(self.node("LayerNormalization", &[input, &weights, &bias], output, how))
    }

    /// x · (1 + erf(x / √2)) / 2
    fn gelu(&mut self, input: &str, name: &str) -> String {
        let part = |part: &str| format!("{name}.{part}");
        let scaled = self.node("Mul", &[input, "root"], &part("scaled"), Vec::new());
        let bent = self.node("Erf", &[&scaled], &part("erf"), Vec::new());
        let raised = self.node("Add", &[&bent, "one"], &part("raised"), Vec::new());
        let product = self.node("Mul", &[input, &raised], &part("product"), Vec::new());
        self.node("Mul", &[&product, "half"], name, Vec::new())
    }
}

fn size(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The 32 weights of a block as 4 bits each, in order.
fn bits(block: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let packed = &block[2..];
    packed.iter().map(|b| b & 0x0f).chain(packed.iter().map(|b| b >> 4))
}

fn scale(block: &[u8]) -> f32 {
    half_to_single(u16::from_le_bytes([block[0], block[1]]))
}

/// Two weights a byte in their order, the first in the low half, and the scales apart: as ONNX Runtime reads them.
fn in_order(blocks: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut ordered, mut scales) = (Vec::with_capacity(blocks.len()), Vec::new());
    for block in blocks.chunks_exact(BLOCK_BYTES) {
        let bits: Vec<u8> = bits(block).collect();
        ordered.extend(bits.chunks_exact(2).map(|pair| pair[0] | pair[1] << 4));
        scales.extend(scale(block).to_le_bytes());
    }
    (ordered, scales)
}

fn unpacked(blocks: &[u8]) -> Vec<f32> {
    let weights = |block| {
        let scale = scale(block);
        bits(block).map(move |b| (f32::from(b) - 8.0) * scale)
    };
    blocks.chunks_exact(BLOCK_BYTES).flat_map(weights).collect()
}

/// From one row for each output to one row for each input, as bytes.
fn transposed(weights: &[f32], outputs: usize, inputs: usize) -> Vec<u8> {
    (0..inputs)
        .flat_map(|column| (0..outputs).flat_map(move |row| weights[row * inputs + column].to_le_bytes()))
        .collect()
}

/// IEEE 754 half precision; exact.
fn half_to_single(half: u16) -> f32 {
    let sign = if half & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(half >> 10 & 0x1f), f32::from(half & 0x3ff) / 1024.0);
    match exponent {
        0 => sign * fraction * 2.0_f32.powi(-14),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction) * 2.0_f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_exactly() {
        for (half, single) in
            [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_95), (0x0001, 2.0_f32.powi(-24)), (0x7bff, 65_504.0)]
        {
            assert_eq!(half_to_single(half), single, "{half:#x}");
        }
        assert!(half_to_single(0x7c00).is_infinite() && half_to_single(0x7e00).is_nan());
    }

    #[test]
    fn a_block_is_unpacked_in_order() {
        let mut block = vec![0x00, 0x38];
        block.extend((0..16_u8).map(|n| n | (15 - n) << 4));
        let weights = unpacked(&block);
        assert_eq!(weights[..3], [-4.0, -3.5, -3.0], "scale one half, from 0 − 8 on");
        assert_eq!((weights[15], weights[16], weights[31]), (3.5, 3.5, -4.0));
        let (ordered, scales) = in_order(&block);
        assert_eq!((ordered[0], ordered[8], scales), (0x10, 0xef, 0.5_f32.to_le_bytes().to_vec()));
        assert_eq!(transposed(&[1.0, 2.0, 3.0, 4.0], 2, 2), [1.0, 3.0, 2.0, 4.0].map(f32::to_le_bytes).concat());
    }
}
