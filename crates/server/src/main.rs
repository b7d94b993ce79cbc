//! The command line of an installation.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use omocast_contract::{Plan, Role, SavedReplyAudience, WabaId};
use omocast_server::app::App;
use omocast_server::channels::Credentials;
use omocast_server::config::{Config, LogFormat, Options};
use omocast_server::store::templates::TemplateNotes;
use omocast_server::store::{NewAccount, NewMember};
use omocast_server::{log, password};

/// omocast: shop staff broadcast to the customers they already talk to.
///
/// Secrets are never arguments, because every user of the machine sees those: they are read from the environment or
/// from the standard input. `OMOCAST_SECRET_KEY` (32 bytes in base64) may hold the key of the installation;
/// without it, the key is in the file `secret.key` of the data folder, which is made on the first start.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// TOML file with the same names as the options, with `_` for `-`
    #[arg(long, env = "OMOCAST_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server; so does no command
    Serve,
    /// Teams of this installation
    #[command(subcommand)]
    Team(TeamCommand),
    /// Members of a team
    #[command(subcommand)]
    Member(MemberCommand),
    /// Accounts of a team on the channels
    #[command(subcommand)]
    Account(AccountCommand),
    /// WhatsApp templates of a team: Meta tells what they say, staff what they are for
    #[command(subcommand)]
    Template(TemplateCommand),
}

#[derive(Subcommand)]
enum TeamCommand {
    /// Make a team
    Create {
        name: String,
        #[arg(long, value_enum, default_value = "omo")]
        plan: PlanName,
        /// IANA name
        #[arg(long, default_value = "Asia/Taipei")]
        time_zone: String,
        /// Domain of one of the brand's own sites, such as shop.example.com; may be given more than once
        #[arg(long = "official-domain")]
        official_domains: Vec<String>,
    },
    /// Say which sites are the brand's own, in place of those said before
    OfficialDomains { name: String, domains: Vec<String> },
}

#[derive(Clone, Copy, ValueEnum)]
enum PlanName {
    Standard,
    Omo,
}

#[derive(Subcommand)]
enum MemberCommand {
    /// Add a member; the password is OMOCAST_MEMBER_PASSWORD, or the first line of the standard input
    Create {
        /// Name of the team
        #[arg(long)]
        team: String,
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        /// admin, supervisor, marketing, support_manager, support_agent, sales_manager or sales_rep
        #[arg(long, value_parser = parse_role)]
        role: Role,
        /// 員工編號
        #[arg(long)]
        staff_code: Option<String>,
        /// Code and name of a shop, such as A01=信義門市; may be given more than once
        #[arg(long = "shop")]
        shops: Vec<String>,
    },
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Add an account, or give it new credentials
    ///
    /// The credentials are OMOCAST_ACCOUNT_CREDENTIALS or the standard input, as JSON:
    /// {"channel":"line","channel_access_token":"…","channel_secret":"…"},
    /// {"channel":"facebook","access_token":"…","app_secret":"…","verify_token":"…"},
    /// {"channel":"instagram","access_token":"…","app_secret":"…","verify_token":"…"}, with "page_id":"…" if a page
    /// speaks for it, {"channel":"whatsapp","access_token":"…","app_secret":"…","verify_token":"…"} or
    /// {"channel":"web","secret":"…"}
    #[command(verbatim_doc_comment)]
    Create {
        /// Name of the team
        #[arg(long)]
        team: String,
        #[arg(long)]
        name: String,
        /// LINE: the bot's user id; Facebook: page id; Instagram: account id; WhatsApp: phone number id; web: site id
        #[arg(long)]
        external_id: String,
        /// WhatsApp Business account
        #[arg(long)]
        waba_id: Option<String>,
        /// Phone number as customers know it
        #[arg(long)]
        display_phone: Option<String>,
    },
}

#[derive(Subcommand)]
enum TemplateCommand {
    /// Say what staff call a template, in place of what was said before
    Describe {
        /// Name of the team
        #[arg(long)]
        team: String,
        /// WhatsApp Business account
        #[arg(long)]
        waba_id: String,
        /// Meta's name for it
        #[arg(long)]
        name: String,
        /// Meta's code of its language, such as zh_TW
        #[arg(long)]
        language: String,
        #[arg(long, default_value = "")]
        title: String,
        /// 類別
        #[arg(long, default_value = "")]
        category: String,
        /// Role that may use it; may be given more than once, everybody may where it is not given
        #[arg(long = "role", value_parser = parse_role)]
        roles: Vec<Role>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let options = match &arguments.config {
        Some(file) => arguments.options.or(Options::from_file(file)?),
        None => arguments.options,
    };
    let config = Config::try_from(options)?;
    let is_json = config.log == LogFormat::Json;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            log::start("warn,omocast_server=info", is_json);
            omocast_server::serve(config).await
        }
        command => {
            log::start("warn", is_json);
            set_up(command, config).await
        }
    }
}

