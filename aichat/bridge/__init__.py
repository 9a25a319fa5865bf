"""The AI bridge: the one room that talks to models. A Klein app in front, providers behind.

The service calls it through `client` (treq) and nothing else, in the same process or over HTTP.
"""
