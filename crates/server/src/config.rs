//! How an installation is set up: flags before environment before the TOML file before defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use omocast_contract::Channel;
use omocast_contract::control::{HOLD, MAX_HOLD};
use serde::Deserialize;

/// Everything an installation can set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The folder of the database, the media and the key.
    pub data: PathBuf,
    /// The address that browsers and platforms use, without a `/` at its end.
    pub public_url: String,
    /// The folder with the built SPA; none where it is served by something else.
    pub assets: Option<PathBuf>,
    /// Where the platforms are.
    pub endpoints: Endpoints,
    /// How fast an account may send.
    pub pace: Pace,
    /// How long an accepted broadcast is held, so that its sender can take it back, in milliseconds.
    pub hold: i64,
    /// How logs are written.
    pub log: LogFormat,
    /// Days without a request after which a session ends.
    pub session_days: u32,
    /// What this process does.
    pub role: ProcessRole,
    /// Whether `X-Forwarded-For` of a proxy in front tells the visitor's address.
    pub behind_proxy: bool,
}

/// Base addresses of the platforms, without a `/` at their ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// LINE Messaging API.
    pub line: String,
    /// LINE's host of media.
    pub line_data: String,
    /// Meta's Graph API.
    pub graph: String,
    /// Meta's other host, for Instagram accounts that speak for themselves.
    pub graph_instagram: String,
    /// The version in the paths of both.
    pub graph_version: String,
    /// The web chat.
    pub web: String,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            line: "https://api.line.me".to_owned(),
            line_data: "https://api-data.line.me".to_owned(),
            graph: "https://graph.facebook.com".to_owned(),
            graph_instagram: "https://graph.instagram.com".to_owned(),
            graph_version: "v26.0".to_owned(),
            // The web chat has no home of its own until one is configured.
            web: "http://127.0.0.1:8090/web".to_owned(),
        }
    }
}

/// Requests per second of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// LINE allows 2,000 a second for a push.
    pub line: u32,
    /// Messenger allows 300 texts a second for a page.
    pub facebook: u32,
    /// Instagram's pages disagree, 100 or 300 texts a second.
    pub instagram: u32,
    /// WhatsApp allows 80 messages a second for a number that has not been raised.
    pub whatsapp: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            line: 1_000,
            facebook: 200,
            instagram: 80,
            whatsapp: 80,
        }
    }
}

impl Pace {
    /// Videos per second that Messenger and Instagram take (Messenger Platform, rate limiting).
    const VIDEOS: u32 = 10;

    /// Requests per second of one account of a channel.
    pub fn of(&self, channel: Channel) -> u32 {
        match channel {
            Channel::Line => self.line,
            Channel::Facebook => self.facebook,
            Channel::Instagram => self.instagram,
            Channel::Whatsapp | Channel::Web => self.whatsapp,
        }
    }

    /// How many requests' time a message takes.
    pub fn weight(&self, channel: Channel, is_video: bool) -> u32 {
        match channel {
            Channel::Facebook | Channel::Instagram if is_video => {
                self.of(channel).div_ceil(Self::VIDEOS).max(1)
            }
            Channel::Line
            | Channel::Facebook
            | Channel::Instagram
            | Channel::Whatsapp
            | Channel::Web => 1,
        }
    }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one object per line.
    Json,
}

/// What a process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessRole {
    /// Everything.
    #[default]
    All,
    /// Answers requests only.
    Web,
    /// Processes webhooks and delivers only; it still answers on its address, for health checks.
    Worker,
}

impl ProcessRole {
    /// Whether this process processes webhooks and delivers.
    pub fn works(self) -> bool {
        match self {
            Self::All | Self::Worker => true,
            Self::Web => false,
        }
    }

    /// Whether this process answers browsers and platforms.
    pub fn answers(self) -> bool {
        match self {
            Self::All | Self::Web => true,
            Self::Worker => false,
        }
    }

    /// How long a worker rests at the most. Nothing wakes one whose work comes in by another process.
    pub fn longest_rest(self) -> Duration {
        match self {
            Self::All | Self::Web => Duration::from_secs(60),
            Self::Worker => Duration::from_secs(1),
        }
    }
}

