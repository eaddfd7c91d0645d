//! The rotating code, as text and as picture.

use std::collections::BTreeSet;
use std::fs;

use yinqiao_protocol::event::SessionState;
use yinqiao_tests::holder::problem_of;
use yinqiao_tests::relying_party::current_code;
use yinqiao_tests::{Broker, tasks};

#[test]
fn the_pushed_code_changes_and_an_old_one_is_stale() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    let mut page = platform.watch(&opened);
    let pushed: Vec<String> = (0..4).map(|_| page.code()).collect();
    assert_eq!(pushed.iter().collect::<BTreeSet<_>>().len(), 4);
    // The fourth code has just come: the first one's step is three back.
    assert_eq!(problem_of(person.scan(&pushed[0])), "stale-code");
    assert_eq!(person.answer(&pushed[2]).state, SessionState::Completed);
}

#[test]
fn a_bid_system_computes_the_same_code_from_the_secret() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    let code = current_code(platform.url(), &opened);
    assert_eq!(person.answer(&code).state, SessionState::Completed);
}

#[test]
fn all_pictures_of_a_moment_show_the_same_code() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let opened = platform.open(tasks::login());
    let picture = |kind: &str| {
        let answer = platform.send("GET", &format!("/v1/sessions/{}/qr.{kind}", opened.session), b"");
        assert_eq!(answer.status, 200);
        answer
    };
    let text = || picture("txt").text().lines().last().unwrap().to_owned();
    // Between two steps the pictures are of different codes: look again.
    for _ in 0..3 {
        let before = text();
        let (png, svg) = (picture("png"), picture("svg"));
        if text() != before {
            continue;
        }
        assert_eq!((png.media_type.as_str(), svg.media_type.as_str()), ("image/png", "image/svg+xml"));
        let file = broker.folder().join("code.png");
        fs::write(&file, &png.body).unwrap();
        assert_eq!(yinqiao_phone::picture::text_of_png(&file).unwrap(), before);
        assert_eq!(text_of_svg(&svg.text()), before);
        return;
    }
    panic!("the code changed within three looks");
}

#[test]
fn a_claimed_session_shows_no_code_any_more() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    person.scan(&opened.code).unwrap();
    for kind in ["txt", "png", "svg"] {
        platform
            .send("GET", &format!("/v1/sessions/{}/qr.{kind}", opened.session), b"")
            .refused("wrong-state");
    }
}

/// Draws the dark path of an SVG code, which is a list of `M x y h w v h …` squares, and reads it.
fn text_of_svg(svg: &str) -> String {
    let attribute = |name: &str| {
        let (_, rest) = svg.split_once(&format!(" {name}=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let side: usize = attribute("width").parse().unwrap();
    let path = svg.rsplit_once(" d=\"").unwrap().1.split('"').next().unwrap();
    let mut dark = vec![false; side * side];
    for square in path.split('M').skip(1) {
        let numbers: Vec<usize> = square
            .split(|c: char| !c.is_ascii_digit())
            .filter(|digits| !digits.is_empty())
            .map(|digits| digits.parse().unwrap())
            .collect();
        let [x, y, width, height, ..] = numbers[..] else { panic!("{square}") };
        for row in y..y + height {
            dark[row * side + x..row * side + x + width].fill(true);
        }
    }
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(
            side,
            side,
            |x, y| {
                if dark[y * side + x] { 0 } else { 255 }
            },
        );
    image.detect_grids()[0].decode().unwrap().1
}
