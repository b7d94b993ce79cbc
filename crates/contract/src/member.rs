//! Who works here, and what each role may do.

use serde::{Deserialize, Serialize};

use crate::{EventView, ProblemCode, ShopId};

/// The plan a team has bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// Conversations alone.
    Standard,
    /// The OMO plan: shops, bound customers, broadcasts.
    Omo,
}

impl Plan {
    /// Every plan.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Omo];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Omo => "omo",
        }
    }

    /// Reads [`Plan::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.as_str() == text)
    }
}

/// The role of a member of staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 管理員.
    Admin,
    /// 主管.
    Supervisor,
    /// 行銷人員.
    Marketing,
    /// 客服經理.
    SupportManager,
    /// 客服人員.
    SupportAgent,
    /// 銷售經理: the manager of a shop.
    SalesManager,
    /// 銷售人員.
    SalesRep,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::Admin,
        Self::Supervisor,
        Self::Marketing,
        Self::SupportManager,
        Self::SupportAgent,
        Self::SalesManager,
        Self::SalesRep,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Supervisor => "supervisor",
            Self::Marketing => "marketing",
            Self::SupportManager => "support_manager",
            Self::SupportAgent => "support_agent",
            Self::SalesManager => "sales_manager",
            Self::SalesRep => "sales_rep",
        }
    }

    /// Reads [`Role::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether a member may broadcast: 銷售經理 and 銷售人員 of a team with the OMO plan (the seed).
    pub fn may_broadcast(self, plan: Plan) -> Result<(), ProblemCode> {
        match self {
            Self::SalesManager | Self::SalesRep => match plan {
                Plan::Omo => Ok(()),
                Plan::Standard => Err(ProblemCode::PlanLacksOmo),
            },
            Self::Admin
            | Self::Supervisor
            | Self::Marketing
            | Self::SupportManager
            | Self::SupportAgent => Err(ProblemCode::RoleMayNotBroadcast),
        }
    }

    /// Which broadcasts a member sees in 群發訊息報表.
    pub fn broadcasts_seen(self) -> Scope {
        match self {
            Self::Admin => Scope::Team,
            Self::SalesManager => Scope::Shops,
            Self::SalesRep => Scope::Own,
            Self::Supervisor | Self::Marketing | Self::SupportManager | Self::SupportAgent => {
                Scope::None
            }
        }
    }

    /// Whether the member sees a view of the conversations.
    /// Sales staff see 處理中 and 已結束 of their own, the sales manager those of the shops too;
    /// marketing staff see none.
    pub fn sees(self, view: EventView) -> bool {
        match self {
            Self::Admin | Self::Supervisor | Self::SupportManager => true,
            Self::SupportAgent => matches!(
                view,
                EventView::Mine | EventView::Pending | EventView::Ended
            ),
            Self::SalesManager => {
                matches!(view, EventView::Mine | EventView::Team | EventView::Ended)
            }
            Self::SalesRep => matches!(view, EventView::Mine | EventView::Ended),
            Self::Marketing => false,
        }
    }

    /// Which of the events that are not pending a member sees.
    pub fn events_seen(self) -> Scope {
        match self {
            Self::Admin | Self::Supervisor | Self::SupportManager => Scope::Team,
            Self::SalesManager => Scope::Shops,
            Self::SupportAgent | Self::SalesRep => Scope::Own,
            Self::Marketing => Scope::None,
        }
    }
}

/// A shop (分店) that a member works in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shop {
    /// Its id.
    pub id: ShopId,
    /// Its name.
    pub name: String,
}

/// How far a member sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything of the team.
    Team,
    /// What belongs to members of the shops the member works in, and their own.
    Shops,
    /// Their own.
    Own,
    /// Nothing.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sales_roles_of_an_omo_team_broadcast() {
        for role in Role::ALL {
            let expected = match role {
                Role::SalesManager | Role::SalesRep => Ok(()),
                _ => Err(ProblemCode::RoleMayNotBroadcast),
            };
            assert_eq!(role.may_broadcast(Plan::Omo), expected, "{role:?}");
        }
    }

    #[test]
    fn without_the_omo_plan_nobody_broadcasts() {
        for role in Role::ALL {
            assert!(role.may_broadcast(Plan::Standard).is_err(), "{role:?}");
        }
        assert_eq!(
            Role::SalesRep.may_broadcast(Plan::Standard),
            Err(ProblemCode::PlanLacksOmo)
        );
    }

    #[test]
    fn a_sales_rep_sees_only_their_own_events() {
        assert!(Role::SalesRep.sees(EventView::Mine) && Role::SalesRep.sees(EventView::Ended));
        assert!(!Role::SalesRep.sees(EventView::Team) && !Role::SalesRep.sees(EventView::Pending));
        assert_eq!(Role::SalesRep.events_seen(), Scope::Own);
    }

    #[test]
    fn a_sales_manager_sees_the_team_of_the_shops() {
        assert!(
            Role::SalesManager.sees(EventView::Team)
                && !Role::SalesManager.sees(EventView::Pending)
        );
        assert_eq!(Role::SalesManager.events_seen(), Scope::Shops);
    }

    #[test]
    fn the_supervisor_has_no_report_of_broadcasts() {
        assert_eq!(Role::Supervisor.broadcasts_seen(), Scope::None);
        assert_eq!(Role::Admin.broadcasts_seen(), Scope::Team);
    }

    #[test]
    fn names_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        for plan in Plan::ALL {
            assert_eq!(Plan::parse(plan.as_str()), Some(plan));
            assert_eq!(serde_json::to_value(plan).unwrap(), plan.as_str());
        }
    }
}
