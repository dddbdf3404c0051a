//! The names of the files that `--out` writes.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// The names that were given in this run: no answer is written over another's.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<PathBuf>);

impl Names {
    /// A name for what was drawn into a picture: the picture's own, ending and all, and a number
    /// where another folder had one of that name.
    pub(super) fn give(&mut self, picture: &Path) -> PathBuf {
        let name = picture
            .file_name()
            .filter(|name| *name != "-")
            .unwrap_or("stdin".as_ref());
        let mut given = Path::new(name).with_added_extension("png");
        let mut count = 1_u64;
        while !self.0.insert(given.clone()) {
            count += 1;
            let mut numbered = name.to_owned();
            numbered.push(format!("-{count}"));
            given = Path::new(&numbered).with_added_extension("png");
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::default();
        let mut check = |picture: &str, expected: &str| {
            assert_eq!(names.give(Path::new(picture)), Path::new(expected));
        };
        check("shot.v1.jpg", "shot.v1.jpg.png");
        check("shot.v2.jpg", "shot.v2.jpg.png");
        check("a/cat.jpg", "cat.jpg.png");
        check("a/cat.png", "cat.png.png");
        check("b/cat.jpg", "cat.jpg-2.png");
        check("c/cat.jpg", "cat.jpg-3.png");
        check("c/cat.jpg-2", "cat.jpg-2-2.png");
        check("-", "stdin.png");
    }
}
