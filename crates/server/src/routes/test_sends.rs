//! Sending to oneself (測試發送), and binding the customers who get it.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::future::try_join_all;
use omocast_contract::draft::check_messages;
use omocast_contract::message::{Message, MessageOrigin};
use omocast_contract::test_send::{
    TEST_CODE_ALPHABET, TEST_CODE_LENGTH, TEST_CODE_LIFE, TestCode, TestCustomers, TestOutcome,
    TestResult, TestRow, TestSend, test_code_text,
};
use omocast_contract::variable::fill_name;
use omocast_contract::{
    Channel, ChannelSet, DeliveryStatus, MessageId, OutgoingMessage, Problem, ProblemCode, Reach,
    Reason,
};
use rand::RngExt as _;
use uuid::Uuid;

use crate::app::App;
use crate::error::{AppError, AppResult, Json};
use crate::replies::{Destination, hand_over};
use crate::request::PathId;
use crate::sessions::SignedIn;
use crate::store::{Member, TestTarget};

/// Sends messages to the member's own test customers, as a broadcast would be.
pub async fn send_test(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Json(asked): Json<TestSend>,
) -> AppResult<Response> {
    member.role.may_broadcast(member.plan)?;
    let channels: ChannelSet = asked.channels.iter().copied().collect();
    if channels.is_empty() {
        return Err(Problem::new(ProblemCode::MalformedRequest)
            .at("channels")
            .into());
    }
    let facts = app
        .store
        .media_facts(member.team_id, &asked.messages)
        .await?;
    let problems = check_messages(
        &asked.messages,
        channels,
        asked.surface,
        |id| facts.get(&id).copied(),
        asked.name_fallback.as_deref(),
    );
    if let Some(found) = problems.into_iter().next() {
        let mut problem = Problem::new(found.code).at(found.field());
        problem.channels = found.channels.iter().collect();
        return Err(problem.into());
    }
    if let Err(seconds) = app.tests.begin(&[member.id.to_string()], app.now()) {
        let mut response = AppError::from(ProblemCode::TooManyTests).into_response();
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    // In a task of its own: a browser that hangs up must not leave an outcome unrecorded.
    let sending = tokio::spawn(async move {
        let rows = channels
            .iter()
            .map(|channel| send_to(&app, &member, channel, &asked));
        try_join_all(rows).await
    });
    let rows = sending.await.map_err(anyhow::Error::from)??;
    Ok(Json(TestResult { rows }).into_response())
}

async fn send_to(
    app: &App,
    member: &Member,
    channel: Channel,
    asked: &TestSend,
) -> AppResult<TestRow> {
    let target = app.store.find_test_target(member, channel).await?;
    let row = |customer_name, outcome| TestRow {
        channel,
        customer_name,
        outcome,
    };
    let Some(target) = target else {
        return Ok(row(String::new(), TestOutcome::NoTestCustomer));
    };
    let outcome = match target.reach(app.now()) {
        Reach::Skipped(reason) => TestOutcome::Failed { reason },
        Reach::Open => outcome(&record_and_send(app, member, &target, asked).await?),
    };
    Ok(row(target.customer_name, outcome))
}

async fn record_and_send(
    app: &App,
    member: &Member,
    target: &TestTarget,
    asked: &TestSend,
) -> AppResult<Vec<Message>> {
    let fallback = asked.name_fallback.as_deref().unwrap_or_default();
    let fill = |words: &str| fill_name(words, &target.customer_name, fallback);
    let messages: Vec<(MessageId, OutgoingMessage)> = asked
        .messages
        .iter()
        .map(|message| (MessageId(Uuid::now_v7()), message.clone().with_words(fill)))
        .collect();
    for (id, message) in &messages {
        app.store
            .begin_reply(
                member,
                target.event,
                target.account,
                *id,
                message,
                app.now(),
            )
            .await?;
    }
    let to = Destination {
        event: target.event,
        account: target.account,
        channel: target.channel,
    };
    hand_over(app, member, to, &messages).await
}

/// Sent if every message was; else why the first that was not.
fn outcome(messages: &[Message]) -> TestOutcome {
    let refused = messages.iter().find_map(|message| match message.origin {
        MessageOrigin::Outbound {
            status: DeliveryStatus::Failed | DeliveryStatus::Unknown | DeliveryStatus::Skipped,
            reason,
            ..
        } => Some(reason.unwrap_or(Reason::Other)),
        MessageOrigin::Outbound { .. } | MessageOrigin::Inbound => None,
    });
    refused.map_or(TestOutcome::Sent, |reason| TestOutcome::Failed { reason })
}

/// The member's test customers.
pub async fn list_test_customers(
    State(app): State<App>,
    SignedIn(member): SignedIn,
) -> AppResult<Json<TestCustomers>> {
    member.role.may_broadcast(member.plan)?;
    Ok(Json(TestCustomers {
        rows: app.store.list_test_customers(&member).await?,
    }))
}

/// Gives a code, which the member writes to an account as a customer; an earlier one holds no longer.
pub async fn create_test_code(
    State(app): State<App>,
    SignedIn(member): SignedIn,
) -> AppResult<(StatusCode, Json<TestCode>)> {
    member.role.may_broadcast(member.plan)?;
    let code = {
        let mut random = rand::rng();
        let one =
            |_| char::from(TEST_CODE_ALPHABET[random.random_range(0..TEST_CODE_ALPHABET.len())]);
        (0..TEST_CODE_LENGTH).map(one).collect::<String>()
    };
    let expires_at = app.now().plus(TEST_CODE_LIFE);
    app.store
        .create_test_code(&member, &code, expires_at)
        .await?;
    let text = test_code_text(&code);
    Ok((StatusCode::CREATED, Json(TestCode { text, expires_at })))
}

/// Unbinds the test customer of a channel.
pub async fn delete_test_customer(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(channel): PathId<Channel>,
) -> AppResult<StatusCode> {
    member.role.may_broadcast(member.plan)?;
    app.store.delete_test_customer(&member, channel).await?;
    Ok(StatusCode::NO_CONTENT)
}
