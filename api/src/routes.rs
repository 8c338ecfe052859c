//! The registry of endpoints and the layers around them.

use crate::{
    conditional, edge,
    endpoints::{
        agent_drafts, agent_test, agent_versions, agents, analytics, answers, api_keys, approvals, ask, attachments,
        audit, auth, broadcasts, budget, call_webhooks, calls, channel_health, channel_prices, channels, chat,
        chat_audio, chat_events, chat_files, chat_messages, chat_page, consents, console, contact_files, contact_plan,
        contacts, conversation_acts, conversations, dead_letters, docs, document_passages, documents, events, health,
        http_tools, integrations, jobs, knowledge_bases, menu, messages, metrics, openai, orders, progress, proposals,
        reservations, scheduled_messages, settings, simulations, stripe_webhook, subscription, templates,
        tenant_config, tenants, tool_servers, tools, trail, unanswered, users, video, webhook, webhook_deliveries,
        webhook_endpoints, webhook_meta, webhook_twilio, widget,
    },
    error::ApiError,
    idempotent,
    mcp::{self, Inside},
    realtime,
    registry::{
        Access::{May, Open},
        Endpoint, Endpoints,
    },
    state::Api,
};
use axum::{
    Extension, Router, extract::DefaultBodyLimit, handler::Handler, http::StatusCode, middleware,
    response::IntoResponse,
};
use colloquy_domain::{access::Action, rate::Rate};
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// Bytes of a JSON body or a webhook (Meta's largest is 3 MB).
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// Some object: its fields are not promised.
type Object = serde_json::Map<String, serde_json::Value>;

/// What is larger than other requests, and counted by itself.
type Uploads = (DefaultBodyLimit, Extension<Rate>);

