//! Reads shell text into the commands that it would run, wherever they stand in it: in pipes, lists, subshells, loops,
//! substitutions and here-documents.
//!
//! It is no shell and builds no tree. Which branch is taken does not matter here, only what might run, so commands come
//! out as one flat list. Nothing is expanded: what only a running shell can know is an [`UNKNOWN`] in a word. Text with a
//! quote that never ends is read as if it ended with the text.

mod command;
mod reader;
mod redirect;
mod word;

pub(crate) use command::Command;

/// Stands in a word for what a variable, a substitution or arithmetic would leave there.
pub(crate) const UNKNOWN: char = '\u{fffc}';

/// How deep substitutions are followed. What lies deeper is not looked at.
const DEPTH_MAX: usize = 16;

/// The commands in `text`, in the order of their ends.
pub(crate) fn read(text: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    reader::Reader::new(text, 0).read(&mut commands);
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        read(text).into_iter().map(|command| command.words).collect()
    }

    #[test]
    fn quotes_and_escapes_make_one_word() {
        assert_eq!(words(r#"a 'b c' "d e" f\ g 'h'"i"j $'k\tl\x41'"#), [["a", "b c", "d e", "f g", "hij", "k\tlA"]]);
        assert_eq!(words("\\rm -r\\\nf x"), [["rm", "-rf", "x"]]);
    }

    #[test]
    fn operators_part_commands_with_and_without_blanks() {
        let expected = [["a", "1"], ["b", "2"], ["c", "3"], ["d", "4"], ["e", "5"]];
        assert_eq!(words("a 1&&b 2||c 3;d 4|e 5"), expected);
        assert_eq!(words("(a 1;(b 2))\nc 3 & { d 4;\nif ! e 5; then :; fi; }")[..5], expected);
    }

    #[test]
    fn what_a_shell_would_put_in_is_unknown_and_what_it_would_run_is_read() {
        assert_eq!(words(r#"a "$(b "c d" $(e))" `f \`g\`` $H ${I:-$(j)}"#).len(), 6);
        assert_eq!(words(r#"echo "x$(b 'y)')z""#), [vec!["b", "y)"], vec!["echo", "x\u{fffc}z"]]);
        assert_eq!(words("a $((1 + 2)) <(b c)")[1..], [vec!["b", "c"], vec!["a", "\u{fffc}", "\u{fffc}"]]);
    }

    #[test]
    fn redirections_assignments_comments_and_arrays_are_no_words() {
        assert_eq!(words("A=1 B+=2 a b 2>&1 >out <in &>all 3<<<here # and more"), [["a", "b"]]);
        assert_eq!(words("list=(rm -rf x) a b#c"), [["a", "b#c"]]);
    }

    #[test]
    fn a_here_document_is_input_and_no_command() {
        let commands = read("cat <<-'END' one; b two\n\trm -rf x\n\tEND\nc");
        assert_eq!(commands[0].words, ["cat", "one"]);
        assert_eq!(commands[0].input.as_deref(), Some("rm -rf x\n"));
        assert_eq!(commands[1..].iter().map(|command| command.words[0].as_str()).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(words("cat <<END\n$(a b)\nEND"), [["cat"].to_vec(), ["a", "b"].to_vec()]);
    }

    #[test]
    fn a_pipe_carries_what_is_known() {
        let commands = read("echo -n 'a b' c | cat | sh");
        assert_eq!(commands[2].input.as_deref(), Some("a b c"));
        assert_eq!(read("make | sh")[1].input, None);
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        for text in
            ["'", "\"$(", "$((", "`", "a <<", "a <<X\n", "${", "))) ;;& |", "\\", "$'\\x", "a=(", "\u{0}\u{fffc}"]
        {
            read(text);
        }
        read(&"$(".repeat(10_000));
        read(&"(".repeat(10_000));
        read(&"\"$(`".repeat(5_000));
    }
}
