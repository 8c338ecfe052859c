use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_is_short_and_tells_each_command() {
    insta::assert_snapshot!(Cli::command().term_width(100).render_help(), @r#"
    Connect WhatsApp, Messenger, Telegram and web chat to agents that answer from your documents

    Usage: colloquy [OPTIONS] <COMMAND>

    Commands:
      demo          Try Colloquy: an agent that knows Colloquy's own documentation, in your browser
      serve         Run the server
      ingest        Put documents into a knowledge base
      ask           Ask a knowledge base one question
      chat          Talk to an agent in the terminal
      unanswered    See what agents could not answer, grouped by what is asked
      answers       List who was told something from a document
      propose       Try documents on real questions before anybody is told from them
      agents        Show the agents
      channels      Connect channels and see them
      dead-letters  See and replay the messages that ended with a cause instead of an answer
      models        Install or list the embedding model and ONNX Runtime
      doctor        Check this installation and say what to do
      extract       Show the text that Colloquy reads out of a document
      eval          Measure how well questions are answered: retrieval alone, or whole answers
      sim           Simulate conversations: the same actors in virtual time, with faults, from a seed
      bench         Measure this machine's limits and Colloquy's own figures, side by side
      create-admin  Make a person who administers the installation, or one tenant
      seed          Make the demonstration tenant: people, an agent, a public web chat
      backup        Copy this installation into a folder, while it runs or not
      restore       Make an installation out of a backup
      reset         Begin anew: forget every tenant, conversation and document
      keys          See and change the keys under which secrets lie in the database
      openapi       Print the description of the HTTP API (OpenAPI 3.1, JSON)
      migrate       Bring the database up to date
      migrate-to    Move this installation into a cluster's engines
      reset-log     Accept that NATS lost a part of the log, and have it read from its beginning
      help          Print this message or the help of the given subcommand(s)

    Options:
          --config <FILE>   Configuration file [default: ./colloquy.toml, else colloquy.toml in the data
                            folder, if there is one]
          --data-dir <DIR>  Folder with everything that Colloquy keeps [default: ./data]
          --log <FILTER>    What is logged: `info`, `debug`, `warn,colloquy=debug`, …
      -h, --help            Print help (see more with '--help')
      -V, --version         Print version

    Exit codes: 0 done, 1 failed, 2 wrong use. `colloquy COMMAND --help` explains each command.
    "#);
}

#[test]
fn the_long_help_of_each_command_has_an_example_or_commands() {
    for command in Cli::command().get_subcommands_mut() {
        let help = command.render_long_help().to_string();
        let example = help.contains("Example:") && help.contains(&format!("colloquy {}", command.get_name()));
        assert!(example || command.has_subcommands(), "{}: {help}", command.get_name());
        assert!(help.lines().all(|l| l.chars().count() <= 125), "{help}");
    }
}

#[test]
fn what_is_missing_or_unknown_is_wrong_use() {
    for line in [
        "colloquy",
        "colloquy sing",
        "colloquy ask",
        "colloquy ingest --kb k",
        "colloquy dead-letters replay",
        "colloquy dead-letters replay x --all",
        "colloquy serve --colour red",
        "colloquy extract f --json --wire",
    ] {
        let told = parse(line).expect_err(line);
        assert!(told.use_stderr(), "{line}");
    }
}

#[test]
fn flags_reach_the_configuration_before_and_after_the_command() {
    let cli = parse("colloquy --data-dir d serve --port 80 --log debug --host 0.0.0.0").unwrap();
    let flags = cli.flags();
    let mut settings: Vec<(&str, &str)> = flags.settings.iter().map(|(k, _, v)| (*k, v.as_str())).collect();
    settings.sort_unstable();
    assert_eq!(settings, [("data_dir", "d"), ("host", "0.0.0.0"), ("log", "debug"), ("port", "80")]);
}

#[test]
fn only_the_hidden_form_of_extract_is_the_child() {
    assert!(parse("colloquy extract --wire -- a.pdf").unwrap().reading_child().is_some());
    assert!(parse("colloquy extract a.pdf --json").unwrap().reading_child().is_none());
}