/// What flags, environment or the TOML file may say. The TOML file has the same names with `_`.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Where the server listens [default: 127.0.0.1:8080]
    #[arg(long, env = "OMOCAST_LISTEN", global = true)]
    pub listen: Option<SocketAddr>,
    /// Folder of the database, the media and the key [default: ./data]
    #[arg(long, env = "OMOCAST_DATA", global = true)]
    pub data: Option<PathBuf>,
    /// Address that browsers and platforms use [default: http:// and where it listens]
    #[arg(long, env = "OMOCAST_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// Folder of the built SPA [default: none is served]
    #[arg(long, env = "OMOCAST_ASSETS", global = true)]
    pub assets: Option<PathBuf>,
    /// LINE Messaging API [default: `https://api.line.me`]
    #[arg(long, env = "OMOCAST_LINE_URL", global = true)]
    pub line_url: Option<String>,
    /// LINE's host of media [default: `https://api-data.line.me`]
    #[arg(long, env = "OMOCAST_LINE_DATA_URL", global = true)]
    pub line_data_url: Option<String>,
    /// Meta's Graph API [default: `https://graph.facebook.com`]
    #[arg(long, env = "OMOCAST_GRAPH_URL", global = true)]
    pub graph_url: Option<String>,
    /// Meta's host for Instagram accounts that speak for themselves [default: `https://graph.instagram.com`]
    #[arg(long, env = "OMOCAST_GRAPH_INSTAGRAM_URL", global = true)]
    pub graph_instagram_url: Option<String>,
    /// Version of the Graph API [default: v26.0]
    #[arg(long, env = "OMOCAST_GRAPH_VERSION", global = true)]
    pub graph_version: Option<String>,
    /// The web chat [default: `http://127.0.0.1:8090/web`]
    #[arg(long, env = "OMOCAST_WEB_URL", global = true)]
    pub web_url: Option<String>,
    /// Pushes per second and LINE account [default: 1000]
    #[arg(long, env = "OMOCAST_LINE_PACE", global = true)]
    pub line_pace: Option<u32>,
    /// Messages per second and Facebook page [default: 200]
    #[arg(long, env = "OMOCAST_FACEBOOK_PACE", global = true)]
    pub facebook_pace: Option<u32>,
    /// Messages per second and Instagram account [default: 80]
    #[arg(long, env = "OMOCAST_INSTAGRAM_PACE", global = true)]
    pub instagram_pace: Option<u32>,
    /// Messages per second and WhatsApp number [default: 80]
    #[arg(long, env = "OMOCAST_WHATSAPP_PACE", global = true)]
    pub whatsapp_pace: Option<u32>,
    /// Seconds for which an accepted broadcast can be taken back [default: 8]
    #[arg(long, env = "OMOCAST_HOLD_SECONDS", global = true)]
    pub hold_seconds: Option<u32>,
    /// How logs are written [default: text]
    #[arg(long, env = "OMOCAST_LOG_FORMAT", global = true, value_enum)]
    pub log_format: Option<LogFormat>,
    /// Days without a request after which a session ends [default: 14]
    #[arg(long, env = "OMOCAST_SESSION_DAYS", global = true)]
    pub session_days: Option<u32>,
    /// What this process does [default: all]
    #[arg(long, env = "OMOCAST_PROCESS_ROLE", global = true, value_enum)]
    pub process_role: Option<ProcessRole>,
    /// Whether a proxy in front tells the visitor's address by X-Forwarded-For [default: false]
    #[arg(long, env = "OMOCAST_BEHIND_PROXY", global = true)]
    pub behind_proxy: Option<bool>,
}

impl Options {
    /// Reads the TOML file.
    pub fn from_file(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("can't read {}", file.display()))?;
        toml::from_str(&text).with_context(|| format!("in {}", file.display()))
    }

    /// What these say, and where they are silent what `others` say.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            listen: self.listen.or(others.listen),
            data: self.data.or(others.data),
            public_url: self.public_url.or(others.public_url),
            assets: self.assets.or(others.assets),
            line_url: self.line_url.or(others.line_url),
            line_data_url: self.line_data_url.or(others.line_data_url),
            graph_url: self.graph_url.or(others.graph_url),
            graph_instagram_url: self.graph_instagram_url.or(others.graph_instagram_url),
            graph_version: self.graph_version.or(others.graph_version),
            web_url: self.web_url.or(others.web_url),
            line_pace: self.line_pace.or(others.line_pace),
            facebook_pace: self.facebook_pace.or(others.facebook_pace),
            instagram_pace: self.instagram_pace.or(others.instagram_pace),
            whatsapp_pace: self.whatsapp_pace.or(others.whatsapp_pace),
            hold_seconds: self.hold_seconds.or(others.hold_seconds),
            log_format: self.log_format.or(others.log_format),
            session_days: self.session_days.or(others.session_days),
            process_role: self.process_role.or(others.process_role),
            behind_proxy: self.behind_proxy.or(others.behind_proxy),
        }
    }
}

impl TryFrom<Options> for Config {
    type Error = anyhow::Error;

