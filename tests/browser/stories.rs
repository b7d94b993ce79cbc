//! Every story of every component: mounted without an error, and every control has a name.

use omocast::gallery::{ENTRIES, Stage};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{ConsoleErrors, mount, name_of, role_of, settle};
use leptos::prelude::*;

#[wasm_bindgen_test]
async fn every_story_mounts_and_names_its_controls() {
    let errors = ConsoleErrors::catch();
    let mut found = Vec::new();
    for entry in ENTRIES {
        for story in (entry.stories)() {
            let name = story.name;
            let page = mount(move || view! { <Stage story /> });
            settle().await;
            for control in page.controls() {
                if name_of(&control).trim().is_empty() {
                    found.push(format!(
                        "{}, {name}: a {} without a name: {}",
                        entry.name,
                        role_of(&control),
                        control.outer_html()
                    ));
                }
            }
            drop(page);
            settle().await;
            for error in errors.found() {
                let told = format!("{}, {name}: {error}", entry.name);
                if !found.iter().any(|known| known.ends_with(&error)) {
                    found.push(told);
                }
            }
        }
    }
    drop(errors);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[wasm_bindgen_test]
fn every_component_is_in_the_gallery_once_and_has_stories() {
    for (index, entry) in ENTRIES.iter().enumerate() {
        assert!(
            ENTRIES[..index]
                .iter()
                .all(|other| other.name != entry.name),
            "{} is there twice",
            entry.name
        );
        assert!(!(entry.stories)().is_empty(), "{} has no story", entry.name);
    }
}