async fn set_up(command: Command, config: Config) -> anyhow::Result<()> {
    let app = App::open(config).await?;
    match command {
        Command::Serve => {}
        Command::Team(TeamCommand::Create {
            name,
            plan,
            time_zone,
            official_domains,
        }) => {
            ensure!(
                app.store.find_team_by_name(&name).await?.is_none(),
                "there is a team {name} already"
            );
            jiff::tz::TimeZone::get(&time_zone)
                .with_context(|| format!("{time_zone} is no time zone"))?;
            let plan = match plan {
                PlanName::Standard => Plan::Standard,
                PlanName::Omo => Plan::Omo,
            };
            let team = app
                .store
                .create_team(&name, plan, &time_zone, app.now())
                .await?;
            app.store
                .update_official_domains(team, &official_domains)
                .await?;
        }
        Command::Team(TeamCommand::OfficialDomains { name, domains }) => {
            let team = find_team(&app, &name).await?;
            app.store.update_official_domains(team, &domains).await?;
        }
        Command::Member(MemberCommand::Create {
            team,
            email,
            name,
            role,
            staff_code,
            shops,
        }) => {
            let team_id = find_team(&app, &team).await?;
            let secret = read_secret("OMOCAST_MEMBER_PASSWORD")?;
            let secret = secret.lines().next().unwrap_or_default();
            ensure!(
                secret.chars().count() >= 8,
                "a password has at least 8 characters"
            );
            ensure!(email.contains('@'), "{email} is no e-mail");
            let mut shop_ids = Vec::with_capacity(shops.len());
            for shop in &shops {
                let (code, name) = shop
                    .split_once('=')
                    .with_context(|| format!("{shop} is not code=name"))?;
                shop_ids.push(app.store.create_shop(team_id, code, name).await?);
            }
            let password_hash = password::hash(secret.to_owned()).await?;
            let member = NewMember {
                team_id,
                name,
                email,
                password_hash,
                role,
                staff_code,
                shops: shop_ids,
            };
            app.store
                .create_member(member, app.now())
                .await
                .context("is the e-mail or the staff code in use?")?;
        }
        Command::Account(AccountCommand::Create {
            team,
            name,
            external_id,
            waba_id,
            display_phone,
        }) => {
            let team_id = find_team(&app, &team).await?;
            let credentials: Credentials =
                serde_json::from_str(&read_secret("OMOCAST_ACCOUNT_CREDENTIALS")?)
                    // The error would quote what was given.
                    .map_err(|_| {
                        anyhow::anyhow!("the credentials are not of the shape that --help shows")
                    })?;
            let channel = credentials.channel();
            let account = NewAccount {
                team_id,
                channel,
                name,
                external_id,
                waba_id,
                display_phone,
            };
            app.create_account(account, &credentials)
                .await
                .context("does another team have this account?")?;
        }
        Command::Template(TemplateCommand::Describe {
            team,
            waba_id,
            name,
            language,
            title,
            category,
            roles,
        }) => {
            let team_id = find_team(&app, &team).await?;
            let audience = if roles.is_empty() {
                SavedReplyAudience::Everyone
            } else {
                SavedReplyAudience::Roles { roles }
            };
            let notes = TemplateNotes {
                title,
                category,
                audience,
            };
            let waba = WabaId(waba_id);
            let noted = app
                .store
                .note_template(team_id, &waba, &name, &language, &notes)
                .await?;
            ensure!(
                noted,
                "no template {name} in {language} was read of {}",
                waba.0
            );
        }
    }
    app.store.close().await;
    Ok(())
}

async fn find_team(app: &App, name: &str) -> anyhow::Result<omocast_contract::TeamId> {
    let found = app.store.find_team_by_name(name).await?;
    found.with_context(|| format!("there is no team {name}, or more than one"))
}

fn read_secret(variable: &str) -> anyhow::Result<String> {
    if let Ok(secret) = std::env::var(variable) {
        return Ok(secret);
    }
    let mut secret = String::new();
    std::io::stdin().read_to_string(&mut secret)?;
    if secret.trim().is_empty() {
        bail!("give it in {variable} or on the standard input");
    }
    Ok(secret)
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::parse(text)
        .ok_or_else(|| format!("the roles are {}", Role::ALL.map(Role::as_str).join(", ")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_is_understood() {
        Arguments::command().debug_assert();
        let commands = [
            "omocast-server",
            "omocast-server serve --listen 0.0.0.0:80 --process-role worker",
            "omocast-server --data /srv/omocast team create ATELIER --plan standard",
            "omocast-server member create --team A --email a@b --name N --role sales_rep --staff-code S1 --shop A1=X --shop A2=Y",
            "omocast-server account create --team A --name N --external-id U1 --data /srv/omocast",
            "omocast-server template describe --team A --waba-id 1 --name n --language zh_TW --title T --role sales_rep",
        ];
        for command in commands {
            Arguments::try_parse_from(command.split(' ')).unwrap();
        }
        assert!(
            Arguments::try_parse_from("omocast-server member create --role boss".split(' '))
                .is_err()
        );
    }
}
