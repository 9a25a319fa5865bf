"""What `--help` says beyond the options, and what argparse itself says, marked for the translators."""

from aichat_tui.i18n import N_

MAIN_HELP = N_("""\
examples:
  aichat-tui                                    the app
  aichat-tui ask mara "What is a trade wind?"   one answer, on standard output
  git diff | aichat-tui ask reviewer "What is wrong?"
  aichat-tui chat --plain mara                  line by line: for screen
                                                readers, pipes, dumb terminals
  aichat-tui list conversations
  aichat-tui show latest
  aichat-tui search trade wind
  aichat-tui export 7 > winds.md

A persona is named by its id, its name, or how one of them begins; a
conversation by its number, its title or how it begins, or `latest`. The --help
of a command tells more, and what its exit status means. AICHAT_LANG=en or zh
chooses the language.
""")

ASK_HELP = N_("""\
The text is TEXT, or standard input, or both: TEXT, a blank line, standard
input. The answer is printed as it comes. On a terminal it is stripped of escape
sequences; into a pipe or a file it goes byte for byte.

The newest conversation with the persona goes on, unless --new or --conversation
says otherwise. Whatever happens to the connection, what you said is stored
once, and the answer is printed once. Ctrl-C stops the answer, and what came of
it is kept; a second Ctrl-C leaves at once, and the answer goes on without you.

exit status:
  0    the answer is complete
  1    the answer failed, broke off or was stopped elsewhere; what came is
       printed
  2    wrong usage, or no such persona or conversation
  3    no connection, or the server refused
  130  stopped with Ctrl-C (the answer is stopped on the server too)
  141  the reader of standard output went away (the same)
""")

CHAT_HELP = N_("""\
Each line you type is said, and the answer is printed as it comes. Nothing is
ever drawn over, and there are no colours: a screen reader reads it from top to
bottom. Without PERSONA the last conversation goes on. On a terminal that can
draw, `chat` without --plain opens the app.

A line that begins with / is a command; /help tells which there are, and //
says a line that begins with /. A line of three quotation marks begins a text of
many lines, and another one ends it. Out of a pipe each line waits for the answer
before it. With --json each message is a JSON object when it is complete, and
everything else goes to standard error.

Ctrl-C stops the answer. Where nothing is being written, or a second time, it
leaves; so it does after the stop when the lines come from a pipe.

exit status:
  0    left with /quit or at the end of the input
  1    the same from a pipe, and an answer was not complete or a line refused
  2    wrong usage, or no such persona or conversation
  3    no connection, or the server refused
  130  left with Ctrl-C
  141  the reader of standard output went away
""")

READ_HELP = N_("""\
exit status:
  0    done, even if there was nothing to print
  2    wrong usage, or no such persona or conversation
  3    no connection, or the server refused
  130  Ctrl-C
  141  the reader of standard output went away
""")

LIST_HELP = N_("""\
One a line. Personas: id, tab, name. Conversations, pinned ones first, then
those spoken in last: number, tab, time, tab, persona, tab, title.
""")

SHOW_HELP = N_("""\
Who said what and when, the oldest first, of the branch that is shown.
""")

SEARCH_HELP = N_("""\
Finds messages and titles that have all the words, in any order, in upper or
lower case, Chinese too. Titles come first, then messages, the newest first, one
a line: number of the conversation, tab, number of the message (- for a title),
tab, time, tab, persona, tab, title, tab, the place that was found.
""")

EXPORT_HELP = N_("""\
All messages of the branch that is shown, as the desktop app saves them: a
Markdown document to read, or a JSON document with everything that is known
(with --json on one line).
""")

LOGIN_HELP = N_("""\
Name and password are asked for, at a terminal. What comes back is a token; it
is kept in the system's keyring (GNOME Keyring, KWallet, macOS Keychain, Windows
Credential Manager) for this server, and the app and the commands show it from
then on. Without a keyring, use a token of `aichat-admin token add` with
--token-file or AICHAT_TOKEN.

exit status:
  0    logged in, and kept
  1    no keyring
  2    not at a terminal, or nothing typed
  3    no connection, or the server refused
""")

ARGPARSE = (
    N_("usage: "),
    N_("options"),
    N_("positional arguments"),
    N_("show this help message and exit"),
    N_("show program's version number and exit"),
    N_("the following arguments are required: %s"),
    N_("unrecognized arguments: %s"),
    N_("argument %(argument_name)s: %(message)s"),
    N_("expected one argument"),
    N_("not allowed with argument %s"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"),
    N_("invalid %(type)s value: %(value)r"),
    N_("ambiguous option: %(option)s could match %(matches)s"),
    N_("%(prog)s: error: %(message)s\n"),
)
"""argparse asks gettext for these by itself."""
