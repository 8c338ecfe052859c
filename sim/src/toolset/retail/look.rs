//! Tools that change nothing.

use super::{
    super::{Answer, Args, Refused, Rows},
    row::Product,
};
use serde::Deserialize;
use serde_json::{Value, json};

fn as_it_is(rows: &Rows, table: &str, key: &str) -> Result<Answer, Refused> {
    let row = rows.get(table, key).ok_or_else(|| Refused::because(format!("there is no {key:?} in {table}")))?;
    Ok(Answer::of(row.to_string()))
}

pub fn user(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    as_it_is(rows, "users", args.text("user_id"))
}

pub fn order(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    as_it_is(rows, "orders", args.text("order_id"))
}

pub fn product(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    as_it_is(rows, "products", args.text("product_id"))
}

pub fn item(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    let id = args.text("item_id");
    let found = rows.all("products").find_map(|(_, p)| p["variants"].get(id));
    found.map(|v| Answer::of(v.to_string())).ok_or_else(|| Refused::because(format!("there is no item {id:?}")))
}

pub fn products(rows: &mut Rows, _: Args<'_>) -> Result<Answer, Refused> {
    let mut all: Vec<Product> = rows.all("products").filter_map(|(_, p)| Product::deserialize(p).ok()).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let all: Vec<Value> = all.into_iter().map(|p| json!({"name": p.name, "product_id": p.product_id})).collect();
    Ok(Answer::of(Value::from(all).to_string()))
}

pub fn user_by_email(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    find(rows, |user| reads(&user["email"], args.text("email")))
}

pub fn user_by_name(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    find(rows, |user| {
        let named = |part: &str| reads(&user["name"][part], args.text(part));
        named("first_name") && named("last_name") && user["address"]["zip"] == args.text("zip")
    })
}

/// Whatever the case of the letters.
fn reads(field: &Value, wanted: &str) -> bool {
    field.as_str().is_some_and(|f| f.to_lowercase() == wanted.to_lowercase())
}

fn find(rows: &Rows, is: impl Fn(&Value) -> bool) -> Result<Answer, Refused> {
    let found = rows.all("users").find(|(_, user)| is(user));
    found.map(|(id, _)| Answer::of(id)).ok_or_else(|| Refused::because("there is no such user"))
}

pub fn transfer(_: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    Ok(Answer { content: "A person takes over.".to_owned(), hand_over: Some(args.text("summary").to_owned()) })
}
