//! Whom something is offered to among staff, in SQL: saved replies and templates.

use sqlx::{QueryBuilder, Sqlite};

use super::Member;

/// Whether what is offered to `audience` applies to a member, whoever made it:
/// what [`omocast_contract::SavedReplyAudience::is_visible_to`] says of others' things.
/// `audience` is the column that holds the audience as JSON.
pub(super) fn push_offered(sql: &mut QueryBuilder<Sqlite>, member: &Member, audience: &str) {
    let keeps = member.role.keeps_saved_replies();
    sql.push("case json_extract(")
        .push(audience)
        .push(", '$.type') when 'everyone' then 1 when 'only_me' then 0 when 'roles' then ")
        .push_bind(keeps)
        .push(" or exists (select 1 from json_each(")
        .push(audience)
        .push(", '$.roles') where value = ")
        .push_bind(member.role.as_str())
        .push(") when 'shops' then ")
        .push_bind(keeps)
        .push(" or exists (select 1 from json_each(")
        .push(audience)
        .push(", '$.shops') s join member_shop o on o.shop_id = s.value and o.member_id = ")
        .push_bind(member.id.to_string())
        .push(") end");
}
