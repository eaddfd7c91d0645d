//! A proxy that adds to each request who makes it: a phone's token needs a proof of the phone's SM2 key for every request
//! (RFC 9449), which no tool that others wrote can make.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use yinqiao_phone::AccountClient;
use yinqiao_protocol::dpop::{self, prove};
use yinqiao_tests::relying_party::now;

/// Who makes the requests.
pub enum Credentials {
    /// Nobody.
    Nobody,
    /// A user at a phone that is signed in.
    User(Box<AccountClient>),
    /// Staff of the trading centre, with this token.
    Staff(String),
}

/// A proxy in front of one broker, until the test ends.
pub struct Proxy {
    address: SocketAddr,
    statuses: Arc<Mutex<BTreeMap<u16, usize>>>,
}

impl Proxy {
    /// In front of the broker at `url`.
    pub fn start(url: &str, credentials: Credentials) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let statuses = Arc::default();
        let (url, kept) = (url.to_owned(), Arc::clone(&statuses));
        thread::spawn(move || {
            let way = Arc::new(Way { url, credentials, statuses: kept });
            for client in listener.incoming().flatten() {
                let way = Arc::clone(&way);
                // A connection that breaks is the tool's to tell.
                thread::spawn(move || way.pass(&client));
            }
        });
        Self { address, statuses }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often the broker answered with each status.
    pub fn statuses(&self) -> BTreeMap<u16, usize> {
        self.statuses.lock().unwrap().clone()
    }
}

struct Way {
    url: String,
    credentials: Credentials,
    statuses: Arc<Mutex<BTreeMap<u16, usize>>>,
}

impl Way {
    /// One request, and what the broker answers, to the end of the connection.
    fn pass(&self, mut client: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client);
        let mut head = Head::read(&mut reader)?;
        let mut body = vec![0; head.length];
        reader.read_exact(&mut body)?;
        self.sign(&mut head);

        let mut broker = TcpStream::connect(self.url.trim_start_matches("http://"))?;
        broker.write_all(&head.bytes())?;
        broker.write_all(&body)?;
        let mut answer = Vec::new();
        broker.read_to_end(&mut answer)?;
        // HTTP/1.1 200 OK
        let status = answer.get(9..12).and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
        *self.statuses.lock().unwrap().entry(status.unwrap_or(0)).or_default() += 1;
        client.write_all(&answer)
    }

    /// A request that already has a proof is one to sign in or to get new tokens, where the document asks for it: it gets a
    /// genuine one, without a token.
    fn sign(&self, head: &mut Head) {
        match &self.credentials {
            Credentials::Nobody => {}
            Credentials::Staff(token) => head.set("Authorization", &format!("Bearer {token}")),
            Credentials::User(account) => {
                let token = &account.session().access_token;
                let own = head.remove(dpop::HEADER);
                let path = head.target.split('?').next().unwrap_or_default();
                let request = dpop::Request {
                    method: &head.method,
                    url: &format!("{}{path}", self.url),
                    access_token: (!own).then_some(token),
                };
                let id = yinqiao_protocol::OrderId::random().to_string();
                let proof = prove(account.phone().store().device_key(), request, now(), &id).unwrap();
                head.set(dpop::HEADER, &proof);
                if !own {
                    head.set("Authorization", &format!("{} {}", dpop::SCHEME, token.expose()));
                }
            }
        }
    }
}

/// A request up to its body. Header lines are kept as the bytes that they are: what is odd in them is the broker's to judge.
struct Head {
    method: String,
    target: String,
    lines: Vec<Vec<u8>>,
    length: usize,
}

impl Head {
    fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        loop {
            let mut line = Vec::new();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b"\r\n" {
                break;
            }
            lines.push(line);
        }
        let first = String::from_utf8(lines.first().cloned().unwrap_or_default()).unwrap();
        let mut words = first.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut head = Self { method, target, lines, length: 0 };
        assert!(head.value("Transfer-Encoding").is_none(), "a body without a length");
        head.length = head.value("Content-Length").map_or(0, |length| length.parse().unwrap());
        head.set("Connection", "close");
        Ok(head)
    }

    fn value(&self, name: &str) -> Option<String> {
        let line = self.lines[1..].iter().find(|line| is_named(line, name))?;
        Some(String::from_utf8_lossy(&line[name.len() + 1..]).trim().to_owned())
    }

    fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.lines.push(format!("{name}: {value}\r\n").into_bytes());
    }

    /// Whether it was there.
    fn remove(&mut self, name: &str) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| !is_named(line, name));
        self.lines.len() < before
    }

    fn bytes(&self) -> Vec<u8> {
        [&self.lines.concat()[..], b"\r\n"].concat()
    }
}

fn is_named(line: &[u8], name: &str) -> bool {
    let start = line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()));
    start && line.get(name.len()) == Some(&b':')
}
