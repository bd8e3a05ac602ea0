//! Where the sidecar listens: a unix socket in a folder that controller and sidecar share, or a port that only this
//! pod can reach. There is no other authentication, so there is no other address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use url::{Host, Url};

/// Bytes of a unix socket's path (unix(7)), without the NUL at its end.
const MAX_SOCKET_PATH: usize = 107;

/// Where the sidecar listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// A loopback address.
    Tcp(SocketAddr),
}

impl Endpoint {
    /// A port of this machine.
    pub fn local(port: u16) -> Self {
        Self::Tcp((Ipv4Addr::LOCALHOST, port).into())
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix://") {
            let is_path = path.starts_with('/') && !path.ends_with('/') && !path.contains('\0');
            return match path.len() {
                _ if !is_path => Err("must have an absolute path, such as unix:///run/hooks.sock".into()),
                length if length > MAX_SOCKET_PATH => {
                    Err(format!("has a path of more than {MAX_SOCKET_PATH} bytes, which no socket can have"))
                }
                _ => Ok(Self::Unix(path.into())),
            };
        }
        tcp(text).ok_or_else(|| "must be unix:///PATH or http://localhost:PORT; only this pod may reach it".into())
    }
}

fn tcp(text: &str) -> Option<Endpoint> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "http")?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let ip: IpAddr = match url.host()? {
        // One address, whatever the name resolves to here and there.
        Host::Domain("localhost") => Ipv4Addr::LOCALHOST.into(),
        Host::Domain(_) => return None,
        Host::Ipv4(ip) => ip.into(),
        Host::Ipv6(ip) => ip.into(),
    };
    // Said, and not left to be the scheme's, which nobody means.
    let port: u16 = text.trim_end_matches('/').rsplit(':').next()?.parse().ok().filter(|port| *port != 0)?;
    let is_local = bare && ip.is_loopback() && url.username().is_empty() && url.password().is_none();
    is_local.then(|| Endpoint::Tcp((ip, port).into()))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "http://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_local_ports_are_read_and_printed() {
        for (text, printed) in [
            ("unix:///run/hooks.sock", "unix:///run/hooks.sock"),
            ("http://localhost:8082", "http://127.0.0.1:8082"),
            ("http://localhost:8082/", "http://127.0.0.1:8082"),
            ("http://127.0.0.2:1", "http://127.0.0.2:1"),
            ("http://[::1]:8082", "http://[::1]:8082"),
            ("http://localhost:80", "http://127.0.0.1:80"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn what_others_could_reach_is_refused() {
        for text in [
            "",
            "unix://",
            "unix://run/hooks.sock",
            "unix:///run/",
            "/run/hooks.sock",
            ":8082",
            "localhost:8082",
            "https://localhost:8082",
            "http://0.0.0.0:8082",
            "http://10.0.0.1:8082",
            "http://sidecar:8082",
            "http://localhost.evil:8082",
            "http://user@localhost:8082",
            "http://localhost:8082/execute",
            "http://localhost:8082?x",
            "http://[::]:8082",
            "http://localhost",
            "http://localhost:",
            "http://localhost:0",
            "http://[::1]",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
        assert!(format!("unix:///{}", "a".repeat(107)).parse::<Endpoint>().is_err());
        assert!(format!("unix:///{}", "a".repeat(106)).parse::<Endpoint>().is_ok());
    }
}
