//! No circle of imports among the modules of a crate.
//!
//! The rule: siblings in a crate's module tree, each taken together with all modules below it,
//! import each other in one direction only. It holds at every level, so for files, for folders and
//! for the top of the crate.
//!
//! A module and a module below it may import each other, because they are one unit in several
//! files: a parent calls its children, and a child uses the types of its parent. A re-exported name
//! counts for the module that defines it.

use std::collections::{BTreeMap, BTreeSet};

use super::files::texts;
use super::imports::{Imports, Path, imports_of};
use super::nothing_of;

/// How many re-exports of one name are followed, so that two that name each other end.
const REEXPORTS_MAX: usize = 8;

struct Module {
    file: String,
    imports: Imports,
}

/// The modules of one crate by their path. The root's path is empty.
struct Tree {
    modules: BTreeMap<Path, Module>,
}

/// An import between two siblings, or between modules below them.
struct Edge {
    /// The parent of the two siblings.
    parent: Path,
    from: String,
    to: String,
    /// File and line.
    place: String,
}

impl Tree {
    /// Reads the sources of a crate: the path of each below `folder`, and its content.
    fn of(folder: &str, sources: &[(&str, &str)]) -> Self {
        let module = |(path, content): &(&str, &str)| {
            let (file, imports) = (format!("{folder}/{path}"), imports_of(content));
            (module_path(path), Module { file, imports })
        };
        // A crate with both roots has its modules in `lib.rs`, which is listed first.
        let mut modules: BTreeMap<Path, Module> = sources.iter().rev().map(module).collect();
        let mut of_tests = Vec::new();
        for (path, module) in &modules {
            let names = module.imports.test_modules.iter();
            of_tests.extend(names.map(|name| child(path, name)));
        }
        modules.retain(|path, _module| !of_tests.iter().any(|test| path.starts_with(test)));
        Self { modules }
    }

    /// The module that defines what a path in `module` names, or none if that is outside the crate.
    fn definer(&self, module: &Path, written: &[String], reexports: usize) -> Option<Path> {
        let mut home = module.clone();
        let mut is_inside = false;
        for (index, segment) in written.iter().enumerate() {
            let below = child(&home, segment);
            match segment.as_str() {
                "crate" => home.clear(),
                "self" => {}
                "super" => drop(home.pop()),
                _name if self.modules.contains_key(&below) => home = below,
                name => {
                    let known = &self.modules.get(&home)?.imports.names;
                    let Some(target) = known.get(name).filter(|_path| reexports > 0) else {
                        break;
                    };
                    let target = [target, &written[index + 1..]].concat();
                    return self.definer(&home, &target, reexports - 1);
                }
            }
            is_inside = true;
        }
        is_inside.then_some(home)
    }

    fn edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (path, module) in &self.modules {
            for (line, written) in &module.imports.paths {
                let used = self.definer(path, written, REEXPORTS_MAX);
                let place = format!("{}:{line}", module.file);
                edges.extend(used.and_then(|used| edge(path, &used, place)));
            }
        }
        edges
    }

    /// Every import that is part of a circle, at the first place of its kind.
    fn circles(&self) -> Vec<String> {
        let edges = self.edges();
        // What each sibling imports, directly and through others.
        let mut reached: BTreeMap<(&Path, &str), BTreeSet<&str>> = BTreeMap::new();
        let mut is_growing = true;
        while is_growing {
            is_growing = false;
            for edge in &edges {
                let mut more = reached
                    .get(&(&edge.parent, edge.to.as_str()))
                    .cloned()
                    .unwrap_or_default();
                more.insert(&edge.to);
                let known = reached.entry((&edge.parent, &edge.from)).or_default();
                is_growing |= !more.is_subset(known);
                known.extend(more);
            }
        }
        let leads_back = |edge: &&Edge| {
            let after = reached.get(&(&edge.parent, edge.to.as_str()));
            after.is_some_and(|after| after.contains(edge.from.as_str()))
        };
        let mut seen = BTreeSet::new();
        let circular = edges.iter().filter(leads_back);
        circular
            .filter(|edge| seen.insert((&edge.parent, &edge.from, &edge.to)))
            .map(|edge| {
                format!(
                    "{}: {} imports {}, which leads back to {}",
                    edge.place, edge.from, edge.to, edge.from
                )
            })
            .collect()
    }
}

fn child(module: &Path, name: &str) -> Path {
    [module.as_slice(), &[name.to_owned()]].concat()
}