/// Under `/api`, and the same under `/api/v1`.
fn resources(max_upload: usize) -> Endpoints {
    let uploads = (DefaultBodyLimit::max(max_upload), Extension(Rate::Upload));
    let view = [Action::ViewAgents, Action::ViewChannels, Action::ViewKnowledge, Action::ViewConversations].map(May);
    let [view_agents, view_channels, view_knowledge, view_conversations] = view;
    let manage = [Action::ManageAgents, Action::ManageChannels, Action::ManageKnowledge];
    let [manage_agents, manage_channels, manage_knowledge] = manage.map(May);
    Endpoints::default()
        .get("/agents", view_agents, agents::list)
        .post("/agents", manage_agents, agents::create)
        .get("/agents/{id}", view_agents, agents::show)
        .put("/agents/{id}", manage_agents, agents::replace)
        .patch("/agents/{id}", manage_agents, agents::update)
        .delete("/agents/{id}", manage_agents, agents::remove)
        .post("/agents/{id}/test", May(Action::UseAgents), agent_test::post.layer(Extension(Rate::Chat)))
        .post("/agents/{id}/train", manage_agents, agents::train)
        .get("/agents/{id}/versions", view_agents, agent_versions::list)
        .get("/agents/{id}/versions/{version}", view_agents, agent_versions::show)
        .post("/agents/{id}/versions/{version}/restore", manage_agents, agent_versions::restore)
        .get("/agents/{id}/drafts", view_agents, agent_drafts::list)
        .post("/agents/{id}/drafts", manage_agents, agent_drafts::create)
        .get("/agents/{id}/drafts/{draft}", view_agents, agent_drafts::show)
        .delete("/agents/{id}/drafts/{draft}", manage_agents, agent_drafts::discard)
        .get("/agents/{id}/drafts/{draft}/answers", view_conversations, agent_drafts::answers)
        .post("/agents/{id}/drafts/{draft}/promote", manage_agents, agent_drafts::promote)
        .get("/simulation-examples", view_agents, simulations::examples)
        .get("/simulations", view_agents, simulations::list)
        .post("/simulations", manage_agents, simulations::create)
        .get("/simulations/{id}", view_agents, simulations::show)
        .delete("/simulations/{id}", manage_agents, simulations::remove)
        .get("/simulations/{id}/runs", view_agents, simulations::runs)
        .get("/simulations/{id}/report", view_agents, simulations::report)
        .answering::<String>("text/html")
        .get("/simulations/{id}/compare", view_agents, simulations::compare)
        .get("/tools", view_agents, tools::list)
        .post("/ask", May(Action::UseAgents), ask::post.layer(Extension(Rate::Chat)))
        .get("/channels", view_channels, channels::list)
        .post("/channels", manage_channels, channels::create)
        .get("/channels/{id}", view_channels, channels::show)
        .put("/channels/{id}", manage_channels, channels::update)
        .patch("/channels/{id}", manage_channels, channels::update)
        .delete("/channels/{id}", manage_channels, channels::remove)
        .post("/channels/{id}/test", manage_channels, channels::test)
        .get("/channels/{id}/health", view_channels, channel_health::show)
        .post("/channels/{id}/resume", manage_channels, channel_health::resume)
        .get("/channels/{id}/prices", view_channels, channel_prices::show)
        .put("/channels/{id}/prices", manage_channels, channel_prices::set)
        .post("/chat", Open, chat::post)
        .post("/chat/audio", Open, chat_audio::post.layer(DefaultBodyLimit::max(chat_audio::BODY_LIMIT)))
        .reading::<chat_audio::Form>("multipart/form-data")
        .get("/chat/events", Open, chat_events::get)
        .answering::<serde_json::Value>("text/event-stream")
        .post("/chat/files", Open, chat_files::post.layer(DefaultBodyLimit::max(chat_files::BODY_LIMIT)))
        .reading::<chat_files::Form>("multipart/form-data")
        .answering::<Object>("application/json")
        .get("/chat/messages", Open, chat_messages::get)
        .post("/video/session", Open, video::create)
        .get("/video/session/{id}", Open, video::show)
        .delete("/video/session/{id}", Open, video::end)
        .post("/video/session/{id}/messages", Open, video::message)
        .get("/video/sessions", view_conversations, video::list)
        .get("/dead-letters", May(Action::ViewDeadLetters), dead_letters::list)
        .get("/dead-letters/{id}", May(Action::ViewDeadLetters), dead_letters::show)
        .post("/dead-letters/{id}/replay", May(Action::ReplayDeadLetters), dead_letters::replay)
        .get("/documents", view_knowledge, documents::list)
        .post("/documents", manage_knowledge, documents::add.layer(uploads))
        .reading::<documents::Upload>("multipart/form-data")
        .reading::<documents::FromWeb>("application/json")
        .get("/documents/{id}", view_knowledge, documents::show_document)
        .delete("/documents/{id}", manage_knowledge, documents::remove)
        .post("/documents/{id}/process", manage_knowledge, documents::process)
        .get("/documents/{id}/answers", view_conversations, answers::list)
        .get("/documents/{id}/passages", view_knowledge, document_passages::list)
        .get("/documents/{id}/progress", view_knowledge, progress::get)
        .answering::<serde_json::Value>("text/event-stream")
        .get("/documents/{id}/versions", view_knowledge, answers::versions)
        .get("/jobs/{id}", view_knowledge, jobs::show)
        .get("/health", Open, health::health)
        .answering::<Object>("application/json")
        .get("/openapi.json", Open, docs::document)
        .answering::<Object>("application/json")
        .get("/docs", Open, docs::page)
        .answering::<String>("text/html")
        .get("/docs/{file}", Open, docs::file)
        .answering::<String>("*/*")
        .get("/webhook", Open, webhook_meta::verify)
        .answering::<String>("text/plain")
        .post("/webhook", Open, webhook_meta::receive)
        .reading::<Object>("application/json")
        .answering::<Object>("application/json")
        .get("/events", view_conversations, events::get)
        .answering::<serde_json::Value>("text/event-stream")
        .and(knowledge(uploads))
        .and(inbox())
        .and(contacts(uploads))
        .and(telling())
        .and(figures())
        .and(prepared())
        .and(outreach())
        .get("/settings", May(Action::ViewSettings), settings::show)
        .patch("/settings", May(Action::ManageSettings), settings::update)
        .and(commerce())
        .and(telephone())
        .and(calling())
}

