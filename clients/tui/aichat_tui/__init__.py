"""aichat in the terminal: the Textual app, and commands without a screen.

Order of the floors: `text`, `i18n`, `clock` < `desk`, `rows` (what is shown, no Textual) < `link` (the socket)
< `widgets` < `screens` < `app`. `plain` stands beside the app and imports no Textual.
"""

__version__ = "0.1.0"
