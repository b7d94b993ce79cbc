//! WABAs: WhatsApp Business accounts. One holds phone numbers and the templates that those may send.

use serde::{Deserialize, Serialize};

use crate::ProblemCode;

/// Meta's id of a WhatsApp Business account: digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct WabaId(pub String);

impl WabaId {
    /// Meta's page where templates of the account are made.
    pub fn templates_url(&self) -> String {
        let Self(id) = self;
        format!("https://business.facebook.com/wa/manage/message-templates/?waba_id={id}")
    }
}

/// A WhatsApp Business account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Waba {
    /// Its id.
    pub id: WabaId,
    /// Its name.
    pub name: String,
}

/// Customers whose numbers belong to one WhatsApp Business account; it may have several numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WabaCount {
    /// The account.
    pub waba: Waba,
    /// How many customers.
    pub customers: u64,
}

/// The one account of the chosen customers, or none where nobody is chosen;
/// refused when they belong to more than one, because a template is known to one account only
/// (訊息範本僅支援發送相同WhatsApp商業帳號的顧客).
pub fn only_waba(counts: &[WabaCount]) -> Result<Option<&Waba>, ProblemCode> {
    let mut wabas = counts
        .iter()
        .filter(|count| count.customers > 0)
        .map(|count| &count.waba);
    let first = wabas.next();
    match wabas.find(|waba| first.is_some_and(|first| first.id != waba.id)) {
        Some(_) => Err(ProblemCode::WabaConflict),
        None => Ok(first),
    }
}

/// Whether the template of account `template` may go to the chosen customers: all must be of that account.
pub fn check_waba(template: &WabaId, counts: &[WabaCount]) -> Result<(), ProblemCode> {
    match only_waba(counts)? {
        Some(waba) if waba.id != *template => Err(ProblemCode::WabaConflict),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(wabas: &[(&str, u64)]) -> Vec<WabaCount> {
        wabas
            .iter()
            .map(|&(id, customers)| WabaCount {
                waba: Waba {
                    id: WabaId(id.to_owned()),
                    name: format!("帳號 {id}"),
                },
                customers,
            })
            .collect()
    }

    #[track_caller]
    fn check(wabas: &[(&str, u64)], expected: Result<Option<&str>, ProblemCode>) {
        let counts = counts(wabas);
        let found = only_waba(&counts).map(|waba| waba.map(|waba| waba.id.0.as_str()));
        assert_eq!(found, expected);
    }

    #[test]
    fn templates_are_made_in_their_own_account() {
        let url = WabaId("100".to_owned()).templates_url();
        assert!(url.starts_with("https://business.facebook.com/") && url.ends_with("=100"));
    }

    #[test]
    fn customers_of_two_accounts_are_a_conflict() {
        check(&[("1", 3), ("2", 1)], Err(ProblemCode::WabaConflict));
    }

    #[test]
    fn one_account_with_several_numbers_is_none() {
        check(&[("1", 3), ("1", 2)], Ok(Some("1")));
    }

    #[test]
    fn an_account_of_which_nobody_is_chosen_does_not_count() {
        check(&[("1", 3), ("2", 0)], Ok(Some("1")));
        check(&[("2", 0)], Ok(None));
        check(&[], Ok(None));
    }

    #[test]
    fn a_template_of_another_account_is_a_conflict() {
        let template = WabaId("1".to_owned());
        let check = |wabas: &[(&str, u64)]| check_waba(&template, &counts(wabas));
        assert_eq!(check(&[("1", 3)]), Ok(()));
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[("2", 3)]), Err(ProblemCode::WabaConflict));
        assert_eq!(check(&[("1", 3), ("2", 3)]), Err(ProblemCode::WabaConflict));
    }
}
