//! What programs can use of this crate, as a list that is kept in `public.txt`: what a version takes away or changes is seen in
//! review, and told in the changelog. After a change that is meant, `MOORING_UPDATE=1` writes it anew.
//!
//! It is read from the source, for what rustdoc says as data needs a compiler that is not stable.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::{Fields, ImplItem, Item, ItemImpl, TraitItem, UseTree, Visibility};

/// What is said where the list is another one.
const DIFFERS: &str = "what programs can use is not what public.txt says; \
    where that is meant, run this test with MOORING_UPDATE=1 and tell it in CHANGELOG.md";

#[test]
fn what_programs_can_use_is_what_the_list_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut list = Listed::default();
    list.file(
        &root.join("src/lib.rs"),
        &root.join("src"),
        &Place { path: "sync_client".into(), shown: Shown::All },
    );
    let now: String = list.lines().iter().map(|line| format!("{line}\n")).collect();
    let kept = root.join("public.txt");
    if std::env::var_os("MOORING_UPDATE").is_some() {
        fs::write(&kept, &now).unwrap();
    }
    let before = fs::read_to_string(&kept).unwrap_or_default();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (before, now) = (lines(&before), lines(&now));
    let gone: Vec<_> = before.difference(&now).collect();
    let new: Vec<_> = now.difference(&before).collect();
    assert!(gone.is_empty() && new.is_empty(), "{DIFFERS}\ngone: {gone:#?}\nnew: {new:#?}");
}

/// Which of a module's items can be seen from outside.
enum Shown {
    All,
    /// Those that a module above it shows.
    These(BTreeSet<String>),
}

impl Shown {
    fn has(&self, name: &syn::Ident) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains("*") || names.contains(&name.to_string()),
        }
    }
}

/// Where items are found from outside.
struct Place {
    path: String,
    shown: Shown,
}

/// Lines of what is public.
#[derive(Default)]
struct Listed {
    lines: BTreeSet<String>,
    types: BTreeSet<String>,
    /// Methods, by their types: a type may be seen elsewhere than its methods are written.
    methods: Vec<(String, String)>,
}

impl Listed {
    fn lines(mut self) -> BTreeSet<String> {
        let seen = self.methods.into_iter().filter(|(of, _)| self.types.contains(of));
        self.lines.extend(seen.map(|(of, method)| format!("{of}: {method}")));
        self.lines
    }

