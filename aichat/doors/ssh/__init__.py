"""The SSH door (Conch): `ssh -p 8022 you@host` is the terminal app, `ssh -p 8022 you@host ask …` one of its commands.

`door` is the factory on a port, `wire` one connection, `login` who it is, `session` one channel of it, `child` the
program behind a channel, `launch` what that program is before it becomes `aichat-tui`.
"""

from aichat.doors.ssh.door import SSHDoor

__all__ = ["SSHDoor"]
