//! The tables that the old service has, and what they are called there. In: names that were mapped, and a catalogue; out:
//! a layout that queries are written from, or everything that is missing, by name. Pure.

use std::collections::BTreeMap;

/// Tables with their columns: the columns of each, with their types.
pub type Catalogue = BTreeMap<String, BTreeMap<String, String>>;

/// A table that is read.
struct Table {
    name: &'static str,
    needed: bool,
    /// Columns that must be there.
    needs: &'static [&'static str],
    /// Columns that are read where they are there.
    reads: &'static [&'static str],
}

/// What docs/import.md describes.
const TABLES: [Table; 5] = [
    Table {
        name: "users",
        needed: true,
        needs: &["id", "external_user_id"],
        reads: &["created_at"],
    },
    Table {
        name: "persona_profiles",
        needed: false,
        needs: &[],
        reads: &[],
    },
    Table {
        name: "conversations",
        needed: true,
        needs: &["id", "user_id"],
        reads: &["title", "created_at", "updated_at"],
    },
    Table {
        name: "messages",
        needed: true,
        needs: &["id", "conversation_id", "role", "content", "created_at"],
        reads: &[],
    },
    Table {
        name: "memories",
        needed: true,
        needs: &["id", "user_id", "content"],
        reads: &[
            "persona_id",
            "memory_type",
            "created_at",
            "is_active",
            "superseded_by",
            "superseded_at",
            "expires_at",
        ],
    },
];

/// One of these says which memories hold no more. Without any, what is superseded would come back as true.
const ACTIVE: [&str; 3] = ["is_active", "superseded_by", "superseded_at"];

/// Names of tables (`memories`) and columns (`memories.content`) that differ from ours.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// Of `memories=facts` and the like.
    ///
    /// # Errors
    /// One is none, or names nothing that is read.
    pub fn parse(maps: &[String]) -> Result<Self, String> {
        let mut names = BTreeMap::new();
        for map in maps {
            let (ours, theirs) = map
                .split_once('=')
                .filter(|(_, theirs)| !theirs.is_empty())
                .ok_or_else(|| format!("--map {map}: write TABLE=NAME or TABLE.COLUMN=NAME"))?;
            if !is_read(ours) {
                return Err(format!("--map {map}: no {ours:?} is read; docs/import.md has what is"));
            }
            names.insert(ours.to_owned(), theirs.to_owned());
        }
        Ok(Self(names))
    }

    fn of<'a>(&'a self, ours: &'a str) -> &'a str {
        let short = ours.rsplit('.').next().unwrap_or(ours);
        self.0.get(ours).map_or(short, String::as_str)
    }
}

fn is_read(name: &str) -> bool {
    let (table, column) = name
        .split_once('.')
        .map_or((name, None), |(table, column)| (table, Some(column)));
    let Some(table) = TABLES.iter().find(|known| known.name == table) else {
        return false;
    };
    column.is_none_or(|column| table.needs.contains(&column) || table.reads.contains(&column))
}

/// How the tables are read.
#[derive(Debug)]
pub struct Layout {
    /// Quoted, with the schema; none for a table that is not there and need not be.
    tables: BTreeMap<&'static str, String>,
    /// `table.column`: quoted, and its type.
    columns: BTreeMap<String, (String, String)>,
}

impl Layout {
    /// The layout of `schema`.
    ///
    /// # Errors
    /// All that is missing, a line each.
    pub fn of(schema: &str, found: &Catalogue, names: &Names) -> Result<Self, String> {
        let mut layout = Self {
            tables: BTreeMap::new(),
            columns: BTreeMap::new(),
        };
        let mut missing = Vec::new();
        for table in &TABLES {
            let theirs = names.of(table.name);
            let Some(columns) = found.get(theirs) else {
                if table.needed {
                    missing.push(no_table(schema, theirs, table.name, found));
                }
                continue;
            };
            layout
                .tables
                .insert(table.name, format!("{}.{}", quote(schema), quote(theirs)));
            for column in table.needs.iter().chain(table.reads) {
                let ours = format!("{}.{column}", table.name);
                let name = names.of(&ours);
                match columns.get(name) {
                    Some(kind) => drop(layout.columns.insert(ours.clone(), (quote(name), kind.clone()))),
                    // A column that is mapped was meant to be there.
                    None if table.needs.contains(column) || names.0.contains_key(&ours) => {
                        missing.push(no_column(schema, theirs, name, &ours, columns));
                    }
                    None => {}
                }
            }
        }
        let tells = ACTIVE
            .iter()
            .any(|column| layout.columns.contains_key(&format!("memories.{column}")));
        if layout.tables.contains_key("memories") && !tells {
            missing.push(format!(
                "nothing in {schema}.{} says which memories hold no more: it must have one of {}; name it with --map, such as \
                 --map memories.is_active=active",
                names.of("memories"),
                ACTIVE.join(", ")
            ));
        }
        if missing.is_empty() {
            Ok(layout)
        } else {
            Err(missing.join("\n"))
        }
    }

