//! What is wrong with what is written, where it is shown, and why it can't be sent.

use omocast_contract::limit::media_limit;
use omocast_contract::{Audience, ChannelSet, DraftProblem, Medium, Problem, ProblemCode};

use crate::components::composer::draft::{ComposeDraft, DraftMessage};
use crate::components::composer::{Place, PlacedProblem, hidden_words};
use crate::components::error_text::{channel_names, draft_problem_text, refusal_text};
use crate::components::reason_text::medium_text;
use crate::i18n::{Key, bytes, t, t_with};

/// What the server would not take, and what it was asked: once that is changed, the problem is no longer shown.
#[derive(Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) problem: Problem,
    pub(super) messages: Vec<DraftMessage>,
    pub(super) name_fallback: String,
    pub(super) audience: Audience,
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Audience,
    Part(Place),
}

impl Subject {
    /// The place that is shown for a field of the request: `messages[2].text`, `name_fallback`, `audience.filter`.
    /// None for what has no place in the composer.
    pub(super) fn of(problem: &Problem) -> Option<Self> {
        let field = problem.field.as_deref()?;
        if field.starts_with("audience") {
            Some(Self::Audience)
        } else if field == "name_fallback" {
            Some(Self::Part(Place::NameFallback))
        } else {
            let (at, _) = field.strip_prefix("messages[")?.split_once(']')?;
            Some(Self::Part(Place::Message(at.parse().ok()?)))
        }
    }
}

impl Refusal {
    /// Its words, where they belong, as long as that is as it was.
    fn placed(&self, draft: &ComposeDraft) -> Option<PlacedProblem> {
        let Subject::Part(place) = Subject::of(&self.problem)? else {
            return None;
        };
        let is_unchanged = match place {
            Place::Message(at) => draft.messages.get(at) == self.messages.get(at),
            Place::NameFallback => draft.name_fallback == self.name_fallback,
        };
        is_unchanged.then(|| PlacedProblem::new(place, refusal_text(&self.problem)))
    }
}

/// What is shown at the messages and at the word for customers without a name.
/// That a text is still empty is told by the button alone.
pub(super) fn placed_problems(
    found: &[DraftProblem],
    draft: &ComposeDraft,
    refusal: Option<&Refusal>,
    is_at_hand: impl Fn(u32) -> bool,
) -> Vec<PlacedProblem> {
    let mut placed: Vec<PlacedProblem> = found
        .iter()
        .filter(|problem| problem.code != ProblemCode::TextEmpty)
        .filter_map(|problem| place(problem, draft, &is_at_hand))
        .collect();
    placed.extend(refusal.and_then(|refusal| refusal.placed(draft)));
    placed
}

fn place(
    problem: &DraftProblem,
    draft: &ComposeDraft,
    is_at_hand: impl Fn(u32) -> bool,
) -> Option<PlacedProblem> {
    let words = problem_words(problem, draft);
    let Some(at) = problem.message else {
        let is_of_name = matches!(
            problem.code,
            ProblemCode::NameFallbackMissing | ProblemCode::NameFallbackTooLong
        );
        return is_of_name.then(|| PlacedProblem::new(Place::NameFallback, words));
    };
    let is_misfit = matches!(
        problem.code,
        ProblemCode::MediumNotSupported
            | ProblemCode::FileTypeNotSupported
            | ProblemCode::MediaTooLarge
            | ProblemCode::CaptionNotSupported
    );
    let message = draft.messages.get(at);
    let is_large_image = problem.code == ProblemCode::MediaTooLarge
        && message.is_some_and(|message| message.medium() == Medium::Image);
    Some(PlacedProblem {
        misfit: if is_misfit {
            problem.channels
        } else {
            ChannelSet::EMPTY
        },
        is_caption: problem.code == ProblemCode::CaptionNotSupported,
        can_shrink: is_large_image && message.is_some_and(|message| is_at_hand(message.id)),
        ..PlacedProblem::new(Place::Message(at), words)
    })
}

/// The words of a problem, with what the message is: 「影片太大，WhatsApp 最多 16 MB」.
fn problem_words(problem: &DraftProblem, draft: &ComposeDraft) -> String {
    let message = problem.message.and_then(|at| draft.messages.get(at));
    let Some(medium) = message.map(DraftMessage::medium) else {
        return draft_problem_text(problem);
    };
    match problem.code {
        ProblemCode::MediumNotSupported => hidden_words(medium, problem.channels),
        ProblemCode::MediaTooLarge => {
            let limits = problem.channels.iter();
            let most = limits
                .filter_map(|channel| media_limit(medium, channel))
                .min();
            let (medium, names) = (medium_text(medium), channel_names(problem.channels.iter()));
            let most = bytes(most.unwrap_or_default());
            t_with(
                Key::ComposeTooLargeFor,
                &[("medium", &medium), ("channels", &names), ("most", &most)],
            )
        }
        _ => draft_problem_text(problem),
    }
}

/// Why the draft can't be sent as it is.
pub(super) fn draft_refusal(draft: &ComposeDraft, found: &[DraftProblem]) -> Option<String> {
    let empty = found
        .iter()
        .filter(|problem| problem.code == ProblemCode::TextEmpty);
    if empty.count() == draft.messages.len() {
        return Some(t(Key::ComposeNeedsMessage));
    }
    if draft.is_uploading() {
        return Some(t(Key::ComposeNeedsUpload));
    }
    if let Some((at, why)) = draft.first_failed() {
        return Some(named(at, why));
    }
    let problem = found.first()?;
    let words = problem_words(problem, draft);
    Some(match problem.message {
        Some(at) => named(at, &words),
        None => words,
    })
}

/// The first refusal of the server that is still about what is written.
pub(super) fn first_named(problems: &[PlacedProblem]) -> Option<String> {
    problems.first().map(|problem| match problem.place {
        Place::Message(at) => named(at, &problem.words),
        Place::NameFallback => problem.words.clone(),
    })
}

fn named(at: usize, problem: &str) -> String {
    t_with(
        Key::ComposeNeedsFix,
        &[("number", &(at + 1).to_string()), ("problem", problem)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: &str, expected: Option<Subject>) {
        let problem = Problem::new(ProblemCode::TextEmpty).at(field);
        assert_eq!(Subject::of(&problem), expected);
    }

    #[test]
    fn a_field_names_its_place() {
        let message = |at| Some(Subject::Part(Place::Message(at)));
        check("messages[1]", message(1));
        check("messages[0].text", message(0));
        check("name_fallback", Some(Subject::Part(Place::NameFallback)));
        check("audience.filter", Some(Subject::Audience));
        check("messages", None);
        let nowhere = Problem::new(ProblemCode::Internal);
        assert_eq!(Subject::of(&nowhere), None);
    }
}