    /// A module's file; the files of its own modules are in `folder`.
    fn file(&mut self, file: &Path, folder: &Path, place: &Place) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let items = syn::parse_file(&text).unwrap().items;
        let exports = exports(&items);
        for item in &items {
            match item {
                Item::Mod(module) => self.module(module, folder, place, &exports),
                other => self.item(other, place),
            }
        }
    }

    fn module(&mut self, module: &syn::ItemMod, folder: &Path, place: &Place, exports: &[(String, String)]) {
        if module.content.is_some() {
            return; // tests
        }
        let name = module.ident.to_string();
        let is_public = is_public(&module.vis) && matches!(place.shown, Shown::All);
        let within = if is_public {
            Place { path: format!("{}::{name}", place.path), shown: Shown::All }
        } else {
            let names = exports.iter().filter(|(from, _)| *from == name).map(|(_, what)| what.clone());
            Place { path: place.path.clone(), shown: Shown::These(names.collect()) }
        };
        let (file, folder) = file_of(folder, &name);
        self.file(&file, &folder, &within);
    }

    fn item(&mut self, item: &Item, place: &Place) {
        let path = place.path.as_str();
        let seen =
            |visibility: &Visibility, name: &syn::Ident| is_public(visibility) && place.shown.has(name);
        match item {
            Item::Fn(one) if seen(&one.vis, &one.sig.ident) => self.say(path, &text(&one.sig)),
            Item::Const(one) if seen(&one.vis, &one.ident) => {
                self.say(path, &format!("const {}: {}", one.ident, text(&one.ty)));
            }
            Item::Type(one) if seen(&one.vis, &one.ident) => {
                self.say(path, &format!("type {} = {}", one.ident, text(&one.ty)));
            }
            Item::Use(one) if is_public(&one.vis) && matches!(place.shown, Shown::All) => {
                self.say(path, &format!("use {}", text(&one.tree)));
            }
            Item::Struct(one) if seen(&one.vis, &one.ident) => {
                let head = format!("struct {}{}", one.ident, text(&one.generics));
                self.types.insert(one.ident.to_string());
                self.say(path, &format!("{head} {}", derived(&one.attrs)));
                self.fields(path, &head, &one.fields, false);
            }
            Item::Enum(one) if seen(&one.vis, &one.ident) => {
                let head = format!("enum {}{}", one.ident, text(&one.generics));
                self.types.insert(one.ident.to_string());
                self.say(path, &format!("{head} {}", derived(&one.attrs)));
                for variant in &one.variants {
                    let head = format!("{head}::{}", variant.ident);
                    self.say(path, &head);
                    self.fields(path, &head, &variant.fields, true);
                }
            }
            Item::Trait(one) if seen(&one.vis, &one.ident) => {
                let head = format!("trait {}{}", one.ident, text(&one.generics));
                self.say(path, &head);
                for item in &one.items {
                    let item = match item {
                        TraitItem::Fn(function) => text(&function.sig),
                        other => text(other),
                    };
                    self.say(path, &format!("{head}: {item}"));
                }
            }
            Item::Impl(one) if one.trait_.is_none() => self.methods(one),
            _ => {}
        }
    }

    fn methods(&mut self, one: &ItemImpl) {
        let of = text(&one.self_ty);
        let of = of.split('<').next().unwrap_or_default().to_owned();
        for item in &one.items {
            let told = match item {
                ImplItem::Fn(function) if is_public(&function.vis) => text(&function.sig),
                ImplItem::Const(constant) if is_public(&constant.vis) => {
                    format!("const {}: {}", constant.ident, text(&constant.ty))
                }
                _ => continue,
            };
            self.methods.push((of.clone(), told));
        }
    }

    /// `all`: those of a variant are as public as it is.
    fn fields(&mut self, path: &str, of: &str, fields: &Fields, all: bool) {
        for (at, field) in fields.iter().enumerate().filter(|(_, field)| all || is_public(&field.vis)) {
            let name = field.ident.as_ref().map_or_else(|| at.to_string(), ToString::to_string);
            self.say(path, &format!("{of}.{name}: {}", text(&field.ty)));
        }
    }

    fn say(&mut self, path: &str, what: &str) {
        self.lines.insert(format!("{path}: {}", what.trim_end()));
    }
}

/// What is shown of own modules: the module and a name, or `*`.
fn exports(items: &[Item]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for item in items {
        let Item::Use(one) = item else { continue };
        let UseTree::Path(path) = &one.tree else { continue };
        if is_public(&one.vis) {
            let mut names = Vec::new();
            leaves(&path.tree, &mut names);
            found.extend(names.into_iter().map(|name| (path.ident.to_string(), name)));
        }
    }
    found
}

fn leaves(tree: &UseTree, names: &mut Vec<String>) {
    match tree {
        UseTree::Name(one) => names.push(one.ident.to_string()),
        UseTree::Rename(one) => names.push(one.ident.to_string()),
        UseTree::Glob(_) => names.push("*".into()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        UseTree::Path(path) => leaves(&path.tree, names),
    }
}

/// Where a module of its own file is, and where its modules are.
fn file_of(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let within = folder.join(name);
    let file = folder.join(format!("{name}.rs"));
    if file.exists() { (file, within) } else { (within.join("mod.rs"), within) }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The traits that are derived, which programs count on.
fn derived(attributes: &[syn::Attribute]) -> String {
    let lists = attributes.iter().filter(|one| one.path().is_ident("derive"));
    let names: BTreeSet<String> = lists
        .filter_map(|one| one.meta.require_list().ok())
        .flat_map(|list| {
            list.tokens.to_string().split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>()
        })
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("({})", names.into_iter().collect::<Vec<_>>().join(", "))
    }
}

/// As it is written, with one blank where there are some.
fn text(what: &impl ToTokens) -> String {
    let mut text = what.to_token_stream().to_string();
    for (from, to) in [
        (" :: ", "::"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        ("& ", "&"),
        (" :", ":"),
        (" ;", ""),
    ] {
        text = text.replace(from, to);
    }
    text
}