    /// A table in a FROM.
    pub fn table(&self, table: &str) -> Option<&str> {
        self.tables.get(table).map(String::as_str)
    }

    /// A column in a SELECT as `kind`, NULL where it is not there. A time without end is none: it says nothing.
    pub fn read(&self, column: &str, kind: &str) -> String {
        match self.columns.get(column) {
            Some((name, _)) if kind == "timestamptz" => {
                format!("CASE WHEN isfinite({name}::timestamptz) THEN {name}::timestamptz END")
            }
            Some((name, _)) => format!("{name}::{kind}"),
            None => format!("NULL::{kind}"),
        }
    }

    /// `column OPERATOR parameter`, with the parameter in the column's own type, so that its index serves.
    pub fn compare(&self, column: &str, operator: &str, parameter: &str) -> String {
        match self.columns.get(column) {
            Some((name, kind)) => format!("{name} {operator} {parameter}::text::{kind}"),
            None => "false".into(),
        }
    }

    /// A column in an ORDER BY.
    pub fn order(&self, column: &str) -> String {
        self.columns.get(column).map_or("1".into(), |(name, _)| name.clone())
    }
}

fn no_table(schema: &str, theirs: &str, ours: &str, found: &Catalogue) -> String {
    let tables: Vec<&str> = found.keys().map(String::as_str).collect();
    format!(
        "the schema {schema} has no table {theirs:?} (found: {}); if it is called otherwise: --map {ours}=NAME",
        if tables.is_empty() {
            "none".into()
        } else {
            tables.join(", ")
        }
    )
}

fn no_column(schema: &str, table: &str, theirs: &str, ours: &str, columns: &BTreeMap<String, String>) -> String {
    let columns: Vec<&str> = columns.keys().map(String::as_str).collect();
    format!(
        "the table {schema}.{table} has no column {theirs:?} (found: {}); if it is called otherwise: --map {ours}=NAME",
        columns.join(", ")
    )
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(tables: &[(&str, &[&str])]) -> Catalogue {
        let columns = |columns: &[&str]| {
            columns
                .iter()
                .map(|name| ((*name).to_owned(), "uuid".to_owned()))
                .collect()
        };
        tables
            .iter()
            .map(|(name, list)| ((*name).to_owned(), columns(list)))
            .collect()
    }

    fn usual() -> Vec<(&'static str, &'static [&'static str])> {
        vec![
            ("users", &["id", "external_user_id"]),
            ("conversations", &["id", "user_id"]),
            ("messages", &["id", "conversation_id", "role", "content", "created_at"]),
            ("memories", &["id", "user_id", "content", "is_active"]),
        ]
    }

    #[test]
    fn everything_that_is_missing_is_told_at_once() {
        let mut tables = usual();
        tables[2] = ("chat_messages", &["id"]);
        tables[3] = ("memories", &["id", "user_id", "text"]);
        let problem = Layout::of("public", &catalogue(&tables), &Names::default()).unwrap_err();
        for words in [
            "no table \"messages\" (found: chat_messages, conversations, memories, users); if it is called otherwise: --map messages=NAME",
            "public.memories has no column \"content\" (found: id, text, user_id)",
            "--map memories.content=NAME",
            "says which memories hold no more",
        ] {
            assert!(problem.contains(words), "{words}: {problem}");
        }
    }

    #[test]
    fn names_are_mapped_and_quoted() {
        let mut tables = usual();
        tables[3] = ("Facts", &["id", "user_id", "te\"xt", "is_active"]);
        let maps = ["memories=Facts", "memories.content=te\"xt"].map(str::to_owned);
        let layout = Layout::of("public", &catalogue(&tables), &Names::parse(&maps).unwrap()).unwrap();
        assert_eq!(layout.table("memories"), Some("\"public\".\"Facts\""));
        assert_eq!(layout.read("memories.content", "text"), "\"te\"\"xt\"::text");
        assert_eq!(layout.read("memories.expires_at", "text"), "NULL::text");
        assert_eq!(
            layout.compare("memories.user_id", "=", "$1"),
            "\"user_id\" = $1::text::uuid"
        );
    }

    #[test]
    fn a_map_of_nothing_is_refused() {
        for map in ["memories", "memories=", "facts=memories", "memories.colour=c"] {
            assert!(
                Names::parse(&[map.to_owned()])
                    .unwrap_err()
                    .starts_with(&format!("--map {map}: "))
            );
        }
        // A column that was mapped must be there, though it need not be.
        let names = Names::parse(&["memories.expires_at=weight".to_owned()]).unwrap();
        assert!(
            Layout::of("public", &catalogue(&usual()), &names)
                .unwrap_err()
                .contains("\"weight\"")
        );
    }
}
