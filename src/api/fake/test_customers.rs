//! Sending to oneself (測試發送).

use std::collections::BTreeMap;

use omocast_contract::draft::check_messages;
use omocast_contract::test_send::{
    TEST_CODE_ALPHABET, TEST_CODE_LENGTH, TEST_CODE_LIFE, TestCode, TestCustomer, TestCustomers,
    TestOutcome, TestResult, TestRow, TestSend, test_code_text,
};
use omocast_contract::{
    Channel, ChannelSet, OutgoingMessage, Problem, ProblemCode, Reason, Timestamp,
};

use super::backend::{Answer, Backend, refuse, sentinel};
use super::demo_data as demo;

/// The member's test customers, and the code that binds another.
#[derive(Debug, Default)]
pub(super) struct Testing {
    bound: BTreeMap<Channel, String>,
    code: Option<TestCode>,
    codes: u32,
}

impl Backend {
    pub(super) fn list_test_customers(&self) -> Answer<TestCustomers> {
        self.signed_in()?;
        let rows = self
            .testing
            .bound
            .iter()
            .map(|(channel, name)| TestCustomer {
                channel: *channel,
                customer_name: name.clone(),
            });
        Ok(TestCustomers {
            rows: rows.collect(),
        })
    }

    pub(super) fn create_test_code(&mut self, now: Timestamp) -> Answer<TestCode> {
        self.signed_in()?;
        self.testing.codes += 1;
        let letters = TEST_CODE_ALPHABET;
        let code: String = (0..TEST_CODE_LENGTH as u32)
            .map(|at| {
                let at = demo::scatter(self.testing.codes, at) as usize % letters.len();
                char::from(letters[at])
            })
            .collect();
        let code = TestCode {
            text: test_code_text(&code),
            expires_at: now.plus(TEST_CODE_LIFE),
        };
        self.testing.code = Some(code.clone());
        Ok(code)
    }

    /// The member writes the code as a customer of this channel.
    pub(super) fn bind_test_customer(&mut self, channel: Channel, name: &str) {
        self.testing.bound.insert(channel, name.to_owned());
    }

    pub(super) fn delete_test_customer(&mut self, channel: Channel) -> Answer<()> {
        self.signed_in()?;
        if self.testing.bound.remove(&channel).is_none() {
            return refuse(ProblemCode::NotFound);
        }
        Ok(())
    }

    pub(super) fn send_test(&self, test: &TestSend) -> Answer<TestResult> {
        self.may_broadcast()?;
        for words in test.messages.iter().filter_map(OutgoingMessage::words) {
            if !words.contains("fail-platform") {
                sentinel(words)?;
            }
        }
        let channels: ChannelSet = test.channels.iter().copied().collect();
        let facts = |id| self.find_media(id).map(|media| media.facts());
        let fallback = test.name_fallback.as_deref();
        let problems = check_messages(&test.messages, channels, test.surface, facts, fallback);
        if let Some(found) = problems.into_iter().next() {
            let mut problem = Problem::new(found.code).at(found.field());
            problem.channels = found.channels.iter().collect();
            return Err(problem);
        }
        let mut words = test.messages.iter().filter_map(OutgoingMessage::words);
        let is_refused = words.any(|words| words.contains("fail-platform"));
        let row = |channel| {
            let name = self.testing.bound.get(&channel);
            let outcome = match name {
                None => TestOutcome::NoTestCustomer,
                Some(_) if is_refused => TestOutcome::Failed {
                    reason: Reason::WindowClosed,
                },
                Some(_) => TestOutcome::Sent,
            };
            TestRow {
                channel,
                customer_name: name.cloned().unwrap_or_default(),
                outcome,
            }
        };
        Ok(TestResult {
            rows: channels.iter().map(row).collect(),
        })
    }
}