/// What happened in figures, what it cost, and what may be used and spent.
fn figures() -> Endpoints {
    let (view, costs) = (May(Action::ViewAnalytics), May(Action::ViewCosts));
    Endpoints::default()
        .get("/analytics/dashboard", view, analytics::dashboard)
        .get("/analytics/agents", view, analytics::agents)
        .get("/analytics/conversations", view, analytics::conversations)
        .get("/analytics/channels", view, analytics::channels)
        .get("/analytics/overview", view, analytics::overview)
        .get("/analytics/costs", costs, analytics::costs::list)
        .get("/analytics/export", costs, analytics::export::export)
        .answering::<String>("text/csv")
        .get("/budget", costs, budget::show)
        .put("/budget", May(Action::ManageBudget), budget::set)
        .get("/subscription", May(Action::ViewTenant), subscription::own)
        .get("/tenants/{id}/subscription", May(Action::ViewTenant), subscription::show)
        .put("/tenants/{id}/subscription", May(Action::ManageTenants), subscription::set)
}

/// Under `/dashboard`.
fn dashboard() -> Endpoints {
    let view = May(Action::ViewAnalytics);
    Endpoints::default().get("/metrics", view, analytics::metrics).get(
        "/metrics/aggregated",
        view,
        analytics::aggregated,
    )
}

/// Reservations, orders, and the services that carry them out.
fn commerce() -> Endpoints {
    let (view, manage) = (May(Action::ViewReservations), May(Action::ManageReservations));
    let (view_orders, manage_orders) = (May(Action::ViewOrders), May(Action::ManageOrders));
    let (view_menu, manage_menu) = (May(Action::ViewMenu), May(Action::ManageMenu));
    let (view_services, manage_services) = (May(Action::ViewIntegrations), May(Action::ManageIntegrations));
    Endpoints::default()
        .get("/reservations", view, reservations::list)
        .post("/reservations", manage, reservations::create)
        .get("/reservations/availability", view, reservations::availability)
        .get("/reservations/{id}", view, reservations::show)
        .post("/reservations/{id}/cancel", manage, reservations::cancel)
        .post("/reservations/{id}/reconcile", manage, reservations::reconcile)
        .get("/menu", view_menu, menu::list)
        .post("/menu", manage_menu, menu::create)
        .get("/menu/{id}", view_menu, menu::show)
        .put("/menu/{id}", manage_menu, menu::replace)
        .delete("/menu/{id}", manage_menu, menu::remove)
        .get("/orders", view_orders, orders::list)
        .post("/orders/create", manage_orders, orders::create)
        .post("/orders/confirm", manage_orders, orders::confirm.layer(Extension(Rate::Payment)))
        .get("/orders/{id}", view_orders, orders::show)
        .post("/orders/{id}/cancel", manage_orders, orders::cancel)
        .post("/orders/{id}/refund", manage_orders, orders::refund.layer(Extension(Rate::Payment)))
        .post("/orders/{id}/reconcile", manage_orders, orders::reconcile)
        .get("/integrations/{provider}", view_services, integrations::show)
        .put("/integrations/{provider}", manage_services, integrations::replace)
        .delete("/integrations/{provider}", manage_services, integrations::remove)
        .post("/integrations/{provider}/test", manage_services, integrations::test)
        .get("/tool-servers", view_services, tool_servers::list)
        .post("/tool-servers", manage_services, tool_servers::create)
        .post("/tool-servers/openapi", manage_services, http_tools::import)
        .get("/tool-servers/{id}", view_services, tool_servers::show)
        .put("/tool-servers/{id}", manage_services, tool_servers::replace)
        .delete("/tool-servers/{id}", manage_services, tool_servers::remove)
        .post("/tool-servers/{id}/refresh", manage_services, tool_servers::refresh)
        .post("/tool-servers/{id}/try", manage_services, http_tools::attempt)
}

