//! Members: who they are, and what decides how far they see.

use omocast_contract::saved_reply::Viewer;
use omocast_contract::{MemberId, Plan, Role, Shop, ShopId, TeamId, Timestamp};
use sqlx::{Row as _, query};
use uuid::Uuid;

use super::{Store, read_id, read_word};

/// A member as one request knows them: fresh, so that a changed role or plan counts at once.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: MemberId,
    pub team_id: TeamId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub team: String,
    pub plan: Plan,
    pub time_zone: String,
    pub shops: Vec<Shop>,
    /// Domains of the team's own sites.
    pub official_domains: Vec<String>,
}

impl Member {
    /// Their shops' ids.
    pub fn shop_ids(&self) -> Vec<ShopId> {
        self.shops.iter().map(|shop| shop.id).collect()
    }

    /// As somebody who looks at saved replies.
    pub fn viewer<'a>(&self, shops: &'a [ShopId]) -> Viewer<'a> {
        Viewer {
            member: self.id,
            role: self.role,
            shops,
        }
    }
}

/// A member to be added to a team.
#[derive(Clone, Debug)]
pub struct NewMember {
    pub team_id: TeamId,
    pub name: String,
    pub email: String,
    /// Argon2, in the PHC string format.
    pub password_hash: String,
    pub role: Role,
    pub staff_code: Option<String>,
    pub shops: Vec<ShopId>,
}

impl Store {
    /// Adds a member. E-mails are unique over the whole installation.
    pub async fn create_member(
        &self,
        member: NewMember,
        now: Timestamp,
    ) -> Result<MemberId, sqlx::Error> {
        let id = MemberId(Uuid::now_v7());
        let mut tx = self.begin_write().await?;
        query(
            "insert into member (id, team_id, name, email, password_hash, role, staff_code, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id.to_string())
        .bind(member.team_id.to_string())
        .bind(member.name)
        .bind(member.email.trim().to_lowercase())
        .bind(member.password_hash)
        .bind(member.role.as_str())
        .bind(member.staff_code)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        for shop in member.shops {
            // Only a shop of the same team.
            query("insert into member_shop (member_id, shop_id) select $1, id from shop where id = $2 and team_id = $3")
                .bind(id.to_string())
                .bind(shop.to_string())
                .bind(member.team_id.to_string())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(id)
    }

    /// One member with their team.
    pub async fn find_member(&self, id: MemberId) -> Result<Option<Member>, sqlx::Error> {
        let row = query(
            "select m.id, m.team_id, m.name, m.email, m.role, t.name as team, t.plan, t.time_zone, t.official_domains,
                    (select json_group_array(json_object('id', id, 'name', name)) from (
                        select s.id, s.name from member_shop ms join shop s on s.id = ms.shop_id
                        where ms.member_id = m.id order by s.code
                    )) as shops
             from member m join team t on t.id = m.team_id where m.id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(&self.reader)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Member {
            id: read_id(&row, "id")?,
            team_id: read_id(&row, "team_id")?,
            name: row.try_get("name")?,
            email: row.try_get("email")?,
            role: read_word(&row, "role", Role::parse)?,
            team: row.try_get("team")?,
            plan: read_word(&row, "plan", Plan::parse)?,
            time_zone: row.try_get("time_zone")?,
            shops: read_word(&row, "shops", |text| serde_json::from_str(text).ok())?,
            official_domains: read_word(&row, "official_domains", |text| {
                serde_json::from_str(text).ok()
            })?,
        }))
    }

    /// Who has this e-mail, and the hash of their password.
    pub async fn find_password(
        &self,
        email: &str,
    ) -> Result<Option<(MemberId, String)>, sqlx::Error> {
        let row = query("select id, password_hash from member where email = $1")
            .bind(email.trim().to_lowercase())
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| Ok((read_id(&row, "id")?, row.try_get("password_hash")?)))
            .transpose()
    }

    /// Changes a member's role.
    pub async fn update_role(&self, member: MemberId, role: Role) -> Result<(), sqlx::Error> {
        query("update member set role = $1 where id = $2")
            .bind(role.as_str())
            .bind(member.to_string())
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }

    /// Whether two members work in the same shop.
    pub async fn share_shop(&self, member: MemberId, other: MemberId) -> Result<bool, sqlx::Error> {
        let row = query(
            "select exists (
                select 1 from member_shop a join member_shop b on b.shop_id = a.shop_id
                where a.member_id = $1 and b.member_id = $2
            ) as shared",
        )
        .bind(member.to_string())
        .bind(other.to_string())
        .fetch_one(&self.reader)
        .await?;
        row.try_get("shared")
    }
}
