//! As much of a browser as the pages need: cookies, forms, no scripts.

use std::collections::BTreeMap;

use url::form_urlencoded::Serializer;

use crate::fixture::{Answer, Fixture};

pub struct Browser<'a> {
    fixture: &'a Fixture,
    cookies: BTreeMap<String, String>,
    /// The page that is shown.
    pub page: Answer,
}

impl<'a> Browser<'a> {
    pub fn open(fixture: &'a Fixture, url: &str) -> Self {
        let nothing = Answer { status: 0, headers: Default::default(), body: String::new() };
        let mut browser = Self { fixture, cookies: BTreeMap::new(), page: nothing };
        browser.go(url);
        browser
    }

    pub fn go(&mut self, url: &str) {
        let request = ureq::http::Request::get(url).header("cookie", self.cookie_header());
        self.page = self.fixture.send(request.body(Vec::new()).unwrap());
        self.arrived();
    }

    /// Sends the form of the page that goes to `path`, with its hidden fields and these.
    pub fn submit(&mut self, path: &str, fields: &[(&str, &str)]) {
        let mut all = self.hidden(path);
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.post(path, &all, &[]);
    }

    /// Sends a form that need not be one of the page.
    pub fn post(&mut self, path: &str, fields: &[(String, String)], headers: &[(&str, &str)]) {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = ureq::http::Request::post(self.fixture.at(path))
            .header("cookie", self.cookie_header())
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.page = self.fixture.send(request.body(body.into_bytes()).unwrap());
        self.arrived();
    }

    /// Where the answer sends the browser.
    pub fn sent_to(&self) -> &str {
        assert_eq!(self.page.status, 303, "{:?}", self.page);
        self.page.header("location")
    }

    /// Goes where the answer sends.
    pub fn follow(&mut self) {
        let url = self.sent_to().to_owned();
        self.go(&url);
    }

    pub fn has(&self, text: &str) -> bool {
        self.page.body.contains(text)
    }

    /// The hidden fields of the form that goes to `path`.
    pub fn hidden(&self, path: &str) -> Vec<(String, String)> {
        let start = format!("action=\"{}\"", self.fixture.at(path));
        let (_, form) =
            self.page.body.split_once(&start).unwrap_or_else(|| panic!("no form to {path}: {:?}", self.page));
        let (form, _) = form.split_once("</form>").unwrap();
        form.split("<input ")
            .filter(|input| input.starts_with("type=\"hidden\""))
            .map(|input| {
                let attribute = |name: &str| {
                    let (_, rest) = input.split_once(&format!(" {name}=\"")).unwrap();
                    rest.split_once('"').unwrap().0.replace("&quot;", "\"").replace("&amp;", "&")
                };
                (attribute("name"), attribute("value"))
            })
            .collect()
    }

    /// The code that a demonstration shows.
    pub fn shown_code(&self) -> String {
        let (_, rest) = self.page.body.split_once("<strong>").expect("a code is shown");
        let last = rest.rsplit_once("<strong>").map_or(rest, |(_, last)| last);
        let (code, _) = last.split_once('<').unwrap();
        code.to_owned()
    }

    fn cookie_header(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    fn arrived(&mut self) {
        for value in self.page.headers.get_all("set-cookie") {
            let text = value.to_str().unwrap();
            assert!(
                text.contains("HttpOnly") && text.contains("SameSite=Lax") && text.contains("Path=/identity")
            );
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