/// People who write.
fn contacts(uploads: Uploads) -> Endpoints {
    let (view, manage) = (May(Action::ViewContacts), May(Action::ManageContacts));
    let (export, erase) = (May(Action::ExportContacts), May(Action::EraseContacts));
    Endpoints::default()
        .get("/contacts", view, contacts::list)
        .post("/contacts", manage, contacts::create)
        .get("/contacts/export", export, contact_files::export)
        .answering::<String>("text/csv")
        .post("/contacts/import/csv", manage, contact_files::import.layer(uploads))
        .reading::<String>("text/csv")
        .reading::<documents::Upload>("multipart/form-data")
        .get("/contacts/{id}", view, contacts::show)
        .put("/contacts/{id}", manage, contacts::update)
        .patch("/contacts/{id}", manage, contacts::update)
        .delete("/contacts/{id}", manage, contacts::remove)
        .post("/contacts/{id}/merge", manage, contacts::merge)
        .post("/contacts/{id}/split", manage, contacts::split)
        .get("/contacts/{id}/export", export, contacts::export)
        .post("/contacts/{id}/erase", erase, contacts::erase)
        .post("/contacts/{id}/plan", view, contact_plan::plan)
        .get("/contacts/{id}/consents", view, consents::list)
        .post("/contacts/{id}/consents", manage, consents::create)
        .post("/contacts/{id}/consents/{consent}/withdraw", manage, consents::withdraw)
}

/// What people write and are answered, and who of the team has it.
fn inbox() -> Endpoints {
    let (view, manage) = (May(Action::ViewConversations), May(Action::ManageConversations));
    Endpoints::default()
        .get("/conversations", view, conversations::list)
        .get("/conversations/{id}", view, conversations::show)
        .put("/conversations/{id}", manage, conversation_acts::update)
        .patch("/conversations/{id}", manage, conversation_acts::update)
        .get("/conversations/{id}/messages", view, conversations::messages)
        .post("/conversations/{id}/messages", manage, conversation_acts::say)
        .put("/conversations/{id}/assign", manage, conversation_acts::assign)
        .put("/conversations/{id}/close", manage, conversation_acts::close)
        .put("/conversations/{id}/reopen", manage, conversation_acts::reopen)
        .put("/conversations/{id}/read", manage, conversation_acts::read)
        .get("/conversations/{id}/trail", view, trail::list)
        .post("/conversations/{id}/trail/{call}/undo", manage, trail::undo)
        .get("/conversations/{id}/notes", view, conversation_acts::notes)
        .post("/conversations/{id}/notes", manage, conversation_acts::add_note)
        .get("/approvals", view, approvals::list)
        .get("/approvals/{id}", view, approvals::show)
        .post("/approvals/{id}/approve", manage, approvals::approve)
        .post("/approvals/{id}/deny", manage, approvals::deny)
        .get("/attachments/{id}", view, attachments::show)
        .get("/attachments/{id}/content", view, attachments::content)
        .answering::<String>("*/*")
        .get("/messages", view, messages::list)
        .post("/messages", manage, messages::create)
        .get("/messages/{id}", view, messages::show)
}

/// Messages that are approved beforehand.
fn prepared() -> Endpoints {
    let (view, manage) = (May(Action::ViewTemplates), May(Action::ManageTemplates));
    Endpoints::default()
        .get("/templates", view, templates::list)
        .post("/templates", manage, templates::create)
        .post("/templates/sync", manage, templates::sync)
        .get("/templates/{id}", view, templates::show)
        .put("/templates/{id}", manage, templates::replace)
        .patch("/templates/{id}", manage, templates::update)
        .delete("/templates/{id}", manage, templates::remove)
        .post("/templates/{id}/preview", view, templates::preview)
}

