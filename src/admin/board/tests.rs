use super::*;

/// What the whole dashboard may come to, raw and packed, in bytes.
const ROOM: (usize, usize) = (144 << 10, 44 << 10);

fn text(name: &str) -> &'static str {
    std::str::from_utf8(file(&format!("/{name}")).unwrap().body).unwrap()
}

fn names(ending: &str) -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|&(name, ..)| name).filter(move |name| name.ends_with(ending))
}

/// What stands in quotes after each `before`.
fn quoted<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn files_come_out_as_they_went_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/admin/board");
    for &(name, ..) in FILES {
        assert_eq!(
            file(&format!("/{name}")).unwrap().body,
            std::fs::read(format!("{folder}/{name}")).unwrap()
        );
    }
    assert_eq!(file("/").unwrap(), file("/index.html").unwrap());
    assert!(["/mod.rs", "", "index.html", "/../mod.rs", "//"].iter().all(|path| file(path).is_none()));
    assert!(FILES.iter().all(|(name, ..)| kind(name) != "application/octet-stream"));
}

#[test]
fn what_a_file_names_is_there() {
    let mut named = quoted(text("index.html"), "href=\"");
    named.extend(quoted(text("index.html"), "src=\""));
    assert!(named.len() >= 4, "{named:?}");
    for module in names(".js") {
        named.extend(quoted(text(module), "from \"./"));
        named.extend(quoted(text(module), "file: \"./"));
        named.extend(quoted(text(module), "one: \"./"));
    }
    for name in named {
        assert!(file(&format!("/{name}")).is_some(), "{name} is named and is not there");
    }
}

#[test]
fn nothing_from_outside_can_become_html_or_script() {
    for module in names(".js") {
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
        {
            assert!(!text(module).contains(way), "{module} uses {way}");
        }
    }
    let page = text("index.html");
    assert!(!page.contains("style=") && !page.contains("<style") && !page.contains(" on"), "inline");
    assert_eq!(page.matches("<script").count(), page.matches("<script src=").count() + 1, "one is a module");
    assert!(names("").all(|name| !text(name).contains("https://")), "nothing comes from elsewhere");
}

#[test]
fn it_stays_small() {
    let raw = FILES.last().unwrap().2;
    assert!(raw <= ROOM.0 && PACKED.len() <= ROOM.1, "{raw} bytes, packed {}", PACKED.len());
}
