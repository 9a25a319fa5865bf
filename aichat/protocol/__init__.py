"""The ground floor, without I/O: what travels on the wire and what a client makes of it.

Standard library and msgspec only, so that the server, the Qt app and the terminal app share it.
`values` (what is talked about) < `errors` < `frames` (what is said) < `timeline`, `session` (what a client keeps).
"""