/// Messages that somebody plans: at a time, or to many people.
fn outreach() -> Endpoints {
    let (view, say) = (May(Action::ViewConversations), May(Action::ManageConversations));
    let (see, manage) = (May(Action::ViewBroadcasts), May(Action::ManageBroadcasts));
    Endpoints::default()
        .get("/scheduled-messages", view, scheduled_messages::list)
        .post("/scheduled-messages", say, scheduled_messages::create)
        .get("/scheduled-messages/{id}", view, scheduled_messages::show)
        .post("/scheduled-messages/{id}/cancel", say, scheduled_messages::cancel)
        .get("/broadcasts", see, broadcasts::list)
        .post("/broadcasts", manage, broadcasts::create)
        .get("/broadcasts/{id}", see, broadcasts::show)
        .delete("/broadcasts/{id}", manage, broadcasts::remove)
        .get("/broadcasts/{id}/recipients", see, broadcasts::recipients)
        .post("/broadcasts/{id}/start", manage, broadcasts::start)
        .post("/broadcasts/{id}/pause", manage, broadcasts::pause)
        .post("/broadcasts/{id}/resume", manage, broadcasts::resume)
        .post("/broadcasts/{id}/cancel", manage, broadcasts::cancel)
}

fn knowledge(uploads: Uploads) -> Endpoints {
    let (view, manage) = (May(Action::ViewKnowledge), May(Action::ManageKnowledge));
    // These show what people wrote and were told.
    let told = May(Action::ViewConversations);
    Endpoints::default()
        .get("/knowledge-bases", view, knowledge_bases::list)
        .post("/knowledge-bases", manage, knowledge_bases::create)
        .get("/knowledge-bases/{id}", view, knowledge_bases::show)
        .put("/knowledge-bases/{id}", manage, knowledge_bases::rename)
        .delete("/knowledge-bases/{id}", manage, knowledge_bases::remove)
        .post("/knowledge-bases/{id}/search", view, knowledge_bases::search)
        .get("/knowledge-bases/{id}/proposals", view, proposals::list)
        .post("/knowledge-bases/{id}/proposals", manage, proposals::create.layer(uploads))
        .reading::<proposals::Form>("multipart/form-data")
        .get("/knowledge-bases/{id}/unanswered", told, unanswered::list)
        .get("/knowledge-bases/{id}/unanswered/{topic}", told, unanswered::show)
        .patch("/knowledge-bases/{id}/unanswered/{topic}", manage, unanswered::mark)
        .get("/proposals/{id}", view, proposals::show)
        .delete("/proposals/{id}", manage, proposals::discard)
        .get("/proposals/{id}/answers", told, proposals::answers)
        .post("/proposals/{id}/promote", manage, proposals::promote)
}

/// Under `/api`, too: what other systems are told.
fn telling() -> Endpoints {
    let (view, manage) = (May(Action::ViewWebhooks), May(Action::ManageWebhooks));
    Endpoints::default()
        .get("/webhook-endpoints", view, webhook_endpoints::list)
        .post("/webhook-endpoints", manage, webhook_endpoints::create)
        .get("/webhook-endpoints/{id}", view, webhook_endpoints::show)
        .put("/webhook-endpoints/{id}", manage, webhook_endpoints::replace)
        .patch("/webhook-endpoints/{id}", manage, webhook_endpoints::update)
        .delete("/webhook-endpoints/{id}", manage, webhook_endpoints::remove)
        .post("/webhook-endpoints/{id}/rotate-secret", manage, webhook_endpoints::rotate)
        .and(deliveries())
}

/// Under `/api` and under `/dashboard`.
fn deliveries() -> Endpoints {
    Endpoints::default().get("/webhooks/deliveries", May(Action::ViewWebhooks), webhook_deliveries::list).post(
        "/webhooks/deliveries/{id}/retry",
        May(Action::ManageWebhooks),
        webhook_deliveries::retry,
    )
}

/// Under `/dashboard`: what a tenant is connected to.
fn connections() -> Endpoints {
    let manage = May(Action::ManageSettings);
    Endpoints::default()
        .get("/tenant/config", May(Action::ViewSettings), tenant_config::show)
        .put("/tenant/config/twilio", manage, tenant_config::set_twilio)
        .put("/tenant/config/vapi", manage, tenant_config::set_vapi)
        .put("/tenant/config/n8n", manage, tenant_config::set_n8n)
}

/// Under `/api` and under `/dashboard`.
fn telephone() -> Endpoints {
    let view = May(Action::ViewConversations);
    Endpoints::default().get("/calls", view, calls::list).get("/calls/metrics", view, calls::metrics).get(
        "/calls/{id}",
        view,
        calls::show,
    )
}

