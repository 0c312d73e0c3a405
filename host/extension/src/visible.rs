//! Text of strangers on the screen where somebody decides about trust: only what can be seen.

/// Whether a character shows as itself. Control characters move the cursor; marks that turn the direction of writing or
/// take no room make a sentence read as another one; letters that are blank make nothing look like something.
pub fn is_visible(c: char) -> bool {
    !c.is_control() && !is_mark(c) && !is_blank(c)
}

/// What acts on its surroundings or takes no room: everything that a screen may leave out (`Default_Ignorable_Code_Point`
/// of Unicode, tags and selectors of variants among them), and the separators of lines.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// What takes room and shows nothing, and is no space either: the fillers of Hangul, and Braille without a dot.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

/// The text with everything that cannot be seen written out, as `\u{1b}`.
pub(crate) fn visible(text: &str) -> String {
    let shown = |c: char| if is_visible(c) { c.to_string() } else { c.escape_unicode().to_string() };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_is_written_out() {
        assert_eq!(visible("Grüße, \u{1f600}"), "Grüße, \u{1f600}");
        assert_eq!(visible("a\u{1b}[2J\u{202e}b\n"), "a\\u{1b}[2J\\u{202e}b\\u{a}");
    }
    #[test]
    fn neither_blanks_nor_marks_pass_as_text() {
        let hidden = "\u{ad}\u{34f}\u{115f}\u{1160}\u{180e}\u{200d}\u{2028}\u{2066}\u{2800}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fffa}";
        for c in hidden.chars().chain('\u{e0000}'..='\u{e007f}').chain('\u{e0100}'..='\u{e01ef}') {
            assert!(!is_visible(c), "{c:?}");
        }
        assert!("Grüße: ﬁn, 한글, ⠁, \u{fffd}".chars().all(is_visible));
    }
}
