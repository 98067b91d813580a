//! Forms: those that look, and those that act.

#[derive(Debug, Default)]
pub(crate) struct Form {
    /// Its id on the page.
    pub(crate) id: &'static str,
    pub(crate) action: String,
    /// GET forms look, POST forms act.
    pub(crate) is_post: bool,
    pub(crate) legend: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) button: String,
    /// Why it cannot be sent now.
    pub(crate) disabled_because: Option<String>,
    pub(crate) is_dangerous: bool,
    /// What else may be done with the same fields: a button and its address. It is below the form, so that the
    /// first button stays the one of the key Enter.
    pub(crate) also: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Default)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) kind: FieldKind,
    pub(crate) value: String,
    pub(crate) hint: String,
    /// What is wrong with what was typed.
    pub(crate) error: String,
    pub(crate) is_required: bool,
    pub(crate) autocomplete: &'static str,
}

#[derive(Debug, Default)]
pub(crate) enum FieldKind {
    #[default]
    Text,
    Number,
    Password,
    Search,
    Hidden,
    Lines,
    Check,
    /// Values and what they are called.
    Select(Vec<(String, String)>),
}

impl Form {
    /// One that looks.
    pub(crate) fn get(id: &'static str, action: impl Into<String>, legend: &str) -> Self {
        Self {
            id,
            action: action.into(),
            legend: legend.to_owned(),
            button: "Show".to_owned(),
            ..Self::default()
        }
    }

    /// One that acts.
    pub(crate) fn post(id: &'static str, action: impl Into<String>, legend: &str) -> Self {
        Self {
            is_post: true,
            button: legend.to_owned(),
            ..Self::get(id, action, legend)
        }
    }

    #[must_use]
    pub(crate) fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    #[must_use]
    pub(crate) fn hidden(self, name: &'static str, value: impl Into<String>) -> Self {
        self.field(Field {
            name,
            kind: FieldKind::Hidden,
            value: value.into(),
            ..Field::default()
        })
    }

    #[must_use]
    pub(crate) fn button(mut self, text: &str) -> Self {
        text.clone_into(&mut self.button);
        self
    }

    #[must_use]
    pub(crate) fn dangerous(mut self) -> Self {
        self.is_dangerous = true;
        self
    }

    #[must_use]
    pub(crate) fn also(mut self, button: &'static str, action: &'static str) -> Self {
        self.also = Some((button, action));
        self
    }

    #[must_use]
    pub(crate) fn disabled_because(mut self, why: Option<String>) -> Self {
        self.disabled_because = why;
        self
    }
}

impl Field {
    pub(crate) fn new(name: &'static str, label: &str, value: impl Into<String>) -> Self {
        Self {
            name,
            label: label.to_owned(),
            value: value.into(),
            autocomplete: "off",
            ..Self::default()
        }
    }

    /// The `type` of its input.
    pub(crate) fn input_type(&self) -> &'static str {
        match self.kind {
            FieldKind::Password => "password",
            FieldKind::Search => "search",
            FieldKind::Hidden => "hidden",
            FieldKind::Check => "checkbox",
            FieldKind::Text | FieldKind::Number | FieldKind::Lines | FieldKind::Select(_) => "text",
        }
    }

    /// A text field with the digits of a number: a field of numbers rounds ids, and turns with the wheel.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.kind, FieldKind::Number)
    }

    /// Whether something is said below it.
    pub(crate) fn is_described(&self) -> bool {
        !self.hint.is_empty() || !self.error.is_empty()
    }

    #[must_use]
    pub(crate) fn kind(mut self, kind: FieldKind) -> Self {
        self.kind = kind;
        self
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: &str) -> Self {
        hint.clone_into(&mut self.hint);
        self
    }

    #[must_use]
    pub(crate) fn error(mut self, error: Option<String>) -> Self {
        self.error = error.unwrap_or_default();
        self
    }

    #[must_use]
    pub(crate) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// The code of each value, as a list to choose from; the first stands for none of them.
    #[must_use]
    pub(crate) fn choice(self, any: &str, codes: impl IntoIterator<Item = String>) -> Self {
        let first = (String::new(), any.to_owned());
        let others = codes.into_iter().map(|code| (code.clone(), code));
        self.kind(FieldKind::Select(
            std::iter::once(first).chain(others).collect(),
        ))
    }
}
