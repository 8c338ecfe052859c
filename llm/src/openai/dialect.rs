//! What a server and model understand beyond the common ground: pure.

/// The options of a request that some servers refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// `stream_options.include_usage`.
    pub(super) counts_usage: bool,
    /// OpenAI's newer models know only `max_completion_tokens`; other servers only `max_tokens`.
    pub(super) max_tokens: MaxTokens,
    /// Reasoning models refuse a temperature.
    pub(super) temperature: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MaxTokens {
    Classic,
    Completion,
}

impl Dialect {
    pub(super) fn of(base_url: &str) -> Self {
        let max_tokens = if base_url.contains("api.openai.com") { MaxTokens::Completion } else { MaxTokens::Classic };
        Self { counts_usage: true, max_tokens, temperature: true }
    }

    /// What to try after a refusal that names one of the options; `None` if it names none.
    pub(super) fn adapted(self, status: u16, body: &str) -> Option<Self> {
        if !matches!(status, 400 | 422) {
            return None;
        }
        if self.counts_usage && (body.contains("stream_options") || body.contains("include_usage")) {
            return Some(Self { counts_usage: false, ..self });
        }
        if self.max_tokens == MaxTokens::Classic && body.contains("max_completion_tokens") {
            return Some(Self { max_tokens: MaxTokens::Completion, ..self });
        }
        (self.temperature && body.contains("temperature")).then_some(Self { temperature: false, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_option_is_left_out_or_renamed_once() {
        let start = Dialect::of("http://localhost:11434/v1");
        let without = start.adapted(422, "extra fields not permitted: stream_options").unwrap();
        assert!(!without.counts_usage);
        assert_eq!(without.adapted(400, "unknown field stream_options"), None);
        let body = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
        assert_eq!(start.adapted(400, body).unwrap().max_tokens, MaxTokens::Completion);
        assert!(!start.adapted(400, "'temperature' does not support 0.2").unwrap().temperature);
        assert_eq!(start.adapted(400, "context length exceeded"), None);
        assert_eq!(start.adapted(500, "stream_options"), None);
    }

    #[test]
    fn adapting_comes_to_an_end() {
        let body = "stream_options max_completion_tokens temperature";
        let mut dialect = Dialect::of("http://localhost/v1");
        for _ in 0..3 {
            dialect = dialect.adapted(400, body).unwrap();
        }
        assert_eq!(dialect.adapted(400, body), None);
    }
}
