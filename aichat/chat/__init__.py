"""The use cases: what happens when somebody says something. Knows no socket and no SQL.

`accounts` who is asking · `personas`, `conversations` what they keep · `turns` a question and its running answer ·
`prompt` what the model reads · `hub` who gets to see it.
"""
