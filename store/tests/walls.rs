//! The wall that PostgreSQL itself builds between tenants.

mod common;

use colloquy_domain::{
    ports::{ConversationStore, StoreError},
    testkit::{Account, SeqIds, answer, receive},
};
use colloquy_store::{Actor, PageRequest, Store, Walls};
use common::{Kind, NOW};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

async fn raw(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("connects")
}

async fn count(conn: &mut PgConnection, table: &str) -> i64 {
    let text = format!("SELECT COUNT(*) FROM {table}");
    conn.fetch_one(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await.expect("counted").get(0)
}

async fn name(conn: &mut PgConnection, tenant: &str) {
    let query = sqlx::query("SELECT set_config('colloquy.tenant', $1, false)").bind(tenant.to_owned());
    conn.execute(query).await.expect("named");
}

const TABLES: [&str; 8] =
    ["agents", "channels", "contacts", "conversations", "inbox", "messages", "journal", "documents"];

#[tokio::test]
async fn a_connection_sees_the_tenant_that_it_names_and_nobody_else() {
    let opened = common::open(Kind::Postgres).await;
    let server = opened.server.as_ref().expect("a server");
    assert_eq!(opened.store.walls(), Walls::Standing);
    let f = common::fixture(&opened.store).await;
    let loaded = receive(&opened.store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    opened.store.commit(answer(&loaded, "yes", &f.ids, NOW)).await.expect("commit");

    // The tables' owner, with no statement that names a tenant.
    let mut conn = raw(&server.url(&opened.name)).await;
    for table in TABLES {
        assert_eq!(count(&mut conn, table).await, 0, "{table}: nobody is named");
    }
    name(&mut conn, &SeqIds::new(77).uuid_text()).await;
    for table in TABLES {
        assert_eq!(count(&mut conn, table).await, 0, "{table}: a stranger");
    }
    name(&mut conn, &f.abroad.tenant.to_string()).await;
    assert_eq!(count(&mut conn, "agents").await, 1);
    assert_eq!(count(&mut conn, "conversations").await, 0, "another tenant's");
    name(&mut conn, &f.home.tenant.to_string()).await;
    for table in TABLES {
        assert!(count(&mut conn, table).await > 0, "{table}: its own");
    }
    let moved = format!("UPDATE agents SET tenant_id = '{}'", f.abroad.tenant);
    let refused = conn.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(moved))).await.expect_err("a row for another tenant");
    assert!(refused.to_string().contains("row-level security"), "{refused}");
}

trait UuidText {
    fn uuid_text(&self) -> String;
}

impl UuidText for SeqIds {
    fn uuid_text(&self) -> String {
        colloquy_domain::ports::Ids::uuid(self).to_string()
    }
}

// req: S2-TBL-1
#[tokio::test]
async fn every_table_of_tenants_has_its_wall() {
    let opened = common::open(Kind::Postgres).await;
    let server = opened.server.as_ref().expect("a server");
    let open = server.sql(
        &opened.name,
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' \
         WHERE c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity \
         AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))",
    );
    assert_eq!(open, "");
}

#[tokio::test]
async fn what_is_done_for_a_tenant_is_done_within_its_wall() {
    let opened = common::open(Kind::Postgres).await;
    let (store, server) = (&opened.store, opened.server.as_ref().expect("a server"));
    let f = common::fixture(store).await;
    let loaded = receive(store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    // From here on nobody may see everybody's rows.
    let tables = "'agents', 'channels', 'knowledge_bases', 'documents', 'conversations', 'inbox', 'messages', 'ledger'";
    server.sql(
        &opened.name,
        &format!(
            "DO $$ DECLARE name text; BEGIN FOREACH name IN ARRAY ARRAY[{tables}] LOOP EXECUTE format('ALTER POLICY wall \
             ON %I USING (tenant_id::text = current_setting(''colloquy.tenant'', true))', name); END LOOP; END $$"
        ),
    );
    assert_eq!(store.installation().channel(f.home.channel).await, Ok(None), "it looks across tenants");
    assert_eq!(store.commit(answer(&loaded, "yes", &f.ids, NOW)).await, Err(StoreError::NotFound("conversation")));

    let view = store.tenant(f.home.tenant);
    let again = store.load(f.home.tenant, loaded.key.id).await.expect("load");
    assert_eq!(again.pending.len(), 1);
    assert_eq!(store.history(f.home.tenant, loaded.key.id, u64::MAX, 9).await.expect("history").len(), 1);
    assert_eq!(view.agents(PageRequest::default()).await.expect("agents").total, 2);
    assert_eq!(view.messages(loaded.key.id, PageRequest::default()).await.expect("messages").total, 1);
    let made = view.create_agent(Account::new(f.home.tenant, &f.ids).profile(), Actor::System).await.expect("made");
    let other = store.tenant(f.abroad.tenant);
    assert_eq!(other.delete_agent(made.profile.id).await, Err(StoreError::NotFound("agent")));
    assert_eq!(other.agents(PageRequest::default()).await.expect("agents").total, 1);
    view.delete_agent(made.profile.id).await.expect("deleted");
}

#[tokio::test]
async fn a_superuser_walks_through_walls_and_is_told_so() {
    let opened = common::open(Kind::Postgres).await;
    let server = opened.server.as_ref().expect("a server");
    let (options, _) = common::options(9);
    let url = server.superuser_url(&opened.name);
    let store = Store::open(common::postgres(&url), options).await.expect("opens");
    assert_eq!(store.walls(), Walls::Bypassed);
    let embedded = common::open(Kind::Sqlite).await;
    assert_eq!(embedded.store.walls(), Walls::None);
}

#[tokio::test]
async fn passwords_are_in_no_error() {
    for url in [
        "postgres://user:hunter2@localhost:1/db",
        "postgres://user:hunter2@localhost/db?sslmode=perhaps",
        "postgres://user:hunter2@localhost:notaport/db",
        "hunter2",
    ] {
        let database = common::postgres(url);
        assert!(!format!("{database:?}").contains("hunter2"));
        let error = Store::open(database, common::options(9).0).await.map(|_| ()).expect_err("cannot open");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}