    fn try_from(options: Options) -> anyhow::Result<Self> {
        let listen = options
            .listen
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
        let default = Endpoints::default();
        let address =
            |name: &str, given: Option<String>, otherwise: String| -> anyhow::Result<String> {
                let Some(given) = given else {
                    return Ok(otherwise);
                };
                let is_address = given.starts_with("http://") || given.starts_with("https://");
                ensure!(
                    is_address,
                    "{name} must begin with http:// or https://, not {given}"
                );
                Ok(given.trim_end_matches('/').to_owned())
            };
        let pace = Pace {
            line: options.line_pace.unwrap_or(Pace::default().line),
            facebook: options.facebook_pace.unwrap_or(Pace::default().facebook),
            instagram: options.instagram_pace.unwrap_or(Pace::default().instagram),
            whatsapp: options.whatsapp_pace.unwrap_or(Pace::default().whatsapp),
        };
        ensure!(
            [pace.line, pace.facebook, pace.instagram, pace.whatsapp]
                .into_iter()
                .all(|pace| pace > 0),
            "a pace of 0 sends nothing"
        );
        let hold = options
            .hold_seconds
            .map_or(HOLD, |seconds| i64::from(seconds) * 1_000);
        ensure!(
            (0..=MAX_HOLD).contains(&hold),
            "a broadcast is held for 600 seconds at most"
        );
        let session_days = options.session_days.unwrap_or(14);
        ensure!(
            (1..=365).contains(&session_days),
            "a session lasts 1 to 365 days"
        );
        Ok(Self {
            listen,
            data: options.data.unwrap_or_else(|| PathBuf::from("./data")),
            public_url: address("public_url", options.public_url, format!("http://{listen}"))?,
            assets: options.assets,
            endpoints: Endpoints {
                line: address("line_url", options.line_url, default.line)?,
                line_data: address("line_data_url", options.line_data_url, default.line_data)?,
                graph: address("graph_url", options.graph_url, default.graph)?,
                graph_instagram: address(
                    "graph_instagram_url",
                    options.graph_instagram_url,
                    default.graph_instagram,
                )?,
                graph_version: options.graph_version.unwrap_or(default.graph_version),
                web: address("web_url", options.web_url, default.web)?,
            },
            pace,
            hold,
            log: options.log_format.unwrap_or_default(),
            session_days,
            role: options.process_role.unwrap_or_default(),
            behind_proxy: options.behind_proxy.unwrap_or(false),
        })
    }
}

impl Config {
    /// For tests: platforms that nobody answers for (port 9 is discard), and the data in `data`.
    pub fn for_tests(data: &Path) -> Self {
        let nobody = "http://127.0.0.1:9".to_owned();
        let endpoints = Endpoints {
            line: nobody.clone(),
            line_data: nobody.clone(),
            graph: nobody.clone(),
            graph_instagram: nobody.clone(),
            graph_version: "v26.0".to_owned(),
            web: nobody,
        };
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: data.to_owned(),
            public_url: "http://omocast.test".to_owned(),
            assets: None,
            endpoints,
            pace: Pace::default(),
            hold: 0,
            log: LogFormat::Text,
            session_days: 14,
            role: ProcessRole::All,
            behind_proxy: false,
        }
    }

    /// For the demo: the platforms' stand-ins under `sandbox`, an address without a `/` at its end.
    pub fn for_demo(
        listen: SocketAddr,
        data: &Path,
        assets: &Path,
        public_url: &str,
        sandbox: &str,
    ) -> Self {
        let endpoints = Endpoints {
            line: format!("{sandbox}/line"),
            line_data: format!("{sandbox}/line-data"),
            graph: format!("{sandbox}/graph"),
            graph_instagram: format!("{sandbox}/graph-instagram"),
            web: format!("{sandbox}/web"),
            ..Endpoints::default()
        };
        Self {
            listen,
            public_url: public_url.to_owned(),
            assets: Some(assets.to_owned()),
            endpoints,
            ..Self::for_tests(data)
        }
    }

    /// Whether browsers come by HTTPS, so that cookies can be kept to it.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_speaks_is_heard() {
        let flags = Options {
            session_days: Some(3),
            ..Options::default()
        };
        let file: Options =
            toml::from_str("session_days = 5\nline_pace = 7\npublic_url = \"https://a.example/\"")
                .unwrap();
        let config = Config::try_from(flags.or(file)).unwrap();
        assert_eq!(
            (config.session_days, config.pace.line, config.pace.whatsapp),
            (3, 7, 80)
        );
        assert_eq!(config.public_url, "https://a.example");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(toml::from_str::<Options>("sesion_days = 5").is_err());
        let refused = [
            Options {
                session_days: Some(0),
                ..Options::default()
            },
            Options {
                line_pace: Some(0),
                ..Options::default()
            },
            Options {
                public_url: Some("omocast.example".to_owned()),
                ..Options::default()
            },
        ];
        for options in refused {
            assert!(Config::try_from(options).is_err());
        }
    }
}
