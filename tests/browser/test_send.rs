//! Sending to oneself, over the in-memory server.

use std::sync::Arc;

use leptos::prelude::*;
use omocast::api::Api;
use omocast::api::fake::{FakeOptions, FakeTransport};
use omocast::live::{LiveNews, provide_live};
use omocast::pages::customers::test_send::TestSend;
use omocast::session::provide_session;
use omocast::ui::{ToastHost, provide_toasts};
use omocast_contract::live::LiveEvent;
use omocast_contract::{Channel, ChannelSet, OutgoingMessage, Surface};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{Mounted, click, mount, wait_for};

async fn page(text: &'static str) -> (Mounted, FakeTransport) {
    let fake = FakeTransport::new(FakeOptions::default());
    let transport = Arc::new(fake.clone());
    let page = mount(move || {
        let api = Api::new(transport);
        provide_context(api.clone());
        provide_toasts();
        let session = provide_session(&api);
        provide_live(&api, session);
        let channels: ChannelSet = [Channel::Line, Channel::Whatsapp].into_iter().collect();
        let messages = vec![OutgoingMessage::Text {
            text: text.to_owned(),
        }];
        view! {
            <TestSend
                open=RwSignal::new(true)
                channels=Signal::stored(channels)
                messages=Signal::stored(messages)
                name_fallback=Signal::stored(None::<String>)
                surface=Signal::stored(Surface::Web)
                disabled_reason=Signal::stored(None::<String>)
            />
            <ToastHost />
        }
    });
    wait_for(|| page.text().contains("尚未綁定")).await;
    (page, fake)
}

#[wasm_bindgen_test]
async fn one_binds_by_a_code_and_sees_it_at_once() {
    let (page, fake) = page("好").await;
    let send = page.by_role("button", "發送測試");
    assert_eq!(send.get_attribute("aria-disabled").as_deref(), Some("true"));
    click(&page.by_role("button", "取得綁定文字")).await;
    wait_for(|| page.text().contains("測試 ")).await;
    fake.bind_test_customer(Channel::Line, "林佩珊");
    fake.tell(LiveNews::Event(LiveEvent::Missed));
    wait_for(|| page.find_by_text("林佩珊").is_some()).await;
    assert_eq!(send.get_attribute("aria-disabled"), None);
}

#[wasm_bindgen_test]
async fn what_became_of_it_is_told_for_each_channel() {
    let (page, fake) = page("好").await;
    click(&page.by_role("button", "取得綁定文字")).await;
    fake.bind_test_customer(Channel::Line, "林佩珊");
    fake.tell(LiveNews::Event(LiveEvent::Missed));
    wait_for(|| page.find_by_text("林佩珊").is_some()).await;
    click(&page.by_role("button", "發送測試")).await;
    wait_for(|| page.find_by_text("已送出").is_some()).await;
    page.by_text("未綁定，略過");
    click(&page.by_role("button", "解除綁定 LINE")).await;
    wait_for(|| page.find_by_text("林佩珊").is_none()).await;
}

#[wasm_bindgen_test]
async fn a_platform_that_refuses_says_why() {
    let (page, fake) = page("fail-platform").await;
    click(&page.by_role("button", "取得綁定文字")).await;
    fake.bind_test_customer(Channel::Whatsapp, "林佩珊");
    fake.tell(LiveNews::Event(LiveEvent::Missed));
    wait_for(|| page.find_by_text("林佩珊").is_some()).await;
    click(&page.by_role("button", "發送測試")).await;
    wait_for(|| page.text().contains("沒有送出：")).await;
}
