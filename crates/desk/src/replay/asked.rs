//! What a person may ask of a replay that runs, in whichever process.

use strum::{EnumString, IntoStaticStr, VariantNames};

/// The values of `replay_control.asked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Asked {
    Pause,
    Stop,
    Go,
}

impl Asked {
    pub const CODES: &'static [&'static str] = Self::VARIANTS;

    pub(crate) fn code(self) -> &'static str {
        self.into()
    }
}