/// `a/b.rs` and `a/b/mod.rs` are the module `a::b`.
fn module_path(file: &str) -> Path {
    let path = file.trim_end_matches(".rs");
    let segments = path
        .split('/')
        .filter(|segment| !["lib", "main", "mod"].contains(segment));
    segments.map(str::to_owned).collect()
}

/// The edge between the siblings that two modules belong to, unless one module is above the other.
fn edge(from: &Path, to: &Path, place: String) -> Option<Edge> {
    let shared = from
        .iter()
        .zip(to)
        .take_while(|(one, other)| one == other)
        .count();
    let (from_name, to_name) = (from.get(shared)?, to.get(shared)?);
    Some(Edge {
        parent: from[..shared].to_vec(),
        from: from_name.clone(),
        to: to_name.clone(),
        place,
    })
}

#[test]
fn no_circle_of_imports_is_in_a_crate() {
    let texts = texts();
    let mut crates: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for text in texts.iter().filter(|text| text.path.ends_with(".rs")) {
        if let Some((folder, path)) = text.path.split_once("/src/")
            && folder.starts_with("crates/")
        {
            crates
                .entry(folder)
                .or_default()
                .push((path, &text.content));
        }
    }
    assert!(crates.len() > 4, "crates:1: {} crates only", crates.len());
    let circles = |(folder, sources): (&str, Vec<(&str, &str)>)| {
        Tree::of(&format!("{folder}/src"), &sources).circles()
    };
    nothing_of(crates.into_iter().flat_map(circles).collect());
}

/// The circles among some sources, each by its place.
fn places_of(sources: &[(&str, &str)]) -> Vec<String> {
    let circles = Tree::of("src", sources).circles();
    let place = |circle: &String| circle.split(": ").next().unwrap_or_default().to_owned();
    circles.iter().map(place).collect()
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let through_use = [
        (
            "a.rs",
            "\nuse std::{fmt, io};\nuse crate::{b::{self, B as Other}, c};",
        ),
        ("b.rs", "fn f() { println!(\"{}\", super::c::C) }"),
        ("c.rs", "type A = crate::a::A;"),
    ];
    assert_eq!(
        places_of(&through_use),
        ["src/a.rs:3", "src/a.rs:3", "src/b.rs:1", "src/c.rs:1"]
    );
    let through_a_name = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "use super::b; fn f() { b::f() }"),
        ("b.rs", "use crate as root; fn f() { root::a::f() }"),
    ];
    assert_eq!(places_of(&through_a_name), ["src/a/mod.rs:1", "src/b.rs:1"]);
    let between_folders = [
        ("a.rs", ""),
        ("b.rs", ""),
        ("a/one.rs", "use crate::b::one::B;"),
        ("a/two.rs", ""),
        ("b/one.rs", ""),
        ("b/two.rs", "use crate::a::two::A;"),
    ];
    assert_eq!(
        places_of(&between_folders),
        ["src/a/one.rs:1", "src/b/two.rs:1"]
    );
    let through_a_reexport = [
        ("a.rs", "pub use one::One; pub use two::Two;"),
        ("a/one.rs", "use super::Two;"),
        ("a/two.rs", "use crate::a::One;"),
    ];
    assert_eq!(
        places_of(&through_a_reexport),
        ["src/a/one.rs:1", "src/a/two.rs:1"]
    );
}

#[test]
fn imports_in_one_direction_are_no_circle() {
    let parent_and_child = [
        ("a.rs", "mod one; pub use one::One; fn f() { one::f() }"),
        ("a/one.rs", "use super::Shared;"),
    ];
    assert_eq!(places_of(&parent_and_child), [""; 0]);
    let a_reexport_of_a_sibling = [
        ("a.rs", "pub use one::One; pub use two::Two;"),
        ("a/one.rs", "use crate::a::Two;"),
        ("a/two.rs", ""),
    ];
    assert_eq!(places_of(&a_reexport_of_a_sibling), [""; 0]);
    let tests_and_texts = [
        (
            "a.rs",
            "use crate::b::B; #[cfg(test)] mod tests; #[cfg(test)] mod more { use crate::c::C; }",
        ),
        ("a/tests.rs", "use crate::c::C;"),
        (
            "b.rs",
            "// crate::a::A\nconst TEXT: &str = \"crate::a::A\"; #[cfg(test)] use crate::a::A;",
        ),
        (
            "c.rs",
            "use crate::a::A; use b::b; fn f() { a.b::<u8>(); other::a::b() }",
        ),
    ];
    assert_eq!(places_of(&tests_and_texts), [""; 0]);
}
