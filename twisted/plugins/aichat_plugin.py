"""Tells twistd and twist of `aichat`."""

from twisted.application.service import ServiceMaker

aichat = ServiceMaker("aichat", "aichat.tap", "A self-hosted AI persona chat service", "aichat")
