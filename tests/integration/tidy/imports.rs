//! Reads the imports of a Rust source: what `use` brings in, and every path the code mentions.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// The segments of a path; of a module, below the crate's root.
pub(super) type Path = Vec<String>;

/// The imports of one file, without its test code.
#[derive(Default)]
pub(super) struct Imports {
    /// Each name that a `use` declares, and the path it stands for.
    pub(super) names: BTreeMap<String, Path>,
    /// Each path that the code uses, as it is written, with its line.
    pub(super) paths: Vec<(usize, Path)>,
    /// The modules that are declared for tests only.
    pub(super) test_modules: Vec<String>,
}

struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text
            .starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

pub(super) fn imports_of(source: &str) -> Imports {
    let stream: TokenStream = source.parse().expect("the compiler reads it too");
    let mut imports = Imports::default();
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens, &mut imports.test_modules);
    let mut at = 0;
    while at < tokens.len() {
        at = match tokens[at].text.as_str() {
            "use" => read_use(&tokens, at, &mut imports),
            _other => read_path(&tokens, at, &mut imports),
        };
    }
    imports
}

/// Writes the tokens of a stream in one list, and leaves out each item under `#[cfg(test)]`.
fn flatten(stream: TokenStream, tokens: &mut Vec<Token>, test_modules: &mut Vec<String>) {
    let mut trees = stream.into_iter().peekable();
    let mut is_half_colon = false;
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        let mut push = |text: String| tokens.push(Token { text, line });
        let was_half_colon = std::mem::take(&mut is_half_colon);
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(&group);
                push(open.to_owned());
                flatten(group.stream(), tokens, test_modules);
                tokens.push(Token {
                    text: close.to_owned(),
                    line,
                });
            }
            TokenTree::Punct(hash)
                if hash.as_char() == '#' && trees.peek().is_some_and(is_cfg_test) =>
            {
                test_modules.extend(skip_item(&mut trees));
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => {
                is_half_colon = punct.spacing() == Spacing::Joint && !was_half_colon;
                if !is_half_colon {
                    push(if was_half_colon { "::" } else { ":" }.to_owned());
                }
            }
            TokenTree::Punct(punct) => push(punct.to_string()),
            TokenTree::Ident(word) => push(word.to_string()),
            // The content of a literal is not code.
            TokenTree::Literal(_) => push("\"".to_owned()),
        }
    }
}

fn brackets(group: &Group) -> (&'static str, &'static str) {
    match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn is_cfg_test(tree: &TokenTree) -> bool {
    let text: String = tree.to_string().split_whitespace().collect();
    text == "[cfg(test)]"
}

/// Skips an item. Returns its name if it is a module in a file of its own.
fn skip_item(trees: &mut impl Iterator<Item = TokenTree>) -> Option<String> {
    let mut words = Vec::new();
    for tree in trees {
        match &tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return None,
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            TokenTree::Ident(word) => words.push(word.to_string()),
            TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    let name = words.pop()?;
    (words.pop()? == "mod").then_some(name)
}

/// Reads the `use` at an index. Returns the index after it.
fn read_use(tokens: &[Token], start: usize, imports: &mut Imports) -> usize {
    let is_precise_capture = tokens.get(start + 1).is_some_and(|next| next.text == "<");
    if is_precise_capture {
        return start + 1;
    }
    // A module that re-exports a name need not use it.
    let is_reexport = start > 0 && ["pub", ")"].contains(&tokens[start - 1].text.as_str());
    let mut leaves = Vec::new();
    let end = read_use_tree(tokens, start + 1, Vec::new(), &mut leaves);
    for (name, path) in leaves {
        if !is_reexport {
            imports.paths.push((tokens[start].line, path.clone()));
        }
        imports.names.insert(name, path);
    }
    end
}

/// Reads one branch of a `use`. Returns the index after it.
fn read_use_tree(
    tokens: &[Token],
    mut at: usize,
    mut path: Path,
    leaves: &mut Vec<(String, Path)>,
) -> usize {
    let mut alias = None;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while tokens[at].text != "}" {
                    at = read_use_tree(tokens, at, path.clone(), leaves);
                    at += usize::from(tokens[at].text == ",");
                }
                return at + 1;
            }
            "," | "}" | ";" => break,
            "as" => {
                alias = tokens.get(at + 1).map(|name| name.text.clone());
                at += 1;
            }
            "::" => {}
            "self" if !path.is_empty() => {}
            segment => path.push(segment.to_owned()),
        }
        at += 1;
    }
    let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
    leaves.push((name, path));
    at
}

/// Reads the path at an index, if one begins there. Returns the index after it.
fn read_path(tokens: &[Token], start: usize, imports: &mut Imports) -> usize {
    let follows = |texts: &[&str]| start > 0 && texts.contains(&tokens[start - 1].text.as_str());
    // After `::` or `.` no path begins, and `$crate` belongs to the code that uses the macro.
    if !tokens[start].is_word() || follows(&["::", ".", "$"]) {
        return start + 1;
    }
    let mut path = vec![tokens[start].text.clone()];
    let mut at = start + 1;
    while let [colons, word, ..] = &tokens[at..]
        && colons.text == "::"
        && word.is_word()
    {
        path.push(word.text.clone());
        at += 2;
    }
    imports.paths.push((tokens[start].line, path));
    at
}
