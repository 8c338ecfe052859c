//! The part of ONNX's file format that a graph of a few operators needs. Numbers of fields and kinds are those of
//! `onnx.proto3` (github.com/onnx/onnx).

/// `TensorProto.DataType`.
pub(super) const FLOAT: i32 = 1;
pub(super) const UINT8: i32 = 2;
pub(super) const INT64: i32 = 7;

/// `AttributeProto.AttributeType`.
const ATTRIBUTE_FLOAT: i32 = 1;
const ATTRIBUTE_INT: i32 = 2;
const ATTRIBUTE_INTS: i32 = 7;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Model {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub operators: Vec<Operators>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Operators {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<Node>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub constants: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub inputs: Vec<Value>,
    #[prost(message, repeated, tag = "12")]
    pub outputs: Vec<Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub outputs: Vec<String>,
    #[prost(string, tag = "4")]
    pub operator: String,
    #[prost(message, repeated, tag = "5")]
    pub attributes: Vec<Attribute>,
    #[prost(string, tag = "7")]
    pub domain: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, optional, tag = "2")]
    pub float: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    pub int: Option<i64>,
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub shape: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub kind: i32,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub data: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Kind {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorKind>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorKind {
    #[prost(int32, tag = "1")]
    pub element: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub axes: Vec<Axis>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Axis {
    #[prost(int64, optional, tag = "1")]
    pub size: Option<i64>,
    /// The name of a size that differs from call to call.
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
}

pub(super) fn float(name: &str, value: f32) -> Attribute {
    Attribute { name: name.to_owned(), float: Some(value), kind: ATTRIBUTE_FLOAT, ..Attribute::default() }
}

pub(super) fn int(name: &str, value: i64) -> Attribute {
    Attribute { name: name.to_owned(), int: Some(value), kind: ATTRIBUTE_INT, ..Attribute::default() }
}

pub(super) fn ints(name: &str, values: &[i64]) -> Attribute {
    Attribute { name: name.to_owned(), ints: values.to_vec(), kind: ATTRIBUTE_INTS, ..Attribute::default() }
}

/// An input or output over texts and tokens, and further axes of fixed size.
pub(super) fn value(name: &str, element: i32, further: &[i64]) -> Value {
    let named = ["texts", "tokens"].map(|name| Axis { size: None, name: Some(name.to_owned()) });
    let fixed = further.iter().map(|size| Axis { size: Some(*size), name: None });
    let shape = Shape { axes: named.into_iter().chain(fixed).collect() };
    Value { name: name.to_owned(), kind: Some(Kind { tensor: Some(TensorKind { element, shape: Some(shape) }) }) }
}