/// Under `/api`: what a telephone provider calls that knows a number only. It signs what it sends.
fn calling() -> Endpoints {
    Endpoints::default()
        .post("/calls/incoming", Open, call_webhooks::dialled)
        .reading::<Object>("application/x-www-form-urlencoded")
        .answering::<String>("text/xml")
        .post("/calls/process", Open, call_webhooks::dialled)
        .reading::<Object>("application/x-www-form-urlencoded")
        .answering::<String>("text/xml")
        .post("/calls/status", Open, call_webhooks::dialled)
        .reading::<Object>("application/x-www-form-urlencoded")
        .answering::<String>("text/xml")
}

/// Under `/v1`: agents as models, for clients of OpenAI.
fn models() -> Endpoints {
    Endpoints::default()
        .post("/chat/completions", May(Action::UseAgents), openai::complete.layer(Extension(Rate::Chat)))
        .reading::<openai::Body>("application/json")
        .answering::<Object>("application/json")
        .post("/embeddings", May(Action::UseAgents), openai::embed.layer(Extension(Rate::Chat)))
        .reading::<openai::Texts>("application/json")
        .answering::<Object>("application/json")
        .get("/models", May(Action::ViewAgents), openai::models)
        .answering::<Object>("application/json")
        .get("/models/{model}", May(Action::ViewAgents), openai::model)
        .answering::<Object>("application/json")
}

/// Under `/api`, too: people, tenants and keys.
fn people() -> Endpoints {
    let (view, manage) = (May(Action::ViewPeople), May(Action::ManagePeople));
    Endpoints::default()
        .get("/users", view, users::list)
        .post("/users", manage, users::create)
        .get("/users/{id}", view, users::show)
        .put("/users/{id}", manage, users::update)
        .patch("/users/{id}", manage, users::update)
        .post("/users/{id}/invite", manage, users::invite)
        .get("/tenants", May(Action::ViewTenants), tenants::list)
        .post("/tenants", May(Action::ManageTenants), tenants::create)
        .get("/tenants/{id}", May(Action::ViewTenant), tenants::show)
        .put("/tenants/{id}", May(Action::ManageTenant), tenants::update)
        .patch("/tenants/{id}", May(Action::ManageTenant), tenants::update)
        .delete("/tenants/{id}", May(Action::ManageTenants), tenants::remove)
        .get("/tenants/{id}/users", view, tenants::users_of)
        .post("/tenants/{id}/users", manage, tenants::invite)
        .get("/companies", May(Action::ViewTenant), tenants::own)
        .get("/companies/{id}", May(Action::ViewTenant), tenants::show)
        .put("/companies/{id}", May(Action::ManageTenant), tenants::update)
        .patch("/companies/{id}", May(Action::ManageTenant), tenants::update)
        .get("/api-keys", May(Action::ViewKeys), api_keys::list)
        .post("/api-keys", May(Action::ManageKeys), api_keys::create)
        .delete("/api-keys/{id}", May(Action::ManageKeys), api_keys::revoke)
        .get("/audit", May(Action::ViewAudit), audit::list)
}

/// Under `/api/auth`, and the same under `/auth`.
fn signing_in() -> Endpoints {
    Endpoints::default()
        .post("/register", Open, auth::register)
        .post("/login", Open, auth::login)
        .post("/refresh", Open, auth::refresh)
        .post("/forgot", Open, auth::forgot)
        .post("/reset", Open, auth::reset)
        .post("/logout", May(Action::ViewSelf), auth::logout)
        .get("/me", May(Action::ViewSelf), auth::me)
        .patch("/me", May(Action::ChangeSelf), auth::change_me)
        .get("/sessions", May(Action::ViewSelf), auth::sessions)
}

