//! The names of a model's classes.

/// Most classes that one model may have.
pub const MAX_LABELS: usize = 100_000;

/// Names of classes by class id, as `labels.txt` lists them: one a line, the first is class 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<String>);

/// Why a text is no list of labels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    /// A line between others is empty, which would shift every class behind it.
    #[error("line {0} is empty: every line names one class")]
    EmptyLine(usize),
    /// More lines than any model has classes.
    #[error("{0} lines, at most {MAX_LABELS} are allowed")]
    TooMany(usize),
}

impl Labels {
    /// Reads one label a line. A byte order mark, `\r` and empty lines at the end are dropped.
    ///
    /// # Errors
    /// When a line is empty or there are too many.
    pub fn parse(text: &str) -> Result<Self, LabelsError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
        let names: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        if let Some(index) = names.iter().position(String::is_empty) {
            return Err(LabelsError::EmptyLine(index + 1));
        }
        if MAX_LABELS < names.len() {
            return Err(LabelsError::TooMany(names.len()));
        }
        Ok(Self(names))
    }

    /// The same list with a name for a class that it leaves out: those behind it move up by one.
    #[must_use]
    pub fn with_background(mut self, class_id: usize) -> Self {
        let place = class_id.min(self.0.len());
        self.0.insert(place, "background".to_owned());
        self
    }

    /// The name of a class; its number as text where the list has none for it.
    #[must_use]
    pub fn name(&self, class_id: usize) -> String {
        self.0
            .get(class_id)
            .cloned()
            .unwrap_or_else(|| class_id.to_string())
    }

    /// The classes with that name, without regard to case, or the class with that number.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<usize> {
        let named: Vec<usize> = (0..self.0.len())
            .filter(|id| {
                self.0
                    .get(*id)
                    .is_some_and(|name| name.eq_ignore_ascii_case(text))
            })
            .collect();
        match text.parse::<usize>() {
            Ok(id) if named.is_empty() && (id < self.0.len() || self.0.is_empty()) => vec![id],
            _ => named,
        }
    }

    /// All names, class 0 first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_label_a_line_whatever_the_editor() {
        let labels = Labels::parse("\u{feff}cat\r\ntraffic light \r\n\n").expect("valid");
        assert_eq!(labels.names(), ["cat", "traffic light"]);
        assert_eq!(Labels::parse("cat\n\ndog"), Err(LabelsError::EmptyLine(2)));
    }

    #[test]
    fn a_background_class_that_is_left_out_moves_the_others_up() {
        let labels = Labels::parse("cat\ndog").expect("valid").with_background(0);
        assert_eq!(labels.names(), ["background", "cat", "dog"]);
        assert_eq!(labels.find("dog"), [2]);
    }

    #[test]
    fn classes_are_found_by_name_or_number() {
        let labels = Labels::parse("cat\ndog\ncat\n7").expect("valid");
        assert_eq!(labels.find("CAT"), [0, 2]);
        assert_eq!(labels.find("1"), [1]);
        assert_eq!(labels.find("7"), [3], "a name goes before a number");
        assert_eq!(labels.find("8"), [0; 0]);
    }
}
