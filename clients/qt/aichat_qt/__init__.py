"""The Qt desktop client.

`link` holds the socket, `model` turns what the session learns into signals, `theme` is the look as data; every
widget has a file of its own. Of the rest of the project only `aichat.protocol` is imported.
"""