/// At the top.
fn outside() -> Endpoints {
    Endpoints::default()
        .get("/chat/{channel}", Open, chat_page::get)
        .answering::<String>("text/html")
        .get("/health", Open, health::health)
        .answering::<Object>("application/json")
        .get("/health/live", Open, health::live)
        .answering::<Object>("application/json")
        .get("/health/ready", Open, health::ready)
        .answering::<Object>("application/json")
        .get("/health/detailed", May(Action::ViewHealth), health::detailed)
        .answering::<Object>("application/json")
        // Looks itself at who collects figures.
        .get("/metrics", Open, metrics::get)
        .answering::<String>("application/openmetrics-text")
        .get("/webhooks/{channel}", Open, webhook::verify)
        .answering::<String>("text/plain")
        .post("/webhooks/{channel}", Open, webhook::receive)
        .reading::<serde_json::Value>("application/json")
        .post("/webhooks/twilio/{tenant}", Open, webhook_twilio::receive)
        .reading::<Object>("application/x-www-form-urlencoded")
        .answering::<String>("text/xml")
        .post("/webhooks/stripe/{tenant}", Open, stripe_webhook::receive)
        .reading::<Object>("application/json")
        .post("/webhooks/twilio-voice/{channel}", Open, call_webhooks::twilio)
        .reading::<Object>("application/x-www-form-urlencoded")
        .answering::<String>("text/xml")
        .get("/webhooks/twilio-voice/{channel}/relay", Open, call_webhooks::line)
        .post("/webhooks/vapi/{tenant}", Open, call_webhooks::vapi)
        .reading::<Object>("application/json")
        .answering::<Object>("application/json")
        .post("/mcp", May(Action::UseAgents), mcp::serve)
        .reading::<Object>("application/json")
        .answering::<Object>("application/json")
        .and(pages())
}

/// At the top, too: what people open in a browser.
fn pages() -> Endpoints {
    Endpoints::default()
        .get("/", Open, console::home)
        .get("/widget.js", Open, widget::get.layer(console::compressed()))
        .answering::<String>("text/javascript")
        .get("/reset", Open, console::reset)
        .get("/console", Open, console::page)
        .answering::<String>("text/html")
        .get("/console/", Open, console::page)
        .answering::<String>("text/html")
        .get("/console/{*view}", Open, console::page)
        .answering::<String>("text/html")
        .get("/console/assets/{version}/{*file}", Open, console::file.layer(console::compressed()))
        .answering::<String>("*/*")
}

/// Where endpoints lie, with those of their prefix.
fn everything(max_upload: usize) -> [(&'static str, Endpoints); 7] {
    let resources = || resources(max_upload).and(people());
    [
        ("/api", resources()),
        ("/api/v1", resources()),
        ("/api/auth", signing_in()),
        ("/auth", signing_in()),
        ("/dashboard", deliveries().and(dashboard()).and(connections()).and(telephone())),
        ("/v1", models()),
        ("", outside()),
    ]
}

/// Every endpoint that there is, with its whole path.
#[must_use]
pub fn endpoints() -> Vec<(String, Endpoint)> {
    let whole = |(prefix, endpoints): (&'static str, Endpoints)| {
        endpoints.parts().1.into_iter().map(move |e| (format!("{prefix}{}", e.path), e))
    };
    everything(BODY_LIMIT).into_iter().flat_map(whole).collect()
}

/// All endpoints, ready to serve.
pub fn router(api: Arc<Api>) -> Router {
    let inside = Inside(built(Router::new(), &api));
    built(realtime::route(Router::new(), &api), &api).layer(Extension(inside))
}

fn built(first: Router<Arc<Api>>, api: &Arc<Api>) -> Router {
    let nest = |router: Router<Arc<Api>>, (prefix, endpoints): (&str, Endpoints)| {
        let (inner, _) = endpoints.parts();
        if prefix.is_empty() { router.merge(inner) } else { router.nest(prefix, inner) }
    };
    let router = everything(api.options.max_upload)
        .into_iter()
        .fold(first, nest)
        .fallback(|| async { ApiError::not_found("endpoint") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "this endpoint has no such method")
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    let router = conditional::around(router, api)
        .layer(middleware::from_fn_with_state(Arc::clone(api), idempotent::around))
        .layer(CatchPanicLayer::custom(|_| ApiError::internal().into_response()));
    edge::around(router, api).with_state(Arc::clone(api))
}
