"""Errors, named by what the caller can do about them. Every message names the file, key or port and the way out."""


class DenwabanError(Exception):
    """Base of all our own errors; `cli` prints the message and exits 1."""


class ConfigError(DenwabanError):
    """The configuration cannot be used; `problems` lists every error found, one sentence each."""

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        self.source = source
        self.problems = problems
        super().__init__(f"{source}:\n" + "\n".join(f"  - {problem}" for problem in problems))


class LineError(DenwabanError):
    """The telephone line or its modem cannot be used now; retry after reopening the port."""


class ModemRefused(LineError):
    """The modem answered ERROR (or nothing) to a command it must know; `command` is what was sent."""

    def __init__(self, command: str, answer: str) -> None:
        self.command = command
        self.answer = answer
        super().__init__(f"modem answered {answer or 'nothing'} to {command}")


class ModelError(DenwabanError):
    """A speech or detector model is missing or damaged; the message says how to fetch it."""


class AudioError(DenwabanError):
    """Sound cannot be read or played: missing device or PortAudio, unreadable or truncated file."""


class StoreError(DenwabanError):
    """The database or the recording cannot be written (disk full, read-only, damaged)."""


class CallFileError(DenwabanError):
    """A call file of the virtual line is incomplete or contradicts itself."""


class WireError(DenwabanError):
    """A message of the alert wire is malformed, oversized, wrongly signed or not for us."""


class ListError(DenwabanError):
    """A file or an entry of telephone numbers cannot be used."""


class PanelError(DenwabanError):
    """Lamps or buttons are configured but cannot be used: gpiozero or lgpio missing, no GPIO, pin taken."""
